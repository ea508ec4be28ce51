// One way to store a picture.
#pragma once

#include <span>
#include <string_view>

#include "testkit/encode.h"

namespace hashgate::testkit::variants {

/// What a file is made from: photograph-like pictures of one size, RGB, with even sides.
struct Scene {
  Picture listed;    ///< what a viewer shows
  Picture stranger;  ///< on no list: what a careless look takes the file for
};

struct Trick {
  std::string_view name;       ///< format first: "jpeg-q75"
  std::string_view extension;  ///< without the dot; the format's own but where the trick is another
  /// Errors: kInvariantBroken where a codec refuses. The bytes depend on the codec's version. Cost: 5 ms to a
  /// few seconds.
  Result<Bytes> (*make)(const Scene&);
};

std::span<const Trick> JpegTricks();
/// JPEGs whose picture appears only where samples are clamped: see clipped.h.
std::span<const Trick> ClippedTricks();
std::span<const Trick> PngTricks();
/// GIF, APNG and WebP with several frames.
std::span<const Trick> AnimatedTricks();
/// Stills as GIF, WebP and BMP.
std::span<const Trick> WebTricks();
/// HEIC and AVIF; none where the build lacks them.
std::span<const Trick> ModernTricks();

}  // namespace hashgate::testkit::variants
