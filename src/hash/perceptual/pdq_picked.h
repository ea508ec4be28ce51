// PDQ of a picture that is first brought to 512x512 by picking pixels, for its four mirrorings at once. The
// small pictures are never made: rows are summed where they lie, and columns are picked from the sums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hash/perceptual/pdq_kernel.h"
#include "hash/perceptual/pdq_operator.h"
#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::perceptual {

inline constexpr int kPickedSide = 512;
/// No row weighs more than this.
inline constexpr int kMaxPickedWeight = 16;

/// Which of a side's samples the picked picture consists of.
struct PickedSide {
  using Positions = std::array<std::uint32_t, kPickedSide>;
  Positions plain{};
  /// Those of the mirrored picture, in its own order: they need not be the same samples.
  Positions mirrored{};
};

/// A picture of 8-bit samples, row-major without padding, from which another is picked. Of 4 channels the
/// last is not looked at. Borrows the samples.
struct PickedPicture {
  const std::uint8_t* samples = nullptr;
  std::size_t width = 0;
  int channels = 0;
  PickedSide rows;  ///< all below the height
  PickedSide columns;

  [[nodiscard]] std::size_t row_size() const { return width * static_cast<std::size_t>(channels); }
  [[nodiscard]] const std::uint8_t* Row(std::size_t y) const { return samples + y * row_size(); }
};

/// The blocks of the four picked pictures, each as DownsampleRows gives it of that picture, in every bit:
/// index 1 * (columns mirrored) + 2 * (rows mirrored). REQUIRES: the kernel runs on this CPU and takes
/// weights up to kMaxPickedWeight; 1, 3 or 4 channels. Cost: 0.05 ns a sample of 1,024 rows (of the picture's
/// width) and 0.1 ms; memory 8 bytes for each sample of a row.
MirroredBlocks DownsamplePicked(const PickedPicture& picture, const Kernel& kernel);

/// The luma of one picked picture; `index` as above.
LumaPlane DrawPicked(const PickedPicture& picture, std::size_t index);

}  // namespace hashgate::perceptual
