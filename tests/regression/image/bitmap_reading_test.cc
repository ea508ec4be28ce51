// Bitmaps as browsers read them: every size of OS/2's header, and alpha wherever a header has room for its
// mask.
#include <gtest/gtest.h>

#include <vector>

#include "decode/sniff.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr std::uint32_t kOs2Sizes[] = {16, 20, 24, 28, 32, 36, 40, 42, 44, 46, 48, 52, 56, 60, 64};

TEST(BitmapReading, EveryHeaderSizeIsDecoded) {
  const Rgba picture = ColorPicture(60, 70);
  const perceptual::PdqFormSet expected = ExpectedForms(picture);
  for (const std::uint32_t header : kOs2Sizes) {
    for (const int depth : {8, 24, 32}) {
      SCOPED_TRACE(header);
      const auto result = Process(EncodeBmp(picture, {.depth = depth, .header = header}));
      EXPECT_EQ(result.format, decode::Format::kBmp);
      ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_EQ(WorstDistance(result, 0, expected), 0);
      EXPECT_EQ(result.views.size(), 1U);
    }
  }
}

TEST(BitmapReading, ASizeThatFewKnowIsABitmapStill) {
  for (const std::uint32_t header : {17U, 41U, 43U, 63U}) {
    const auto result = Process(EncodeBmp(ColorPicture(20, 20), {.header = header}));
    EXPECT_EQ(result.format, decode::Format::kBmp) << header;
    EXPECT_EQ(Name(result.cause), Name(Cause::kUnsupportedFormat)) << header;
  }
}

// A tape archive's magic between a header of 20 bytes and the rows.
TEST(BitmapReading, ATapeArchivesMagicInsideChangesNothing) {
  const Rgba picture = ColorPicture(60, 70);
  for (const std::uint32_t header : kOs2Sizes) {
    Bytes file = EncodeBmp(picture, {.header = header});
    const std::size_t rows = 14 + header;
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(rows), 1024 - rows, 0);
    file[10] = 0;
    file[11] = 4;
    constexpr std::string_view kMagic = "ustar";
    std::copy(kMagic.begin(), kMagic.end(), file.begin() + 257);
    std::fill_n(file.begin() + 148, 8, std::uint8_t{' '});
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += file[i];
    for (std::size_t i = 154; i-- > 148; sum /= 8) file[i] = static_cast<std::uint8_t>('0' + sum % 8);
    file[154] = 0;
    const auto result = Process(file);
    EXPECT_EQ(result.format, decode::Format::kBmp) << header;
    ASSERT_EQ(Name(result.cause), Name(Cause::kNone)) << header;
    EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture)), 0) << header;
  }
}

/// The picture in its alpha only, in front of colours that show another one.
Rgba InAlphaOnly(int height, int width) {
  Rgba picture = ColorPicture(height, width);
  const Rgba hidden = GreyPicture(height, width);
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) picture.samples[i] = hidden.samples[i - 1];
  return picture;
}

TEST(BitmapReading, AlphaCountsWhereTheHeaderHasRoomForItsMask) {
  const Rgba picture = InAlphaOnly(90, 110);
  Rgba opaque = picture;
  for (std::size_t i = 3; i < opaque.samples.size(); i += 4) opaque.samples[i] = 255;
  for (const std::uint32_t header : {56U, 60U, 64U, 108U, 124U}) {
    for (const bool fields : {false, true}) {
      if (fields && (header == 60 || header == 64)) continue;  // masks are Windows' alone
      SCOPED_TRACE(header);
      const auto result =
          Process(EncodeBmp(picture, {.depth = 32, .fields = fields, .header = header, .alpha = true}));
      ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_TRUE(result.has_alpha);
      ASSERT_EQ(result.views.size(), 3U);
      EXPECT_EQ(result.views[0].kind, ViewKind::kWhole);
      EXPECT_EQ(result.views[1].kind, ViewKind::kOverBlack);
      EXPECT_EQ(result.views[2].kind, ViewKind::kAlternate);
      EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture, 255)), 0);
      EXPECT_EQ(WorstDistance(result, 1, ExpectedForms(picture, 0)), 0);
      // Viewers that pass alpha over show the colours.
      EXPECT_EQ(WorstDistance(result, 2, ExpectedForms(opaque)), 0);
    }
  }
}

TEST(BitmapReading, SixteenBitsMayHaveAlphaToo) {
  Rgba picture = ColorPicture(90, 110);
  const Rgba hidden = GreyPicture(90, 110);
  for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
    for (std::size_t k = 0; k < 3; ++k) picture.samples[i + k] = 0;
    picture.samples[i + 3] = hidden.samples[i] < 128 ? 0 : 255;
  }
  const auto result = Process(EncodeBmp(picture, {.depth = 16, .header = 108, .alpha = true}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_TRUE(result.has_alpha);
  EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture, 255)), 0);
}

TEST(BitmapReading, AMaskThatMakesNoSenseBesideFixedColoursIsNone) {
  const Rgba picture = InAlphaOnly(50, 60);
  Bytes file = EncodeBmp(picture, {.depth = 32, .header = 108, .alpha = true});
  for (const std::uint8_t mask : {0x0f, 0x80}) {
    // Reaches into blue; has a hole.
    file[66] = mask;
    file[69] = mask == 0x80 ? 0x7e : 0xff;
    const auto result = Process(file);
    ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_FALSE(result.has_alpha);
    EXPECT_EQ(result.views.size(), 1U);
  }
}

TEST(BitmapReading, AlphaAtZeroAllOverIsOpaque) {
  Rgba picture = ColorPicture(50, 60);
  const perceptual::PdqFormSet expected = ExpectedForms(picture);
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) picture.samples[i] = 0;
  const auto result = Process(EncodeBmp(picture, {.depth = 32, .header = 124, .alpha = true}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_FALSE(result.has_alpha);
  ASSERT_EQ(result.views.size(), 1U);
  EXPECT_EQ(WorstDistance(result, 0, expected), 0);
}

}  // namespace
}  // namespace hashgate::testing
