// From coefficients and samples in double precision to the bits and the quality that the textbook would have
// found in single precision, or to saying that only its own order of operations can tell.
#pragma once

#include <optional>

#include "hash/perceptual/pdq_kernel.h"
#include "hashgate/hash.h"

namespace hashgate::perceptual {

/// How far single precision may carry the textbook's values from exact arithmetic.
struct Tolerance {
  double coefficient = 0;
  double sample = 0;
};
/// `whole_samples`: the luma consists of whole numbers, whose sums are rounded less.
Tolerance ToleranceFor(int rows, int cols, bool whole_samples);

/// The bits of a block of coefficients.
struct Division {
  PdqHash bits;
  PdqHash transposed;
  /// The textbook sets the same bits, or all but a pair of them: the two coefficients next to the dividing
  /// line lie further apart than twice the tolerance; or they are no tie (a sixteenth of that apart) and no
  /// second coefficient on one side of the line comes near enough to cross it. So at most 2 bits differ, and
  /// that only where rounding errors many times the usual ones meet.
  bool is_safe = false;
  /// Pairs of coefficients that could change sides of the dividing line together, each moved by the tolerance
  /// at most: twice as many bits may differ.
  int pairs_in_doubt = 0;
};
Division Divide(const WideBlock16& coefficients, double tolerance);

/// The quality, and what it could be at least and at most were each sample off by the tolerance.
struct QualityRange {
  int least = 0;
  int ours = 0;
  int most = 0;
};
QualityRange QualityWithin(const WideBlock64& block, double tolerance);

/// The quality, where rounding changes it by 1 at most and not from one side of kMinUsablePdqQuality to the
/// other; else nullopt.
std::optional<int> SafeQuality(const WideBlock64& block, double tolerance);

}  // namespace hashgate::perceptual
