#include <random>

#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

TEST(UploadReader, PiecesAndTheWholeGiveTheSame) {
  std::mt19937_64 random(Seed());
  std::vector<std::uint8_t> bytes = PngBytes(1);
  while (bytes.size() < 20'000) bytes.push_back(static_cast<std::uint8_t>(random()));
  scan::UploadReader whole(100'000);
  whole.Borrow(bytes);
  const scan::Upload expected = whole.Finish();
  for (int round = 0; round < 20; ++round) {
    scan::UploadReader reader(100'000);
    for (ByteSpan rest = bytes; !rest.empty();) {
      const std::size_t take = std::min<std::size_t>(rest.size(), 1 + random() % 3'000);
      reader.Update(rest.first(take));
      rest = rest.subspan(take);
    }
    const scan::Upload upload = reader.Finish();
    EXPECT_EQ(upload.digests.sha256, expected.digests.sha256);
    EXPECT_EQ(upload.digests.md5, expected.digests.md5);
    EXPECT_EQ(upload.size, bytes.size());
    EXPECT_EQ(upload.format, decode::Format::kPng);
    EXPECT_TRUE(std::ranges::equal(upload.content, bytes));
  }
}

TEST(UploadReader, KeepsNothingThatWillNotBeDecoded) {
  scan::UploadReader text(1 << 20);
  const std::vector<std::uint8_t> block(8'192, 'a');
  for (int i = 0; i < 4; ++i) text.Update(block);
  EXPECT_EQ(text.held(), 0U);
  EXPECT_EQ(text.Finish().format, decode::Format::kText);
  scan::UploadReader large(10'000);
  std::vector<std::uint8_t> png = PngBytes(1);
  png.resize(6'000);
  EXPECT_EQ(large.PeakAfter(6'000), 6'000U);
  large.Update(png);
  EXPECT_EQ(large.held(), 6'000U);
  EXPECT_EQ(large.PeakAfter(1'000), 16'000U);  // the old buffer and one of at most the limit
  large.Update(png);
  EXPECT_EQ(large.held(), 0U);
  const scan::Upload upload = large.Finish();
  EXPECT_TRUE(upload.content.empty());
  EXPECT_EQ(upload.size, 12'000U);
  EXPECT_EQ(upload.format, decode::Format::kPng);
}

TEST(UploadReader, NothingAtAll) {
  scan::UploadReader reader(100);
  const scan::Upload upload = reader.Finish();
  EXPECT_EQ(upload.size, 0U);
  EXPECT_EQ(upload.format, decode::Format::kUnknown);
}

}  // namespace
}  // namespace hashgate::testing
