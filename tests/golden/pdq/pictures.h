// The pictures of the golden vectors: integer formulas, so that every implementation draws the same pixels.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::testing {

/// 32-bit integer hash of the lattice and of white noise.
inline std::uint32_t MixBits(std::uint32_t a) {
  a ^= a >> 16;
  a *= 0x7feb352dU;
  a ^= a >> 15;
  a *= 0x846ca68bU;
  a ^= a >> 16;
  return a;
}

/// One pixel, 0..255. `kind` is "plaid", "lattice", "rings" or "white"; anything else gives 0.
inline int GoldenPixel(std::string_view kind, int row, int col, int rows, int cols) {
  if (kind == "plaid") return (7 * row + 13 * col + ((row * col) >> 5)) & 255;
  if (kind == "lattice") {
    const auto point = [](int y, int x) {
      return static_cast<int>(MixBits(static_cast<std::uint32_t>(4099 * y + 131 * x + 7)) & 255U);
    };
    const int y = row >> 4;
    const int x = col >> 4;
    const int fy = row & 15;
    const int fx = col & 15;
    const int above = point(y, x) * (16 - fx) + point(y, x + 1) * fx;
    const int below = point(y + 1, x) * (16 - fx) + point(y + 1, x + 1) * fx;
    return (above * (16 - fy) + below * fy) >> 8;
  }
  if (kind == "rings") {
    const std::int64_t dr = 2 * row - rows;
    const std::int64_t dc = 2 * col - cols;
    return static_cast<int>(((dr * dr + 3 * dc * dc) / (rows + cols)) & 255);
  }
  if (kind == "white") {
    return static_cast<int>(
        MixBits(65537U * static_cast<std::uint32_t>(row) + static_cast<std::uint32_t>(col)) & 255U);
  }
  return 0;
}

/// rows x cols pixels, row-major.
inline std::vector<std::uint8_t> GoldenPixels(std::string_view kind, int rows, int cols) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols));
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      pixels.push_back(static_cast<std::uint8_t>(GoldenPixel(kind, r, c, rows, cols)));
    }
  }
  return pixels;
}

inline perceptual::LumaPlane GoldenPlane(std::string_view kind, int rows, int cols) {
  const std::vector<std::uint8_t> pixels = GoldenPixels(kind, rows, cols);
  return {std::vector<float>(pixels.begin(), pixels.end()), rows, cols};
}

}  // namespace hashgate::testing
