// The published vectors of PDQ: pictures, single hash, quality, and the reference's dihedral entry point.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "golden/pdq/pictures.h"
#include "golden/pdq/vectors.h"
#include "hash/perceptual/pdq.h"
#include "hash/perceptual/pdq_textbook.h"

namespace hashgate {
namespace {

using perceptual::LumaPlane;
using testing::GoldenVector;

class PdqGolden : public ::testing::TestWithParam<GoldenVector> {
 protected:
  [[nodiscard]] static LumaPlane Plane() {
    return testing::GoldenPlane(GetParam().kind, GetParam().rows, GetParam().cols);
  }
};

TEST_P(PdqGolden, PictureIsDrawnAsDescribed) {
  std::uint64_t sum = 0;
  for (const std::uint8_t pixel : testing::GoldenPixels(GetParam().kind, GetParam().rows, GetParam().cols)) {
    sum = sum * 31 + pixel;
  }
  EXPECT_EQ(sum, GetParam().sum);
}

TEST_P(PdqGolden, TextbookEqualsReference) {
  const perceptual::PdqValue value = perceptual::TextbookPdq(Plane().view());
  EXPECT_EQ(value.hash.hex(), GetParam().hashes.at("single"));
  EXPECT_EQ(value.quality, GetParam().quality);
}

TEST_P(PdqGolden, ComputedHashEqualsReference) {
  const LumaPlane plane = Plane();
  const auto value = perceptual::ComputePdq(plane.view());
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->hash.hex(), GetParam().hashes.at("single"));
  EXPECT_EQ(value->quality, GetParam().quality);
  const auto forms = perceptual::ComputePdqForms(plane.view());
  ASSERT_TRUE(forms.has_value());
  EXPECT_EQ(forms->forms[0].hex(), GetParam().hashes.at("single"));
  EXPECT_EQ(forms->quality, GetParam().quality);
}

TEST_P(PdqGolden, CoefficientFormsEqualReference) {
  const perceptual::Block16 coefficients = perceptual::DctOf(perceptual::TextbookDownsample(Plane().view()));
  const char* const names[] = {"original", "rotate90", "rotate180", "rotate270",
                               "flipx",    "flipy",    "flipplus1", "flipminus1"};
  for (int turn = 0; turn < kDihedralCount; ++turn) {
    const auto form = perceptual::CoefficientForm(coefficients, static_cast<Dihedral>(turn));
    EXPECT_EQ(perceptual::BitsOf(form).hex(), GetParam().hashes.at(names[turn])) << names[turn];
  }
}

std::string VectorName(const ::testing::TestParamInfo<GoldenVector>& info) {
  return info.param.kind + std::to_string(info.param.rows) + "x" + std::to_string(info.param.cols);
}

INSTANTIATE_TEST_SUITE_P(Vectors, PdqGolden, ::testing::ValuesIn(testing::ReadGoldenVectors()), VectorName);

TEST(PdqGoldenFile, HoldsElevenPictures) {
  EXPECT_EQ(testing::ReadGoldenVectors().size(), 11U);
}

}  // namespace
}  // namespace hashgate
