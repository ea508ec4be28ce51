// The luma of a large JPEG at a quarter of its sides, without decoding it whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "decode/record.h"
#include "hash/perceptual/pdq_textbook.h"
#include "hash/perceptual/pixel_rows.h"
#include "hashgate/hash.h"
#include "image/pixels.h"

namespace hashgate::image {

/// Pixels of a picture along each side of the squares that are averaged.
inline constexpr int kReduction = 4;

/// A picture whose shorter side has fewer pixels is decoded whole: too few squares would be left of it.
inline constexpr std::uint32_t kMinReducedSide = 1'440;

/// Averages along a side of so many pixels.
constexpr std::uint32_t ReducedSide(std::uint32_t pixels) {
  return (pixels + kReduction - 1) / kReduction;
}

struct ReducedLuma {
  std::uint32_t width = 0;  ///< of the picture
  std::uint32_t height = 0;
  bool trailing_bytes = false;  ///< as Decoded's
  /// Averages of the luma of squares of kReduction pixels a side, from the left and the top; at the right and
  /// the bottom of what is left of them. Row-major, ceil(width / kReduction) in a row.
  WipedBuffer<float> averages;

  [[nodiscard]] perceptual::LumaView view() const {
    return {averages.first(averages.size()), static_cast<int>(ReducedSide(height)),
            static_cast<int>(ReducedSide(width))};
  }
};

/// Averages as rows of grey. Borrows them.
class AverageRows final : public perceptual::PixelRows {
 public:
  explicit AverageRows(const ReducedLuma& luma);
  void Rows(int first, std::span<const std::uint8_t*> out) override;

 private:
  const perceptual::LumaView view_;
  WipedBuffer<std::uint8_t> rows_;  // as many as were ever asked for at once
};

/// Averages the pixels that a full decode shows, their colours cut to what a screen can show; chroma is
/// blended within its blocks only, which may show at their edges. Where the coefficients of a block rule out
/// that any of its pixels is cut, its averages come straight from them; every other block is decoded.
///
/// nullopt where the file needs its own codec: a small picture, one of several scans or of other colours than
/// YCbCr and grey, unusual sampling, any damage, any limit passed. Nothing is said about why: that is the
/// codec's to say. Computes and allocates only; throws std::bad_alloc. Cost: decoding the entropy code, and
/// about 25 ns for each block of 64 samples, several times that for each that has to be decoded.
std::optional<ReducedLuma> ReduceJpeg(ByteSpan bytes, const decode::Limits& limits);

}  // namespace hashgate::image
