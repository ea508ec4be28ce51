// From a picture's rows to grey, and to a small square of it, with OpenCV's rounding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hash/img_hash/square.h"
#include "hash/perceptual/pixel_rows.h"

namespace hashgate::img_hash {

/// OpenCV's COLOR_BGR2GRAY of 8-bit samples: weights of 0.299, 0.587 and 0.114 in 2^15ths, rounded.
inline std::uint8_t GreyOf(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((9'798 * red + 19'235 * green + 3'735 * blue + (1U << 14)) >> 15);
}

/// The picture brought to side * side as OpenCV's INTER_LINEAR_EXACT does, each colour by itself, and made
/// grey afterwards. Each pixel comes of four, however large the picture: that is no area filter, and what all
/// of these hashes but marr_hildreth start from.
Square<std::uint8_t> GreySquare(perceptual::PixelRows& pixels, std::size_t side);

}  // namespace hashgate::img_hash
