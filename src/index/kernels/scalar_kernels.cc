// The kernels without vectors: 'portable' in plain C++, and the same code again with the POPCNT instruction,
// which the x86-64 baseline lacks.
#include <bit>

#include "index/kernels/kernel.h"

namespace hashgate::index {
namespace {

// Always inlined, so that each caller compiles it for its own target.
[[gnu::always_inline]] inline ScanStep ScanScalar(const ScanInput& input, std::size_t begin,
                                                  std::span<Hit> hits) {
  // Above the limit the test of the first half is hardly ever decided the same way twice, and mispredicted
  // branches cost more than counting all bits.
  const int half_radius = input.max_distance_bits <= kHalfTestMaxRadius ? input.max_distance_bits : 256;
  const int radius = input.max_distance_bits;
  const std::size_t queries = input.queries.size();
  std::size_t found = 0;
  for (std::size_t slot = begin; slot < input.hashes.size(); ++slot) {
    if (hits.size() - found < queries) return {slot, found};
    const PdqHash& hash = input.hashes[slot];
    for (std::size_t q = 0; q < queries; ++q) {
      const PdqHash& query = input.queries[q];
      int distance =
          std::popcount(hash.words[0] ^ query.words[0]) + std::popcount(hash.words[1] ^ query.words[1]);
      if (distance > half_radius) continue;
      distance +=
          std::popcount(hash.words[2] ^ query.words[2]) + std::popcount(hash.words[3] ^ query.words[3]);
      if (distance > radius) continue;
      hits[found++] = {static_cast<std::uint32_t>(slot), static_cast<std::uint16_t>(q),
                       static_cast<std::uint16_t>(distance)};
    }
  }
  return {input.hashes.size(), found};
}

}  // namespace

ScanStep ScanPortable(const ScanInput& input, std::size_t begin, std::span<Hit> hits) {
  return ScanScalar(input, begin, hits);
}

#if defined(__x86_64__)
bool PopcntSupported() {
  return __builtin_cpu_supports("popcnt") != 0;
}

__attribute__((target("popcnt"))) ScanStep ScanPopcnt(const ScanInput& input, std::size_t begin,
                                                      std::span<Hit> hits) {
  return ScanScalar(input, begin, hits);
}
#endif

}  // namespace hashgate::index
