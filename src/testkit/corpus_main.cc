// hashgate-corpus-gen DIR [--kind KIND] [--count N] [--seed N] [--more DIR] [--file NAME]: writes generated
// files for tests, benchmarks and fuzzing. Never installed.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "testkit/corpus.h"
#include "testkit/hostile/corpus.h"
#include "testkit/hostile/dictionary.h"
#include "testkit/raw_files.h"
#include "testkit/variants/corpus.h"

namespace hashgate::testkit {
namespace {

constexpr std::string_view kUsage =
    "usage: hashgate-corpus-gen DIR [--kind KIND] [--count N] [--seed N] [--more DIR] [--file NAME]\n"
    "  --kind benign        photographs, screenshots, symbols, pages and animations in mixed formats "
    "(default)\n"
    "  --kind bench         photographs of 0.3, 1, 3 and 12 megapixels as JPEG and PNG\n"
    "  --kind hostile       damaged files of every format, and bombs\n"
    "  --kind variants      listed pictures in every way of storing them that a viewer shows: pictures/, "
    "list.csv, manifest.csv\n"
    "  --kind seeds         the sound files that damage starts from, one folder a format: seeds for fuzzing\n"
    "  --kind dictionaries  words of each format, for libFuzzer\n"
    "  --count N            files, or for bench pictures of each size and format; default 2000, for bench "
    "4,\n"
    "                       for hostile 20000; for variants the pictures that are stored, default 200\n"
    "  --seed N             another corpus; default 1\n"
    "  --more DIR           for hostile: also damage the pictures in the folders image_* of DIR\n"
    "  --file NAME          for hostile: only this one\n";

enum class Kind : std::uint8_t { kBenign, kBench, kHostile, kVariants, kSeeds, kDictionaries };

std::optional<Kind> ParseKind(std::string_view text) {
  if (text == "benign") return Kind::kBenign;
  if (text == "bench") return Kind::kBench;
  if (text == "hostile") return Kind::kHostile;
  if (text == "variants") return Kind::kVariants;
  if (text == "seeds") return Kind::kSeeds;
  if (text == "dictionaries") return Kind::kDictionaries;
  return std::nullopt;
}

struct Arguments {
  std::filesystem::path dir;
  Kind kind = Kind::kBenign;
  std::optional<int> count;
  std::uint64_t seed = 1;
  std::string more;
  std::string file;
};

template <typename T>
bool ParseNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      if (!arguments.dir.empty()) return std::nullopt;
      arguments.dir = name;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value = argv[++i];
    if (name == "--kind") {
      const auto kind = ParseKind(value);
      if (!kind) return std::nullopt;
      arguments.kind = *kind;
    } else if (name == "--more") {
      arguments.more = value;
    } else if (name == "--file") {
      arguments.file = value;
    } else if (name == "--count") {
      int count = 0;
      if (!ParseNumber(value, count) || count < 1 || count > 1'000'000) return std::nullopt;
      arguments.count = count;
    } else if (name != "--seed" || !ParseNumber(value, arguments.seed)) {
      return std::nullopt;
    }
  }
  if (arguments.dir.empty()) return std::nullopt;
  return arguments;
}

class Writer {
 public:
  Writer(std::filesystem::path dir, int total) : dir_(std::move(dir)), total_(total) {}

  Status Put(const Result<CorpusFile>& file) {
    HASHGATE_RETURN_IF_ERROR(file);
    return Put(file->name, file->bytes);
  }
  Status Put(const std::string& name, ByteSpan bytes) {
    const std::filesystem::path path = dir_ / name;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) return Fail(Reason::kFileUnreadable, "cannot write " + path.string());
    ++done_;
    if (isatty(STDERR_FILENO) == 1) {
      std::cerr << '\r' << done_ << " of " << total_ << (done_ == total_ ? "\n" : "") << std::flush;
    }
    return {};
  }

 private:
  std::filesystem::path dir_;
  int total_;
  int done_ = 0;
};

Status WriteBenign(const Arguments& arguments) {
  const int count = arguments.count.value_or(2000);
  Writer writer(arguments.dir, count);
  for (int i = 0; i < count; ++i) HASHGATE_RETURN_IF_ERROR(writer.Put(BenignFile(arguments.seed, i)));
  return {};
}

Status WriteBench(const Arguments& arguments) {
  const int count = arguments.count.value_or(4);
  Writer writer(arguments.dir, count * 2 * static_cast<int>(BenchSizes().size()));
  for (const BenchSize& size : BenchSizes()) {
    for (int i = 0; i < count; ++i) {
      for (const bool png : {false, true}) {
        HASHGATE_RETURN_IF_ERROR(writer.Put(BenchFile(arguments.seed, size, i, png)));
      }
    }
  }
  return {};
}

Status WriteHostile(const Arguments& arguments) {
  std::vector<hostile::Base> more;
  if (!arguments.more.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(more, hostile::PictureSeeds(arguments.more));
  }
  HASHGATE_ASSIGN_OR_RETURN(const auto corpus, hostile::HostileCorpus::Make(arguments.seed, std::move(more)));
  if (!arguments.file.empty()) {
    const hostile::HostileFile file = corpus.Named(arguments.file);
    if (file.name.empty()) return Fail(Reason::kConfigInvalid, "no such file: " + arguments.file, "file");
    return Writer(arguments.dir, 1).Put(file.name, file.bytes);
  }
  const int count = arguments.count.value_or(20'000);
  Writer writer(arguments.dir, count);
  for (int i = 0; i < count; ++i) {
    const hostile::HostileFile file = corpus.File(i, count);
    HASHGATE_RETURN_IF_ERROR(writer.Put(file.name, file.bytes));
  }
  return {};
}

Status WriteVariants(const Arguments& arguments) {
  const int count = arguments.count.value_or(200);
  const std::vector<variants::Trick> tricks = variants::AllTricks();
  Writer writer(arguments.dir, count * static_cast<int>(tricks.size()) + 2);
  HASHGATE_RETURN_IF_ERROR(writer.Put("list.csv", FromText(variants::ListCsv(arguments.seed, count))));
  HASHGATE_RETURN_IF_ERROR(writer.Put("manifest.csv", FromText(variants::ManifestCsv(count))));
  for (int i = 0; i < count; ++i) {
    const variants::Scene scene = variants::DrawScene(arguments.seed, i);
    for (const variants::Trick& trick : tricks) {
      HASHGATE_ASSIGN_OR_RETURN(const Bytes bytes, trick.make(scene));
      HASHGATE_RETURN_IF_ERROR(writer.Put("pictures/" + variants::FileName(i, trick), bytes));
    }
  }
  return {};
}

Status WriteSeeds(const Arguments& arguments) {
  HASHGATE_ASSIGN_OR_RETURN(const auto bases, hostile::MakeBases(arguments.seed));
  Writer writer(arguments.dir, static_cast<int>(bases.size()));
  for (const hostile::Base& base : bases) {
    const std::string format = base.name.substr(0, base.name.find('-'));
    HASHGATE_RETURN_IF_ERROR(writer.Put(format + "/" + base.name, base.bytes));
  }
  return {};
}

Status WriteDictionaries(const Arguments& arguments) {
  Writer writer(arguments.dir, static_cast<int>(hostile::Dictionaries().size()));
  for (const hostile::Dictionary& dictionary : hostile::Dictionaries()) {
    HASHGATE_RETURN_IF_ERROR(
        writer.Put(std::string(dictionary.name) + ".dict", FromText(hostile::DictionaryText(dictionary))));
  }
  return {};
}

Status Run(const Arguments& arguments) {
  std::error_code error;
  std::filesystem::create_directories(arguments.dir, error);
  if (error) {
    return Fail(Reason::kFileUnreadable, "cannot create " + arguments.dir.string() + ": " + error.message());
  }
  switch (arguments.kind) {
    case Kind::kBenign: return WriteBenign(arguments);
    case Kind::kBench: return WriteBench(arguments);
    case Kind::kHostile: return WriteHostile(arguments);
    case Kind::kVariants: return WriteVariants(arguments);
    case Kind::kSeeds: return WriteSeeds(arguments);
    case Kind::kDictionaries: return WriteDictionaries(arguments);
  }
  return {};
}

}  // namespace
}  // namespace hashgate::testkit

int main(int argc, char** argv) {
  const auto arguments = hashgate::testkit::Parse(argc, argv);
  if (!arguments) {
    std::cerr << hashgate::testkit::kUsage;
    return 2;
  }
  const auto done = hashgate::testkit::Run(*arguments);
  if (!done) {
    std::cerr << "hashgate-corpus-gen: " << done.error().message << '\n';
    return 3;
  }
  return 0;
}
