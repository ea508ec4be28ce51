// Pixels as the encoders of single colour modes take them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashgate::testkit {

using Bytes = std::vector<std::uint8_t>;

/// Pixels of 8 bits, row-major: red, green, blue, alpha.
struct Rgba {
  int width = 0;
  int height = 0;
  Bytes samples;

  [[nodiscard]] const std::uint8_t* At(int row, int col) const {
    return &samples[(static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                     static_cast<std::size_t>(col)) *
                    4];
  }
  std::uint8_t* At(int row, int col) {
    return &samples[(static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                     static_cast<std::size_t>(col)) *
                    4];
  }
};

}  // namespace hashgate::testkit
