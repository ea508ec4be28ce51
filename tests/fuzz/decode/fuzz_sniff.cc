// Sniffing never reads past its input, and never lets a picture's magic pass as something else.
#include <cstdint>
#include <cstdlib>

#include "decode/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hashgate::decode::Format;
  const hashgate::ByteSpan bytes(data, size);
  const Format format = hashgate::decode::Sniff(bytes);
  if (hashgate::decode::FormatName(format) == "unknown" && format != Format::kUnknown) std::abort();
  if (format == Format::kText) std::abort();
  if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff && format != Format::kJpeg) {
    std::abort();
  }
  // What lies beyond the front must not matter.
  if (size > hashgate::decode::kSniffBytes &&
      hashgate::decode::Sniff(bytes.first(hashgate::decode::kSniffBytes)) != format) {
    std::abort();
  }
  return 0;
}
