#include "base/checksum.h"

// The header has all of it: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace hashgate {

std::uint64_t Checksum(std::span<const std::uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace hashgate
