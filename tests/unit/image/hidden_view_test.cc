// Pictures inside pictures: what a file holds and usual viewers do not show, and what turning tags change.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

/// `hidden` in the colours of pixels that are all clear.
Rgba UnderClearPixels(const Rgba& hidden) {
  Rgba picture = hidden;
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) picture.samples[i] = 0;
  return picture;
}

TEST(HiddenViews, ColorsUnderClearPixelsAreAView) {
  const Rgba hidden = WavePicture(90, 120, 4);
  const Rgba picture = UnderClearPixels(hidden);
  for (const Bytes& file :
       {EncodePng(picture, {.color = PngColor::kRgba}), EncodePng(picture, {.color = PngColor::kPalette}),
        EncodePng(picture, {.color = PngColor::kRgba, .depth = 16}), EncodeWebpAnimation({picture})}) {
    const auto result = Process(file);
    SCOPED_TRACE(decode::FormatName(result.format));
    ASSERT_EQ(result.cause, Cause::kNone);
    ASSERT_EQ(result.views.size(), 3U);
    EXPECT_FALSE(result.views[0].hidden);
    EXPECT_FALSE(result.views[1].hidden);
    EXPECT_EQ(result.views[2].kind, ViewKind::kAlternate);
    EXPECT_TRUE(result.views[2].hidden);
    EXPECT_EQ(WorstDistance(result, 2, ExpectedForms(hidden)), 0);
  }
}

TEST(HiddenViews, ColorsThatLookAsTheWholeAreNoView) {
  Rgba picture = WavePicture(90, 120, 4);
  // Clear pixels that are black underneath: the view over black is the same.
  picture = WithHoles(picture, 3);
  const auto result = Process(EncodePng(picture, {.color = PngColor::kRgba}));
  ASSERT_EQ(result.views.size(), 2U);
}

TEST(HiddenViews, DisputedAlphaOfABmpIsShownBySome) {
  Rgba picture = WavePicture(40, 60, 4);
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) picture.samples[i] = 3;
  const auto result =
      Process(EncodeBmp(picture, {.depth = 32, .fields = true, .header = 108, .alpha = true}));
  ASSERT_EQ(result.views.size(), 3U);
  EXPECT_EQ(result.views[2].kind, ViewKind::kAlternate);
  EXPECT_FALSE(result.views[2].hidden);
}

TEST(HiddenViews, DetailInTheLowBytesIsAView) {
  const Rgba picture = WavePicture(100, 110, 6);
  for (const bool interlaced : {false, true}) {
    for (const PngColor color : {PngColor::kRgb, PngColor::kGrey, PngColor::kRgba, PngColor::kGreyAlpha}) {
      for (const int high : {0, 77, 255}) {
        const auto result = Process(
            EncodePng(picture, {.color = color, .depth = 16, .interlaced = interlaced, .high_byte = high}));
        SCOPED_TRACE(std::to_string(static_cast<int>(color)) + " " + std::to_string(high));
        ASSERT_EQ(result.cause, Cause::kNone);
        ASSERT_FALSE(result.views.empty());
        const decode::ViewHashes& last = result.views.back();
        EXPECT_EQ(last.kind, ViewKind::kAlternate);
        EXPECT_TRUE(last.hidden);
        if (color == PngColor::kRgb && high != 255) {
          EXPECT_LE(WorstDistance(result, result.views.size() - 1, ExpectedForms(picture)), 6);
        }
        EXPECT_GE(last.pdq.at(0).quality, 50);
      }
    }
  }
}

TEST(HiddenViews, AnOrdinaryPictureOfSixteenBitsHasOne) {
  const auto result = Process(EncodePng(WavePicture(50, 50, 2), {.depth = 16}));
  EXPECT_EQ(result.views.size(), 1U);
  EXPECT_FALSE(result.views[0].hidden);
}

// ---- Turning tags. Source: Exif 2.32, 4.6.4 A, tag 274.

Bytes OrientationExif(std::uint8_t orientation) {
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0};
}

/// The picture as a viewer that heeds the tag shows it.
Rgba Oriented(const Rgba& stored, int orientation) {
  const bool swapped = orientation >= 5;
  const int height = swapped ? stored.width : stored.height;
  const int width = swapped ? stored.height : stored.width;
  Rgba shown{width, height, Bytes(stored.samples.size())};
  for (int r = 0; r < height; ++r) {
    for (int c = 0; c < width; ++c) {
      // Where the shown pixel lies among the stored ones: rows and columns, each from one end or the other.
      int y = swapped ? c : r;
      int x = swapped ? r : c;
      if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8) {
        if (swapped) {
          x = stored.width - 1 - x;
        } else {
          y = stored.height - 1 - y;
        }
      }
      if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7) {
        if (swapped) {
          y = stored.height - 1 - y;
        } else {
          x = stored.width - 1 - x;
        }
      }
      std::copy_n(stored.At(y, x), 4, shown.At(r, c));
    }
  }
  return shown;
}

TEST(Orientation, EveryTagIsOneOfTheEightForms) {
  const Rgba stored = WavePicture(88, 132, 12);
  std::set<std::size_t> used;
  for (int tag = 1; tag <= 8; ++tag) {
    SCOPED_TRACE(tag);
    const auto expected = ExpectedForms(Oriented(stored, tag));
    const Bytes exif = OrientationExif(static_cast<std::uint8_t>(tag));
    Bytes png = EncodePng(stored, {});
    const Bytes chunk = PngChunk("eXIf", exif);
    png.insert(png.begin() + 33, chunk.begin(), chunk.end());
    Bytes jpeg = EncodeJpeg(stored, {.color = JpegColor::kRgb, .quality = 100});
    Bytes segment = {0xff, 0xe1, 0, static_cast<std::uint8_t>(exif.size() + 8), 'E', 'x', 'i', 'f', 0, 0};
    for (const std::uint8_t byte : exif) segment.push_back(byte);
    jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
    for (const Bytes& file : {png, jpeg}) {
      const auto result = Process(file);
      ASSERT_EQ(result.cause, Cause::kNone);
      const auto& forms = result.views.at(0).pdq.at(0).forms;
      std::size_t nearest = 0;
      for (std::size_t form = 0; form < kDihedralCount; ++form) {
        if (Distance(forms[form], expected.forms[0]) < Distance(forms[nearest], expected.forms[0])) {
          nearest = form;
        }
      }
      // Of stored pixels it is the same in every bit.
      EXPECT_LE(Distance(forms[nearest], expected.forms[0]), result.format == decode::Format::kPng ? 0 : 4);
      used.insert(nearest);
    }
  }
  EXPECT_EQ(used.size(), kDihedralCount);
}

}  // namespace
}  // namespace hashgate::testing
