// Whether a colour profile may make a picture look other than its samples do.
#pragma once

#include <array>

#include "hashgate/hash.h"

namespace hashgate::image {

/// True unless `profile` is a plain one for RGB or grey: of a display or scanner, without look-up tables, its
/// curves increasing and near those in use (a gamma of 1.4 to 3.2), its primaries as bright as those of
/// usual RGB spaces are. Those change colours a little and keep what the picture shows. Source: ICC.1:2022.
/// Cost: linear in the profile, no allocation.
bool IsUnusualProfile(ByteSpan profile);

/// True where red, green and blue are not about as bright as in sRGB, Display P3, Adobe RGB, ProPhoto or
/// Rec. 2020: `luminances` are those of the three primaries where white has 1.
bool AreUnusualLuminances(const std::array<double, 3>& luminances);

/// True where the exponent from samples to light is far from 2.2.
bool IsUnusualGamma(double gamma);

struct Chromaticity {
  double x;
  double y;
};
/// As AreUnusualLuminances, of the chromaticities of white, red, green and blue.
bool AreUnusualPrimaries(const std::array<Chromaticity, 4>& points);

/// True unless the code points of ITU-T H.273 name a usual RGB space and curve.
bool AreUnusualCodePoints(unsigned primaries, unsigned transfer);

/// Likewise, of HEIF and AVIF, where 2 stands for "not specified" and viewers take sRGB.
bool AreUnusualHeifCodePoints(unsigned primaries, unsigned transfer);

}  // namespace hashgate::image
