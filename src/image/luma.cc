#include "image/luma.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace hashgate::image {
namespace {

constexpr std::size_t kColors = 3;

static_assert(std::endian::native == std::endian::little, "pixels are read as numbers");

bool IsMixed(const Bitmap& bitmap, Over over) {
  return bitmap.channels == 4 && !over.opaque;
}

}  // namespace

void MixPixels(const std::uint8_t* rgba, std::size_t count, std::uint8_t background, std::uint8_t* mixed) {
  // Red and blue go together in one number of 16 bits each. 128 more and the upper byte added once is the
  // division by 255, rounded.
  constexpr std::uint32_t kPair = 0x00ff00ff;
  constexpr std::uint32_t kBoth = 0x00010001;
  for (std::size_t x = 0; x < count; ++x) {
    std::uint32_t pixel = 0;
    std::memcpy(&pixel, rgba + 4 * x, sizeof(pixel));
    const std::uint32_t alpha = pixel >> 24;
    const std::uint32_t grey = background * (255 - alpha) + 128;
    std::uint32_t pair = (pixel & kPair) * alpha + grey * kBoth;
    std::uint32_t green = ((pixel >> 8) & 0xff) * alpha + grey;
    pair = ((pair + ((pair >> 8) & kPair)) >> 8) & kPair;
    green = (green + (green >> 8)) & 0xff00;
    pixel = pair | green;
    std::memcpy(mixed + 4 * x, &pixel, sizeof(pixel));
  }
}

bool HasTransparency(const Bitmap& bitmap) {
  if (bitmap.channels != 4) return false;
  for (std::uint32_t y = 0; y < bitmap.height; ++y) {
    // A row at a time without a way out, so that many pixels are looked at together.
    const std::uint8_t* row = bitmap.Row(y);
    std::uint8_t all = 255;
    for (std::size_t x = 0; x < bitmap.width; ++x) all &= row[4 * x + 3];
    if (all != 255) return true;
  }
  return false;
}

SampleRange RangeOf(const Bitmap& bitmap) {
  SampleRange range;
  const std::size_t colors = std::min<std::size_t>(bitmap.channels, kColors);
  for (std::uint32_t y = 0; y < bitmap.height && (y == 0 || range.IsNarrow()); ++y) {
    const std::uint8_t* row = bitmap.Row(y);
    for (std::size_t x = 0; x < bitmap.width; ++x, row += bitmap.channels) {
      for (std::size_t i = 0; i < colors; ++i) {
        range.least = std::min(range.least, row[i]);
        range.most = std::max(range.most, row[i]);
      }
    }
  }
  return range;
}

ViewRows::ViewRows(const Bitmap& bitmap, Over over)
    : PixelRows(static_cast<int>(bitmap.height), static_cast<int>(bitmap.width),
                static_cast<int>(bitmap.channels)),
      bitmap_(bitmap),
      background_(over.background),
      mixed_(IsMixed(bitmap, over)) {}

void ViewRows::Rows(int first, std::span<const std::uint8_t*> out) {
  const auto from = static_cast<std::uint32_t>(first);
  if (!mixed_) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = bitmap_.Row(from + static_cast<std::uint32_t>(i));
    return;
  }
  const std::size_t size = row_size();
  if (rows_.size() < out.size() * size) rows_ = WipedBuffer<std::uint8_t>(out.size() * size);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint8_t* row = rows_.data() + i * size;
    MixPixels(bitmap_.Row(from + static_cast<std::uint32_t>(i)), bitmap_.width, background_, row);
    out[i] = row;
  }
}

}  // namespace hashgate::image
