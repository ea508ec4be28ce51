// Plain borders around pictures.
#pragma once

#include <optional>

#include "image/part.h"

namespace hashgate::image {

/// What a plain border leaves: rows and columns of about one colour are taken from each edge of the picture.
/// Edges may be of different colours. A quarter of each side is left at least: what is plain further in is no
/// border. Nullopt where no edge has a border of 1 % of its side. Cost: a few rows and columns where there is
/// no border, else the border's pixels.
std::optional<Part> InsideBorder(perceptual::PixelRows& pixels);

}  // namespace hashgate::image
