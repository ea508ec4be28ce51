// Fractal value noise, the raw material of clouds, ground and light.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hashgate::testkit {

/// A picture with a size of its own, seen in units: the longer side is kUnit long.
inline constexpr int kUnit = 65536;

/// Sum of octaves of smoothly interpolated lattice noise. Octaves finer than two pixels are left out, so a
/// larger drawing of one field only adds detail. Threads: confined.
class NoiseField {
 public:
  struct Shape {
    int cells_x = 3;     ///< lattice cells across kUnit in the first octave
    int cells_y = 3;     ///< the same downwards; unequal numbers give grass or water
    int octaves = 6;     ///< each doubles the cells
    int roughness = 50;  ///< amplitude of an octave as a percentage of the one before
  };
  NoiseField(std::uint32_t seed, const Shape& shape, int width, int height);

  /// Writes row `y` to `out` (width values). Range: -1024..1024, mostly within half of that.
  void Row(int y, std::span<int> out);

 private:
  struct Octave {
    std::uint32_t seed = 0;
    int amplitude = 0;  // the amplitudes of all octaves add up to 1024
    int cells_y = 0;
    std::vector<std::uint16_t> cell;   // lattice column left of each pixel
    std::vector<std::uint8_t> weight;  // share of the column to its right, of 256
    int cached_row = -1;               // lattice row in `above`; `below` is the next
    std::vector<std::int16_t> above, below, blended;
  };
  int unit_pixels_;  // pixels on the longer side
  std::vector<Octave> octaves_;
};

}  // namespace hashgate::testkit
