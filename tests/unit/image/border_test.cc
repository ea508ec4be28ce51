// A plain border around a picture moves its hash out of reach: the picture inside is a view of its own.
#include "image/border.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "image/luma.h"
#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr int kHeight = 180;
constexpr int kWidth = 240;

/// Waves under a slope, so that no edge is plain.
Rgba Content() {
  Rgba picture = WavePicture(kHeight, kWidth, 5);
  for (int r = 0; r < kHeight; ++r) {
    for (int c = 0; c < kWidth; ++c) {
      for (int i = 0; i < 3; ++i) {
        std::uint8_t& sample = picture.At(r, c)[i];
        sample = static_cast<std::uint8_t>(sample / 2 + (r + 2 * c) % 120);
      }
    }
  }
  return picture;
}

struct Border {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
};

Rgba Framed(const Rgba& picture, const Border& border, const std::array<std::uint8_t, 4>& color) {
  Rgba out{picture.width + border.left + border.right, picture.height + border.top + border.bottom, {}};
  while (out.samples.size() <
         static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height) * 4) {
    out.samples.insert(out.samples.end(), color.begin(), color.end());
  }
  for (int r = 0; r < picture.height; ++r) {
    for (int c = 0; c < picture.width; ++c) {
      std::copy_n(picture.At(r, c), 4, out.At(r + border.top, c + border.left));
    }
  }
  return out;
}

/// The view without border, which must be the only one of its kind over white.
void ExpectTrimmed(const decode::DecodeResult& result, const Rgba& picture, int bits) {
  ASSERT_EQ(result.cause, Cause::kNone);
  ASSERT_GE(result.views.size(), 2U);
  const auto found = std::ranges::find(result.views, ViewKind::kTrimmed, &decode::ViewHashes::kind);
  ASSERT_NE(found, result.views.end());
  EXPECT_FALSE(found->hidden);
  EXPECT_NEAR(static_cast<int>(found->width), picture.width, 16);
  EXPECT_NEAR(static_cast<int>(found->height), picture.height, 16);
  const auto index = static_cast<std::size_t>(found - result.views.begin());
  EXPECT_LE(WorstDistance(result, index, ExpectedForms(picture)), bits);
  EXPECT_GT(WorstDistance(result, 0, ExpectedForms(picture)), 31)
      << "without the view it is found all the same";
}

constexpr std::array<std::uint8_t, 4> kWhite = {255, 255, 255, 255};
constexpr std::array<std::uint8_t, 4> kRed = {180, 20, 40, 255};
constexpr std::array<std::uint8_t, 4> kClear = {90, 10, 200, 0};

TEST(Borders, WhatAPlainBorderLeavesIsAView) {
  const Rgba picture = Content();
  for (const Border& border : {Border{24, 24, 24, 24}, Border{0, 60, 0, 60}, Border{60, 0, 60, 0},
                               Border{0, 0, 70, 0}, Border{0, 0, 0, 50}, Border{18, 40, 30, 22},
                               Border{180, 0, 0, 0}, Border{0, 0, 180, 0}, Border{150, 0, 60, 0}}) {
    for (const auto& color : {kWhite, kRed}) {
      SCOPED_TRACE(std::to_string(border.left) + " " + std::to_string(border.top));
      const Rgba framed = Framed(picture, border, color);
      ExpectTrimmed(Process(EncodePng(framed, {})), picture, 0);
      ExpectTrimmed(Process(EncodeWebp(framed, true, false)), picture, 0);
      ExpectTrimmed(Process(EncodeJpeg(framed, {.quality = 80, .across = 2, .down = 2})), picture, 16);
    }
  }
}

TEST(Borders, OneWithinTheOtherAndBehindAnyRim) {
  const Rgba picture = Content();
  const Rgba once = Framed(picture, {14, 12, 14, 12}, kRed);
  ExpectTrimmed(Process(EncodePng(Framed(once, {13, 17, 13, 17}, kWhite), {})), picture, 0);
  // A dotted outermost line is no border, and must not hide the one behind it.
  Rgba dotted = Framed(picture, {20, 20, 20, 20}, kWhite);
  for (int r = 0; r < dotted.height; ++r) {
    for (int c = 0; c < dotted.width; ++c) {
      const bool outermost = r < 2 || c < 2 || r >= dotted.height - 2 || c >= dotted.width - 2;
      if (outermost && (r + c) % 6 < 3) std::copy_n(kRed.data(), 4, dotted.At(r, c));
    }
  }
  ExpectTrimmed(Process(EncodePng(dotted, {})), picture, 0);
  // Nor must a plain line, too thin to be a border, around the dotted one.
  for (int r = 0; r < dotted.height; ++r) {
    for (int c = 0; c < dotted.width; ++c) {
      const bool outermost = r == 0 || c == 0 || r == dotted.height - 1 || c == dotted.width - 1;
      if (outermost) std::copy_n(kRed.data(), 4, dotted.At(r, c));
    }
  }
  ExpectTrimmed(Process(EncodePng(dotted, {})), picture, 0);
}

// Rows of which a fifteenth is the picture are plain by their means where the ground is about as bright. So
// are columns.
TEST(Borders, ANarrowPictureOnAWideGroundIsFound) {
  const Rgba picture = Content();
  std::array<std::uint8_t, 4> ground = kWhite;
  for (std::size_t i = 0; i < 3; ++i) {
    std::size_t sum = 0;
    for (std::size_t at = i; at < picture.samples.size(); at += 4) sum += picture.samples[at];
    ground[i] = static_cast<std::uint8_t>(sum * 4 / picture.samples.size());
  }
  for (const Border& border : {Border{1'700, 0, 1'700, 0}, Border{0, 1'275, 0, 1'275}}) {
    const auto result = Process(EncodePng(Framed(picture, border, ground), {}));
    const auto found = std::ranges::find(result.views, ViewKind::kTrimmed, &decode::ViewHashes::kind);
    ASSERT_NE(found, result.views.end()) << "columns " << border.left << ", rows " << border.top;
    ExpectTrimmed(result, picture, 0);
  }
}

TEST(Borders, OfGreyAndOfClearPixelsCountToo) {
  const Rgba picture = Content();
  const Border border{24, 24, 24, 24};
  Rgba grey = picture;
  for (std::size_t i = 0; i < grey.samples.size(); i += 4)
    grey.samples[i + 1] = grey.samples[i + 2] = grey.samples[i];
  ExpectTrimmed(Process(EncodePng(Framed(grey, border, kWhite), {.color = PngColor::kGrey})), grey, 0);
  const auto clear = Process(EncodePng(Framed(picture, border, kClear), {.color = PngColor::kRgba}));
  ExpectTrimmed(clear, picture, 0);
  EXPECT_EQ(std::ranges::count(clear.views, ViewKind::kTrimmed, &decode::ViewHashes::kind), 1)
      << "over black it is the same picture";
}

TEST(Borders, TheSecondPipelinePicksFromWhatIsLeft) {
  const Rgba picture = WavePicture(500, 700, 5);
  const Rgba framed = Framed(picture, {100, 80, 60, 40}, kWhite);
  const decode::Wanted wanted{.pdq_nn512 = true};
  const auto plain = image::ProcessUpload(EncodePng(picture, {}), decode::Format::kUnknown, wanted, {});
  const auto trimmed = image::ProcessUpload(EncodePng(framed, {}), decode::Format::kUnknown, wanted, {});
  ASSERT_EQ(trimmed.views.size(), 2U);
  ASSERT_EQ(trimmed.views[1].pdq.size(), 2U);
  EXPECT_EQ(trimmed.views[1].width, 700U);
  EXPECT_EQ(trimmed.views[1].height, 500U);
  for (std::size_t pipeline = 0; pipeline < 2; ++pipeline) {
    EXPECT_EQ(trimmed.views[1].pdq[pipeline].forms, plain.views[0].pdq[pipeline].forms);
  }
}

TEST(Borders, WithoutOneThereIsNoFurtherView) {
  const Rgba picture = Content();
  EXPECT_EQ(Process(EncodePng(picture, {})).views.size(), 1U);
  EXPECT_EQ(Process(EncodeJpeg(picture, {.quality = 70})).views.size(), 1U);
  EXPECT_EQ(Process(EncodePng(Framed(picture, {1, 1, 1, 1}, kWhite), {})).views.size(), 1U) << "under 1 %";
}

TEST(Borders, OfOneColourAllOverThereIsNone) {
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 7}, {300, 5}, {64, 64}, {200, 131}}) {
    const Rgba plain = Framed({}, {width, height, 0, 0}, kRed);
    EXPECT_EQ(Process(EncodePng(plain, {})).cause, Cause::kNone);
    perceptual::StoredRows rows(plain.samples.data(), height, width, 4);
    EXPECT_TRUE(image::InsideBorders(rows).empty());
  }
}

}  // namespace
}  // namespace hashgate::testing
