// A short keyed hash.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace hashgate {

/// SipHash-2-4 with 128 bits of output: whoever does not know the key cannot make two inputs agree, nor tell
/// which do. Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012, and the 128-bit variant of
/// the authors' own implementation. Threads: thread-safe.
class SipHash {
 public:
  using Key = std::array<std::uint8_t, 16>;
  explicit SipHash(const Key& key);

  /// Both halves, the first eight bytes of the output as a little-endian number in front.
  [[nodiscard]] std::array<std::uint64_t, 2> operator()(std::span<const std::uint8_t> bytes) const;

 private:
  std::array<std::uint64_t, 2> key_;
};

}  // namespace hashgate
