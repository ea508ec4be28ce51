// The outermost boxes of a file. Source: ISO/IEC 14496-12, 4.2.
#pragma once

#include <string_view>

#include "hashgate/hash.h"

namespace hashgate::image {

/// True where one of the file's outermost boxes has this type of four letters. A box is found by where it
/// begins; it may be cut off. What cannot be a box ends the walk. Cost: one step for each box.
bool HasOuterBox(ByteSpan bytes, std::string_view type);

/// True where the file has a moov box, and with it, tracks of pictures that are played one after another.
inline bool HasTracks(ByteSpan bytes) {
  return HasOuterBox(bytes, "moov");
}

}  // namespace hashgate::image
