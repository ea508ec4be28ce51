// pHash: which of the 8 x 8 lowest coefficients of a cosine transform of 32 x 32 grey pixels lie above their
// mean, the first of them counted as 0; row by row. Source: OpenCV 4.6 img_hash, PHash; Krawetz, "Looks Like
// It", 2011.
//
// OpenCV transforms in single precision. Here the cosines are whole numbers, so that sums are exact: what is
// zero is zero, and turned pictures give turned coefficients.
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "hash/img_hash/bit_packer.h"
#include "hash/img_hash/forms.h"
#include "hash/img_hash/resize.h"

namespace hashgate::img_hash {
namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kKept = 8;
constexpr double kOne = 1 << 18;

// Rows of the transform but for its common factor. A coefficient stays below 2^54, so that 64 of them can be
// added.
using Cosines = std::array<std::array<std::int64_t, kSide>, kKept>;

const Cosines& CosineRows() {
  static const Cosines rows = [] {
    Cosines made{};
    for (std::size_t u = 0; u < kKept; ++u) {
      const double factor = u == 0 ? std::numbers::sqrt2 / 2 : 1;
      for (std::size_t x = 0; x < kSide; ++x) {
        const double angle = std::numbers::pi * static_cast<double>(u * (2 * x + 1)) / (2 * kSide);
        made[u][x] = std::llround(kOne * factor * std::cos(angle));
      }
    }
    return made;
  }();
  return rows;
}

Square<std::int64_t> Coefficients(const Square<std::uint8_t>& square) {
  const Cosines& cosines = CosineRows();
  std::array<std::array<std::int64_t, kKept>, kSide> of_rows{};
  for (std::size_t r = 0; r < kSide; ++r) {
    for (std::size_t v = 0; v < kKept; ++v) {
      for (std::size_t c = 0; c < kSide; ++c) of_rows[r][v] += square.At(r, c) * cosines[v][c];
    }
  }
  Square<std::int64_t> kept(kKept);
  for (std::size_t u = 0; u < kKept; ++u) {
    for (std::size_t r = 0; r < kSide; ++r) {
      for (std::size_t v = 0; v < kKept; ++v) kept.At(u, v) += of_rows[r][v] * cosines[u][r];
    }
  }
  kept.At(0, 0) = 0;
  return kept;
}

}  // namespace

std::vector<std::uint8_t> PHashForms(perceptual::PixelRows& pixels) {
  const Square<std::uint8_t> square = GreySquare(pixels, kSide);
  std::vector<std::uint8_t> hashes;
  ForEachForm(square, [&](const Square<std::uint8_t>& turned) {
    const Square<std::int64_t> kept = Coefficients(turned);
    const std::int64_t sum = std::accumulate(kept.values.begin(), kept.values.end(), std::int64_t{0});
    constexpr std::int64_t kCount = kKept * kKept;
    BitPacker bits(BitOrder::kLowestFirst, hashes);
    for (const std::int64_t value : kept.values) bits.Append(value * kCount > sum);
  });
  return hashes;
}

}  // namespace hashgate::img_hash
