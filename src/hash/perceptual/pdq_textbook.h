// PDQ exactly as its reference computes it: single precision, one operation after the other. The oracle that
// the quick way in pdq.h must equal; nothing else should call it, it is slow.
// Source: facebook/ThreatExchange, folder pdq/ (paper hashing.pdf); written from its description.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "hashgate/hash.h"

namespace hashgate::perceptual {

/// Rows x cols samples of 0..255, row-major, no padding. Borrows its samples.
struct LumaView {
  std::span<const float> samples;
  int rows = 0;
  int cols = 0;
};

/// A LumaView that owns its samples.
struct LumaPlane {
  std::vector<float> samples;
  int rows = 0;
  int cols = 0;

  [[nodiscard]] LumaView view() const { return {samples, rows, cols}; }
};

/// 64x64 samples, row-major.
using Block64 = std::array<float, 64 * 64>;
/// 16x16 DCT coefficients of the frequencies 1..16, row-major; rows are vertical frequencies.
using Block16 = std::array<float, 16 * 16>;

struct PdqValue {
  PdqHash hash;
  int quality = 0;  ///< 0..100

  bool operator==(const PdqValue&) const = default;
};

/// Width of the box filter along a side of `n` samples: ceil(n / 128).
int BoxWindow(int n);
/// Which input sample output `k` of 64 takes along a side of `n`: floor((k + 0.5) * n / 64).
int SampleIndex(int k, int n);
/// 16x64: row i is the cosine of frequency i + 1, scaled by sqrt(2 / 64).
const std::array<float, 16 * 64>& DctMatrix();

/// Two passes of box filters along rows and columns, then every 64th of each side. An input of exactly 64x64
/// is returned as it is. Cost: six reads of the plane and a copy of it.
Block64 TextbookDownsample(const LumaView& luma);
/// How much structure the block has, 0..100: quantised differences of neighbours.
int QualityOf(const Block64& block);
/// The 16x16 lowest frequencies without the constant one.
Block16 DctOf(const Block64& block);
/// Bit 16 * i + j is set where coefficient (i, j) lies above the 128th smallest of all 256.
PdqHash BitsOf(const Block16& coefficients);
/// All of it. REQUIRES: both sides >= 5.
PdqValue TextbookPdq(const LumaView& luma);

/// The plane turned as `turn` says.
LumaPlane Turn(const LumaView& luma, Dihedral turn);

/// The reference's own way to the turned hashes: signs and transposition of one block's coefficients. Up to
/// 22 bits from the hash of the turned picture, so only the published vectors of the dihedral entry point are
/// compared with it.
Block16 CoefficientForm(const Block16& coefficients, Dihedral turn);

}  // namespace hashgate::perceptual
