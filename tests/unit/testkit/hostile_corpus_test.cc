// The malformed corpus repeats, reaches every format, and its bombs are what their names say.
#include "testkit/hostile/corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "testkit/byte_sink.h"
#include "testkit/hostile/dictionary.h"
#include "testkit/hostile/parts.h"

namespace hashgate::testkit::hostile {
namespace {

HostileCorpus MakeCorpus(std::uint64_t seed, std::vector<Base> more = {}) {
  auto corpus = HostileCorpus::Make(seed, std::move(more));
  EXPECT_TRUE(corpus) << corpus.error().message;
  return *std::move(corpus);
}

std::string FormatOf(const std::string& name) {
  const std::size_t from = name.starts_with("bomb-") ? 5 : name.find('-') + 1;
  return name.substr(from, name.find('-', from) - from);
}

TEST(HostileCorpusTest, RepeatsAndReachesEveryFormat) {
  constexpr int kCount = 2'000;
  const HostileCorpus corpus = MakeCorpus(3);
  const HostileCorpus same = MakeCorpus(3);
  const HostileCorpus other = MakeCorpus(4);
  std::map<std::string, int> formats;
  std::set<std::string> contents;
  std::set<std::string> names;
  int bombs = 0;
  int different = 0;
  for (int i = 0; i < kCount; ++i) {
    const HostileFile file = corpus.File(i, kCount);
    EXPECT_TRUE(names.insert(file.name).second) << file.name;
    ++formats[FormatOf(file.name)];
    if (file.name.starts_with("bomb-")) {
      ++bombs;
      EXPECT_LE(file.bytes.size(), 8U << 20) << file.name;
      continue;
    }
    contents.emplace(file.bytes.begin(), file.bytes.end());
    EXPECT_EQ(same.File(i, kCount).bytes, file.bytes) << file.name;
    EXPECT_EQ(same.Named(file.name).bytes, file.bytes) << file.name;
    different += other.File(i, kCount).bytes != file.bytes ? 1 : 0;
  }
  EXPECT_EQ(bombs, corpus.bombs());
  EXPECT_GT(contents.size(), static_cast<std::size_t>(kCount - bombs) * 9 / 10) << "most files differ";
  EXPECT_GT(different, kCount * 9 / 10);
  for (const char* format : {"jpeg", "png", "webp", "gif", "bmp", "tiff"})
    EXPECT_GT(formats[format], 50) << format;
  for (const char* format : {"heic", "avif", "apng", "zip", "svg"}) EXPECT_GT(formats[format], 0) << format;
}

TEST(HostileCorpusTest, FewFilesAreStillSound) {
  const HostileCorpus corpus = MakeCorpus(3);
  int damaged = 0;
  for (int i = 0; i < 500; ++i) {
    const HostileFile file = corpus.Damaged(i);
    bool sound = false;
    for (const Base& base : corpus.bases()) sound = sound || base.bytes == file.bytes;
    damaged += sound ? 0 : 1;
    if (!file.lacks_pixels) continue;
    bool is_front = false;
    for (const Base& base : corpus.bases()) {
      is_front = is_front || (file.bytes.size() < base.bytes.size() &&
                              std::equal(file.bytes.begin(), file.bytes.end(), base.bytes.begin()));
    }
    EXPECT_TRUE(is_front) << file.name;
  }
  EXPECT_GT(damaged, 475);
}

TEST(HostileCorpusTest, OtherFilesAreDamagedToo) {
  const Bytes marked(500, 0xd7);
  const HostileCorpus corpus = MakeCorpus(3, {{"marked", marked}});
  int from_marked = 0;
  for (int i = 0; i < 500; ++i) from_marked += corpus.Damaged(i).name.ends_with("-marked") ? 1 : 0;
  EXPECT_GT(from_marked, 3);
}

TEST(HostileCorpusTest, UnknownNamesGiveNothing) {
  const HostileCorpus corpus = MakeCorpus(3);
  for (const char* name : {"", "m", "bomb-", "bomb-none", "m00001-nothing", "x00001-jpeg"}) {
    EXPECT_TRUE(corpus.Named(name).name.empty()) << name;
  }
}

TEST(HostileCorpusTest, PartsJoinToTheFile) {
  const HostileCorpus corpus = MakeCorpus(5);
  std::map<Layout, std::size_t> most;
  for (const Base& base : corpus.bases()) {
    const Layout layout = LayoutOf(base.bytes);
    const std::vector<Bytes> parts = Split(layout, base.bytes);
    EXPECT_EQ(Join(parts), base.bytes) << base.name;
    most[layout] = std::max(most[layout], parts.size());
    Bytes repaired = base.bytes;
    Repair(layout, repaired);
    EXPECT_EQ(repaired, base.bytes) << base.name << " was sound";
  }
  for (const Layout layout : {Layout::kPng, Layout::kJpeg, Layout::kRiff, Layout::kGif, Layout::kBmp}) {
    EXPECT_GE(most[layout], 3U) << static_cast<int>(layout);
  }
}

TEST(HostileCorpusTest, RepairMakesAChunksChecksumRight) {
  const HostileCorpus corpus = MakeCorpus(5);
  for (const Base& base : corpus.bases()) {
    if (base.name != "png") continue;
    Bytes broken = base.bytes;
    broken[29] ^= 0xff;  // the checksum of IHDR
    Repair(Layout::kPng, broken);
    EXPECT_EQ(broken, base.bytes);
  }
}

TEST(HostileCorpusTest, DictionariesAreOneQuotedWordALine) {
  for (const Dictionary& dictionary : Dictionaries()) {
    const std::string text = DictionaryText(dictionary);
    EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), dictionary.words.size());
    EXPECT_TRUE(text.starts_with("\"\\x")) << dictionary.name;
    for (const std::string_view word : dictionary.words) EXPECT_FALSE(word.empty()) << dictionary.name;
  }
}

}  // namespace
}  // namespace hashgate::testkit::hostile
