// Eight values to a block: word by word they are brought into registers once, and compared with each query
// by VPOPCNTDQ.
#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "index/kernels/bits.h"
#include "index/kernels/kernel.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx512f,avx512vpopcntdq,popcnt")))
#define HASHGATE_INLINE HASHGATE_TARGET __attribute__((always_inline)) inline

namespace hashgate::index {
namespace {

constexpr std::size_t kBlock = 8;

template <std::size_t kWords>
struct Block {
  __m512i word[kWords];
};

HASHGATE_INLINE long long Word(const std::uint8_t* bytes, std::size_t word) {
  long long value = 0;
  std::memcpy(&value, bytes + 8 * word, sizeof value);
  return value;
}

// Eight loads and their joining: a gather took three to five times as long.
template <std::size_t kWords>
HASHGATE_INLINE Block<kWords> Load(const std::uint8_t* values) {
  Block<kWords> block;
  for (std::size_t word = 0; word < kWords; ++word) {
    const std::uint8_t* const at = values + 8 * word;
    constexpr std::size_t kStep = kWords;
    block.word[word] = kWords == 1
                           ? _mm512_loadu_si512(values)
                           : _mm512_setr_epi64(Word(at, 0), Word(at, kStep), Word(at, 2 * kStep),
                                               Word(at, 3 * kStep), Word(at, 4 * kStep), Word(at, 5 * kStep),
                                               Word(at, 6 * kStep), Word(at, 7 * kStep));
  }
  return block;
}

template <std::size_t kWords>
HASHGATE_TARGET ScanStep Scan(const VectorScanInput& input, std::size_t begin, std::span<VectorHit> hits) {
  constexpr std::size_t kSize = kWords * 8;
  const __m512i threshold = _mm512_set1_epi64(input.max_distance);
  std::size_t found = 0;
  std::size_t slot = begin;
  for (; slot + kBlock <= input.count; slot += kBlock) {
    if (hits.size() - found < kBlock * input.query_count) return {slot, found};
    const Block<kWords> block = Load<kWords>(input.values + slot * kSize);
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const std::uint8_t* const query = input.queries + q * kSize;
      __m512i distances = _mm512_setzero_si512();
      for (std::size_t word = 0; word < kWords; ++word) {
        const __m512i differing = _mm512_xor_si512(block.word[word], _mm512_set1_epi64(Word(query, word)));
        distances = _mm512_add_epi64(distances, _mm512_popcnt_epi64(differing));
      }
      unsigned lanes = _mm512_cmple_epu64_mask(distances, threshold);
      if (lanes == 0) [[likely]]
        continue;
      alignas(64) std::uint64_t each[kBlock];
      _mm512_store_si512(each, distances);
      for (; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::uint32_t>(std::countr_zero(lanes));
        hits[found++] = {static_cast<std::uint32_t>(slot) + lane, static_cast<std::uint32_t>(q),
                         static_cast<std::uint32_t>(each[lane])};
      }
    }
  }
  for (; slot < input.count; ++slot) {
    if (hits.size() - found < input.query_count) return {slot, found};
    for (std::size_t q = 0; q < input.query_count; ++q) {
      std::uint32_t distance = 0;
      for (std::size_t word = 0; word < kWords; ++word) {
        const long long differing =
            Word(input.values + slot * kSize, word) ^ Word(input.queries + q * kSize, word);
        distance += static_cast<std::uint32_t>(std::popcount(static_cast<std::uint64_t>(differing)));
      }
      if (distance > input.max_distance) continue;
      hits[found++] = {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(q), distance};
    }
  }
  return {slot, found};
}

}  // namespace

const BitsKernel kAvx512Bits = {.bytes8 = Scan<1>, .bytes32 = Scan<4>, .bytes72 = Scan<9>};

}  // namespace hashgate::index

#endif
