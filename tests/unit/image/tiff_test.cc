// TIFF as libtiff's encoder writes it: colours, layouts, pages, damage and limits.
#include "image/tiff/tiff.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.h"
#include "image/tiny_modern_pictures.h"
#include "testing/seed.h"
#include "unit/image/modern_encoders.h"
#include "unit/image/profiles.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using decode::Format;

class TiffTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { image::UseCodecs(image::TiffCodecs()); }
};

TEST_F(TiffTest, TheSamePixelsHashAlikeHoweverTheyAreStored) {
  const Rgba color = ColorPicture(150, 90);
  const Rgba grey = GreyPicture(150, 90);
  for (const TiffColor kind :
       {TiffColor::kGrey, TiffColor::kRgb, TiffColor::kRgba, TiffColor::kPalette, TiffColor::kCmyk}) {
    const bool is_grey = kind == TiffColor::kGrey || kind == TiffColor::kPalette;
    const Rgba& picture = is_grey ? grey : color;
    for (const int depth : {8, 16}) {
      if (depth == 16 && (kind == TiffColor::kPalette || kind == TiffColor::kCmyk)) continue;
      for (const int tile : {0, 32}) {
        for (const TiffPacking packing :
             {TiffPacking::kNone, TiffPacking::kLzw, TiffPacking::kDeflate, TiffPacking::kPackBits}) {
          SCOPED_TRACE(::testing::Message() << static_cast<int>(kind) << ' ' << depth << ' ' << tile << ' '
                                            << static_cast<int>(packing));
          const auto result = Process(
              EncodeTiff({picture}, {.color = kind, .packing = packing, .depth = depth, .tile = tile}));
          ASSERT_EQ(result.cause, Cause::kNone);
          EXPECT_EQ(result.format, Format::kTiff);
          EXPECT_EQ(result.width, 90U);
          EXPECT_EQ(result.height, 150U);
          EXPECT_EQ(result.frames_total, 1U);
          EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture)), 2);
        }
      }
    }
  }
  for (const TiffOptions& options :
       {TiffOptions{.big = true}, TiffOptions{.separate = true}, TiffOptions{.rows_per_strip = 1'000},
        TiffOptions{.rows_per_strip = 1}, TiffOptions{.packing = TiffPacking::kJpeg, .rows_per_strip = 16}}) {
    const auto result = Process(EncodeTiff({color}, options));
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_LE(WorstDistance(result, 0, ExpectedForms(color)), 10);
  }
}

TEST_F(TiffTest, AlphaIsShownOverWhiteAndOverBlack) {
  Rgba picture = GreyPicture(96, 96);
  for (int y = 0; y < 96; ++y) {
    for (int x = 0; x < 96; ++x) picture.At(y, x)[3] = y < 48 ? 128 : 255;
  }
  const auto result = Process(EncodeTiff({picture}, {.color = TiffColor::kRgba}));
  ASSERT_EQ(result.cause, Cause::kNone);
  EXPECT_TRUE(result.has_alpha);
  ASSERT_GE(result.views.size(), 2U);
  EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture, 255)), 4);
  EXPECT_LE(WorstDistance(result, 1, ExpectedForms(picture, 0)), 4);
}

TEST_F(TiffTest, EveryPageIsAView) {
  const std::vector<Rgba> pages = {ColorPicture(60, 80), GreyPicture(100, 50), ColorPicture(40, 40)};
  const auto result = Process(EncodeTiff(pages));
  ASSERT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_total, 3U);
  EXPECT_EQ(result.frames_seen, 3U);
  ASSERT_EQ(result.views.size(), 3U);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_EQ(result.views[i].kind, i == 0 ? ViewKind::kWhole : ViewKind::kFrame);
    EXPECT_EQ(result.views[i].frame, i);
    EXPECT_LE(WorstDistance(result, i, ExpectedForms(pages[i])), 2);
  }
}

TEST_F(TiffTest, PagesBeyondTheBudgetAreNotSeen) {
  const auto result = Process(EncodeTiff(std::vector<Rgba>(70, GreyPicture(8, 8))));
  EXPECT_EQ(result.frames_total, 70U);
  EXPECT_EQ(result.frames_seen, image::kMaxPages);
  EXPECT_EQ(Process(EncodeTiff(std::vector<Rgba>(3, GreyPicture(8, 8))), {.max_frames = 2}).cause,
            Cause::kTooManyFrames);
}

TEST_F(TiffTest, LimitsAreCheckedByCause) {
  const Bytes file = EncodeTiff({ColorPicture(128, 128)});
  EXPECT_EQ(Process(file, {.max_pixels = 128 * 128 - 1}).cause, Cause::kTooManyPixels);
  EXPECT_EQ(Process(file, {.max_side = 127}).cause, Cause::kTooManyPixels);
  EXPECT_EQ(Process(file, {.memory_bytes = 128 * 128 * 4}).cause, Cause::kTooCostly);
  EXPECT_EQ(Process(file, {.memory_bytes = 1 << 20}).cause, Cause::kNone);
}

TEST_F(TiffTest, ATileMayNotBeLargerThanAPicture) {
  EXPECT_EQ(Process(EncodeTiff({ColorPicture(16, 16)}, {.packing = TiffPacking::kDeflate, .tile = 1'024}),
                    {.max_pixels = 100'000})
                .cause,
            Cause::kTooManyPixels);
}

TEST_F(TiffTest, WhatLibtiffHasNoColoursForIsNotDecoded) {
  EXPECT_EQ(Process(EncodeTiff({ColorPicture(16, 16)}, {.color = TiffColor::kCmyk, .depth = 16})).cause,
            Cause::kUnsupportedFormat);
}

TEST_F(TiffTest, RareCompressionsAreNotDecoded) {
  EXPECT_EQ(Process(EncodeTiff({ColorPicture(16, 16)}, {.packing = TiffPacking::kZstd})).cause,
            Cause::kUnsupportedFormat);
}

TEST_F(TiffTest, ADamagedStripCutsThePictureThere) {
  const Rgba picture = ColorPicture(128, 64);
  Bytes file = EncodeTiff({picture}, {.packing = TiffPacking::kDeflate, .rows_per_strip = 32});
  const Bytes whole = file;
  // Strips lie one behind the other after the header of 8 bytes: the damage is in one past the first.
  bool cut = false;
  for (std::size_t at = 8; at < file.size() && !cut; ++at) {
    file = whole;
    file[at] ^= 0xff;
    const auto result = Process(file);
    if (result.cause != Cause::kTruncated || result.views.empty()) continue;
    cut = true;
    EXPECT_EQ(result.views[0].kind, ViewKind::kTruncatedPart);
    EXPECT_EQ(result.views[0].height % 32, 0U);
    EXPECT_LT(result.views[0].height, 128U);
    const auto rows = static_cast<int>(result.views[0].height);
    EXPECT_LE(WorstDistance(result, 0, ExpectedForms(CropRows(picture, rows))), 2);
  }
  EXPECT_TRUE(cut);
}

TEST_F(TiffTest, EveryTruncationAndDamageHasACause) {
  std::mt19937_64 random(Seed());
  const Bytes whole = EncodeTiff({ColorPicture(40, 40), GreyPicture(40, 40)}, {.rows_per_strip = 8});
  for (std::size_t size = 1; size < whole.size(); size += 1 + whole.size() / 97) {
    const auto result = Process(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_TRUE(result.cause != Cause::kNone || !result.views.empty());
  }
  for (int round = 0; round < 1'000; ++round) {
    Bytes file = whole;
    for (std::uint64_t n = random() % 8 + 1; n > 0; --n) {
      file[random() % file.size()] = static_cast<std::uint8_t>(random());
    }
    const decode::Limits limits{.max_pixels = 1 << 18};
    const auto once = Process(file, limits);
    const auto twice = Process(file, limits);
    EXPECT_EQ(once.cause, twice.cause);
    EXPECT_EQ(once.views.size(), twice.views.size());
    EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(once, 1), 1, limits));
  }
}

TEST_F(TiffTest, TheWarmUpPictureIsDecoded) {
  const auto result = Process(*HexDecode(image::kTinyTiff));
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.width, 16U);
}

TEST_F(TiffTest, ColoursThatAreNotShownAsStoredAreTold) {
  const Rgba picture = ColorPicture(48, 48);
  const Bytes usual = Profile(kSrgbLuminances, SrgbFunction());
  const Bytes negative = Profile(kSrgbLuminances, TableCurve([](double x) { return 1 - x; }));
  for (const auto& pages : {std::vector{picture}, std::vector{picture, picture}}) {
    EXPECT_FALSE(Process(EncodeTiff(pages)).colour_unusual);
    EXPECT_FALSE(Process(EncodeTiff(pages, {.profile = usual})).colour_unusual);
    EXPECT_TRUE(Process(EncodeTiff(pages, {.profile = usual}), {.max_profile_bytes = 100}).colour_unusual);
    EXPECT_TRUE(Process(EncodeTiff(pages, {.profile = negative})).colour_unusual);
    EXPECT_TRUE(Process(EncodeTiff(pages, {.transfer = true})).colour_unusual);
    EXPECT_FALSE(
        Process(EncodeTiff(pages, {.primaries = {0.64F, 0.33F, 0.3F, 0.6F, 0.15F, 0.06F}})).colour_unusual);
    // Red and blue change places.
    EXPECT_TRUE(
        Process(EncodeTiff(pages, {.primaries = {0.15F, 0.06F, 0.3F, 0.6F, 0.64F, 0.33F}})).colour_unusual);
  }
}

}  // namespace
}  // namespace hashgate::testing
