#include "image/luma.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace hashgate::image {
namespace {

constexpr std::size_t kColors = 3;

static_assert(std::endian::native == std::endian::little, "pixels are read as numbers");

/// Four pixels, and every second sample of them in 16 bits.
constexpr std::size_t kAtOnce = 4;
using Pixels4 = std::uint32_t __attribute__((vector_size(16)));
using Samples8 = std::uint16_t __attribute__((vector_size(16)));
constexpr std::uint32_t kEverySecond = 0x00ff00ff;

/// Rounded: 128 more, and the upper byte added once, is the division by 255.
Samples8 Mix(Pixels4 samples, Samples8 alpha, Samples8 grey) {
  const Samples8 sum = std::bit_cast<Samples8>(samples & kEverySecond) * alpha + grey;
  return (sum + (sum >> 8)) >> 8;
}

void Mix4(const std::uint8_t* rgba, std::uint16_t background, std::uint8_t* mixed) {
  Pixels4 pixels;
  std::memcpy(&pixels, rgba, sizeof(pixels));
  Pixels4 alphas = pixels >> 24;
  alphas |= alphas << 16;
  const auto alpha = std::bit_cast<Samples8>(alphas);
  const Samples8 grey = static_cast<std::uint16_t>(255) - alpha;
  const Samples8 added = grey * background + static_cast<std::uint16_t>(128);
  const auto red_blue = std::bit_cast<Pixels4>(Mix(pixels, alpha, added));
  const auto green = std::bit_cast<Pixels4>(Mix(pixels >> 8, alpha, added));
  pixels = (red_blue | green << 8) & 0x00ffffff;
  std::memcpy(mixed, &pixels, sizeof(pixels));
}

bool IsMixed(const Bitmap& bitmap, Over over) {
  return bitmap.channels == 4 && !over.opaque;
}

}  // namespace

void MixPixels(const std::uint8_t* rgba, std::size_t count, std::uint8_t background, std::uint8_t* mixed) {
  std::size_t x = 0;
  for (; x + kAtOnce <= count; x += kAtOnce) Mix4(rgba + 4 * x, background, mixed + 4 * x);
  if (x == count) return;
  std::array<std::uint8_t, 4 * kAtOnce> rest{};
  std::memcpy(rest.data(), rgba + 4 * x, 4 * (count - x));
  Mix4(rest.data(), background, rest.data());
  std::memcpy(mixed + 4 * x, rest.data(), 4 * (count - x));
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
  // Bounds of every 48th sample, so that many are looked at together; whatever the channels, one of them
  // each.
  constexpr std::size_t kLanes = 48;
  std::array<std::uint8_t, kLanes> least{};
  std::array<std::uint8_t, kLanes> most{};
  least.fill(255);
  SampleRange range;
  const std::size_t size = std::size_t{bitmap.width} * bitmap.channels;
  for (std::uint32_t y = 0; y < bitmap.height && (y == 0 || range.IsNarrow()); ++y) {
    const std::uint8_t* row = bitmap.Row(y);
    for (std::size_t at = 0; at < size; at += kLanes) {
      const std::size_t count = std::min(kLanes, size - at);
      for (std::size_t i = 0; i < count; ++i) {
        least[i] = std::min(least[i], row[at + i]);
        most[i] = std::max(most[i], row[at + i]);
      }
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
      if (i % bitmap.channels >= kColors) continue;
      range.least = std::min(range.least, least[i]);
      range.most = std::max(range.most, most[i]);
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
