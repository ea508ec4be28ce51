#include "lists/structure.h"

#include <array>
#include <bit>
#include <cstdint>

namespace hashgate::lists {
namespace {

// The gate of IsDegenerate, a little lower so that rounding there decides nothing here: the greatest
// eigenvalue of G = M M^T, for M the 16x16 matrix of +-1, against 0.40 of M's energy of 256.
constexpr double kGate = 0.3999 * 256;

// Whether a bound shows that no eigenvalue of G reaches the gate: the sum of their squares, which is G's sum
// of squares, or of their fourth powers, which is that of G * G.
bool IsClearlyStructured(const PdqHash& hash) {
  std::array<std::uint32_t, 16> rows{};
  for (std::size_t r = 0; r < 16; ++r) rows[r] = hash.words[r / 4] >> (16 * (r % 4)) & 0xffff;
  std::array<std::array<int, 16>, 16> g{};
  std::int64_t squares = std::int64_t{16} * 16 * 16;
  for (std::size_t i = 0; i < 16; ++i) {
    g[i][i] = 16;
    for (std::size_t k = 0; k < i; ++k) {
      const int product = 16 - 2 * std::popcount(rows[i] ^ rows[k]);
      g[i][k] = g[k][i] = product;
      squares += std::int64_t{2} * product * product;
    }
  }
  if (static_cast<double>(squares) < kGate * kGate) return true;
  std::int64_t fourths = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    std::array<int, 16> row{};
    for (std::size_t k = 0; k < 16; ++k) {
      for (std::size_t c = 0; c < 16; ++c) row[c] += g[i][k] * g[k][c];
    }
    for (const int value : row) fourths += std::int64_t{value} * value;
  }
  return static_cast<double>(fourths) < kGate * kGate * kGate * kGate;
}

}  // namespace

bool HasTooLittleStructure(const PdqHash& hash) {
  int ones = 0;
  for (const std::uint64_t word : hash.words) ones += std::popcount(word);
  // IsDegenerate has a rule of its own for hashes of nearly one value: leave those to it.
  const bool balanced = ones >= 96 && ones <= 160;
  return (!balanced || !IsClearlyStructured(hash)) && IsDegenerate(hash);
}

}  // namespace hashgate::lists
