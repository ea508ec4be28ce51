// Four hashes at a time: their words are transposed once into registers; differing bits are counted by table
// look-up of half-bytes.
// Source: Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions" (2018).
#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>

#include "index/kernels/kernel.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx2,popcnt")))
#define HASHGATE_INLINE HASHGATE_TARGET __attribute__((always_inline)) inline

namespace hashgate::index {
namespace {

constexpr std::size_t kBlock = 4;

// Appends the lanes of `lanes` whose full distance is within the radius.
HASHGATE_TARGET std::size_t AppendLanes(const ScanInput& input, std::size_t slot, std::size_t query,
                                        unsigned lanes, std::span<Hit> hits, std::size_t found) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const std::size_t at = slot + static_cast<std::size_t>(std::countr_zero(lanes));
    const int distance = Distance(input.hashes[at], input.queries[query]);
    if (distance > input.max_distance_bits) continue;
    hits[found++] = {static_cast<std::uint32_t>(at), static_cast<std::uint16_t>(query),
                     static_cast<std::uint16_t>(distance)};
  }
  return found;
}

HASHGATE_INLINE __m256i Differing(__m256i hash_words, std::uint64_t query_word) {
  return _mm256_xor_si256(hash_words, _mm256_set1_epi64x(static_cast<long long>(query_word)));
}

// Bits set in each byte, 0..8.
HASHGATE_INLINE __m256i ByteCounts(__m256i bits) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2,
                                          3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0f);
  const __m256i low = _mm256_and_si256(bits, low_half);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32(bits, 4), low_half);
  return _mm256_add_epi8(_mm256_shuffle_epi8(counts, low), _mm256_shuffle_epi8(counts, high));
}

// Lanes (of 64 bits) whose bytes sum to at most `radius`. Byte counts are below 64, so sums stay small.
HASHGATE_INLINE unsigned LanesWithin(__m256i byte_counts, __m256i radius) {
  const __m256i distances = _mm256_sad_epu8(byte_counts, _mm256_setzero_si256());
  const __m256i beyond = _mm256_cmpgt_epi64(distances, radius);
  return ~static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(beyond))) & 0xfU;
}

// What is left when fewer than a block remain.
HASHGATE_TARGET ScanStep ScanTail(const ScanInput& input, std::size_t slot, std::span<Hit> hits,
                                  std::size_t found) {
  for (; slot < input.hashes.size(); ++slot) {
    if (hits.size() - found < input.queries.size()) return {slot, found};
    for (std::size_t q = 0; q < input.queries.size(); ++q) {
      found = AppendLanes(input, slot, q, 1, hits, found);
    }
  }
  return {slot, found};
}

// `half_test`: look at words 0 and 1 only, and at the rest of those pairs that are near so far.
HASHGATE_INLINE ScanStep Scan(const ScanInput& input, std::size_t begin, std::span<Hit> hits,
                              bool half_test) {
  const std::size_t count = input.hashes.size();
  const std::size_t queries = input.queries.size();
  const PdqHash* const query = input.queries.data();
  const __m256i radius = _mm256_set1_epi64x(input.max_distance_bits);
  std::size_t found = 0;
  std::size_t slot = begin;
  for (; slot + kBlock <= count; slot += kBlock) {
    if (hits.size() - found < kBlock * queries) return {slot, found};
    const auto* const block = reinterpret_cast<const __m256i*>(input.hashes.data() + slot);
    const __m256i a = _mm256_loadu_si256(block);
    const __m256i b = _mm256_loadu_si256(block + 1);
    const __m256i c = _mm256_loadu_si256(block + 2);
    const __m256i d = _mm256_loadu_si256(block + 3);
    const __m256i even_ab = _mm256_unpacklo_epi64(a, b);  // words 0 and 2
    const __m256i even_cd = _mm256_unpacklo_epi64(c, d);
    const __m256i odd_ab = _mm256_unpackhi_epi64(a, b);  // words 1 and 3
    const __m256i odd_cd = _mm256_unpackhi_epi64(c, d);
    const __m256i word0 = _mm256_permute2x128_si256(even_ab, even_cd, 0x20);
    const __m256i word1 = _mm256_permute2x128_si256(odd_ab, odd_cd, 0x20);
    if (half_test) {
      for (std::size_t q = 0; q < queries; ++q) {
        const unsigned lanes = LanesWithin(_mm256_add_epi8(ByteCounts(Differing(word0, query[q].words[0])),
                                                           ByteCounts(Differing(word1, query[q].words[1]))),
                                           radius);
        if (lanes != 0) [[unlikely]]
          found = AppendLanes(input, slot, q, lanes, hits, found);
      }
    } else {
      const __m256i word2 = _mm256_permute2x128_si256(even_ab, even_cd, 0x31);
      const __m256i word3 = _mm256_permute2x128_si256(odd_ab, odd_cd, 0x31);
      for (std::size_t q = 0; q < queries; ++q) {
        // A carry-save adder turns three words into ones and twos, which saves one count in four.
        const __m256i x0 = Differing(word0, query[q].words[0]);
        const __m256i x1 = Differing(word1, query[q].words[1]);
        const __m256i x2 = Differing(word2, query[q].words[2]);
        const __m256i x3 = Differing(word3, query[q].words[3]);
        const __m256i x01 = _mm256_xor_si256(x0, x1);
        const __m256i ones = ByteCounts(_mm256_xor_si256(x01, x2));
        const __m256i twos = ByteCounts(_mm256_or_si256(_mm256_and_si256(x0, x1), _mm256_and_si256(x01, x2)));
        const __m256i counts =
            _mm256_add_epi8(_mm256_add_epi8(ones, ByteCounts(x3)), _mm256_add_epi8(twos, twos));
        const unsigned lanes = LanesWithin(counts, radius);
        if (lanes != 0) [[unlikely]]
          found = AppendLanes(input, slot, q, lanes, hits, found);
      }
    }
  }
  return ScanTail(input, slot, hits, found);
}

}  // namespace

bool Avx2Supported() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0;
}

HASHGATE_TARGET ScanStep ScanAvx2(const ScanInput& input, std::size_t begin, std::span<Hit> hits) {
  return input.max_distance_bits <= kHalfTestMaxRadius ? Scan(input, begin, hits, true)
                                                       : Scan(input, begin, hits, false);
}

}  // namespace hashgate::index

#endif
