// Pictures that show another one to whoever makes them smaller by picking or mixing few pixels. The eye, and
// so the hash, takes areas. Source: Xiao and others, "Camouflage attacks on image scaling algorithms" (2019).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr int kSmall = 128;
constexpr int kStep = 8;  // pixels of the large picture for one of the small

/// `seen` with the pixels of `hidden` planted: in each square of kStep pixels a side a block of `block`
/// pixels a side, `offset` from its corner.
Rgba Plant(Rgba seen, const Rgba& hidden, int offset, int block) {
  for (int row = 0; row < kSmall; ++row) {
    for (int col = 0; col < kSmall; ++col) {
      for (int y = 0; y < block; ++y) {
        for (int x = 0; x < block; ++x) {
          std::copy_n(hidden.At(row, col), 4, seen.At(row * kStep + offset + y, col * kStep + offset + x));
        }
      }
    }
  }
  return seen;
}

/// The small picture of pixels picked at each square's corner.
Rgba ByNearest(const Rgba& picture) {
  Rgba small{kSmall, kSmall, Bytes(std::size_t{4} * kSmall * kSmall)};
  for (int row = 0; row < kSmall; ++row) {
    for (int col = 0; col < kSmall; ++col) {
      std::copy_n(picture.At(row * kStep, col * kStep), 4, small.At(row, col));
    }
  }
  return small;
}

/// The small picture of the four pixels around each square's middle, mixed.
Rgba ByLinear(const Rgba& picture) {
  Rgba small{kSmall, kSmall, Bytes(std::size_t{4} * kSmall * kSmall)};
  constexpr int kMiddle = kStep / 2 - 1;
  for (int row = 0; row < kSmall; ++row) {
    for (int col = 0; col < kSmall; ++col) {
      for (int i = 0; i < 4; ++i) {
        int sum = 2;
        for (int y = 0; y < 2; ++y) {
          for (int x = 0; x < 2; ++x) {
            sum += picture.At(row * kStep + kMiddle + y, col * kStep + kMiddle + x)[i];
          }
        }
        small.At(row, col)[i] = static_cast<std::uint8_t>(sum / 4);
      }
    }
  }
  return small;
}

class ScalingAttack : public ::testing::Test {
 protected:
  // What the eye sees is what is hashed, in every turn and however the picture is stored.
  void ExpectSeen(const Rgba& attack) const {
    decode::Limits scaled;
    scaled.max_pixels = std::uint64_t{kSmall * kStep / 2} * (kSmall * kStep / 2);
    for (const auto& [file, limits] : {std::pair{EncodePng(attack, {}), decode::Limits{}},
                                       std::pair{EncodePng(attack, {.interlaced = true}), decode::Limits{}},
                                       std::pair{EncodeWebp(attack, true, false), decode::Limits{}},
                                       std::pair{EncodeBmp(attack, {}), decode::Limits{}},
                                       std::pair{EncodeJpeg(attack, {.quality = 95}), decode::Limits{}},
                                       std::pair{EncodeJpeg(attack, {.quality = 95}), scaled}}) {
      const auto result = Process(file, limits);
      ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_LE(WorstDistance(result, 0, seen_forms_), kListBits) << decode::FormatName(result.format);
      const PdqHash& hash = result.views[0].pdq[0].forms[0];
      for (const PdqHash& form : hidden_forms_.forms) EXPECT_GE(Distance(hash, form), 90);
    }
  }

  static constexpr int kListBits = 16;  // half of what a list allows
  const Rgba seen_ = WavePicture(kSmall * kStep, kSmall* kStep, 21);
  const Rgba hidden_ = WavePicture(kSmall, kSmall, 22);
  const perceptual::PdqFormSet seen_forms_ = ExpectedForms(seen_);
  const perceptual::PdqFormSet hidden_forms_ = ExpectedForms(hidden_);
};

TEST_F(ScalingAttack, PickingOnePixelOfEachSquareShowsTheOther) {
  const Rgba attack = Plant(seen_, hidden_, 0, 1);
  // It is one: this is what it does to the filter that it is made for.
  EXPECT_EQ(Distance(ExpectedForms(ByNearest(attack)).forms[0], hidden_forms_.forms[0]), 0);
  ExpectSeen(attack);
}

TEST_F(ScalingAttack, MixingFourPixelsOfEachSquareShowsTheOther) {
  const Rgba attack = Plant(seen_, hidden_, kStep / 2 - 1, 2);
  EXPECT_EQ(Distance(ExpectedForms(ByLinear(attack)).forms[0], hidden_forms_.forms[0]), 0);
  ExpectSeen(attack);
}

}  // namespace
}  // namespace hashgate::testing
