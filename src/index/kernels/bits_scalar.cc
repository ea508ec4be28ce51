// The scans of bits word by word: in plain C++, and with the CPU's own count of bits.
#include <bit>
#include <cstring>

#include "index/kernels/bits.h"
#include "index/kernels/kernel.h"

namespace hashgate::index {
namespace {

[[gnu::always_inline]] inline std::uint64_t Word(const std::uint8_t* bytes, std::size_t word) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes + 8 * word, sizeof value);
  return value;
}

template <std::size_t kWords>
[[gnu::always_inline]] inline ScanStep Scan(const VectorScanInput& input, std::size_t begin,
                                            std::span<VectorHit> hits) {
  std::size_t found = 0;
  for (std::size_t slot = begin; slot < input.count; ++slot) {
    if (hits.size() - found < input.query_count) return {slot, found};
    const std::uint8_t* const value = input.values + slot * kWords * 8;
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const std::uint8_t* const query = input.queries + q * kWords * 8;
      std::uint32_t distance = 0;
      for (std::size_t word = 0; word < kWords; ++word) {
        distance += static_cast<std::uint32_t>(std::popcount(Word(value, word) ^ Word(query, word)));
      }
      if (distance > input.max_distance) continue;
      hits[found++] = {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(q), distance};
    }
  }
  return {input.count, found};
}

template <std::size_t kWords>
ScanStep ScanPlain(const VectorScanInput& input, std::size_t begin, std::span<VectorHit> hits) {
  return Scan<kWords>(input, begin, hits);
}

#if defined(__x86_64__)
template <std::size_t kWords>
__attribute__((target("popcnt"))) ScanStep ScanCounting(const VectorScanInput& input, std::size_t begin,
                                                        std::span<VectorHit> hits) {
  return Scan<kWords>(input, begin, hits);
}
#endif

}  // namespace

const BitsKernel kPortableBits = {.bytes8 = ScanPlain<1>, .bytes32 = ScanPlain<4>, .bytes72 = ScanPlain<9>};
#if defined(__x86_64__)
const BitsKernel kPopcntBits = {
    .bytes8 = ScanCounting<1>, .bytes32 = ScanCounting<4>, .bytes72 = ScanCounting<9>};
#endif

}  // namespace hashgate::index
