// Small squares of samples or sums, and how they are turned.
#pragma once

#include <cstddef>
#include <vector>

#include "hashgate/hash.h"

namespace hashgate::img_hash {

/// Shapes: `values` has side * side of them, row-major.
template <typename T>
struct Square {
  std::size_t side = 0;
  std::vector<T> values;

  explicit Square(std::size_t length) : side(length), values(length * length) {}
  [[nodiscard]] T& At(std::size_t row, std::size_t col) { return values[row * side + col]; }
  [[nodiscard]] const T& At(std::size_t row, std::size_t col) const { return values[row * side + col]; }
};

/// As the turned picture's square would be.
template <typename T>
Square<T> Turned(const Square<T>& square, Dihedral turn) {
  Square<T> out(square.side);
  const std::size_t last = square.side - 1;
  for (std::size_t r = 0; r < square.side; ++r) {
    for (std::size_t c = 0; c < square.side; ++c) {
      T& to = out.At(r, c);
      switch (turn) {
        case Dihedral::kOriginal: to = square.At(r, c); break;
        case Dihedral::kRotate90: to = square.At(c, last - r); break;
        case Dihedral::kRotate180: to = square.At(last - r, last - c); break;
        case Dihedral::kRotate270: to = square.At(last - c, r); break;
        case Dihedral::kFlipX: to = square.At(last - r, c); break;
        case Dihedral::kFlipY: to = square.At(r, last - c); break;
        case Dihedral::kFlipPlus1: to = square.At(c, r); break;
        case Dihedral::kFlipMinus1: to = square.At(last - c, last - r); break;
      }
    }
  }
  return out;
}

/// Calls `take(turned square)` for each form in the order of Dihedral.
template <typename T, typename Take>
void ForEachForm(const Square<T>& square, const Take& take) {
  for (int form = 0; form < kDihedralCount; ++form) take(Turned(square, static_cast<Dihedral>(form)));
}

}  // namespace hashgate::img_hash
