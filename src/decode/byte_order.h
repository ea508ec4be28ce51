// Unaligned reads of fixed byte order. The caller has checked that the bytes are there.
#pragma once

#include <cstdint>

#include "hashgate/hash.h"

namespace hashgate::decode {

inline std::uint32_t Le16(ByteSpan bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) | static_cast<std::uint32_t>(bytes[at + 1]) << 8;
}
inline std::uint32_t Le24(ByteSpan bytes, std::size_t at) {
  return Le16(bytes, at) | static_cast<std::uint32_t>(bytes[at + 2]) << 16;
}
inline std::uint32_t Le32(ByteSpan bytes, std::size_t at) {
  return Le16(bytes, at) | Le16(bytes, at + 2) << 16;
}
inline std::uint32_t Be16(ByteSpan bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 8 | static_cast<std::uint32_t>(bytes[at + 1]);
}
inline std::uint32_t Be32(ByteSpan bytes, std::size_t at) {
  return Be16(bytes, at) << 16 | Be16(bytes, at + 2);
}

}  // namespace hashgate::decode
