// Against accidents, not against people.
#pragma once

#include <cstdint>
#include <span>

namespace hashgate {

/// XXH3, 64 bits: tells bytes that changed by accident. Whoever means to can make bytes that agree. Source:
/// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Threads: thread-safe. Cost: as fast as
/// memory is read.
[[nodiscard]] std::uint64_t Checksum(std::span<const std::uint8_t> bytes);

}  // namespace hashgate
