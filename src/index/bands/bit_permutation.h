// A fixed shuffle of a hash's 256 bits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "hashgate/hash.h"

namespace hashgate::index {

/// Shuffles bits by a secret, so that neighbouring bits of a PDQ hash, which depend on each other, land in
/// different bands, and nobody outside can tell which bits share one. Distances stay what they are. Threads:
/// thread-safe, immutable. Cost: 32 table rows a hash, from a table of 256 KiB.
class BitPermutation {
 public:
  using Seed = std::array<std::uint8_t, 32>;

  /// The same seed gives the same shuffle on every machine.
  explicit BitPermutation(const Seed& seed);

  [[nodiscard]] PdqHash Apply(const PdqHash& hash) const {
    PdqHash out;
    for (std::size_t byte = 0; byte < 32; ++byte) {
      const PdqHash& row = (*table_)[byte * 256 + (hash.words[byte / 8] >> (byte % 8 * 8) & 0xff)];
      for (std::size_t word = 0; word < 4; ++word) out.words[word] |= row.words[word];
    }
    return out;
  }

  /// Where bit `k` goes.
  [[nodiscard]] int target(int k) const { return targets_[static_cast<std::size_t>(k)]; }
  /// Which bit comes to be bit `k`.
  [[nodiscard]] std::uint8_t source(std::size_t k) const { return sources_[k]; }
  [[nodiscard]] const Seed& seed() const { return seed_; }

 private:
  Seed seed_;
  std::array<std::uint8_t, 256> targets_{};
  std::array<std::uint8_t, 256> sources_{};
  // Row (byte, value): where the bits go that this value sets in this byte.
  std::unique_ptr<std::array<PdqHash, std::size_t{32} * 256>> table_;
};

}  // namespace hashgate::index
