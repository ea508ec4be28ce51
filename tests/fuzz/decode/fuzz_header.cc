// The header reader looks at hostile bytes inside the server: it must stay within them for every format.
#include <cstdint>
#include <cstdlib>

#include "decode/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hashgate::decode::Format;
  const hashgate::ByteSpan bytes(data, size);
  for (const Format format : {Format::kJpeg, Format::kPng, Format::kWebp, Format::kGif, Format::kBmp}) {
    const auto facts = hashgate::decode::ReadHeader(format, bytes);
    // A scan takes at least its marker's two bytes.
    if (facts.scans > 1 && facts.scans > size / 2) std::abort();
  }
  return 0;
}
