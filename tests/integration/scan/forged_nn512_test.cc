// A picture that is made so that nn512 sees another one: real pixels, decoded, hashed and matched.
#include <gtest/gtest.h>

#include "golden/pdq/pictures.h"
#include "hash/perceptual/pdq.h"
#include "image/nn512.h"
#include "unit/image/upload.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

constexpr int kHeight = 2700;
constexpr int kWidth = 3600;

/// Soft shapes of grey, each `seed` its own.
Rgba SoftPicture(int height, int width, int seed) {
  Rgba picture{width, height, {}};
  picture.samples.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 4);
  for (int r = 0; r < height; ++r) {
    for (int c = 0; c < width; ++c) {
      // The lattice of the golden vectors, drawn large: its points lie a twelfth of the width apart.
      const int scaled_r = r * 192 / width + 32 * seed;
      const int scaled_c = c * 192 / width + 64 * seed;
      const auto v = static_cast<std::uint8_t>(GoldenPixel("lattice", scaled_r, scaled_c, height, width));
      picture.samples.insert(picture.samples.end(), {v, v, v, 255});
    }
  }
  return picture;
}

/// `cover` with the pixels that nn512 takes replaced by those that it takes of `hidden`. Returns how many of
/// a thousand changed.
int Plant(const Rgba& hidden, Rgba& cover) {
  const auto rows = image::Nn512Positions(static_cast<std::uint32_t>(cover.height), false);
  const auto columns = image::Nn512Positions(static_cast<std::uint32_t>(cover.width), false);
  for (const std::uint32_t row : rows) {
    for (const std::uint32_t column : columns) {
      const std::size_t at = (std::size_t{row} * static_cast<std::size_t>(cover.width) + column) * 4;
      std::copy_n(&hidden.samples[at], 4, &cover.samples[at]);
    }
  }
  return 512 * 512 / (cover.width * cover.height / 1000);
}

class ForgedNn512Test : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    hidden_ = SoftPicture(kHeight, kWidth, 1);
    cover_ = SoftPicture(kHeight, kWidth, 2);
    const decode::DecodeResult listed = Decoded(hidden_);
    lists::ListConfig config = MakeConfig("nn");
    config.pdq_pipeline = Pipeline::kNn512;
    ASSERT_TRUE(catalog_->CreateList(config));
    ASSERT_EQ(listed.views.at(0).pdq.size(), 2U);
    AddEntry("nn", {.source_id = "hidden", .hashes = {PdqValue(listed.views[0].pdq[1].forms[0])}});
  }

  static decode::DecodeResult Decoded(const Rgba& picture) {
    const Bytes file = EncodePng(picture, {.color = PngColor::kGrey});
    return image::ProcessUpload(file, decode::Format::kPng, {.pdq_full = true, .pdq_nn512 = true}, {});
  }
  scan::ScanAnswer ScanPicture(const decode::DecodeResult& picture) {
    decoder_.answer = picture;
    return ScanBytes(PngBytes(1));
  }

  Rgba hidden_;
  Rgba cover_;
};

TEST_F(ForgedNn512Test, TheListedPictureIsBlocked) {
  const scan::ScanAnswer answer = ScanPicture(Decoded(hidden_));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_EQ(answer.matches.at(0).fact.distance_bits, 0);
}

TEST_F(ForgedNn512Test, ThePictureThatOnlyHidesItIsForAPerson) {
  EXPECT_EQ(ScanPicture(Decoded(cover_)).outcome, Outcome::kNotMatched);
  EXPECT_LE(Plant(hidden_, cover_), 27);
  const decode::DecodeResult forged = Decoded(cover_);
  const scan::ScanAnswer answer = ScanPicture(forged);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 0);
  EXPECT_TRUE(answer.matches[0].fact.nn512_only);
  EXPECT_EQ(answer.verdict, Verdict::kReview);

  // To the full hash, and to a person, it is still the cover.
  const PdqHash cover = Decoded(SoftPicture(kHeight, kWidth, 2)).views.at(0).pdq.at(0).forms[0];
  EXPECT_LE(Distance(forged.views.at(0).pdq.at(0).forms[0], cover), 31);
}

TEST_F(ForgedNn512Test, TheListedPictureCannotHideBehindAnother) {
  Plant(cover_, hidden_);
  const decode::DecodeResult changed = Decoded(hidden_);
  const scan::ScanAnswer answer = ScanPicture(changed);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
}

}  // namespace
}  // namespace hashgate::testing
