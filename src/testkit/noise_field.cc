#include "testkit/noise_field.h"

#include <algorithm>

#include "testkit/random_source.h"

namespace hashgate::testkit {
namespace {

// 3f^2 - 2f^3 on 0..255.
int Smooth(int f) {
  return (f * f * (768 - 2 * f)) >> 16;
}

int LatticeValue(std::uint32_t seed, int row, int column) {
  const std::uint32_t at =
      Scramble(seed + static_cast<std::uint32_t>(row) * 0x9e3779b1U) + static_cast<std::uint32_t>(column);
  return static_cast<int>(Scramble(at) >> 21) - 1024;
}

}  // namespace

NoiseField::NoiseField(std::uint32_t seed, const Shape& shape, int width, int height)
    : unit_pixels_(std::max(width, height)) {
  int amplitude = 1 << 16;
  int sum = 0;
  for (int i = 0; i < shape.octaves; ++i) {
    const int cells_x = shape.cells_x << i;
    const int cells_y = shape.cells_y << i;
    if (i > 0 && std::max(cells_x, cells_y) * 2 > unit_pixels_) break;
    Octave octave;
    octave.seed = Scramble(seed + static_cast<std::uint32_t>(i) * 0x85ebca6bU);
    octave.amplitude = amplitude;
    octave.cells_y = cells_y;
    octave.cell.resize(static_cast<std::size_t>(width));
    octave.weight.resize(static_cast<std::size_t>(width));
    for (int x = 0; x < width; ++x) {
      const std::int64_t at = (2LL * x + 1) * cells_x * 128 / unit_pixels_;
      octave.cell[static_cast<std::size_t>(x)] = static_cast<std::uint16_t>(at >> 8);
      octave.weight[static_cast<std::size_t>(x)] =
          static_cast<std::uint8_t>(Smooth(static_cast<int>(at & 255)));
    }
    const std::size_t columns = static_cast<std::size_t>(octave.cell.back()) + 2;
    octave.above.resize(columns);
    octave.below.resize(columns);
    octave.blended.resize(columns);
    octaves_.push_back(std::move(octave));
    amplitude = amplitude * shape.roughness / 100;
  }
  // Amplitudes of the octaves that were asked for, drawn or not, so that detail does not change contrast.
  amplitude = 1 << 16;
  for (int i = 0; i < shape.octaves; ++i) {
    sum += amplitude;
    amplitude = amplitude * shape.roughness / 100;
  }
  for (Octave& octave : octaves_) {
    octave.amplitude = static_cast<int>(1024LL * octave.amplitude / sum);
  }
}

void NoiseField::Row(int y, std::span<int> out) {
  std::fill(out.begin(), out.end(), 0);
  for (Octave& octave : octaves_) {
    const std::int64_t at = (2LL * y + 1) * octave.cells_y * 128 / unit_pixels_;
    const int row = static_cast<int>(at >> 8);
    const int weight = Smooth(static_cast<int>(at & 255));
    if (row != octave.cached_row) {
      for (std::size_t k = 0; k < octave.above.size(); ++k) {
        const int column = static_cast<int>(k);
        octave.above[k] = static_cast<std::int16_t>(LatticeValue(octave.seed, row, column));
        octave.below[k] = static_cast<std::int16_t>(LatticeValue(octave.seed, row + 1, column));
      }
      octave.cached_row = row;
    }
    for (std::size_t k = 0; k < octave.above.size(); ++k) {
      const int blended = (octave.above[k] * (256 - weight) + octave.below[k] * weight) / 256;
      octave.blended[k] = static_cast<std::int16_t>(blended);
    }
    for (std::size_t x = 0; x < out.size(); ++x) {
      const std::size_t cell = octave.cell[x];
      const int value =
          octave.blended[cell] * (256 - octave.weight[x]) + octave.blended[cell + 1] * octave.weight[x];
      out[x] += value / 256 * octave.amplitude / 1024;
    }
  }
}

}  // namespace hashgate::testkit
