// Files taken apart where their formats divide them: chunks, segments, blocks, boxes.
#pragma once

#include <vector>

#include "testkit/encode.h"

namespace hashgate::testkit::hostile {

/// How a file is divided.
enum class Layout : std::uint8_t { kPng, kJpeg, kRiff, kGif, kBmp, kBoxes, kOther };
/// By the first bytes.
Layout LayoutOf(ByteSpan bytes);

/// The parts in order; joined again they are the file. The first is the front that the magic lies in; what
/// does not follow the format is one last part. Cost: linear.
std::vector<Bytes> Split(Layout layout, ByteSpan bytes);
Bytes Join(const std::vector<Bytes>& parts);

/// A length field of a part.
struct LengthField {
  std::size_t at = 0;  ///< within the part
  int bytes = 0;       ///< 0: this part has none
  bool big = true;     ///< byte order
};
LengthField LengthFieldOf(Layout layout, const Bytes& part);

/// Makes checksums and outermost lengths right again, so that damage further in is reached. Walks as far as
/// the file follows its format.
void Repair(Layout layout, Bytes& bytes);

}  // namespace hashgate::testkit::hostile
