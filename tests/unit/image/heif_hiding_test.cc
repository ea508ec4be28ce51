// HEIC and AVIF files that show some viewers more, or something else, than their still: none of it may pass
// for looked at unless it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "image/heif/heif.h"
#include "unit/image/modern_encoders.h"
#include "unit/image/profiles.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using namespace std::string_view_literals;

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
  // A track header ends in the sides of its pictures, points of 16 bits; here sides that fit the limits, and
  // not the memory.
  Bytes large = whole;
  const std::size_t header = ContentOf(large, "tkhd") - 8;
  Put(large, header + Get(large, header) - 8, 8192U << 16);
  Put(large, header + Get(large, header) - 4, 4096U << 16);
  Bytes broken = whole;
  Put(broken, ContentOf(broken, "stco") + 8, 0xffff'ff00);
  Bytes empty = EncodeAvif({still});
  Append(empty, "moov");
  for (const Bytes& file : {large, broken, empty}) {
    const auto result = Process(file, {.memory_bytes = 64U << 20});
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

/// Its colour box gives code points, that of the curve being `transfer`, in place of a profile.
Bytes HeicWithCurve(const Rgba& picture, int transfer) {
  Bytes file = EncodeHeic(picture, {.profile = Profile(kSrgbLuminances, SrgbFunction())});
  const std::string_view points = "nclx\0\1\0\0\0\1\x80"sv;
  const std::size_t at = ContentOf(file, "colr");
  std::copy(points.begin(), points.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
  file.at(at + 7) = static_cast<std::uint8_t>(transfer);
  return file;
}

TEST_F(HeifHidingTest, ColoursThatAreNotShownAsStoredAreTold) {
  const Rgba picture = ColorPicture(48, 48);
  const Bytes usual = Profile(kSrgbLuminances, SrgbFunction());
  const Bytes negative = Profile(kSrgbLuminances, TableCurve([](double x) { return 1 - x; }));
  constexpr int kSrgb = 13;
  constexpr int kHybridLogGamma = 18;
  EXPECT_FALSE(Process(EncodeHeic(picture)).colour_unusual);
  EXPECT_FALSE(Process(EncodeHeic(picture, {.profile = usual})).colour_unusual);
  EXPECT_TRUE(Process(EncodeHeic(picture, {.profile = negative})).colour_unusual);
  EXPECT_TRUE(Process(EncodeHeic(picture, {.profile = usual}), {.max_profile_bytes = 100}).colour_unusual);
  EXPECT_FALSE(Process(HeicWithCurve(picture, kSrgb)).colour_unusual);
  EXPECT_TRUE(Process(HeicWithCurve(picture, kHybridLogGamma)).colour_unusual);
  EXPECT_FALSE(Process(EncodeAvif({picture})).colour_unusual);
  EXPECT_FALSE(Process(EncodeAvif({picture}, {.profile = usual})).colour_unusual);
  EXPECT_TRUE(Process(EncodeAvif({picture}, {.profile = negative})).colour_unusual);
  EXPECT_TRUE(Process(EncodeAvif({picture}, {.profile = usual}), {.max_profile_bytes = 100}).colour_unusual);
  EXPECT_FALSE(Process(EncodeAvif({picture}, {.transfer = kSrgb})).colour_unusual);
  EXPECT_TRUE(Process(EncodeAvif({picture}, {.transfer = kHybridLogGamma})).colour_unusual);
}

TEST_F(HeifHidingTest, ColoursOfATrackAreToldToo) {
  const Rgba picture = ColorPicture(48, 48);
  const Bytes negative = Profile(kSrgbLuminances, TableCurve([](double x) { return 1 - x; }));
  Bytes file = EncodeAvif({picture, picture}, {.profile = negative});
  // The still's own profile, which comes first, becomes a property that nobody knows.
  const auto at = static_cast<std::ptrdiff_t>(ContentOf(file, "colrprof"));
  std::fill(file.begin() + at - 8, file.begin() + at - 4, 'x');
  EXPECT_EQ(ContentOf(file, "colrprof") > static_cast<std::size_t>(at), true);
  EXPECT_TRUE(Process(file).colour_unusual);
}

TEST_F(HeifHidingTest, ThePartThatACleanApertureLeavesIsAViewToo) {
  Rgba whole = ColorPicture(192, 256);
  const Rgba part = GreyPicture(96, 128);
  for (int y = 0; y < part.height; ++y) {
    for (int x = 0; x < part.width; ++x) std::copy_n(part.At(y, x), 4, whole.At(y, x));
  }
  const auto minus = [](std::uint32_t value) { return 0U - value; };
  // The upper left quarter: its middle is an eighth of a side to the left of, and above, the picture's.
  const std::vector<std::uint32_t> quarter = {128, 1, 96, 1, minus(64), 1, minus(96), 2};
  for (const std::size_t count : {1U, 2U}) {
    const auto result = Process(EncodeAvif(std::vector(count, whole),
                                           {.quality = 100, .clean_aperture = quarter, .key_frames = true}));
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_LE(WorstDistance(result, 0, ExpectedForms(whole)), 4);
    // The still's, and one for each frame.
    std::size_t parts = 0;
    for (std::size_t i = 0; i < result.views.size(); ++i) {
      const decode::ViewHashes& view = result.views[i];
      if (view.width != 128 || view.height != 96 || view.hidden) continue;
      ++parts;
      EXPECT_LE(WorstDistance(result, i, ExpectedForms(part)), 4);
    }
    EXPECT_EQ(parts, count == 1 ? 1U : 3U);
  }
}

TEST_F(HeifHidingTest, ACleanApertureOutsideItsPictureIsCutOrPassedOver) {
  const Rgba whole = ColorPicture(64, 64);
  const std::vector<std::vector<std::uint32_t>> boxes = {
      {0, 1, 64, 1, 0, 1, 0, 1},         {64, 0, 64, 0, 0, 0, 0, 0},
      {64, 1, 64, 1, 0, 1, 0, 1},        {0x80000000, 0xffffffff, 9, 1, 0, 1, 0, 1},
      {0x7fffffff, 1, 9, 1, 0, 1, 0, 1}, {8, 1, 8, 1, 0x7fffffff, 1, 0, 1},
      {8, 1, 8, 1, 0, 1, 0x80000000, 1}, {8, 1, 0xffffffff, 1, 0, 1, 0, 1},
  };
  for (const auto& box : boxes) {
    const auto result = Process(EncodeAvif({whole}, {.clean_aperture = box}));
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_GE(result.views.size(), 1U);
    EXPECT_LE(result.views.size(), 2U);
  }
}

TEST_F(HeifHidingTest, ThumbnailsPastTheLastThatIsLookedAtAreTold) {
  const Rgba picture = ColorPicture(64, 64);
  const auto thumbnails = static_cast<int>(image::kMaxHeifPictures);
  const auto all = Process(EncodeHeic(picture, {.thumbnail_side = 16, .thumbnails = thumbnails}));
  EXPECT_FALSE(all.embedded_unseen);
  EXPECT_EQ(all.views.size(), 1U + image::kMaxHeifPictures);
  EXPECT_TRUE(
      Process(EncodeHeic(picture, {.thumbnail_side = 16, .thumbnails = thumbnails + 1})).embedded_unseen);
  const std::vector<Rgba> others(image::kMaxHeifPictures + 1, GreyPicture(16, 16));
  const auto many = Process(EncodeHeic(picture, {.others = others}));
  EXPECT_TRUE(many.embedded_unseen);
  EXPECT_EQ(many.frames_total, image::kMaxHeifPictures + 2);
  EXPECT_EQ(many.frames_seen, image::kMaxHeifPictures + 1);
}

TEST_F(HeifHidingTest, PicturesInTheExifOfAFileAreViews) {
  const Rgba picture = ColorPicture(64, 64);
  const Rgba other = GreyPicture(192, 160);
  Bytes exif = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Process(EncodeHeic(picture, {.exif = exif})).views.size(), 1U);
  EXPECT_EQ(Process(EncodeAvif({picture}, {.exif = exif})).views.size(), 1U);
  const Bytes jpeg = EncodeJpeg(other, {.quality = 100});
  exif.insert(exif.end(), jpeg.begin(), jpeg.end());
  for (const Bytes& file : {EncodeHeic(picture, {.exif = exif}), EncodeAvif({picture}, {.exif = exif}),
                            EncodeAvif({picture, picture}, {.exif = exif})}) {
    const auto result = Process(file);
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_FALSE(result.embedded_unseen);
    const auto view = std::ranges::find(result.views, ViewKind::kEmbedded, &decode::ViewHashes::kind);
    ASSERT_NE(view, result.views.end());
    EXPECT_TRUE(view->hidden);
    EXPECT_LE(LeastDistance(result, other), 16);
    const auto unread = Process(file, {.max_exif_bytes = 100});
    EXPECT_TRUE(unread.embedded_unseen);
  }
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
