// From an upload's bytes to its facts and perceptual hashes: all that a decoder worker does.
#pragma once

#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::image {

/// Sniffs, decodes and hashes one upload. Sides, pixels, frames and scans are checked against `limits` before
/// the cost they bound; memory that is refused gives kTooCostly.
///
/// The format is what the bytes say; `format_hint`, which the server sniffed, only names a format that is not
/// decoded. Views of the first picture: the whole (alpha over white), and over black where some pixel is not
/// opaque. A truncated picture gives the rows that could be decoded as kTruncatedPart, and no view where
/// there are none. A side under 5 px decodes with hashable = false.
///
/// Causes: kNone, kEmpty, kCorrupt, kTruncated, kUnsupportedFormat, kTooLarge, kTooManyPixels,
/// kTooManyFrames, kTooCostly. Each view has a hash of each wanted pipeline, or none. Threads: confined to
/// the worker's only one. Cost: decoding and about 0.2 ns a pixel for each view; memory up to 4 bytes a pixel
/// beside the codec's own, 8 where a hash takes the textbook's order.
decode::DecodeResult ProcessUpload(ByteSpan bytes, decode::Format format_hint, const decode::Wanted& wanted,
                                   const decode::Limits& limits) noexcept;

/// Decodes and hashes a tiny built-in picture of each format, so that tables are built and code is loaded
/// before a worker is forked and locked.
void WarmUp();

}  // namespace hashgate::image
