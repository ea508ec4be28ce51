// Hashing a picture that is picked from a larger one without making it gives the same bits as making it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "hash/perceptual/pdq.h"
#include "hash/perceptual/pdq_picked.h"
#include "hash/perceptual/pdq_rows.h"
#include "testing/seed.h"

namespace hashgate::perceptual {
namespace {

constexpr auto kSide = static_cast<std::size_t>(kPickedSide);

struct Sample {
  std::vector<std::uint8_t> pixels;
  std::size_t height = 0;
  PickedPicture picture;
};

/// Nearest neighbour's rule, from the side's begin and from its end.
PickedSide SideOf(std::size_t length) {
  PickedSide side;
  for (std::size_t k = 0; k < kSide; ++k) {
    side.plain[k] = static_cast<std::uint32_t>(k * length / kSide);
    side.mirrored[k] = static_cast<std::uint32_t>(length - 1 - k * length / kSide);
  }
  return side;
}

/// `kind` 0 noise, 1 black and white so that sums reach their ends, 2 a symmetric picture, whose coefficients
/// tie.
Sample Draw(int kind, std::size_t height, std::size_t width, int channels, std::mt19937_64& random) {
  Sample sample{.height = height};
  sample.pixels.resize(height * width * static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < sample.pixels.size(); ++i) {
    const std::size_t x = i / static_cast<std::size_t>(channels) % width;
    const std::size_t y = i / static_cast<std::size_t>(channels) / width;
    switch (kind) {
      case 0: sample.pixels[i] = static_cast<std::uint8_t>(random()); break;
      case 1: sample.pixels[i] = (x / 40 + y / 60) % 3 == 0 ? 255 : 0; break;
      default:
        sample.pixels[i] =
            static_cast<std::uint8_t>(std::min(x, width - 1 - x) * 7 + std::min(y, height - 1 - y) * 5);
        break;
    }
  }
  sample.picture = {.samples = sample.pixels.data(),
                    .width = width,
                    .channels = channels,
                    .rows = SideOf(height),
                    .columns = SideOf(width)};
  return sample;
}

/// One of the four picked pictures, made.
std::vector<std::uint8_t> Make(const PickedPicture& picture, std::size_t index) {
  const auto& columns = index % 2 == 0 ? picture.columns.plain : picture.columns.mirrored;
  const auto& rows = index < 2 ? picture.rows.plain : picture.rows.mirrored;
  const auto channels = static_cast<std::size_t>(picture.channels);
  std::vector<std::uint8_t> made;
  for (const std::uint32_t y : rows) {
    for (const std::uint32_t x : columns) {
      const std::uint8_t* pixel = picture.Row(y) + x * channels;
      made.insert(made.end(), pixel, pixel + channels);
    }
  }
  return made;
}

void ExpectAsIfMade(const Sample& sample, const std::string& what) {
  // Which turns are a mirroring as it is, and which one transposed.
  constexpr Dihedral kPlain[] = {Dihedral::kOriginal, Dihedral::kFlipY, Dihedral::kFlipX,
                                 Dihedral::kRotate180};
  constexpr Dihedral kTransposed[] = {Dihedral::kFlipPlus1, Dihedral::kRotate90, Dihedral::kRotate270,
                                      Dihedral::kFlipMinus1};
  const PickedPicture& picture = sample.picture;
  const PdqFormSet forms = ComputePickedPdqForms(picture);
  for (std::size_t index = 0; index < 4; ++index) {
    const std::vector<std::uint8_t> made = Make(picture, index);
    StoredRows rows(made.data(), kPickedSide, kPickedSide, picture.channels);
    for (const Kernel& kernel : AllKernels()) {
      if (!kernel.supported()) continue;
      EXPECT_EQ(DownsamplePicked(picture, kernel)[index], DownsampleRows(rows, kernel)[0])
          << kernel.name << ' ' << what << ' ' << index;
    }
    EXPECT_EQ(DrawPicked(picture, index).samples, DrawLuma(rows).samples) << what << ' ' << index;
    const auto expected = ComputePdqForms(rows);
    ASSERT_TRUE(expected);
    const auto at = [](Dihedral turn) { return static_cast<std::size_t>(turn); };
    EXPECT_EQ(forms.forms[at(kPlain[index])], expected->forms[at(Dihedral::kOriginal)])
        << what << ' ' << index;
    EXPECT_EQ(forms.forms[at(kTransposed[index])], expected->forms[at(Dihedral::kFlipPlus1)])
        << what << ' ' << index;
    if (index == 0) {
      EXPECT_EQ(forms.quality, expected->quality) << what;
    }
  }
}

TEST(PdqPicked, EqualsThePictureThatWasMadeAtAllSizes) {
  std::mt19937_64 random(hashgate::testing::Seed());
  const std::size_t sides[][2] = {{513, 512}, {512, 513},  {5, 1500},    {900, 41},   {1024, 1024},
                                  {768, 600}, {700, 1300}, {1111, 2049}, {520, 6000}, {3000, 513}};
  for (const auto& [height, width] : sides) {
    for (const int channels : {1, 3, 4}) {
      const int kind = static_cast<int>(random() % 3);
      ExpectAsIfMade(Draw(kind, height, width, channels, random),
                     std::to_string(width) + "x" + std::to_string(height) + "x" + std::to_string(channels) +
                         " kind " + std::to_string(kind));
    }
  }
  for (int round = 0; round < 6; ++round) {
    const std::size_t height = 5 + random() % 1500;
    const std::size_t width = 513 + random() % 2000;
    ExpectAsIfMade(Draw(0, height, width, 1 + 2 * static_cast<int>(random() % 2), random),
                   std::to_string(width) + "x" + std::to_string(height));
  }
}

// Nothing depends on the rule by which samples are picked.
TEST(PdqPicked, EqualsThePictureThatWasMadeForAnyPositions) {
  std::mt19937_64 random(hashgate::testing::Seed() + 1);
  for (const int channels : {1, 3, 4}) {
    Sample sample = Draw(0, 300, 200, channels, random);
    for (auto* side : {&sample.picture.rows, &sample.picture.columns}) {
      const std::uint32_t length = side == &sample.picture.rows ? 300 : 200;
      for (auto* positions : {&side->plain, &side->mirrored}) {
        std::ranges::generate(*positions, [&] { return static_cast<std::uint32_t>(random() % length); });
      }
    }
    ExpectAsIfMade(sample, std::to_string(channels));
  }
}

TEST(PdqPicked, OnlyTheTurnsThatNeedItTakeTheTextbooksOrder) {
  std::mt19937_64 random(hashgate::testing::Seed() + 2);
  PdqFormsTrace trace;
  ComputePickedPdqForms(Draw(2, 1024, 1024, 1, random).picture, trace);
  EXPECT_GT(trace.exact_turns, 0);
  EXPECT_LE(trace.exact_turns, kDihedralCount);
  ComputePickedPdqForms(Draw(0, 1024, 1024, 1, random).picture, trace);
  EXPECT_EQ(trace.exact_turns, 0);
}

}  // namespace
}  // namespace hashgate::perceptual
