// PDQ's second published pipeline, `nn512`: a large picture is first brought to 512x512 pixels by nearest
// neighbour, then hashed. Source: facebook/ThreatExchange, pdq/cpp/io/pdqio.cpp, which asks CImg's resize()
// for it with its default interpolation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hash/perceptual/pdq.h"
#include "image/luma.h"
#include "image/pixels.h"

namespace hashgate::image {

inline constexpr std::uint32_t kNn512Side = 512;

/// True where nn512 brings a picture of these sides to 512x512: one of them is longer than that. Of any other
/// picture it is the same as `full`.
bool IsChangedByNn512(std::uint32_t width, std::uint32_t height);

/// Which pixel along a side of `length` each of the 512 is: floor(k * length / 512), the rule of CImg's
/// nearest neighbour (interpolation type 1). It favours the low end of every run, so the pixels of a mirrored
/// picture are other pixels: with `mirrored`, those that the rule takes when the side is walked from its end,
/// in that order.
std::array<std::uint32_t, kNn512Side> Nn512Positions(std::uint32_t length, bool mirrored);

/// The 512x512 picture, with the channels of `bitmap`. REQUIRES: neither side is 0.
Bitmap ShrinkNn512(const Bitmap& bitmap, bool mirror_columns, bool mirror_rows);

/// The hashes of all eight turns by nn512 of the picture as a view shows it; forms[t] is the nn512 hash of
/// the picture turned so, which takes one shrunk picture for each of the four mirrorings (nearest neighbour
/// and transposition commute). Each differs from the textbook's as ComputePdqForms says. REQUIRES:
/// IsChangedByNn512. Cost: 1 M pixels picked and hashed, whatever the size of the picture; memory 1 MiB where
/// alpha is mixed, else a few rows.
std::optional<perceptual::PdqFormSet> Nn512Forms(const Bitmap& bitmap, Over over);

}  // namespace hashgate::image
