// PDQ `full` of a luma plane: the hash, its quality, and the hashes of the picture's eight turns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hash/perceptual/pdq_picked.h"
#include "hash/perceptual/pdq_textbook.h"
#include "hash/perceptual/pixel_rows.h"
#include "hashgate/hash.h"

namespace hashgate::perceptual {

/// A side shorter than this cannot be hashed.
inline constexpr int kMinHashableSide = 5;

/// Turns of pictures with more pixels are never computed in the textbook's order: it takes 4 bytes and 13 ns
/// a pixel, and only mirrored and flat pictures of that size ask for it.
inline constexpr std::int64_t kMaxExactPixels = 24'000'000;

struct PdqFormSet {
  int quality = 0;                              ///< 0..100, of the picture as it is
  std::array<PdqHash, kDihedralCount> forms{};  ///< indexed by Dihedral
};

/// Hash and quality of the picture, equal to TextbookPdq in every bit.
/// Shapes: rows x cols samples of 0..255. nullopt where a side is under 5: no hash exists.
/// Threads: thread-safe. Cost: about 2 ns a sample on one core; memory about 150 rows at most.
std::optional<PdqValue> ComputePdq(const LumaView& luma);

/// The hashes of all eight turns; forms[t] equals ComputePdq(Turn(luma, t))->hash in every bit.
/// Shapes and threads as above. Cost: eight times the above.
std::optional<PdqFormSet> ComputeExactPdqForms(const LumaView& luma);

/// The same, quickly. The blur and the choice of samples are linear and separable, so one read of the picture
/// gives the coefficients of all eight turns: mirrored turns have mirrored weights, transposed turns the
/// transposed coefficients. They are exact where the textbook's are rounded to single precision.
///
/// Where coefficients near the median tie, or several lie so close to it that rounding could have put them on
/// its other side, that turn is computed in the textbook's own order, as ComputeExactPdqForms does. Where
/// only one pair lies that close, without being a tie, it is not: so a hash may differ from the textbook's in
/// 2 bits at most, which was never seen on a photograph, and the quality by 1, never across
/// kMinUsablePdqQuality.
///
/// Shapes: pixels of 8 bits, grey or in colours; no plane of luma is made but for a turn in the textbook's
/// order. Threads: confined by `pixels`, else thread-safe. Cost: 0.1 ms and 0.05 to 0.3 ns a sample, counted
/// by channel; a turn in the textbook's order adds 2 ns a pixel.
std::optional<PdqFormSet> ComputePdqForms(PixelRows& pixels);
/// Shapes: rows x cols samples of 0..255. Threads: thread-safe. Cost: about 1 ns a sample.
std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma);

/// A hash by ComputeReducedPdqForms and one of all pixels differ in so many bits at most.
inline constexpr int kMaxReducedBits = 4;
/// The hashes of all eight turns of a picture of `rows` x `cols` samples of which only the averages of
/// squares of `factor` samples a side are at hand. nullopt where many coefficients lie about the median, as
/// in pictures that are mirrored or flat, or the quality is near kMinUsablePdqQuality or below: there all
/// pixels must be looked at. On photographs of 360 averages a side and more a form differs from
/// ComputePdqForms in kMaxReducedBits at most; docs/matching.md has the distribution. Shapes: as
/// DownsampleAverages. Threads: thread-safe. Cost: about 1 ns an average and 0.1 ms.
std::optional<PdqFormSet> ComputeReducedPdqForms(const LumaView& averages, int rows, int cols, int factor);

/// The hashes of all eight turns of a picture that is brought to 512x512 by picking pixels, each of the
/// turned picture so picked: of the four mirrorings, and of each of these transposed. As exact as
/// ComputePdqForms of each mirroring, and the same in every bit. Threads: thread-safe. Cost: that of
/// DownsamplePicked and 0.1 ms; a turn in the textbook's order adds 1 ms.
PdqFormSet ComputePickedPdqForms(const PickedPicture& picture);

/// How ComputePdqForms reached its result, for tests and measurements.
struct PdqFormsTrace {
  int exact_turns = 0;   ///< turns computed in the textbook's order
  double tolerance = 0;  ///< how far the textbook's coefficients may lie from ours
};
std::optional<PdqFormSet> ComputePdqForms(PixelRows& pixels, PdqFormsTrace& trace);
std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma, PdqFormsTrace& trace);
PdqFormSet ComputePickedPdqForms(const PickedPicture& picture, PdqFormsTrace& trace);

}  // namespace hashgate::perceptual
