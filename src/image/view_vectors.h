// The hashes that plug-ins make of a view.
#pragma once

#include "decode/record.h"
#include "image/luma.h"
#include "image/part.h"
#include "image/pixels.h"

namespace hashgate::image {

/// Pixels given to plug-ins of further views of the first picture, and as many of further pictures: what
/// plug-ins cost is bounded by counted work.
inline constexpr std::uint64_t kMaxVectorPixels = 100'000'000;

/// The same without vectors, for views that people do not see.
inline decode::Wanted WithoutVectors(decode::Wanted wanted) {
  wanted.vectors = {};
  return wanted;
}

/// Says of which further views vectors are made: of those that come while the pixels last.
class VectorBudget {
 public:
  /// What to compute of a view of `bitmap`.
  decode::Wanted Take(const decode::Wanted& wanted, const Bitmap& bitmap) {
    const std::uint64_t pixels = std::uint64_t{bitmap.width} * bitmap.height;
    if (wanted.vectors.empty() || pixels > left_) return WithoutVectors(wanted);
    left_ -= pixels;
    return wanted;
  }

 private:
  std::uint64_t left_ = kMaxVectorPixels;
};

/// Has the plug-ins hash the part of `bitmap` as `over` shows it, for each algorithm in `wanted`: the hashes
/// go to `view.vectors`, what they could not make to `view.vectors_failed`. Pixels of the form that a plug-in
/// wants are handed over where they lie; others are copied, and a copy for which there is no memory counts as
/// a failure of the plug-in's. Throws std::bad_alloc where anything else has none.
void AddVectors(const Bitmap& bitmap, Over over, const Part& part, decode::AlgorithmSet wanted,
                decode::ViewHashes& view);

}  // namespace hashgate::image
