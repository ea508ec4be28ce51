// The corpora repeat, and hold what they promise.
#include "testkit/corpus.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "testkit/raw_files.h"

namespace hashgate::testkit {
namespace {

std::string ExtensionByBytes(const Bytes& bytes) {
  const std::string front(bytes.begin(), bytes.begin() + 12);
  if (front.starts_with("\xff\xd8\xff")) return "jpg";
  if (front.starts_with("\x89PNG\r\n")) return "png";
  if (front.starts_with("GIF89a")) return "gif";
  if (front.starts_with("BM")) return "bmp";
  if (front.starts_with("RIFF") && front.ends_with("WEBP")) return "webp";
  return "unknown";
}

TEST(BenignCorpus, RepeatsAndHasAllKindsAndFormats) {
  std::map<std::string, int> kinds;
  std::set<std::string> formats;
  std::set<std::string> names;
  for (int i = 0; i < 60; ++i) {
    const Result<CorpusFile> file = BenignFile(7, i);
    ASSERT_TRUE(file);
    EXPECT_TRUE(names.insert(file->name).second);
    const std::size_t dash = file->name.find('-');
    const std::size_t dot = file->name.find('.');
    ++kinds[file->name.substr(dash + 1, dot - dash - 1)];
    EXPECT_EQ(file->name.substr(dot + 1), ExtensionByBytes(file->bytes)) << file->name;
    formats.insert(file->name.substr(dot + 1));
    if (i % 20 == 0) {
      EXPECT_EQ(BenignFile(7, i)->bytes, file->bytes);
      EXPECT_NE(BenignFile(8, i)->bytes, file->bytes);
    }
  }
  const std::map<std::string, int> expected = {
      {"photo", 30}, {"screenshot", 9}, {"emoji", 9}, {"textpage", 6}, {"animation", 6}};
  EXPECT_EQ(kinds, expected);
  for (const char* format : {"jpg", "png", "gif", "webp"}) EXPECT_TRUE(formats.contains(format)) << format;
}

TEST(BenchCorpus, JpegsTakeAboutOneBitAPixel) {
  const BenchSize& size = BenchSizes()[1];
  double bits = 0;
  for (int i = 0; i < 3; ++i) {
    const Result<CorpusFile> file = BenchFile(1, size, i, false);
    ASSERT_TRUE(file);
    bits += 8.0 * static_cast<double>(file->bytes.size()) / (size.width * size.height) / 3;
  }
  EXPECT_GT(bits, 0.6);
  EXPECT_LT(bits, 1.6);
}

}  // namespace
}  // namespace hashgate::testkit
