// From a decoded picture to the luma that is hashed.
#pragma once

#include <cstdint>

#include "hash/perceptual/pdq_textbook.h"
#include "image/pixels.h"

namespace hashgate::image {

/// True where some pixel is not fully opaque.
bool HasTransparency(const Bitmap& bitmap);

/// A plane of luma that is wiped when it goes.
class Luma {
 public:
  Luma(int rows, int cols)
      : rows_(rows), cols_(cols), samples_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols)) {}

  /// Fills the plane with the picture over a grey of `background` (0 black, 255 white); opaque pixels do not
  /// depend on it. REQUIRES: sides as given to the constructor.
  void Draw(const Bitmap& bitmap, std::uint8_t background);
  /// The same as if every pixel were opaque.
  void DrawOpaque(const Bitmap& bitmap);

  [[nodiscard]] perceptual::LumaView view() const { return {samples_.first(samples_.size()), rows_, cols_}; }

 private:
  [[nodiscard]] float* Row(std::uint32_t y) {
    return samples_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(cols_);
  }

  int rows_;
  int cols_;
  WipedBuffer<float> samples_;
};

}  // namespace hashgate::image
