// Four vectors to a block, 64 components to a register: the absolute differences as bytes, widened to words
// and squared by VPMADDWD.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "index/kernels/kernel.h"
#include "index/kernels/vectors.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx512f,avx512bw,avx2")))
#define HASHGATE_INLINE HASHGATE_TARGET __attribute__((always_inline)) inline

namespace hashgate::index {
namespace {

constexpr std::size_t kSize = std::tuple_size_v<PhotoDna>;
constexpr std::size_t kBlock = 4;
constexpr std::size_t kPrefetchBytes = 2048;

// The components that whole registers leave over.
HASHGATE_INLINE __m256i Last(const std::uint8_t* vector) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(vector + kSize - 16)));
}

// Of a block's vectors, each sixteen sums that its squared distance adds up from. At most 2 * 255^2 for each
// pair of words and five pairs to a sum: far below 2^31.
struct FourSums {
  __m512i of[kBlock];
};

// The squares of 64 components' differences.
HASHGATE_INLINE __m512i Squares(const std::uint8_t* value, const std::uint8_t* query) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i a = _mm512_loadu_si512(value);
  const __m512i b = _mm512_loadu_si512(query);
  const __m512i difference = _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a));
  const __m512i low = _mm512_unpacklo_epi8(difference, zero);
  const __m512i high = _mm512_unpackhi_epi8(difference, zero);
  return _mm512_add_epi32(_mm512_madd_epi16(low, low), _mm512_madd_epi16(high, high));
}

HASHGATE_INLINE __m512i RestSum(const std::uint8_t* value, const std::uint8_t* query) {
  static_assert(kSize == 2 * 64 + 16);
  const __m256i difference = _mm256_sub_epi16(Last(value), Last(query));
  return _mm512_add_epi32(Squares(value + 64, query + 64),
                          _mm512_zextsi256_si512(_mm256_madd_epi16(difference, difference)));
}

// Of the first 64 components.
HASHGATE_INLINE FourSums FirstSums(const std::uint8_t* block, const std::uint8_t* query) {
  FourSums sums;
  for (std::size_t i = 0; i < kBlock; ++i) sums.of[i] = Squares(block + i * kSize, query);
  return sums;
}

HASHGATE_INLINE void AddRest(const std::uint8_t* block, const std::uint8_t* query, FourSums& sums) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    sums.of[i] = _mm512_add_epi32(sums.of[i], RestSum(block + i * kSize, query));
  }
}

HASHGATE_INLINE __m512i AddPairs(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

HASHGATE_INLINE __m128i Reduce(const FourSums& sums) {
  const __m512i ab = AddPairs(sums.of[0], sums.of[1]);
  const __m512i cd = AddPairs(sums.of[2], sums.of[3]);
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// A bit for each vector that lies beyond the threshold.
HASHGATE_INLINE unsigned Beyond(__m128i distances, __m128i threshold) {
  return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(distances, threshold))));
}

HASHGATE_INLINE int OneDistance(const std::uint8_t* value, const std::uint8_t* query) {
  return _mm512_reduce_add_epi32(_mm512_add_epi32(Squares(value, query), RestSum(value, query)));
}

// Asks for the cache lines of the block that comes kPrefetchBytes later. An address rather than a pointer,
// because it may lie behind the array; a prefetch never faults.
HASHGATE_INLINE void Prefetch(const std::uint8_t* block) {
  const auto ahead = reinterpret_cast<std::uintptr_t>(block) + kPrefetchBytes;
  for (std::size_t line = 0; line < kBlock * kSize; line += 64) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    _mm_prefetch(reinterpret_cast<const char*>(ahead + line), _MM_HINT_T0);
  }
}

HASHGATE_TARGET ScanStep ScanPhotoDna(const VectorScanInput& input, std::size_t begin,
                                      std::span<VectorHit> hits) {
  // Distances are below 2^24: as signed numbers they compare the same.
  const auto most = static_cast<int>(std::min<std::uint32_t>(input.max_distance, kMaxPhotoDnaDistance));
  const __m128i threshold = _mm_set1_epi32(most);
  const bool first_test = most <= kFirstTestMaxDistance;
  std::size_t found = 0;
  std::size_t slot = begin;
  for (; slot + kBlock <= input.count; slot += kBlock) {
    if (hits.size() - found < kBlock * input.query_count) return {slot, found};
    const std::uint8_t* const block = input.values + slot * kSize;
    Prefetch(block);
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const std::uint8_t* const query = input.queries + q * kSize;
      FourSums sums = FirstSums(block, query);
      // Of unrelated vectors hardly any gets past this.
      if (first_test && Beyond(Reduce(sums), threshold) == 0xf) [[likely]]
        continue;
      AddRest(block, query, sums);
      const __m128i distances = Reduce(sums);
      const unsigned beyond = Beyond(distances, threshold);
      if (beyond == 0xf) continue;
      alignas(16) std::uint32_t each[kBlock];
      _mm_store_si128(reinterpret_cast<__m128i*>(each), distances);
      for (unsigned lanes = ~beyond & 0xf; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::uint32_t>(std::countr_zero(lanes));
        hits[found++] = {static_cast<std::uint32_t>(slot) + lane, static_cast<std::uint32_t>(q), each[lane]};
      }
    }
  }
  for (; slot < input.count; ++slot) {
    if (hits.size() - found < input.query_count) return {slot, found};
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const auto distance =
          static_cast<std::uint32_t>(OneDistance(input.values + slot * kSize, input.queries + q * kSize));
      if (distance > input.max_distance) continue;
      hits[found++] = {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(q), distance};
    }
  }
  return {slot, found};
}

}  // namespace

const VectorKernel kAvx512Vectors = {.photodna = ScanPhotoDna};

}  // namespace hashgate::index

#endif
