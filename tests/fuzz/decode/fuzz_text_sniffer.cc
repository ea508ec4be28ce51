// The answer does not depend on how the bytes arrive.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "decode/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hashgate::ByteSpan bytes(data, size);
  hashgate::decode::TextSniffer whole;
  whole.Update(bytes);
  hashgate::decode::TextSniffer pieces;
  const std::size_t step = size == 0 ? 1 : 1 + data[0] % 7;
  for (std::size_t at = 0; at < size; at += step) pieces.Update(bytes.subspan(at, std::min(step, size - at)));
  if (whole.IsText() != pieces.IsText()) std::abort();
  if (whole.IsText() && std::find(bytes.begin(), bytes.end(), 0) != bytes.end()) std::abort();
  return 0;
}
