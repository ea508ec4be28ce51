#include "image/luma.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hashgate::image {
namespace {

/// Pixels converted together: first to whole numbers, then, side by side, to luma.
constexpr std::size_t kBlock = 512;

/// 299 R + 587 G + 114 B: a whole number, so that the division by 1000 gives the luma of the PDQ description
/// rounded once, and a grey stored as red, green and blue exactly its own value. That keeps the hash of one
/// picture the same in every colour mode it can be stored in.
std::int32_t Weigh(const std::uint8_t* rgb) {
  return 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2];
}

std::int32_t WeighOver(const std::uint8_t* rgba, std::uint32_t background) {
  const std::uint32_t alpha = rgba[3];
  std::array<std::uint8_t, 3> rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    rgb[i] = static_cast<std::uint8_t>((rgba[i] * alpha + background * (255 - alpha) + 127) / 255);
  }
  return Weigh(rgb.data());
}

/// What to do with alpha.
struct Over {
  bool opaque = false;           ///< nothing: show the colours
  std::uint32_t background = 0;  ///< mix with this grey
};

void DrawRow(const std::uint8_t* from, std::uint32_t channels, std::size_t width, Over over, float* to) {
  if (channels == 1) {
    for (std::size_t x = 0; x < width; ++x) to[x] = static_cast<float>(from[x]);
    return;
  }
  std::array<std::int32_t, kBlock> weighed{};
  for (std::size_t x = 0; x < width; x += kBlock) {
    const std::size_t count = std::min(kBlock, width - x);
    const std::uint8_t* pixels = from + x * channels;
    if (channels == 3) {
      for (std::size_t i = 0; i < count; ++i) weighed[i] = Weigh(pixels + 3 * i);
    } else if (over.opaque) {
      for (std::size_t i = 0; i < count; ++i) weighed[i] = Weigh(pixels + 4 * i);
    } else {
      for (std::size_t i = 0; i < count; ++i) weighed[i] = WeighOver(pixels + 4 * i, over.background);
    }
    for (std::size_t i = 0; i < count; ++i) to[x + i] = static_cast<float>(weighed[i]) / 1000.0F;
  }
}

}  // namespace

bool HasTransparency(const Bitmap& bitmap) {
  if (bitmap.channels != 4) return false;
  const std::uint8_t* samples = bitmap.samples.data();
  const std::size_t size = bitmap.stride() * bitmap.height;
  for (std::size_t i = 3; i < size; i += 4) {
    if (samples[i] != 255) return true;
  }
  return false;
}

void Luma::Draw(const Bitmap& bitmap, std::uint8_t background) {
  for (std::uint32_t y = 0; y < static_cast<std::uint32_t>(rows_); ++y) {
    DrawRow(bitmap.Row(y), bitmap.channels, static_cast<std::size_t>(cols_), {.background = background},
            Row(y));
  }
}

void Luma::DrawOpaque(const Bitmap& bitmap) {
  for (std::uint32_t y = 0; y < static_cast<std::uint32_t>(rows_); ++y) {
    DrawRow(bitmap.Row(y), bitmap.channels, static_cast<std::size_t>(cols_), {.opaque = true}, Row(y));
  }
}

}  // namespace hashgate::image
