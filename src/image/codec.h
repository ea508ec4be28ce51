// One way in for every format's codec. A new format is a file with its function and a line in codec.cc, or in
// the table of a worker class of its own.
#pragma once

#include <cstdint>
#include <span>

#include "decode/record.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "image/pixels.h"

namespace hashgate::image {

/// What a codec made of a file's first picture.
struct Decoded {
  /// kNone: every pixel is there. kTruncated: pixels are missing, `bitmap` is cropped to the rows that could
  /// be decoded (none: height 0). Else nothing could be decoded and `bitmap` is empty.
  Cause cause = Cause::kNone;
  std::uint32_t width = 0;  ///< as the header declares it; 0 where it could not be read
  std::uint32_t height = 0;
  std::uint32_t frames_total = 0;  ///< pictures stored; 0 where unknown
  bool warned = false;             ///< the codec reported damage
  bool trailing_bytes = false;     ///< bytes after the picture's own end
  bool frames_needed = false;      ///< browsers show this picture only where no frame can be decoded
  bool frames_cut = false;         ///< the first picture is whole; data of a further one is missing
  bool alpha_disputed = false;     ///< some viewers draw the picture as if alpha were opaque
  bool colour_unusual = false;     ///< as DecodeResult's, where only the codec can tell
  bool scaled = false;             ///< `bitmap` is smaller than the picture: see Limits::max_scaled_pixels
  /// Of kTooCostly: the limit that is passed, where that is not memory.
  decode::Limit limit = decode::Limit::kNone;
  Bitmap bitmap;
  /// Another reading of the same samples, or the part of `bitmap` that some viewers show. Empty where viewers
  /// agree.
  Bitmap alternate;
};

/// Decodes `bytes`, which have the format's magic. Checks `limits` before the cost that each bounds. Computes
/// and allocates, nothing else: the caller may be locked. Throws only std::bad_alloc.
using DecodeFunction = Decoded (*)(ByteSpan bytes, const decode::Limits& limits);

/// Looks at the pictures of a file beside the first, whose views are in `result`: pages, frames, thumbnails.
/// Adds views, at most decode::kMaxViews in all, and sets frames_seen, and cause kTruncated where one of them
/// is incomplete. As DecodeFunction otherwise.
using FurtherFunction = void (*)(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                                 decode::DecodeResult& result);

struct Codec {
  decode::Format format = decode::Format::kUnknown;
  DecodeFunction decode = nullptr;
  FurtherFunction further = nullptr;  ///< null: there are none, or the format is looked at elsewhere
};

/// What this process decodes from now on; the core class's formats until then. `codecs` outlives the process.
/// Threads: before any other call into this module.
void UseCodecs(std::span<const Codec> codecs);

/// The codec of a format, nullptr where there is none.
DecodeFunction FindCodec(decode::Format format);
FurtherFunction FindFurther(decode::Format format);

/// kNone, kCorrupt (a side of 0) or kTooManyPixels.
Cause CheckSides(std::uint64_t width, std::uint64_t height, const decode::Limits& limits);

/// kNone, or kTooCostly where pictures and buffers of so many bytes in all are more than a worker may take.
Cause CheckMemory(std::uint64_t bytes, const decode::Limits& limits);

Decoded DecodeJpeg(ByteSpan bytes, const decode::Limits& limits);
Decoded DecodePng(ByteSpan bytes, const decode::Limits& limits);
Decoded DecodeWebp(ByteSpan bytes, const decode::Limits& limits);
Decoded DecodeGif(ByteSpan bytes, const decode::Limits& limits);
Decoded DecodeBmp(ByteSpan bytes, const decode::Limits& limits);

}  // namespace hashgate::image
