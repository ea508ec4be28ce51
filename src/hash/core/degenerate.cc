// The gates against pictures with too little structure. PDQ: the share of energy that the best rank-1
// approximation of the hash holds; PhotoDNA: the entropy of its components; img_hash: the share of ones, and
// of marr_hildreth how many of its groups differ. Where they come from: docs/matching.md, docs/img_hash.md.
#include "hash/core/degenerate.h"

#include <array>
#include <bit>
#include <bitset>
#include <cmath>
#include <cstdint>

#include "hashgate/hash.h"

namespace hashgate {
namespace {

constexpr double kMaxShare = 0.40;
constexpr double kEnergy = 256;  // of a 16x16 matrix of +-1

using Gram16 = std::array<std::array<int, 16>, 16>;
using Matrix16 = std::array<std::array<double, 16>, 16>;

// M's rows, a bit each for +1.
using Rows16 = std::array<std::uint16_t, 16>;
Rows16 RowsOf(const PdqHash& hash) {
  Rows16 rows{};
  for (std::size_t r = 0; r < 16; ++r)
    rows[r] = static_cast<std::uint16_t>(hash.words[r / 4] >> (16 * (r % 4)));
  return rows;
}

// Half of row r of M M^T: 8 less the bits in which two rows differ. Written so that a compiler does all
// sixteen at once: every entry of an import passes here. Source of the count: Warren, Hacker's Delight,
// section 5-1.
using Half16 = std::array<std::int16_t, 16>;
Half16 HalfGramRow(const Rows16& rows, std::size_t r) {
  Half16 half{};
  for (std::size_t c = 0; c < 16; ++c) {
    auto bits = static_cast<std::uint16_t>(rows[c] ^ rows[r]);
    bits = static_cast<std::uint16_t>(bits - (bits >> 1 & 0x5555));
    bits = static_cast<std::uint16_t>((bits & 0x3333) + (bits >> 2 & 0x3333));
    bits = static_cast<std::uint16_t>((bits + (bits >> 4)) & 0x0f0f);
    bits = static_cast<std::uint16_t>((bits + (bits >> 8)) & 0x001f);
    half[c] = static_cast<std::int16_t>(8 - bits);
  }
  return half;
}

// The sum of squares of M M^T.
int SquaresOf(const Rows16& rows) {
  // At most 16 times 8 * 8 in each: there is room for that.
  Half16 sums{};
  for (std::size_t r = 0; r < 16; ++r) {
    const Half16 half = HalfGramRow(rows, r);
    for (std::size_t c = 0; c < 16; ++c) sums[c] = static_cast<std::int16_t>(sums[c] + half[c] * half[c]);
  }
  int squares = 0;
  for (const std::int16_t sum : sums) squares += 4 * sum;
  return squares;
}

// M M^T for M the 16x16 matrix of +-1.
Gram16 GramOf(const Rows16& rows) {
  Gram16 gram{};
  for (std::size_t r = 0; r < 16; ++r) {
    const Half16 half = HalfGramRow(rows, r);
    for (std::size_t c = 0; c < 16; ++c) gram[r][c] = 2 * half[c];
  }
  return gram;
}

// Whether a bound shows that no eigenvalue of the Gram matrix reaches the gate: the sum of their squares,
// which is the matrix's sum of squares, or of their fourth powers, which is that of its square. Nearly all
// hashes are told apart by it, for a fiftieth of the cost. The gate is a little lower here, so that rounding
// decides nothing.
constexpr double kClearGate = (kMaxShare - 0.0001) * kEnergy;
bool IsClearBySquares(int squares) {
  return squares < kClearGate * kClearGate;
}
bool IsClearByFourths(const Gram16& gram) {
  std::int64_t fourths = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    std::array<int, 16> row{};
    for (std::size_t k = 0; k < 16; ++k) {
      for (std::size_t c = 0; c < 16; ++c) row[c] += gram[i][k] * gram[k][c];
    }
    for (const int value : row) fourths += std::int64_t{value} * value;
  }
  return static_cast<double>(fourths) < kClearGate * kClearGate * kClearGate * kClearGate;
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

bool IsDegenerateImgHash(Algorithm algorithm, ByteSpan value) {
  int ones = 0;
  for (const std::uint8_t byte : value) ones += std::popcount(byte);
  const auto bits = static_cast<int>(8 * value.size());
  if (4 * ones < bits || 4 * ones > 3 * bits) return true;
  if (algorithm != Algorithm::kMarrHildreth) return false;
  // A ramp has the same pattern everywhere. Groups of 9 bits, the first in the highest place.
  constexpr std::size_t kGroupBits = 9;
  constexpr std::size_t kMinPatterns = 16;
  std::bitset<std::size_t{1} << kGroupBits> patterns;
  for (std::size_t at = 0; at < 8 * value.size(); at += kGroupBits) {
    std::size_t pattern = 0;
    for (std::size_t bit = at; bit < at + kGroupBits; ++bit) {
      pattern = pattern << 1 | (value[bit / 8] >> (7 - bit % 8) & 1U);
    }
    patterns.set(pattern);
  }
  return patterns.count() < kMinPatterns;
}

bool IsDegenerate(const PdqHash& hash) {
  int ones = 0;
  for (const std::uint64_t word : hash.words) ones += std::popcount(word);
  // The median makes half the bits 1; far from that, many coefficients tied.
  if (ones < 64 || ones > 192) return true;
  const Rows16 rows = RowsOf(hash);
  if (IsClearBySquares(SquaresOf(rows))) return false;
  const Gram16 gram = GramOf(rows);
  return !IsClearByFourths(gram) && RankOneShare(gram) > kMaxShare;
}

bool IsDegenerate(const PhotoDna& vector) {
  constexpr double kMinEntropy = 0.7;
  // n log2 n for each number of equal components: the entropy falls short of log2 of all by their mean.
  static const auto weights = [] {
    std::array<double, std::tuple_size_v<PhotoDna> + 1> made{};
    for (std::size_t n = 1; n < made.size(); ++n) {
      made[n] = static_cast<double>(n) * std::log2(static_cast<double>(n));
    }
    return made;
  }();
  std::array<std::uint8_t, 256> counts{};
  for (const std::uint8_t component : vector) ++counts[component];
  double lost = 0;
  for (const std::uint8_t count : counts) lost += weights[count];
  return lost > (1 - kMinEntropy) * weights.back();
}

}  // namespace hashgate
