// HEVC for libheif, by libde265 in the calling thread.
#pragma once

#include <cstdint>

namespace hashgate::image {

/// Makes libheif use our decoder of HEVC from now on; its own starts a thread, which a locked worker may not.
/// AV1 inside HEIF is refused for the same reason. Returns false where libheif does not take it.
bool RegisterHevcDecoder();

/// Bounds on one coded picture from now on, by what the stream itself declares: the container may say less.
void LimitHevc(std::uint32_t max_side, std::uint64_t max_pixels);

/// What decoding has found beside samples.
struct HevcReport {
  bool damaged = false;  ///< a part of some picture could not be read; its samples are made up
  /// The stream asks for colours that may be far from sRGB. Some viewers take it at its word.
  bool colours_unusual = false;
};
/// Of all that was decoded since the last call.
HevcReport TakeHevcReport();

}  // namespace hashgate::image
