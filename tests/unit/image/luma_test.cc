// Mixing with a background, against the formula; every colour, alpha and background there is.
#include "image/luma.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace hashgate::image {
namespace {

TEST(MixPixels, IsTheRoundedMean) {
  constexpr unsigned kLevels = 256;
  std::vector<std::uint8_t> mixed(std::size_t{kLevels} * 4);
  for (const unsigned background : {0U, 1U, 127U, 254U, 255U}) {
    for (unsigned alpha = 0; alpha < kLevels; ++alpha) {
      std::vector<std::uint8_t> pixels;
      for (unsigned color = 0; color < kLevels; ++color) {
        for (const unsigned sample : {color, 255 - color, color ^ 85U, alpha}) {
          pixels.push_back(static_cast<std::uint8_t>(sample));
        }
      }
      MixPixels(pixels.data(), kLevels, static_cast<std::uint8_t>(background), mixed.data());
      for (std::size_t i = 0; i < mixed.size(); ++i) {
        const unsigned wanted = i % 4 == 3 ? 0 : (pixels[i] * alpha + background * (255 - alpha) + 127) / 255;
        ASSERT_EQ(mixed[i], wanted) << "sample " << i << ", alpha " << alpha << ", background " << background;
      }
    }
  }
}

TEST(MixPixels, MayMixInPlace) {
  std::array<std::uint8_t, 8> pixels = {10, 20, 30, 0, 200, 100, 50, 255};
  MixPixels(pixels.data(), 2, 255, pixels.data());
  EXPECT_EQ(pixels, (std::array<std::uint8_t, 8>{255, 255, 255, 0, 200, 100, 50, 0}));
}

}  // namespace
}  // namespace hashgate::image
