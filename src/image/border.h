// Plain borders around pictures.
#pragma once

#include <vector>

#include "image/part.h"

namespace hashgate::image {

/// What counts as a border.
struct BorderLimits {
  /// Mean of the differences from the border's colour, in levels: what compression leaves of one colour.
  /// Photographs of a sky are above it.
  int tolerance = 3;
  int least_share = 100;  ///< of a side: thinner borders move a hash by a few bits only
};
/// Finds all that the limits above do where `pixels` are averages of the picture's.
inline constexpr BorderLimits kLaxBorder = {.tolerance = 5, .least_share = 200};

/// What plain borders leave: rows and columns of about one colour are taken from each edge of the picture, up
/// to three borders one within the other. Edges may be of different colours, and the outermost hundredth of
/// the sides may be anything. Of each border a quarter of each side is left at least: what is plain further
/// in is no border. What is left of each, the innermost first, because what looks like a further border may
/// be a part of the picture; nothing where no edge has a border. Cost: a few rows and columns where there is
/// no border, else the borders' pixels.
std::vector<Part> InsideBorders(perceptual::PixelRows& pixels, const BorderLimits& limits = {});

}  // namespace hashgate::image
