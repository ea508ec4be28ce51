// A part of a picture.
#pragma once

#include <cstdint>
#include <span>

#include "hash/perceptual/pixel_rows.h"
#include "image/pixels.h"

namespace hashgate::image {

/// A rectangle of pixels that lies within a picture.
struct Part {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};
inline Part WholeOf(const Bitmap& bitmap) {
  return {.left = 0, .top = 0, .width = bitmap.width, .height = bitmap.height};
}

/// The rows of a part. Borrows the whole.
class PartRows final : public perceptual::PixelRows {
 public:
  PartRows(perceptual::PixelRows& whole, const Part& part)
      : PixelRows(static_cast<int>(part.height), static_cast<int>(part.width), whole.channels()),
        whole_(whole),
        top_(static_cast<int>(part.top)),
        skipped_(static_cast<std::size_t>(part.left) * static_cast<std::size_t>(whole.channels())) {}

  void Rows(int first, std::span<const std::uint8_t*> out) override {
    whole_.Rows(top_ + first, out);
    for (const std::uint8_t*& row : out) row += skipped_;
  }

 private:
  perceptual::PixelRows& whole_;
  const int top_;
  const std::size_t skipped_;  // samples of a row
};

}  // namespace hashgate::image
