// Four values to a block: word by word they are brought into registers once, and compared with each query by
// a table of the bits of half bytes. Source of the count: Mula, Kurz, Lemire, "Faster Population Counts Using
// AVX2 Instructions", 2016.
#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "index/kernels/bits.h"
#include "index/kernels/kernel.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx2,popcnt")))
#define HASHGATE_INLINE HASHGATE_TARGET __attribute__((always_inline)) inline

namespace hashgate::index {
namespace {

constexpr std::size_t kBlock = 4;

template <std::size_t kWords>
struct Block {
  __m256i word[kWords];
};

HASHGATE_INLINE long long Word(const std::uint8_t* bytes, std::size_t word) {
  long long value = 0;
  std::memcpy(&value, bytes + 8 * word, sizeof value);
  return value;
}

template <std::size_t kWords>
HASHGATE_INLINE Block<kWords> Load(const std::uint8_t* values) {
  Block<kWords> block;
  for (std::size_t word = 0; word < kWords; ++word) {
    block.word[word] = _mm256_setr_epi64x(Word(values, word), Word(values, kWords + word),
                                          Word(values, 2 * kWords + word), Word(values, 3 * kWords + word));
  }
  return block;
}

// The bits of each byte.
HASHGATE_INLINE __m256i CountBits(__m256i bytes) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  const __m256i of_low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, low));
  const __m256i of_high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low));
  return _mm256_add_epi8(of_low, of_high);
}

template <std::size_t kWords>
HASHGATE_TARGET ScanStep Scan(const VectorScanInput& input, std::size_t begin, std::span<VectorHit> hits) {
  constexpr std::size_t kSize = kWords * 8;
  // At most 8 in each byte of a word: all words' fit a byte.
  static_assert(kWords * 8 <= 255);
  const __m256i threshold = _mm256_set1_epi64x(input.max_distance);
  std::size_t found = 0;
  std::size_t slot = begin;
  for (; slot + kBlock <= input.count; slot += kBlock) {
    if (hits.size() - found < kBlock * input.query_count) return {slot, found};
    const Block<kWords> block = Load<kWords>(input.values + slot * kSize);
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const std::uint8_t* const query = input.queries + q * kSize;
      __m256i counts = _mm256_setzero_si256();
      for (std::size_t word = 0; word < kWords; ++word) {
        const __m256i differing = _mm256_xor_si256(block.word[word], _mm256_set1_epi64x(Word(query, word)));
        counts = _mm256_add_epi8(counts, CountBits(differing));
      }
      const __m256i distances = _mm256_sad_epu8(counts, _mm256_setzero_si256());
      const auto beyond = static_cast<unsigned>(
          _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(distances, threshold))));
      if (beyond == 0xf) [[likely]]
        continue;
      alignas(32) std::uint64_t each[kBlock];
      _mm256_store_si256(reinterpret_cast<__m256i*>(each), distances);
      for (unsigned lanes = ~beyond & 0xf; lanes != 0; lanes &= lanes - 1) {
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

const BitsKernel kAvx2Bits = {.bytes8 = Scan<1>, .bytes32 = Scan<4>, .bytes72 = Scan<9>};

}  // namespace hashgate::index

#endif
