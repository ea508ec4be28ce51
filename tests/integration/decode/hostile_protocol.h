// What tests and the hostile decoder agree on.
#pragma once

#include <cstdint>

#include "hashgate/hash.h"

namespace hashgate::testing {

/// The width that the hostile decoder reports where an attempt succeeded.
inline constexpr std::uint32_t kBreachWidth = 666;

/// FNV-1a over the upload: shows that a worker saw these bytes and no others.
inline std::uint64_t Checksum(ByteSpan bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const std::uint8_t byte : bytes) sum = (sum ^ byte) * 0x100000001b3;
  return sum;
}

}  // namespace hashgate::testing
