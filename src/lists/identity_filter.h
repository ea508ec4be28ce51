// A memory of which identities a content holds, so that most lookups of absent ones can be left out.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lists/record_codec.h"

namespace hashgate::lists {

/// Says for certain that an identity was never added; of those never added it takes about one in fifty for
/// added. Grows in layers, each twice the size of the one before; 20 MiB for sixteen million. Threads:
/// confined. Source: Bloom 1970; one cache line a key as in Putze, Sanders and Singler 2007; layers as in
/// Almeida et al. 2007.
class IdentityFilter {
 public:
  void Add(const KeyedDigest& identity);
  [[nodiscard]] bool MayHold(const KeyedDigest& identity) const;
  /// Whether it has as many as it may: then it must be let go of.
  [[nodiscard]] bool IsFull() const { return added_ >= kMaxIdentities; }

 private:
  static constexpr std::size_t kFirstLines = std::size_t{1} << 12;
  static constexpr std::size_t kKeysOfALine = 48;
  static constexpr std::uint64_t kMaxIdentities = std::uint64_t{1} << 24;

  struct alignas(64) Line {
    std::array<std::uint64_t, 8> words{};
  };
  struct Layer {
    std::vector<Line> lines;  // a power of two of them
    std::size_t left;         // room for so many more
  };

  std::vector<Layer> layers_;
  std::uint64_t added_ = 0;
};

}  // namespace hashgate::lists
