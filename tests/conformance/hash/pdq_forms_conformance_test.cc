// The exact way to a PDQ hash must equal the textbook on the turned picture in every bit, and the quick way
// in all but a pair of bits where two coefficients lie close together.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "golden/pdq/pictures.h"
#include "golden/pdq/vectors.h"
#include "hash/perceptual/pdq.h"
#include "hash/perceptual/pdq_exact.h"
#include "hash/perceptual/pdq_operator.h"
#include "testing/seed.h"

namespace hashgate::perceptual {
namespace {

/// What comparing quick hashes with the textbook's added up to.
struct Tally {
  int turns = 0;
  int exact = 0;      ///< computed in the textbook's order
  int differing = 0;  ///< of other bits than the textbook's
};

/// Compares the computed forms with the textbook on each turned plane.
void ExpectFormsOfTextbook(const LumaPlane& plane, const std::string& what, Tally& tally) {
  PdqFormsTrace trace;
  const auto quick = ComputePdqForms(plane.view(), trace);
  const auto exact = ComputeExactPdqForms(plane.view());
  ASSERT_TRUE(quick.has_value() && exact.has_value()) << what;
  const int quality = TextbookPdq(plane.view()).quality;
  EXPECT_EQ(exact->quality, quality) << what;
  EXPECT_LE(std::abs(quick->quality - quality), 1) << what;
  EXPECT_EQ(quick->quality < kMinUsablePdqQuality, quality < kMinUsablePdqQuality) << what;
  for (int turn = 0; turn < kDihedralCount; ++turn) {
    const auto dihedral = static_cast<Dihedral>(turn);
    const LumaPlane turned = Turn(plane.view(), dihedral);
    const PdqValue expected = TextbookPdq(turned.view());
    const auto at = static_cast<std::size_t>(turn);
    EXPECT_EQ(exact->forms[at], expected.hash) << what << ' ' << DihedralName(dihedral);
    const int distance = Distance(quick->forms[at], expected.hash);
    EXPECT_LE(distance, 2) << what << ' ' << DihedralName(dihedral);
    tally.differing += static_cast<int>(distance > 0);
  }
  tally.turns += kDihedralCount;
  tally.exact += trace.exact_turns;
}

/// Pictures with fractional luma, symmetries, flat parts and ties; `kind` 0..7.
LumaPlane Draw(int kind, int rows, int cols, std::mt19937_64& random) {
  LumaPlane plane{{}, rows, cols};
  const double phase = std::uniform_real_distribution<double>(0, 6)(random);
  const int cell = 1 + static_cast<int>(random() % 24);
  const float flat = static_cast<float>(random() % 255000) / 1000.0F;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      const double y = static_cast<double>(r) / rows;
      const double x = static_cast<double>(c) / cols;
      float value = flat;
      switch (kind) {
        case 0: value = static_cast<float>(random() % 256); break;
        case 1: value = static_cast<float>(random() % 255000) / 1000.0F; break;
        case 2:
          value = static_cast<float>(127 + 60 * std::sin(5 * x + 3 * y * y + phase) +
                                     40 * std::cos(9 * y - 12 * x * x) +
                                     static_cast<double>(random() % 2000) / 100.0);
          break;
        case 3: value = ((r / cell + c / cell) % 2) != 0 ? 255.0F : 0.0F; break;
        case 4: value = static_cast<float>(255 * x); break;
        case 5:
          value = static_cast<float>((std::min(r, rows - 1 - r) * std::min(c, cols - 1 - c)) % 256);
          break;
        case 6: value = (c / cell) % 3 == 0 ? 201.3F : 17.9F; break;
        default: break;
      }
      plane.samples.push_back(value);
    }
  }
  return plane;
}
constexpr int kKinds = 8;

TEST(PdqForms, EqualTextbookOnGoldenPictures) {
  const auto vectors = hashgate::testing::ReadGoldenVectors();
  ASSERT_FALSE(vectors.empty());
  Tally tally;
  for (const auto& vector : vectors) {
    ExpectFormsOfTextbook(hashgate::testing::GoldenPlane(vector.kind, vector.rows, vector.cols),
                          vector.kind + std::to_string(vector.rows), tally);
  }
  EXPECT_EQ(tally.differing, 0);
}

TEST(PdqForms, AreThoseOfTheTextbookAtEverySmallSize) {
  std::mt19937_64 random(hashgate::testing::Seed());
  Tally tally;
  for (int side = kMinHashableSide; side <= 130; ++side) {
    const int other = kMinHashableSide + static_cast<int>(random() % 126);
    for (int kind = 0; kind < kKinds; kind += 1 + static_cast<int>(random() % 4)) {
      const LumaPlane plane = Draw(kind, side, other, random);
      ExpectFormsOfTextbook(
          plane, "kind " + std::to_string(kind) + " " + std::to_string(side) + "x" + std::to_string(other),
          tally);
    }
  }
  // A pair that lies close together is rare, and rounding seldom turns it round.
  EXPECT_LE(tally.differing, tally.turns / 100);
}

TEST(PdqForms, AreThoseOfTheTextbookAtLargerSizes) {
  std::mt19937_64 random(hashgate::testing::Seed() + 1);
  const int sizes[][2] = {{64, 64},   {64, 65},   {128, 128}, {129, 127}, {200, 300}, {255, 257},
                          {1000, 37}, {37, 1000}, {512, 512}, {641, 480}, {640, 1153}};
  Tally plain;
  Tally symmetric;
  for (const auto& size : sizes) {
    for (int kind = 0; kind < kKinds; ++kind) {
      ExpectFormsOfTextbook(
          Draw(kind, size[0], size[1], random),
          "kind " + std::to_string(kind) + " " + std::to_string(size[0]) + "x" + std::to_string(size[1]),
          kind > 2 ? symmetric : plain);
    }
  }
  // Pictures without symmetry hardly ever need the slow way; were they to take it, the quick way would be
  // broken and unseen. Those with symmetry do: ties are not left to chance.
  EXPECT_LE(plain.exact, plain.turns / 20);
  EXPECT_LE(plain.differing, plain.turns / 100);
  EXPECT_GE(symmetric.exact, symmetric.turns / 4);
}

TEST(PdqForms, FlatPicturesTakeTheTextbooksOrder) {
  PdqFormsTrace trace;
  const LumaPlane flat{std::vector<float>(300 * 200, 77.7F), 300, 200};
  ASSERT_TRUE(ComputePdqForms(flat.view(), trace).has_value());
  EXPECT_EQ(trace.exact_turns, kDihedralCount);
}

TEST(PdqExact, BlocksEqualTextbookInEveryBit) {
  std::mt19937_64 random(hashgate::testing::Seed() + 2);
  for (int round = 0; round < 60; ++round) {
    const int rows = kMinHashableSide + static_cast<int>(random() % 400);
    const int cols = kMinHashableSide + static_cast<int>(random() % 400);
    const LumaPlane plane = Draw(round % kKinds, rows, cols, random);
    for (int turn = 0; turn < kDihedralCount; ++turn) {
      const auto dihedral = static_cast<Dihedral>(turn);
      EXPECT_EQ(ExactDownsample(plane.view(), dihedral),
                TextbookDownsample(Turn(plane.view(), dihedral).view()))
          << rows << 'x' << cols << ' ' << DihedralName(dihedral);
    }
  }
}

TEST(PdqOperator, TextbookStaysWellInsideTheTolerance) {
  std::mt19937_64 random(hashgate::testing::Seed() + 3);
  for (int round = 0; round < 40; ++round) {
    const int rows = kMinHashableSide + static_cast<int>(random() % 900);
    const int cols = kMinHashableSide + static_cast<int>(random() % 900);
    const LumaPlane plane = Draw(round % kKinds, rows, cols, random);
    PdqFormsTrace trace;
    ASSERT_TRUE(ComputePdqForms(plane.view(), trace).has_value());
    const Block16 textbook = DctOf(TextbookDownsample(plane.view()));
    const WideBlock16 ours = DctOf(DownsampleMirrored(plane.view())[0]);
    double worst = 0;
    for (std::size_t k = 0; k < 256; ++k) {
      worst = std::max(worst, std::abs(static_cast<double>(textbook[k]) - ours[k]));
    }
    EXPECT_LT(worst, trace.tolerance / 2) << rows << 'x' << cols << " kind " << round % kKinds;
  }
}

}  // namespace
}  // namespace hashgate::perceptual
