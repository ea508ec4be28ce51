// From the frames of an animation to the views that stand for them.
#pragma once

#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::image {

/// Bytes of memory that a pixel of the canvas may need while frames are drawn: the canvas, what a frame
/// restores, the frame itself, and the codec's own.
inline constexpr std::uint64_t kFrameBytesPerPixel = 16;

/// Draws the frames after the first as a viewer does, hashes them, and adds the views of those that stand for
/// all (frame_chooser.h) to `result`, whose first views are those of the first picture. Sets frames_seen,
/// has_alpha, codec_warned, and cause kTruncated where a frame ends early. At most limits.max_frame_pixels
/// are decoded and as many of the canvas hashed; where that is not enough, evenly spaced frames come first,
/// and then those before which a quarter of the canvas has changed. Vectors are made of all frames that are
/// kept, while FrameVectorBudget lasts. Frames that are left out are not seen,
/// nor are any of a canvas whose pixels, kFrameBytesPerPixel each, do not fit limits.memory_bytes.
void LookAtFrames(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                  decode::DecodeResult& result);

}  // namespace hashgate::image
