#include "hash/perceptual/pixel_rows.h"

#include <algorithm>
#include <array>

namespace hashgate::perceptual {
namespace {

/// Pixels converted together: first to whole numbers, then, side by side, to luma.
constexpr std::size_t kBlock = 512;

}  // namespace

void StoredRows::Rows(int first, std::span<const std::uint8_t*> out) {
  const std::uint8_t* row = samples_ + static_cast<std::size_t>(first) * row_size();
  for (const std::uint8_t*& pointer : out) {
    pointer = row;
    row += row_size();
  }
}

void LumaOf(const std::uint8_t* pixels, int channels, std::size_t count, float* luma) {
  if (channels == 1) {
    for (std::size_t x = 0; x < count; ++x) luma[x] = static_cast<float>(pixels[x]);
    return;
  }
  const auto step = static_cast<std::size_t>(channels);
  std::array<std::int32_t, kBlock> weighed{};
  for (std::size_t x = 0; x < count; x += kBlock) {
    const std::size_t part = std::min(kBlock, count - x);
    const std::uint8_t* from = pixels + x * step;
    for (std::size_t i = 0; i < part; ++i, from += step) {
      weighed[i] = kRedWeight * from[0] + kGreenWeight * from[1] + kBlueWeight * from[2];
    }
    for (std::size_t i = 0; i < part; ++i) luma[x + i] = static_cast<float>(weighed[i]) / 1000.0F;
  }
}

LumaPlane DrawLuma(PixelRows& pixels) {
  const auto rows = static_cast<std::size_t>(pixels.rows());
  const auto cols = static_cast<std::size_t>(pixels.cols());
  LumaPlane plane{std::vector<float>(rows * cols), pixels.rows(), pixels.cols()};
  for (std::size_t y = 0; y < rows; ++y) {
    const std::uint8_t* row = nullptr;
    pixels.Rows(static_cast<int>(y), {&row, 1});
    LumaOf(row, pixels.channels(), cols, &plane.samples[y * cols]);
  }
  return plane;
}

}  // namespace hashgate::perceptual
