// The hashes of a view that are made besides PDQ: those of img_hash, and those that plug-ins make.
#pragma once

#include <algorithm>

#include "decode/record.h"
#include "image/luma.h"
#include "image/part.h"
#include "image/pixels.h"

namespace hashgate::image {

/// Pixels so hashed of further views of the first picture, and as many of further pictures: what plug-ins
/// cost is bounded by counted work.
inline constexpr std::uint64_t kMaxVectorPixels = 100'000'000;

/// The same without vectors, for views that people do not see.
inline decode::Wanted WithoutVectors(decode::Wanted wanted) {
  wanted.vectors = {};
  return wanted;
}

/// Says of which further views vectors are made: of those that come while the pixels last.
class VectorBudget {
 public:
  explicit VectorBudget(std::uint64_t pixels = kMaxVectorPixels) : left_(pixels) {}

  /// What to compute of a view that shows `part`.
  decode::Wanted Take(const decode::Wanted& wanted, const Part& part) {
    const std::uint64_t pixels = std::uint64_t{part.width} * part.height;
    if (wanted.vectors.empty() || pixels > left_) return WithoutVectors(wanted);
    left_ -= pixels;
    return wanted;
  }

 private:
  std::uint64_t left_;
};

/// Says of which views of an animation's frames vectors are made: of those that come while kMaxVectorPixels
/// and the reply's room for forms last. Evenly spaced frames have their part of both set aside.
class FrameVectorBudget {
 public:
  /// A view has `view_pixels` and `view_forms`, both at least 1; `forms` still fit the reply. Set aside is
  /// what `spaced_views` need, as far as it is there.
  FrameVectorBudget(std::uint64_t view_pixels, std::uint64_t view_forms, std::uint64_t forms,
                    std::uint64_t spaced_views)
      : left_(std::min(kMaxVectorPixels / view_pixels, forms / view_forms)),
        set_aside_(std::min(left_, spaced_views)) {
    left_ -= set_aside_;
  }

  /// Whether the next view, of a spaced frame or of another, gets vectors.
  bool Takes(bool spaced) {
    std::uint64_t& views = spaced && set_aside_ > 0 ? set_aside_ : left_;
    if (views == 0) return false;
    --views;
    return true;
  }

 private:
  std::uint64_t left_;
  std::uint64_t set_aside_;
};

/// Forms of the vectors that are made of one view, for the algorithms in `wanted`.
std::uint64_t FormsOfView(decode::AlgorithmSet wanted);

/// Hashes the part of `bitmap` as `over` shows it by each algorithm in `wanted` that is of img_hash or a
/// plug-in's: the hashes go to `view.vectors`, what plug-ins could not make to `view.vectors_failed`. Pixels
/// of the form that a plug-in wants are handed over where they lie; others are copied, and a copy for which
/// there is no memory counts as a failure of the plug-in's. Throws std::bad_alloc where anything else has
/// none.
void AddVectors(const Bitmap& bitmap, Over over, const Part& part, decode::AlgorithmSet wanted,
                decode::ViewHashes& view);

}  // namespace hashgate::image
