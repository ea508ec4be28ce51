// PDQ `full` of a luma plane: the hash, its quality, and the hashes of the picture's eight turns.
#pragma once

#include <array>
#include <optional>

#include "hash/perceptual/pdq_textbook.h"
#include "hashgate/hash.h"

namespace hashgate::perceptual {

/// A side shorter than this cannot be hashed.
inline constexpr int kMinHashableSide = 5;

struct PdqFormSet {
  int quality = 0;                              ///< 0..100, of the picture as it is
  std::array<PdqHash, kDihedralCount> forms{};  ///< indexed by Dihedral
};

/// Hash and quality of the picture, equal to TextbookPdq in every bit.
/// Shapes: rows x cols samples of 0..255. nullopt where a side is under 5: no hash exists.
/// Threads: thread-safe. Cost: about 2 ns a sample on one core; memory about 150 rows at most.
std::optional<PdqValue> ComputePdq(const LumaView& luma);

/// The hashes of all eight turns; forms[t] equals ComputePdq(Turn(luma, t))->hash in every bit.
///
/// The blur and the choice of samples are linear and separable, so double precision gives the coefficients of
/// all eight turns from one read of the plane: mirrored turns have mirrored weights, transposed turns the
/// transposed coefficients. Where a coefficient lies so close to the median that the textbook's single
/// precision could have put it on the other side, that turn is computed in the textbook's own order instead.
/// Shapes and threads as above.
std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma);

/// How ComputePdqForms reached its result, for tests and measurements.
struct PdqFormsTrace {
  int exact_turns = 0;   ///< turns computed in the textbook's order
  double tolerance = 0;  ///< how far the textbook's coefficients may lie from ours
};
std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma, PdqFormsTrace& trace);

}  // namespace hashgate::perceptual
