// The picture as a codec leaves it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/wiped_buffer.h"

namespace hashgate::image {

/// Samples of 8 bits, row-major, channels interleaved, no padding. 1 channel is grey, 3 are red, green, blue,
/// 4 have alpha (not multiplied in) as well.
struct Bitmap {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;
  WipedBuffer<std::uint8_t> samples;

  Bitmap() = default;
  /// All zeros. The caller has checked the size against its limits.
  Bitmap(std::uint32_t width_px, std::uint32_t height_px, std::uint32_t channel_count)
      : width(width_px),
        height(height_px),
        channels(channel_count),
        samples(static_cast<std::size_t>(width_px) * height_px * channel_count) {}

  [[nodiscard]] std::size_t stride() const { return static_cast<std::size_t>(width) * channels; }
  [[nodiscard]] std::uint8_t* Row(std::uint32_t y) { return samples.data() + y * stride(); }
  [[nodiscard]] const std::uint8_t* Row(std::uint32_t y) const { return samples.data() + y * stride(); }
};

}  // namespace hashgate::image
