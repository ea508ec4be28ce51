#include "testkit/hostile/corpus.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "testkit/hostile/mutate.h"
#include "testkit/random_source.h"

namespace hashgate::testkit::hostile {
namespace {

constexpr std::string_view kBombPrefix = "bomb-";

std::string Numbered(int number, const std::string& base) {
  std::string digits = std::to_string(number);
  digits.insert(0, 5 - std::min<std::size_t>(5, digits.size()), '0');
  return "m" + digits + "-" + base;
}

HostileFile Explode(const Bomb& bomb) {
  return {std::string(kBombPrefix) + std::string(bomb.name), bomb.make()};
}

}  // namespace

Result<HostileCorpus> HostileCorpus::Make(std::uint64_t seed, std::vector<Base> more) {
  HostileCorpus corpus;
  corpus.seed_ = seed;
  HASHGATE_ASSIGN_OR_RETURN(corpus.bases_, MakeBases(seed));
  std::move(more.begin(), more.end(), std::back_inserter(corpus.bases_));
  for (const Base& base : corpus.bases_) corpus.whole_.push_back(base.bytes);
  corpus.bombs_ = AllBombs();
  return corpus;
}

HostileFile HostileCorpus::File(int index, int count) const {
  const int stride = std::max(1, count / bombs());
  const int bomb = index / stride;
  if (index % stride == 0 && bomb < bombs()) return Explode(bombs_[static_cast<std::size_t>(bomb)]);
  return Damaged(index);
}

HostileFile HostileCorpus::Named(const std::string& name) const {
  if (name.starts_with(kBombPrefix)) {
    for (const Bomb& bomb : bombs_) {
      if (name.substr(kBombPrefix.size()) == bomb.name) return Explode(bomb);
    }
    return {};
  }
  int number = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (!name.starts_with('m') || error != std::errc() || number < 0) return {};
  HostileFile file = Damaged(number);
  return file.name == name ? std::move(file) : HostileFile{};
}

HostileFile HostileCorpus::Damaged(int number) const {
  RandomSource mixer(seed_);
  RandomSource random(mixer.Next() + static_cast<std::uint64_t>(number));
  const auto at = static_cast<std::size_t>(random.Range(0, static_cast<int>(bases_.size()) - 1));
  const Base& base = bases_[at];
  HostileFile file{.name = Numbered(number, base.name), .bytes = {}};
  if (base.linear && random.Chance(5)) {
    // Nothing but a cut: what it must not lead to is known.
    const auto size = static_cast<int>(base.bytes.size());
    file.bytes.assign(base.bytes.begin(), base.bytes.begin() + random.Range(1, size * 7 / 10));
    file.lacks_pixels = true;
  } else {
    file.bytes = Mutate(base.bytes, whole_, random);
  }
  return file;
}

Result<std::vector<Base>> PictureSeeds(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string within = at->path().parent_path().filename();
    if (at->is_regular_file() && within.starts_with("image_")) paths.push_back(at->path());
  }
  if (error) return Fail(Reason::kFileUnreadable, "cannot read " + folder + ": " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<Base> bases;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    Bytes bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.bad()) return Fail(Reason::kFileUnreadable, "cannot read " + path.string());
    if (bytes.empty()) continue;
    bases.push_back(
        {path.parent_path().filename().string() + "-" + path.filename().string(), std::move(bytes)});
  }
  return bases;
}

}  // namespace hashgate::testkit::hostile
