// The gate against pictures with too little structure: the share of energy that the best rank-1 approximation
// of the hash holds. Where the gate comes from: docs/matching.md.
#include <array>
#include <bit>
#include <cstdint>

#include "hashgate/hash.h"

namespace hashgate {
namespace {

constexpr double kMaxShare = 0.40;
constexpr double kEnergy = 256;  // of a 16x16 matrix of +-1

using Gram16 = std::array<std::array<int, 16>, 16>;
using Matrix16 = std::array<std::array<double, 16>, 16>;

// Bits set in each of the four 16-bit lanes. Every entry of an import passes here, and the build's baseline
// has no instruction for it. Source: the divide-and-conquer count of Warren, Hacker's Delight, section 5-1.
std::uint64_t OnesInLanes(std::uint64_t lanes) {
  lanes -= lanes >> 1 & 0x5555555555555555;
  lanes = (lanes & 0x3333333333333333) + (lanes >> 2 & 0x3333333333333333);
  lanes = (lanes + (lanes >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return (lanes + (lanes >> 8)) & 0x00ff00ff00ff00ff;
}

// M M^T for M the 16x16 matrix of +-1.
Gram16 GramOf(const PdqHash& hash) {
  Gram16 gram{};
  for (std::size_t r = 0; r < 16; ++r) {
    const std::uint64_t row = hash.words[r / 4] >> (16 * (r % 4)) & 0xffffU;
    for (std::size_t word = 0; word < 4; ++word) {
      // Four rows against this one.
      const std::uint64_t ones = OnesInLanes(hash.words[word] ^ row * 0x0001000100010001);
      for (std::size_t lane = 0; lane < 4; ++lane) {
        gram[r][4 * word + lane] = 16 - 2 * static_cast<int>(ones >> (16 * lane) & 0xffffU);
      }
    }
  }
  return gram;
}

// Whether a bound shows that no eigenvalue of the Gram matrix reaches the gate: the sum of their squares,
// which is the matrix's sum of squares, or of their fourth powers, which is that of its square. Nearly all
// hashes are told apart by it, for a fiftieth of the cost. The gate is a little lower here, so that rounding
// decides nothing.
bool IsClearlyStructured(const Gram16& gram) {
  constexpr double kGate = (kMaxShare - 0.0001) * kEnergy;
  std::int64_t squares = 0;
  for (const auto& row : gram) {
    for (const int value : row) squares += std::int64_t{value} * value;
  }
  if (static_cast<double>(squares) < kGate * kGate) return true;
  std::int64_t fourths = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    std::array<int, 16> row{};
    for (std::size_t k = 0; k < 16; ++k) {
      for (std::size_t c = 0; c < 16; ++c) row[c] += gram[i][k] * gram[k][c];
    }
    for (const int value : row) fourths += std::int64_t{value} * value;
  }
  return static_cast<double>(fourths) < kGate * kGate * kGate * kGate;
}

// Share of the energy of the 16x16 matrix of +-1 that its best rank-1 approximation holds: s1^2 / 256.
// s1^2 is the greatest eigenvalue of M M^T. Squaring that six times leaves it in front of all others; the
// column with the greatest diagonal is then a vector along its eigenspace whatever the pattern. A power
// iteration from a fixed vector would not do: some patterns are orthogonal to it and would pass as
// structured.
double RankOneShare(const Gram16& gram) {
  Matrix16 power{};
  for (std::size_t r = 0; r < 16; ++r) {
    for (std::size_t c = 0; c < 16; ++c) power[r][c] = gram[r][c];
  }
  for (int round = 0; round < 6; ++round) {
    Matrix16 square{};
    double trace = 0;
    for (std::size_t r = 0; r < 16; ++r) {
      for (std::size_t k = 0; k < 16; ++k) {
        for (std::size_t c = 0; c < 16; ++c) square[r][c] += power[r][k] * power[k][c];
      }
      trace += square[r][r];
    }
    // The trace is positive: it is the sum of squares of a matrix that is not zero.
    for (auto& row : square) {
      for (double& value : row) value /= trace;
    }
    power = square;
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < 16; ++i) {
    if (power[i][i] > power[best][best]) best = i;
  }
  const std::array<double, 16>& v = power[best];
  double vv = 0;
  double vgv = 0;
  for (std::size_t r = 0; r < 16; ++r) {
    double gv = 0;
    for (std::size_t c = 0; c < 16; ++c) gv += gram[r][c] * v[c];
    vv += v[r] * v[r];
    vgv += v[r] * gv;
  }
  return vgv / vv / kEnergy;
}

}  // namespace

bool IsDegenerate(const PdqHash& hash) {
  int ones = 0;
  for (const std::uint64_t word : hash.words) ones += std::popcount(word);
  // The median makes half the bits 1; far from that, many coefficients tied.
  if (ones < 64 || ones > 192) return true;
  const Gram16 gram = GramOf(hash);
  return !IsClearlyStructured(gram) && RankOneShare(gram) > kMaxShare;
}

}  // namespace hashgate
