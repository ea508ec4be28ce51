// What people do to pictures: turn, shrink, crop, reduce to a palette. Integer arithmetic only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hashgate/hash.h"
#include "testkit/pictures.h"

namespace hashgate::testkit {

/// Averages the source area of each new pixel (alpha as a plain fourth channel). Range: sides 1..16384.
Picture ResizeArea(const Picture& picture, int width, int height);
/// Turns or mirrors the pixels as `dihedral` says; rotations are counter-clockwise.
Picture Turn(const Picture& picture, Dihedral dihedral);
/// What PDQ's nn512 pipeline hashes: a picture with a side over kNn512Side brought to 512x512 by nearest
/// neighbour, any other as it is.
Picture ShrinkNn512(const Picture& picture);
inline constexpr int kNn512Side = 512;
/// The part with top left (x, y). Requires: the part lies inside the picture.
Picture Crop(const Picture& picture, int x, int y, int width, int height);
/// RGB with all channels equal to the rounded luma 0.299 R + 0.587 G + 0.114 B.
Picture Grey(const Picture& picture);
/// Pulls all colours to mid grey: `percent` of the distance stays.
Picture LowerContrast(const Picture& picture, int percent);
/// RGB with opaque alpha added; RGBA stays as it is.
Picture WithAlpha(const Picture& picture);
/// RGBA over one grey level; RGB stays as it is.
Picture OverGrey(const Picture& picture, std::uint8_t level);

/// A picture of at most 253 colours. Index 252 is transparent where `transparent` says so.
struct IndexedPicture {
  int width = 0;
  int height = 0;
  bool transparent = false;
  std::vector<std::array<std::uint8_t, 3>> palette;
  std::vector<std::uint8_t> indices;  ///< height * width
};
inline constexpr int kTransparentIndex = 252;
/// Maps to a fixed 6x7x6 cube of colours with error diffusion; alpha under 128 becomes transparent. Source:
/// Floyd and Steinberg 1976.
IndexedPicture ReduceColours(const Picture& picture);
/// The picture that an indexed one shows: RGB, or RGBA where it has transparent pixels.
Picture Expand(const IndexedPicture& indexed);

}  // namespace hashgate::testkit
