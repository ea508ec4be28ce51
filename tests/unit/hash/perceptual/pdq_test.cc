#include "hash/perceptual/pdq.h"

#include <gtest/gtest.h>

#include <vector>

#include "hash/perceptual/pdq_rows.h"
#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::perceptual {
namespace {

LumaPlane Counting(int rows, int cols) {
  LumaPlane plane{{}, rows, cols};
  for (int i = 0; i < rows * cols; ++i) plane.samples.push_back(static_cast<float>(i));
  return plane;
}

TEST(Pdq, SidesUnderFiveHaveNoHash) {
  for (const auto& [rows, cols] : {std::pair{4, 5}, {5, 4}, {1, 1000}, {1000, 1}, {4, 4}}) {
    const LumaPlane plane{std::vector<float>(static_cast<std::size_t>(rows * cols), 9.0F), rows, cols};
    EXPECT_FALSE(ComputePdq(plane.view()).has_value()) << rows << 'x' << cols;
    EXPECT_FALSE(ComputePdqForms(plane.view()).has_value()) << rows << 'x' << cols;
  }
  EXPECT_TRUE(ComputePdqForms(Counting(5, 5).view()).has_value());
}

TEST(Pdq, FlatPictureHasNoQuality) {
  const LumaPlane plane{std::vector<float>(90 * 70, 128.0F), 90, 70};
  EXPECT_EQ(ComputePdqForms(plane.view())->quality, 0);
}

TEST(PdqTurn, MovesPixelsAsNamed) {
  // 0 1 2
  // 3 4 5
  const LumaPlane plane = Counting(2, 3);
  const auto turned = [&](Dihedral turn) { return Turn(plane.view(), turn).samples; };
  EXPECT_EQ(turned(Dihedral::kOriginal), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(turned(Dihedral::kRotate90), (std::vector<float>{2, 5, 1, 4, 0, 3}));
  EXPECT_EQ(turned(Dihedral::kRotate180), (std::vector<float>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(turned(Dihedral::kRotate270), (std::vector<float>{3, 0, 4, 1, 5, 2}));
  EXPECT_EQ(turned(Dihedral::kFlipX), (std::vector<float>{3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(turned(Dihedral::kFlipY), (std::vector<float>{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(turned(Dihedral::kFlipPlus1), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(turned(Dihedral::kFlipMinus1), (std::vector<float>{5, 2, 4, 1, 3, 0}));
  EXPECT_EQ(Turn(plane.view(), Dihedral::kRotate90).rows, 3);
  EXPECT_EQ(Turn(plane.view(), Dihedral::kRotate90).cols, 2);
}

TEST(PdqTextbook, WindowsAndSamplesFollowTheDescription) {
  EXPECT_EQ(BoxWindow(64), 1);
  EXPECT_EQ(BoxWindow(128), 1);
  EXPECT_EQ(BoxWindow(129), 2);
  EXPECT_EQ(BoxWindow(512), 4);
  EXPECT_EQ(SampleIndex(0, 512), 4);
  EXPECT_EQ(SampleIndex(63, 512), 508);
  EXPECT_EQ(SampleIndex(63, 5), 4);
}

TEST(PdqBits, MedianIsTheLowerMiddleAndTiesStayClear) {
  Block16 block{};
  for (std::size_t k = 0; k < 256; ++k) block[k] = static_cast<float>(k);
  EXPECT_EQ(BitsOf(block).hex(), std::string(32, 'f') + std::string(32, '0'));
  // 200 equal values hold the median: only the greater ones set their bit.
  for (std::size_t k = 0; k < 200; ++k) block[k] = 7.0F;
  PdqHash expected;
  for (int k = 200; k < 256; ++k) expected.set_bit(k);
  EXPECT_EQ(BitsOf(block), expected);
}

// A mirrored picture ties in half of its coefficients; a large one is not computed in the textbook's order
// all the same, because that takes 4 bytes and 13 ns a pixel.
TEST(PdqForms, LargePicturesAreNotComputedInTheTextbooksOrder) {
  struct Case {
    int rows;
    int cols;
    bool exact;
  };
  for (const auto& [height, width, exact] :
       {Case{1'000, 1'000, true}, Case{5'000, 5'000, false}, Case{1'500, kMaxRowsSide + 1, false}}) {
    std::vector<std::uint8_t> samples(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
    for (int row = 0; row < height; ++row) {
      for (int col = 0; col < width; ++col) {
        samples[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                static_cast<std::size_t>(col)] =
            static_cast<std::uint8_t>(std::min(row, height - 1 - row) * 100 / height +
                                      std::min(col, width - 1 - col) * 100 / width);
      }
    }
    StoredRows rows(samples.data(), height, width, 1);
    PdqFormsTrace trace;
    ASSERT_TRUE(ComputePdqForms(rows, trace).has_value());
    EXPECT_EQ(trace.exact_turns > 0, exact) << height << " x " << width;
  }
}

}  // namespace
}  // namespace hashgate::perceptual
