// TIFF through libtiff, in a worker class of its own.
#pragma once

#include "image/codec.h"

namespace hashgate::image {

/// The first page. Compressions that are decoded: none, CCITT, LZW, JPEG, deflate, PackBits; others, and
/// samples that are not whole numbers of at most 16 bits, are kUnsupportedFormat. Memory: 4 bytes a pixel,
/// and one strip or row of tiles, both checked first.
Decoded DecodeTiff(ByteSpan bytes, const decode::Limits& limits);

/// Further pages as kFrame: as many as kMaxPages and Limits::max_frame_pixels allow; frames_seen says how
/// many.
void DecodeTiffPages(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                     decode::DecodeResult& result);

/// Pages that are looked at, the first one included.
inline constexpr std::uint32_t kMaxPages = 60;

/// The codecs of class tiff.
std::span<const Codec> TiffCodecs();

/// As WarmUp (process.h).
void WarmUpTiff();

}  // namespace hashgate::image
