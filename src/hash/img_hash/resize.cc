// Source: OpenCV 4.6, modules/imgproc/src/resize.cpp, whose INTER_LINEAR_EXACT is defined by its fixed-point
// numbers: weights of 8 binary places, sums without loss, one rounding at the end.
#include "hash/img_hash/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace hashgate::img_hash {
namespace {

// A sample of the result lies between source samples `first` and `second`, whose weights add up to 256.
struct Taps {
  std::size_t first = 0;
  std::size_t second = 0;
  std::uint32_t second_weight = 0;
};

std::vector<Taps> TapsOf(int length, std::size_t side) {
  // In two divisions, as OpenCV gets there: the weights' last bit may depend on it.
  const double scale = 1.0 / (static_cast<double>(side) / length);
  const int last = length - 1;
  std::vector<Taps> taps(side);
  for (std::size_t i = 0; i < side; ++i) {
    const double at = scale * (static_cast<double>(i) + 0.5) - 0.5;
    const auto below = static_cast<int>(std::floor(at));
    if (below >= 0 && below < last) {
      taps[i] = {.first = static_cast<std::size_t>(below),
                 .second = static_cast<std::size_t>(below) + 1,
                 .second_weight = static_cast<std::uint32_t>(std::lrint((at - below) * 256))};
    } else {
      const auto edge = static_cast<std::size_t>(std::clamp(below, 0, last));
      taps[i] = {.first = edge, .second = edge};
    }
  }
  return taps;
}

// 8 + 8 binary places.
std::uint32_t Mix(const std::uint8_t* upper, const std::uint8_t* lower, std::size_t a, std::size_t b,
                  const Taps& row, const Taps& col) {
  const std::uint32_t top = upper[a] * (256 - col.second_weight) + upper[b] * col.second_weight;
  const std::uint32_t bottom = lower[a] * (256 - col.second_weight) + lower[b] * col.second_weight;
  return (top * (256 - row.second_weight) + bottom * row.second_weight + (1U << 15)) >> 16;
}

}  // namespace

Square<std::uint8_t> GreySquare(perceptual::PixelRows& pixels, std::size_t side) {
  const std::vector<Taps> rows = TapsOf(pixels.rows(), side);
  const std::vector<Taps> cols = TapsOf(pixels.cols(), side);
  const auto channels = static_cast<std::size_t>(pixels.channels());
  Square<std::uint8_t> square(side);
  for (std::size_t r = 0; r < side; ++r) {
    std::array<const std::uint8_t*, 2> pair{};
    const std::size_t wanted = rows[r].second - rows[r].first + 1;
    pixels.Rows(static_cast<int>(rows[r].first), std::span(pair).first(wanted));
    const std::uint8_t* const upper = pair[0];
    const std::uint8_t* const lower = pair[wanted - 1];
    for (std::size_t c = 0; c < side; ++c) {
      const std::size_t a = cols[c].first * channels;
      const std::size_t b = cols[c].second * channels;
      const auto sample = [&](std::size_t channel) {
        return Mix(upper, lower, a + channel, b + channel, rows[r], cols[c]);
      };
      square.At(r, c) =
          channels == 1 ? static_cast<std::uint8_t>(sample(0)) : GreyOf(sample(0), sample(1), sample(2));
    }
  }
  return square;
}

}  // namespace hashgate::img_hash
