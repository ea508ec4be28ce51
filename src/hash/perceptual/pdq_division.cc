#include "hash/perceptual/pdq_division.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hashgate::perceptual {
namespace {

/// Half the distance between neighbouring floats, relative; times the greatest sample.
constexpr double kRounding = 255.0 / (1 << 24);

/// Two coefficients this part of the decisive distance apart, or less, are a tie.
constexpr double kTie = 1.0 / 16;

}  // namespace

// The textbook's running sums round to a grid that moves only where a sum crosses a power of two, so errors
// grow about as a random walk along the two sides; the DCT adds a part of its own.
Tolerance ToleranceFor(int rows, int cols, bool whole_samples) {
  const double walk = std::sqrt(rows + cols) * (whole_samples ? 1 : 4);
  return {.coefficient = kRounding * (384 + 4 * walk), .sample = kRounding * (128 + 2 * walk)};
}

Division Divide(const WideBlock16& coefficients, double tolerance) {
  WideBlock16 sorted = coefficients;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  const double below = sorted[127];
  const double above = *std::min_element(sorted.begin() + 128, sorted.end());
  Division out;
  int rising = 0;
  int falling = 0;
  // Of coefficients as great as the 128th some may lie on the other side of the line.
  int equals = -128;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      const double value = coefficients[16 * i + j];
      if (value <= below) {
        rising += static_cast<int>(value >= above - 2 * tolerance);
        ++equals;
        continue;
      }
      falling += static_cast<int>(value <= below + 2 * tolerance);
      out.bits.set_bit(static_cast<int>(16 * i + j));
      out.transposed.set_bit(static_cast<int>(16 * j + i));
    }
  }
  const double gap = above - below;
  out.pairs_in_doubt = gap > 2 * tolerance ? 0 : std::min(rising - equals, falling + equals);
  out.is_safe = out.pairs_in_doubt == 0 || (gap > 2 * tolerance * kTie && out.pairs_in_doubt <= 1);
  return out;
}

QualityRange QualityWithin(const WideBlock64& block, double tolerance) {
  // Each difference is cut to a whole number: near one, the textbook may have cut to the next.
  const double reach = 2 * tolerance * 100 / 255;
  int least = 0;
  int ours = 0;
  int most = 0;
  const auto step = [&](double u, double v) {
    const double d = std::abs(u - v) * 100 / 255;
    least += static_cast<int>(std::max(0.0, d - reach));
    ours += static_cast<int>(d);
    most += static_cast<int>(d + reach);
  };
  for (std::size_t i = 0; i < 64; ++i) {
    for (std::size_t j = 0; j < 63; ++j) step(block[i * 64 + j], block[i * 64 + j + 1]);
  }
  for (std::size_t k = 0; k < std::size_t{63} * 64; ++k) step(block[k], block[k + 64]);
  const auto quality = [](int sum) { return std::min(sum / 90, 100); };
  return {.least = quality(least), .ours = quality(ours), .most = quality(most)};
}

std::optional<int> SafeQuality(const WideBlock64& block, double tolerance) {
  const QualityRange quality = QualityWithin(block, tolerance);
  const bool same_use = (quality.least < kMinUsablePdqQuality) == (quality.most < kMinUsablePdqQuality);
  if (quality.most - quality.least > 1 || !same_use) return std::nullopt;
  return quality.ours;
}

}  // namespace hashgate::perceptual
