// HEIC and AVIF files that show some viewers more, or something else, than their still: none of it may pass
// for looked at unless it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "image/heif/heif.h"
#include "unit/image/modern_encoders.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

class HeifHidingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { image::UseCodecs(image::HeifCodecs()); }
};

/// Where the first box of this type has its content.
std::size_t ContentOf(const Bytes& file, std::string_view type) {
  const auto at = std::search(file.begin(), file.end(), type.begin(), type.end());
  EXPECT_NE(at, file.end()) << type;
  return static_cast<std::size_t>(at - file.begin()) + type.size();
}

std::uint32_t Get(const Bytes& file, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | file.at(at + i);
  return value;
}

void Put(Bytes& file, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) file.at(at + i) = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// Makes a sequence of two pictures one whose track has only the second; the still is the first.
Bytes WithTrackOfTheSecond(Bytes file) {
  const std::size_t sizes = ContentOf(file, "stsz");
  const std::uint32_t first = Get(file, sizes + 12);
  EXPECT_EQ(Get(file, sizes + 8), 2U);
  Put(file, sizes + 8, 1);
  Put(file, sizes + 12, Get(file, sizes + 16));
  const std::size_t chunks = ContentOf(file, "stco");
  Put(file, chunks + 8, Get(file, chunks + 8) + first);
  Put(file, ContentOf(file, "stsc") + 12, 1);
  return file;
}

int LeastDistance(const decode::DecodeResult& result, const Rgba& picture) {
  int least = 256;
  for (std::size_t i = 0; i < result.views.size(); ++i) {
    least = std::min(least, WorstDistance(result, i, ExpectedForms(picture)));
  }
  return least;
}

void Append(Bytes& file, std::string_view box) {
  const std::size_t at = file.size();
  file.resize(at + 4);
  Put(file, at, static_cast<std::uint32_t>(box.size() + 4));
  file.insert(file.end(), box.begin(), box.end());
}

TEST_F(HeifHidingTest, ATrackOfOnePictureIsLookedAtBesideTheStill) {
  const Rgba still = ColorPicture(96, 128);
  const Rgba shown = GreyPicture(96, 128);
  const auto result =
      Process(WithTrackOfTheSecond(EncodeAvif({still, shown}, {.quality = 100, .key_frames = true})));
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_total, 2U);
  EXPECT_EQ(result.frames_seen, 2U);
  EXPECT_LE(LeastDistance(result, still), 4);
  EXPECT_LE(LeastDistance(result, shown), 4) << "browsers show this one";
}

TEST_F(HeifHidingTest, ATrackThatCannotBeOpenedIsAPictureNobodySaw) {
  const Rgba still = ColorPicture(96, 128);
  const Bytes whole = EncodeAvif({still, GreyPicture(96, 128)});
  // A track header ends in the sides of its pictures, points of 16 bits; here one that is too long.
  Bytes large = whole;
  const std::size_t header = ContentOf(large, "tkhd") - 8;
  Put(large, header + Get(large, header) - 8, 20'000U << 16);
  Bytes broken = whole;
  Put(broken, ContentOf(broken, "stco") + 8, 0xffff'ff00);
  Bytes empty = EncodeAvif({still});
  Append(empty, "moov");
  for (const Bytes& file : {large, broken, empty}) {
    const auto result = Process(file);
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_GE(result.frames_total, 2U);
    EXPECT_LT(result.frames_seen, result.frames_total);
    EXPECT_LE(LeastDistance(result, still), 20) << "and the still is hashed all the same";
  }
}

TEST_F(HeifHidingTest, ATrackOfTooManySamplesIsNoStill) {
  Bytes file = EncodeAvif({ColorPicture(32, 32), GreyPicture(32, 32)});
  constexpr std::uint32_t kMany = 3'000'000;
  const std::size_t sizes = ContentOf(file, "stsz");
  Put(file, sizes + 4, 1);
  Put(file, sizes + 8, kMany);
  Put(file, ContentOf(file, "stsc") + 12, kMany);
  const auto result = Process(file);
  EXPECT_EQ(result.cause, Cause::kTooManyFrames);
  EXPECT_TRUE(result.views.empty());
}

TEST_F(HeifHidingTest, AStillThatCannotBeReadIsNotSeenByItsTrack) {
  Bytes file = EncodeAvif({ColorPicture(32, 32), GreyPicture(32, 32)});
  // The primary item is one that does not exist.
  file.at(ContentOf(file, "pitm") + 5) = 99;
  const auto result = Process(file);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_FALSE(result.views.empty());
  EXPECT_LT(result.frames_seen, result.frames_total);
}

TEST_F(HeifHidingTest, AHeicWithATrackIsNotSeenWhole) {
  const Rgba still = ColorPicture(64, 64);
  Bytes file = EncodeHeic(still, {.others = {GreyPicture(64, 64)}});
  EXPECT_EQ(Process(file).frames_seen, 2U);
  Append(file, "free");
  EXPECT_EQ(Process(file).frames_total, 2U);
  Append(file, "moov");
  const auto result = Process(file);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_total, 3U);
  EXPECT_EQ(result.frames_seen, 2U);
}

TEST_F(HeifHidingTest, ADamagedHeicIsNoWholePicture) {
  const Rgba picture = ColorPicture(256, 256);
  const Bytes whole = EncodeHeic(picture, {.quality = 95});
  const std::size_t start = ContentOf(whole, "mdat");
  int flagged = 0;
  constexpr std::size_t kPlaces = 40;
  for (std::size_t i = 1; i <= kPlaces; ++i) {
    Bytes file = whole;
    const std::size_t at = start + (file.size() - start) * i / (kPlaces + 2);
    for (std::size_t k = 0; k < 32; ++k) file.at(std::min(at + k, file.size() - 1)) ^= 0x5a;
    const auto result = Process(file);
    if (result.cause == Cause::kNone) continue;
    ++flagged;
    if (result.cause != Cause::kTruncated) continue;
    ASSERT_FALSE(result.views.empty()) << "what is left is hashed";
    EXPECT_EQ(result.views.front().kind, ViewKind::kTruncatedPart);
    EXPECT_TRUE(result.codec_warned);
  }
  // Where changed data still obeys the syntax to its end, every viewer shows the same picture.
  EXPECT_GE(flagged, static_cast<int>(kPlaces) - 3);
}

}  // namespace
}  // namespace hashgate::testing
