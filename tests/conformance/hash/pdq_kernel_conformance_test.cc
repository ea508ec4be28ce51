// Every kernel of the quick PDQ gives the same bits, those of the operator in double precision on the same
// picture, and the weights in whole numbers are those of the two box filters.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "hash/perceptual/pdq.h"
#include "hash/perceptual/pdq_kernel.h"
#include "hash/perceptual/pdq_operator.h"
#include "hash/perceptual/pdq_rows.h"
#include "hash/perceptual/pdq_weights.h"
#include "testing/seed.h"

namespace hashgate::perceptual {
namespace {

/// Noise over a slope, with runs of black and white, so that sums reach their ends.
std::vector<std::uint8_t> DrawPixels(int rows, int cols, int channels, std::mt19937_64& random) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) *
                                   static_cast<std::size_t>(channels));
  const std::size_t run = pixels.size() / 5;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto noise = static_cast<std::uint8_t>(random());
    pixels[i] = i / run == 1   ? 255
                : i / run == 3 ? 0
                               : static_cast<std::uint8_t>(noise / 2 + 100 * i / pixels.size());
  }
  return pixels;
}

double FurthestApart(const MirroredBlocks& a, const MirroredBlocks& b) {
  double furthest = 0;
  for (std::size_t m = 0; m < a.size(); ++m) {
    for (std::size_t i = 0; i < a[m].size(); ++i) furthest = std::max(furthest, std::abs(a[m][i] - b[m][i]));
  }
  return furthest;
}

void ExpectKernelsAgree(int rows, int cols, int channels, std::mt19937_64& random) {
  const std::string what = std::to_string(rows) + "x" + std::to_string(cols) + "x" + std::to_string(channels);
  const std::vector<std::uint8_t> pixels = DrawPixels(rows, cols, channels, random);
  StoredRows source(pixels.data(), rows, cols, channels);
  const MirroredBlocks expected = DownsampleMirrored(DrawLuma(source).view());
  const Kernel& portable = AllKernels().back();
  const MirroredBlocks blocks = DownsampleRows(source, portable);
  // Luma of colours is rounded to single precision before the operator in double precision sees it.
  EXPECT_LT(FurthestApart(blocks, expected), channels == 1 ? 1e-11 : 1.6e-5) << what;
  WideBlock16 coefficients;
  portable.dct(blocks[0], coefficients);
  for (const Kernel& kernel : AllKernels()) {
    if (!kernel.supported() || kernel.max_weight < BoxWindow(rows)) continue;
    EXPECT_EQ(DownsampleRows(source, kernel), blocks) << kernel.name << ' ' << what;
    WideBlock16 same;
    kernel.dct(blocks[0], same);
    EXPECT_EQ(same, coefficients) << kernel.name;
  }
}

TEST(PdqKernels, AgreeAtEverySmallSide) {
  std::mt19937_64 random(hashgate::testing::Seed());
  for (int side = kMinHashableSide; side <= 400; ++side) {
    const int other = kMinHashableSide + static_cast<int>(random() % 300);
    const int channels = std::vector<int>{1, 3, 4}[random() % 3];
    ExpectKernelsAgree(side, other, channels, random);
    ExpectKernelsAgree(other, side, channels, random);
  }
}

TEST(PdqKernels, AgreeWhereWindowsAreWide) {
  std::mt19937_64 random(hashgate::testing::Seed() + 1);
  // Windows of 63 to 65 and 127, at either end of what each kernel takes, and a row of more than one tile.
  for (const int side : {64 * 126 + 1, 64 * 128, 64 * 128 + 1, 64 * 130, kMaxRowsSide - 1, kMaxRowsSide}) {
    ExpectKernelsAgree(side, 6, 1, random);
    ExpectKernelsAgree(7, side, 3, random);
  }
  ExpectKernelsAgree(1536, 2048, 1, random);
}

TEST(PdqKernels, WhiteStaysWhite) {
  for (const int side : {5, 64, 129, 256, kMaxRowsSide}) {
    const std::vector<std::uint8_t> white(static_cast<std::size_t>(side) * 130, 255);
    StoredRows source(white.data(), side, 130, 1);
    for (const Kernel& kernel : AllKernels()) {
      if (!kernel.supported() || kernel.max_weight < BoxWindow(side)) continue;
      const MirroredBlocks blocks = DownsampleRows(source, kernel);
      for (const WideBlock64& block : blocks) {
        for (const double value : block) ASSERT_NEAR(value, 255, 1e-10) << kernel.name << ' ' << side;
      }
    }
  }
}

TEST(PdqForms, OfPixelsAreThoseOfTheirLuma) {
  std::mt19937_64 random(hashgate::testing::Seed() + 2);
  for (int round = 0; round < 40; ++round) {
    const int rows = kMinHashableSide + static_cast<int>(random() % 500);
    const int cols = kMinHashableSide + static_cast<int>(random() % 500);
    const int channels = round % 2 == 0 ? 1 : 3;
    const std::vector<std::uint8_t> pixels = DrawPixels(rows, cols, channels, random);
    StoredRows source(pixels.data(), rows, cols, channels);
    const auto quick = ComputePdqForms(source);
    const auto exact = ComputeExactPdqForms(DrawLuma(source).view());
    ASSERT_TRUE(quick.has_value() && exact.has_value());
    EXPECT_LE(std::abs(quick->quality - exact->quality), 1);
    for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
      EXPECT_LE(Distance(quick->forms[turn], exact->forms[turn]), 2) << rows << 'x' << cols;
    }
  }
}

TEST(PdqForms, OfSidesTooLongForWholeNumbersGoByTheirLuma) {
  std::mt19937_64 random(hashgate::testing::Seed() + 3);
  const std::vector<std::uint8_t> pixels = DrawPixels(9, kMaxRowsSide + 1, 1, random);
  StoredRows source(pixels.data(), 9, kMaxRowsSide + 1, 1);
  const auto quick = ComputePdqForms(source);
  const auto exact = ComputeExactPdqForms(DrawLuma(source).view());
  ASSERT_TRUE(quick.has_value() && exact.has_value());
  EXPECT_LE(Distance(quick->forms[0], exact->forms[0]), 2);
}

TEST(PdqForms, OfPicturesTooSmallDoNotExist) {
  const std::vector<std::uint8_t> pixels(4 * 100);
  StoredRows low(pixels.data(), 4, 100, 1);
  StoredRows narrow(pixels.data(), 100, 4, 1);
  EXPECT_FALSE(ComputePdqForms(low).has_value());
  EXPECT_FALSE(ComputePdqForms(narrow).has_value());
}

TEST(PdqWeights, OfAnOutputSumToOne) {
  for (const int n : {5, 63, 64, 65, 127, 128, 129, 500, 4032}) {
    for (const bool mirrored : {false, true}) {
      for (const WeightRow& row : SideWeights(n, mirrored)) {
        double sum = 0;
        for (const double weight : row.weights) sum += weight;
        EXPECT_NEAR(sum, 1.0, 1e-12) << n;
        EXPECT_LE(row.first + row.weights.size(), static_cast<std::size_t>(n));
      }
    }
  }
}

TEST(PdqWeights, InWholeNumbersAreTheSame) {
  for (int n = kMinHashableSide; n <= kMaxRowsSide; n += n < 1500 ? 1 : 97) {
    const double window = BoxWindow(n);
    const std::array<Tent, 64> tents = SideTents(n);
    const std::vector<WeightRow> rows = SideWeights(n, false);
    for (std::size_t k = 0; k < 64; ++k) {
      std::vector<double> weights(rows[k].weights.size());
      const auto first = static_cast<std::int64_t>(rows[k].first);
      const auto add = [&](const WholeWeights& whole, double scale) {
        for (std::size_t i = 0; i < whole.weights.size(); ++i) {
          ASSERT_LE(whole.weights[i], BoxWindow(n));
          weights[static_cast<std::size_t>(whole.first - first) + i] += whole.weights[i] * scale;
        }
      };
      ASSERT_GE(tents[k].whole.first, first);
      add(tents[k].whole, 1 / (window * window));
      if (!tents[k].cut.weights.empty()) add(tents[k].cut, 1 / (window * (window - 1)));
      for (std::size_t i = 0; i < weights.size(); ++i) {
        ASSERT_NEAR(weights[i], rows[k].weights[i], 1e-12) << n << ' ' << k;
      }
    }
  }
}

TEST(PdqWeights, FoldedWeighReducedSamplesLikeTheOnesTheyStandFor) {
  std::mt19937_64 random(hashgate::testing::Seed() + 4);
  for (const int factor : {1, 2, 4, 8}) {
    for (const int n : {512, 1000, 4032, 4037}) {
      // A side in steps of `factor`: reducing it loses nothing.
      std::vector<double> reduced(static_cast<std::size_t>((n + factor - 1) / factor));
      for (double& sample : reduced) sample = static_cast<double>(random() % 256);
      for (const bool mirrored : {false, true}) {
        const std::vector<WeightRow> rows = SideWeights(n, mirrored);
        const std::vector<WeightRow> folded = FoldWeights(rows, factor);
        for (std::size_t k = 0; k < 64; ++k) {
          double expected = 0;
          double got = 0;
          for (std::size_t i = 0; i < rows[k].weights.size(); ++i) {
            expected += rows[k].weights[i] * reduced[(rows[k].first + i) / static_cast<std::size_t>(factor)];
          }
          for (std::size_t i = 0; i < folded[k].weights.size(); ++i) {
            got += folded[k].weights[i] * reduced[folded[k].first + i];
          }
          EXPECT_NEAR(got, expected, 1e-9) << factor << ' ' << n;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hashgate::perceptual
