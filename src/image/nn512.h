// PDQ's second published pipeline, `nn512`: a large picture is first brought to 512x512 pixels by nearest
// neighbour, then hashed. Source: facebook/ThreatExchange, pdq/cpp/io/pdqio.cpp, which asks CImg's resize()
// for it with its default interpolation.
#pragma once

#include <array>
#include <cstdint>

#include "hash/perceptual/pdq.h"
#include "image/luma.h"
#include "image/part.h"
#include "image/pixels.h"

namespace hashgate::image {

inline constexpr std::uint32_t kNn512Side = perceptual::kPickedSide;

/// True where nn512 brings a picture of these sides to 512x512: one of them is longer than that. Of any other
/// picture it is the same as `full`.
bool IsChangedByNn512(std::uint32_t width, std::uint32_t height);

/// Which pixel along a side of `length` each of the 512 is: floor(k * length / 512), the rule of CImg's
/// nearest neighbour (interpolation type 1). It favours the low end of every run, so the pixels of a mirrored
/// picture are other pixels: with `mirrored`, those that the rule takes when the side is walked from its end,
/// in that order.
std::array<std::uint32_t, kNn512Side> Nn512Positions(std::uint32_t length, bool mirrored);

/// The hashes of all eight turns by nn512 of a part of the picture as a view shows it; forms[t] is the nn512
/// hash of the picture turned so, which takes one shrunk picture for each of the four mirrorings (nearest
/// neighbour and transposition commute). Each differs from the textbook's as ComputePdqForms says. REQUIRES:
/// IsChangedByNn512 of the part. Cost: that of ComputePickedPdqForms, about half of ComputePdqForms' for the
/// whole picture at 3 megapixels; memory 8 bytes for each sample of a row, and 7 MiB where alpha is mixed.
perceptual::PdqFormSet Nn512Forms(const Bitmap& bitmap, Over over, const Part& part);

}  // namespace hashgate::image
