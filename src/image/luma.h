// From a decoded picture to the samples that are hashed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hash/perceptual/pixel_rows.h"
#include "image/pixels.h"

namespace hashgate::image {

/// True where some pixel is not fully opaque.
bool HasTransparency(const Bitmap& bitmap);

/// The least and the greatest sample of the colours, alpha aside.
struct SampleRange {
  std::uint8_t least = 255;
  std::uint8_t most = 0;
  /// True where a picture shows next to nothing: fewer than 16 levels.
  [[nodiscard]] bool IsNarrow() const { return most < least + 16; }
};
SampleRange RangeOf(const Bitmap& bitmap);

/// What to do with alpha.
struct Over {
  bool opaque = false;  ///< nothing: show the colours; also for pictures without transparency
  std::uint8_t background =
      0;  ///< mix with this grey (0 black, 255 white); opaque pixels do not depend on it
};

/// Mixes `count` pixels of red, green, blue and alpha with the grey `background`, rounded. `mixed` takes 4
/// bytes a pixel, the last of them 0, and may be `rgba` itself. Cost: about 0.6 ns a pixel.
void MixPixels(const std::uint8_t* rgba, std::size_t count, std::uint8_t background, std::uint8_t* mixed);

/// The rows of a picture as a view shows them. Borrows the bitmap. Pixels are mixed as their rows are asked
/// for, into memory that is wiped when it goes; all other pictures are read where they lie.
class ViewRows final : public perceptual::PixelRows {
 public:
  ViewRows(const Bitmap& bitmap, Over over);
  void Rows(int first, std::span<const std::uint8_t*> out) override;

 private:
  const Bitmap& bitmap_;
  const std::uint8_t background_;
  const bool mixed_;
  WipedBuffer<std::uint8_t> rows_;  // as many rows as were ever asked for at once
};

}  // namespace hashgate::image
