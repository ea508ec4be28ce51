// A JPEG of inks without Adobe's marker: browsers read the values inverted all the same, other viewers may
// not.
#include <gtest/gtest.h>

#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

Rgba Negative(Rgba picture) {
  for (std::size_t i = 0; i < picture.samples.size(); ++i) {
    if (i % 4 != 3) picture.samples[i] = static_cast<std::uint8_t>(255 - picture.samples[i]);
  }
  return picture;
}

TEST(InkReading, WithTheMarkerThereIsOneView) {
  const auto result =
      Process(EncodeJpeg(ColorPicture(200, 240), {.color = JpegColor::kCmyk, .quality = 100}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_EQ(result.views.size(), 1U);
}

TEST(InkReading, WithoutTheMarkerBrowsersReadingComesFirstAndTheOtherToo) {
  const Rgba picture = ColorPicture(200, 240);
  const auto rgb = Process(EncodeJpeg(picture, {.color = JpegColor::kRgb, .quality = 100}));
  const auto result =
      Process(EncodeJpeg(picture, {.color = JpegColor::kCmyk, .quality = 100, .adobe_marker = false}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  ASSERT_EQ(result.views.size(), 2U);
  EXPECT_EQ(result.views[0].kind, ViewKind::kWhole);
  EXPECT_EQ(result.views[1].kind, ViewKind::kAlternate);
  EXPECT_EQ(result.views[1].width, 240U);
  EXPECT_EQ(result.views[1].height, 200U);
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    EXPECT_LE(Distance(result.views[0].pdq.at(0).forms[turn], rgb.views.at(0).pdq.at(0).forms[turn]), 2);
  }
}

// Inks as amounts: the second view is the picture. Black ink at 0 leaves all light.
TEST(InkReading, TheOtherReadingIsOfAmountsOfInk) {
  const Rgba picture = ColorPicture(200, 240);
  // The encoder stores each value as the light that is left, and 255 for black; amounts are what is missing.
  const auto result = Process(EncodeJpeg(
      Negative(picture), {.color = JpegColor::kCmyk, .quality = 100, .black = 0, .adobe_marker = false}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  ASSERT_EQ(result.views.size(), 2U);
  EXPECT_LE(WorstDistance(result, 1, ExpectedForms(picture)), 4);
}

TEST(InkReading, BothReadingsOfAPartAreOfThatPart) {
  const Rgba picture = ColorPicture(200, 240);
  Bytes file = EncodeJpeg(picture, {.color = JpegColor::kCmyk, .quality = 100, .adobe_marker = false});
  file.resize(file.size() / 2);
  const auto result = Process(file);
  ASSERT_EQ(Name(result.cause), Name(Cause::kTruncated));
  ASSERT_EQ(result.views.size(), 2U);
  EXPECT_EQ(result.views[0].kind, ViewKind::kTruncatedPart);
  EXPECT_EQ(result.views[1].kind, ViewKind::kAlternate);
  EXPECT_EQ(result.views[1].height, result.views[0].height);
  EXPECT_LT(result.views[1].height, 200U);
}

}  // namespace
}  // namespace hashgate::testing
