// Writes animations whose frames have places, disposals and blending of their own, and says by the plain
// rules what a viewer shows of them.
#pragma once

#include <vector>

#include "unit/image/encoders.h"

namespace hashgate::testing {

enum class AfterFrame { kKeep, kClear, kRestore };
struct AnimatedFrame {
  Rgba picture;
  int left = 0;  ///< even in a WebP
  int top = 0;
  AfterFrame after = AfterFrame::kKeep;  ///< kRestore is not for WebP
  bool blends = true;                    ///< always so in a GIF
};

/// A picture of a few broad waves, at most 64 colours, opaque; another one for each seed.
Rgba WavePicture(int height, int width, unsigned seed);
/// A part of the pixels is clear: those where a wave of `seed` is high.
Rgba WithHoles(Rgba picture, unsigned seed);

Bytes EncodeGifFrames(int width, int height, const std::vector<AnimatedFrame>& frames);
/// Lossless.
Bytes EncodeWebpFrames(int width, int height, const std::vector<AnimatedFrame>& frames);
struct ApngOptions {
  const Rgba* hidden = nullptr;  ///< the default picture, where it is none of the frames
  std::size_t data_bytes = 0;    ///< of a frame's chunks of data, at most; 0: one chunk a frame
  bool palette = false;          ///< one for all frames, from `hidden`, which must hold every colour
  bool interlaced = false;
};
/// The canvas is as large as the first frame or the hidden picture.
Bytes EncodeApng(const std::vector<AnimatedFrame>& frames, const ApngOptions& options = {});

/// What is shown while each frame is.
std::vector<Rgba> ShownFrames(int width, int height, const std::vector<AnimatedFrame>& frames);

}  // namespace hashgate::testing
