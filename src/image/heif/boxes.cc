#include "image/heif/boxes.h"

#include <cstdint>
#include <cstring>

#include "decode/byte_order.h"

namespace hashgate::image {

bool HasOuterBox(ByteSpan bytes, std::string_view type) {
  constexpr std::uint64_t kHeader = 8;
  constexpr std::uint64_t kLongHeader = 16;
  while (bytes.size() >= kHeader) {
    if (std::memcmp(bytes.data() + 4, type.data(), 4) == 0) return true;
    std::uint64_t size = decode::Be32(bytes, 0);
    std::uint64_t least = kHeader;
    if (size == 1) {
      if (bytes.size() < kLongHeader) return false;
      size = std::uint64_t{decode::Be32(bytes, 8)} << 32 | decode::Be32(bytes, 12);
      least = kLongHeader;
    }
    // A size of 0 is a box up to the end.
    if (size < least || size > bytes.size()) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return false;
}

}  // namespace hashgate::image
