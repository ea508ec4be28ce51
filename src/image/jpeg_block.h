// One block of 8x8 coefficients of a JPEG: averages of its quarters without decoding it, and what its samples
// can be at most. Formulas: ITU-T T.81 annex A.3.3; of colours, T.871.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hashgate::image {

inline constexpr float kMaxSample = 255;

/// Samples of a decoded block, row-major.
using Pixels = std::array<std::uint8_t, 64>;

/// Every sample of a block, or what chroma adds to it, lies between the two.
struct Bounds {
  float low = 0;
  float high = 0;
};

/// What the coefficients of one component are multiplied with.
class BlockTable {
 public:
  /// `steps`: quantisation steps, row-major. False where one is 0 or so great that products need not fit.
  bool Set(const std::uint16_t* steps);

  [[nodiscard]] const std::int16_t* steps() const { return steps_.data(); }
  [[nodiscard]] std::int32_t greatest() const { return greatest_; }

 private:
  alignas(16) std::array<std::int16_t, 64> steps_{};
  std::int32_t greatest_ = 0;
};

struct Transformed {
  /// True where the rest holds: no sample is cut to 0..255.
  bool is_exact = false;
  Bounds bounds;
  std::array<float, 4> averages{};  ///< of the quarters: top left, top right, bottom left, bottom right
};

/// `coefficients`: 64 quantised ones, row-major. Cost: about 25 ns.
Transformed Transform(const std::int16_t* coefficients, const BlockTable& table);

Bounds BoundsOf(const Pixels& pixels);

/// The averages of the quarters, in the order of Transformed::averages.
std::array<float, 4> QuartersOf(const Pixels& pixels);

/// The average of `width` x `height` samples from (`left`, `top`), 1 to 4 each.
float Average(const Pixels& pixels, std::size_t left, std::size_t top, std::size_t width, std::size_t height);

/// What samples of chroma add to the luma at least and at most in red, green or blue.
Bounds AddedBounds(const Bounds& blue, const Bounds& red);

/// A block of chroma for all the pixels that it stands for, less 128.
struct Chroma {
  static constexpr std::size_t kStride = 16;
  std::array<std::int16_t, kStride * kStride> samples{};
};

/// Blends samples as libjpeg and browsers do, three parts of the nearer one and one of the farther, within
/// the block; at its edges, where they take the neighbour's, the nearer one alone. `across` and `down`:
/// pixels for a sample, 1 or 2. Cost: about 130 ns.
Chroma Blend(const Pixels& samples, std::size_t across, std::size_t down);

/// The luma of the colours that a screen shows: red, green and blue cut to 0..255. `column` and `row`: the
/// luma block's place among those that the chroma is for. A level off at most. Cost: about 45 ns.
Pixels ShownLuma(const Pixels& luma, const Chroma& blue, const Chroma& red, std::size_t column,
                 std::size_t row);

}  // namespace hashgate::image
