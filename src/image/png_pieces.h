// What the files of libpng's side share: a PNG handed over in pieces, and where an animation's frames lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode/record.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "image/frames.h"
#include "image/luma.h"
#include "image/pixels.h"

namespace hashgate::image {

/// The bytes of a PNG, one run after the other.
class PngPieces {
 public:
  PngPieces() = default;
  PngPieces(const PngPieces&) = delete;
  PngPieces& operator=(const PngPieces&) = delete;
  virtual ~PngPieces() = default;
  /// The next run, valid until the next call; empty at the end. Owns nothing across calls of libpng's.
  virtual ByteSpan Next() noexcept = 0;
};

struct PngPart {
  /// kNone, kTruncated (`bitmap` is cropped to the rows that are there, perhaps none), or why there is
  /// nothing.
  Cause cause = Cause::kNone;
  bool warned = false;
  Bitmap bitmap;  ///< 1, 3 or 4 channels
};

PngPart DecodePngPieces(PngPieces& pieces, const decode::Limits& limits);

/// True where samples have 16 bits. REQUIRES: PNG's magic.
bool Is16BitPng(ByteSpan bytes);
/// The first picture of a PNG of 16 bits with its colours stretched: what came out between `range` in 8 bits
/// fills them all. Empty where nothing could be decoded. Memory: as DecodePngPieces.
Bitmap DecodePngStretched(ByteSpan bytes, SampleRange range, const decode::Limits& limits);

/// What a walk over the chunks finds.
struct PngChunks {
  std::uint32_t frames = 1;  ///< pictures stored, as an APNG declares or holds them; 1 for a plain PNG
  /// False where viewers of animations never show the picture that stands for those that know none.
  bool default_is_shown = true;
  bool animated = false;
  std::size_t end = 0;  ///< behind the end chunk; 0 where there is none
  // Whole chunks, empty where there is none in front of the picture's data.
  ByteSpan palette;
  ByteSpan transparency;
};

/// Goes over the chunks. Of those of an animation it reads the declared number of frames and what each is
/// (source: W3C PNG, third edition, "APNG: frame-based animation"). Frames go to `planned`, where it is
/// given, up to kMaxPlannedFrames; of each `at` and `size` are where its chunks of data lie. REQUIRES: a
/// header chunk in front. Cost: linear in the chunks, and in the bytes of those that control frames.
PngChunks WalkPngChunks(ByteSpan bytes, std::vector<FrameFact>* planned);

}  // namespace hashgate::image
