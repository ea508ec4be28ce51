// The nn512 pipeline against its plainest form: turn the picture, pick the pixels, hash by the textbook.
#include "image/nn512.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "testing/seed.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr decode::Wanted kBoth{.pdq_full = true, .pdq_nn512 = true};

decode::DecodeResult ProcessBoth(const Bytes& bytes) {
  return image::ProcessUpload(bytes, decode::Format::kUnknown, kBoth, {});
}

/// Nearest neighbour as CImg does it, one sample after the other.
perceptual::LumaPlane Shrink(const perceptual::LumaPlane& plane) {
  perceptual::LumaPlane out{{}, 512, 512};
  for (int row = 0; row < 512; ++row) {
    for (int col = 0; col < 512; ++col) {
      const int from_row = row * plane.rows / 512;
      const int from_col = col * plane.cols / 512;
      out.samples.push_back(plane.samples[static_cast<std::size_t>(from_row * plane.cols + from_col)]);
    }
  }
  return out;
}

perceptual::PdqFormSet Nn512ByTheBook(const perceptual::LumaPlane& plane) {
  perceptual::PdqFormSet set;
  for (int turn = 0; turn < kDihedralCount; ++turn) {
    const auto shrunk = Shrink(perceptual::Turn(plane.view(), static_cast<Dihedral>(turn)));
    const auto value = perceptual::TextbookPdq(shrunk.view());
    set.forms[static_cast<std::size_t>(turn)] = value.hash;
    if (turn == 0) set.quality = value.quality;
  }
  return set;
}

void ExpectForms(const decode::PdqForms& got, const perceptual::PdqFormSet& expected) {
  EXPECT_EQ(got.pipeline, Pipeline::kNn512);
  // What ComputePdqForms may miss.
  EXPECT_NEAR(got.quality, expected.quality, 1);
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    EXPECT_LE(Distance(got.forms[turn], expected.forms[turn]), 2) << "turn " << turn;
  }
}

TEST(Nn512, PicksThePixelsThatCImgPicks) {
  // Made by resize(512, 512) of CImg 3.2.1 on pictures whose pixels are their own column.
  constexpr std::array<std::uint32_t, 9> kOutputs = {0, 1, 2, 100, 255, 256, 300, 510, 511};
  const struct {
    std::uint32_t length;
    std::array<std::uint32_t, 9> picked;
  } cases[] = {
      {513, {0, 1, 2, 100, 255, 256, 300, 510, 511}},
      {600, {0, 1, 2, 117, 298, 300, 351, 597, 598}},
      {1920, {0, 3, 7, 375, 956, 960, 1125, 1912, 1916}},
      {4032, {0, 7, 15, 787, 2008, 2016, 2362, 4016, 4024}},
  };
  for (const auto& [length, picked] : cases) {
    const auto forward = image::Nn512Positions(length, false);
    const auto backward = image::Nn512Positions(length, true);
    for (std::size_t i = 0; i < kOutputs.size(); ++i) {
      EXPECT_EQ(forward[kOutputs[i]], picked[i]) << length;
      EXPECT_EQ(backward[kOutputs[i]], length - 1 - picked[i]) << length;
    }
  }
}

TEST(Nn512, EveryTurnIsTheHashOfTheTurnedPicture) {
  const struct {
    int height;
    int width;
  } sizes[] = {{513, 512}, {512, 513}, {768, 1024}, {1300, 700}, {5, 1500}, {900, 41}, {1111, 2049}};
  for (const auto& [height, width] : sizes) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const Rgba picture = ColorPicture(height, width);
    const auto result = ProcessBoth(EncodePng(picture, {.color = PngColor::kRgb}));
    ASSERT_EQ(result.views.size(), 1U);
    ASSERT_EQ(result.views[0].pdq.size(), 2U);
    ExpectForms(result.views[0].pdq[1], Nn512ByTheBook(LumaOf(picture, 255)));
  }
}

TEST(Nn512, EveryTurnOfNoiseToo) {
  // Each pixel differs from its neighbours, so picking a neighbour shows.
  std::mt19937_64 random(Seed());
  for (int round = 0; round < 4; ++round) {
    const auto height = 200 + static_cast<int>(random() % 900);
    const auto width = 520 + static_cast<int>(random() % 900);
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    Rgba picture = GreyPicture(height, width);
    for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
      const auto value = static_cast<std::uint8_t>(random());
      for (std::size_t k = 0; k < 3; ++k) picture.samples[i + k] = value;
    }
    const auto result = ProcessBoth(EncodePng(picture, {.color = PngColor::kGrey}));
    ASSERT_EQ(result.views.at(0).pdq.size(), 2U);
    ExpectForms(result.views[0].pdq[1], Nn512ByTheBook(LumaOf(picture, 255)));
  }
}

TEST(Nn512, EveryViewThatHasAFullHashHasOne) {
  Rgba picture = ColorPicture(600, 700);
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) {
    picture.samples[i] = static_cast<std::uint8_t>(i % 1024 / 4);
  }
  const auto result = ProcessBoth(EncodePng(picture, {.color = PngColor::kRgba}));
  ASSERT_EQ(result.views.size(), 3U);
  ASSERT_EQ(result.views[1].kind, ViewKind::kOverBlack);
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(result.views[i].pdq.size(), 2U);
    EXPECT_EQ(WorstDistance(result, i, ExpectedForms(picture, i == 0 ? 255 : 0)), 0);
    ExpectForms(result.views[i].pdq[1], Nn512ByTheBook(LumaOf(picture, i == 0 ? 255 : 0)));
  }
}

TEST(Nn512, ASmallPictureHasOneHashOfBothPipelines) {
  const auto result = ProcessBoth(EncodePng(ColorPicture(512, 300), {.color = PngColor::kRgb}));
  ASSERT_EQ(result.views.at(0).pdq.size(), 2U);
  EXPECT_EQ(result.views[0].pdq[1].pipeline, Pipeline::kNn512);
  EXPECT_EQ(result.views[0].pdq[0].forms, result.views[0].pdq[1].forms);
  EXPECT_EQ(result.views[0].pdq[0].quality, result.views[0].pdq[1].quality);
}

TEST(Nn512, ItIsLeftOutWhereNobodyAsks) {
  const auto result = Process(EncodePng(ColorPicture(600, 300), {.color = PngColor::kRgb}));
  ASSERT_EQ(result.views.at(0).pdq.size(), 1U);
  EXPECT_EQ(result.views[0].pdq[0].pipeline, Pipeline::kFull);
}

TEST(Nn512, APictureTooNarrowForFullHasNeither) {
  const auto result = ProcessBoth(EncodePng(ColorPicture(4, 600), {.color = PngColor::kRgb}));
  EXPECT_FALSE(result.views.at(0).hashable);
  EXPECT_TRUE(result.views[0].pdq.empty());
}

}  // namespace
}  // namespace hashgate::testing
