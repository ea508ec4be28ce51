// HEIC and AVIF: pictures as libheif's and libavif's encoders write them, their damage and their limits.
#include "image/heif/heif.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.h"
#include "image/tiny_modern_pictures.h"
#include "testing/seed.h"
#include "unit/image/modern_encoders.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using decode::Format;

class HeifTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { image::UseCodecs(image::HeifCodecs()); }
};

void ExpectPicture(const decode::DecodeResult& result, const Rgba& picture, Format format, int most) {
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.format, format);
  EXPECT_EQ(result.width, static_cast<std::uint32_t>(picture.width));
  EXPECT_EQ(result.height, static_cast<std::uint32_t>(picture.height));
  ASSERT_GE(result.views.size(), 1U);
  EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture)), most);
}

TEST_F(HeifTest, PicturesHashAsTheirPixels) {
  for (const auto& [height, width] : {std::pair{200, 160}, std::pair{65, 257}, std::pair{33, 31}}) {
    const Rgba picture = ColorPicture(height, width);
    ExpectPicture(Process(EncodeHeic(picture, {.quality = 100})), picture, Format::kHeif, 2);
    ExpectPicture(Process(EncodeHeic(picture, {.quality = 90})), picture, Format::kHeif, 20);
    ExpectPicture(Process(EncodeAvif({picture}, {.quality = 100})), picture, Format::kAvif, 2);
    ExpectPicture(Process(EncodeAvif({picture}, {.quality = 90})), picture, Format::kAvif, 20);
  }
}

TEST_F(HeifTest, AlphaIsShownOverWhiteAndOverBlack) {
  Rgba picture = GreyPicture(96, 96);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 96; ++x) picture.At(y, x)[3] = 0;
  }
  for (const Bytes& file : {EncodeHeic(picture, {.quality = 100, .alpha = true}),
                            EncodeAvif({picture}, {.quality = 100, .alpha = true})}) {
    const auto result = Process(file);
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_TRUE(result.has_alpha);
    ASSERT_GE(result.views.size(), 2U);
    EXPECT_EQ(result.views[1].kind, ViewKind::kOverBlack);
    EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture, 255)), 4);
    EXPECT_LE(WorstDistance(result, 1, ExpectedForms(picture, 0)), 4);
  }
}

TEST_F(HeifTest, ThumbnailsAndOtherPicturesAreViews) {
  const Rgba picture = ColorPicture(256, 192);
  const Rgba other = GreyPicture(128, 160);
  const auto result = Process(EncodeHeic(picture, {.quality = 100, .thumbnail_side = 96, .others = {other}}));
  ExpectPicture(result, picture, Format::kHeif, 2);
  EXPECT_EQ(result.frames_total, 2U);
  EXPECT_EQ(result.frames_seen, 2U);
  ASSERT_EQ(result.views.size(), 3U);
  EXPECT_EQ(result.views[1].kind, ViewKind::kEmbedded);
  EXPECT_EQ(result.views[1].frame, 1U);
  EXPECT_LE(WorstDistance(result, 1, ExpectedForms(other)), 2);
  EXPECT_EQ(result.views[2].kind, ViewKind::kEmbedded);
  EXPECT_EQ(result.views[2].frame, 0U) << "a thumbnail of the first";
  EXPECT_EQ(result.views[2].height, 96U);
}

TEST_F(HeifTest, FramesOfASequenceAreViews) {
  const std::vector<Rgba> frames = {ColorPicture(96, 128), GreyPicture(96, 128), ColorPicture(96, 128)};
  const auto result = Process(EncodeAvif(frames, {.quality = 100}));
  ExpectPicture(result, frames[0], Format::kAvif, 4);
  EXPECT_EQ(result.frames_total, 4U) << "the still, which could be another picture, and the frames";
  EXPECT_EQ(result.frames_seen, 4U);
  bool found = false;
  for (std::size_t i = 1; i < result.views.size(); ++i) {
    if (result.views[i].kind != ViewKind::kFrame || result.views[i].frame != 2) continue;
    found = true;
    EXPECT_LE(WorstDistance(result, i, ExpectedForms(frames[1])), 4);
  }
  EXPECT_TRUE(found);
}

TEST_F(HeifTest, ALongSequenceIsLookedAtInItsFirstItsLastAndBetween) {
  std::vector<Rgba> frames(60, GreyPicture(32, 32));
  frames.back() = ColorPicture(32, 32);
  const auto result = Process(EncodeAvif(frames));
  EXPECT_EQ(result.frames_total, 61U);
  EXPECT_EQ(result.frames_seen, image::kMaxAvifFrames + 1) << "and says that it saw no more";
  EXPECT_EQ(result.views.back().frame, 60U);
  EXPECT_LE(WorstDistance(result, result.views.size() - 1, ExpectedForms(frames.back())), 20);
}

TEST_F(HeifTest, LimitsAreCheckedByCause) {
  const Rgba picture = ColorPicture(128, 128);
  for (const Bytes& file : {EncodeHeic(picture), EncodeAvif({picture})}) {
    EXPECT_EQ(Process(file, {.max_pixels = 128 * 128 - 1}).cause, Cause::kTooManyPixels);
    EXPECT_EQ(Process(file, {.max_side = 127}).cause, Cause::kTooManyPixels);
    EXPECT_EQ(Process(file, {.memory_bytes = 128 * 128 * 10 - 1}).cause, Cause::kTooCostly);
    EXPECT_EQ(Process(file, {.memory_bytes = 1 << 20}).cause, Cause::kNone);
    EXPECT_EQ(Process(file, {.max_bytes = file.size() - 1}).cause, Cause::kTooLarge);
  }
  const std::vector<Rgba> frames(3, picture);
  EXPECT_EQ(Process(EncodeAvif(frames), {.max_frames = 2}).cause, Cause::kTooManyFrames);
  EXPECT_EQ(Process(EncodeHeic(picture, {.others = {picture}}), {.max_frames = 1}).cause,
            Cause::kTooManyFrames);
}

TEST_F(HeifTest, AStreamLargerThanItsContainerSaysIsRefused) {
  // The box of the picture's sides says 64 x 64; the stream holds 512 x 512.
  Bytes file = EncodeHeic(ColorPicture(512, 512));
  int found = 0;
  for (std::size_t i = 0; i + 16 < file.size(); ++i) {
    if (std::equal(file.begin() + static_cast<std::ptrdiff_t>(i),
                   file.begin() + static_cast<std::ptrdiff_t>(i) + 4, "ispe")) {
      file[i + 10] = file[i + 14] = 0;
      file[i + 11] = file[i + 15] = 64;
      ++found;
    }
  }
  ASSERT_GE(found, 1);
  const auto result = Process(file, {.max_pixels = 64 * 64});
  EXPECT_NE(result.cause, Cause::kNone);
  EXPECT_TRUE(result.views.empty());
}

TEST_F(HeifTest, EveryTruncationHasACause) {
  const Rgba picture = ColorPicture(64, 64);
  for (const Bytes& file : {EncodeHeic(picture), EncodeAvif({picture}), EncodeAvif({picture, picture})}) {
    for (std::size_t size = 1; size < file.size(); size += 1 + file.size() / 97) {
      const auto result = Process(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
      EXPECT_TRUE(result.cause != Cause::kNone || !result.views.empty());
      EXPECT_LE(result.cause, Cause::kTooCostly);
    }
  }
}

TEST_F(HeifTest, DamageIsRefusedOrDecodedAlikeEveryTime) {
  std::mt19937_64 random(Seed());
  const Rgba picture = ColorPicture(48, 48);
  for (const Bytes& whole : {EncodeHeic(picture, {.thumbnail_side = 16}), EncodeAvif({picture, picture})}) {
    for (int round = 0; round < 150; ++round) {
      Bytes file = whole;
      for (std::uint64_t n = random() % 8 + 1; n > 0; --n) {
        file[random() % file.size()] = static_cast<std::uint8_t>(random());
      }
      const auto once = Process(file, {.max_pixels = 1 << 18});
      const auto twice = Process(file, {.max_pixels = 1 << 18});
      EXPECT_EQ(once.cause, twice.cause);
      EXPECT_EQ(once.views.size(), twice.views.size());
      EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(once, 1), 1, {.max_pixels = 1 << 18}));
    }
  }
}

TEST_F(HeifTest, OtherFormatsAreOfAnotherClass) {
  EXPECT_EQ(Process(EncodePng(ColorPicture(16, 16), {})).cause, Cause::kUnsupportedFormat);
}

TEST_F(HeifTest, TheWarmUpPicturesAreDecoded) {
  for (const std::string_view hex : {image::kTinyHeic, image::kTinyAvif}) {
    const auto result = Process(*HexDecode(hex));
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_EQ(result.width, 16U);
    EXPECT_FALSE(result.views.at(0).pdq.empty());
  }
}

}  // namespace
}  // namespace hashgate::testing
