// The loops over postings: in plain C++ and again with POPCNT, with AVX2 and with AVX-512.
#include "index/kernels/postings.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hashgate::index {
namespace {

// Always inlined, so that each caller compiles it for its own target.
[[gnu::always_inline]] inline std::size_t FilterScalar(const SignatureFilter& filter,
                                                       std::span<const PostingRange> ranges,
                                                       std::uint32_t* out) {
  std::size_t found = 0;
  for (const PostingRange& range : ranges) {
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      const auto differing = static_cast<std::uint16_t>(filter.signatures[i] ^ filter.query);
      out[found] = i;
      found += std::popcount(differing) <= filter.max_bits ? 1 : 0;
    }
  }
  return found;
}

[[gnu::always_inline]] inline std::size_t VerifyScalar(const PdqHash* hashes,
                                                       std::span<const std::uint32_t> slots,
                                                       const PdqHash& query, int max_distance_bits,
                                                       SlotHit* out) {
  std::size_t found = 0;
  for (const std::uint32_t slot : slots) {
    const int distance = Distance(hashes[slot], query);
    if (distance > max_distance_bits) continue;
    out[found++] = {slot, static_cast<std::uint16_t>(distance)};
  }
  return found;
}

}  // namespace

std::size_t FilterPortable(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                           std::uint32_t* out) {
  return FilterScalar(filter, ranges, out);
}

std::size_t VerifyPortable(const PdqHash* hashes, std::span<const std::uint32_t> slots, const PdqHash& query,
                           int max_distance_bits, SlotHit* out) {
  return VerifyScalar(hashes, slots, query, max_distance_bits, out);
}

#if defined(__x86_64__)

#define HASHGATE_POPCNT __attribute__((target("popcnt")))
#define HASHGATE_AVX2 __attribute__((target("avx2,popcnt")))
#define HASHGATE_AVX512 __attribute__((target("avx512f,avx512bw,avx512bitalg,popcnt")))

HASHGATE_POPCNT std::size_t FilterPopcnt(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                                         std::uint32_t* out) {
  return FilterScalar(filter, ranges, out);
}

HASHGATE_POPCNT std::size_t VerifyPopcnt(const PdqHash* hashes, std::span<const std::uint32_t> slots,
                                         const PdqHash& query, int max_distance_bits, SlotHit* out) {
  return VerifyScalar(hashes, slots, query, max_distance_bits, out);
}

// Sixteen signatures at a time. What lies behind a range is read and masked off.
HASHGATE_AVX2 std::size_t FilterAvx2(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                                     std::uint32_t* out) {
  constexpr std::uint32_t kLanes = 16;
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2,
                                          3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0f);
  const __m256i ones = _mm256_set1_epi8(1);
  const __m256i query = _mm256_set1_epi16(static_cast<short>(filter.query));
  const __m256i limit = _mm256_set1_epi16(static_cast<short>(filter.max_bits));
  std::size_t found = 0;
  for (const PostingRange& range : ranges) {
    for (std::uint32_t i = range.begin; i < range.end; i += kLanes) {
      const auto* const at = reinterpret_cast<const __m256i*>(filter.signatures + i);
      const __m256i bits = _mm256_xor_si256(_mm256_loadu_si256(at), query);
      const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(bits, low_half));
      const __m256i high =
          _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low_half));
      const __m256i differing = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), ones);
      const __m256i beyond = _mm256_cmpgt_epi16(differing, limit);
      // Two bits a lane; every second one counts.
      std::uint32_t near = ~static_cast<std::uint32_t>(_mm256_movemask_epi8(beyond)) & 0x55555555U;
      const std::uint32_t left = range.end - i;
      if (left < kLanes) near &= (std::uint32_t{1} << (2 * left)) - 1;
      for (; near != 0; near &= near - 1) {
        out[found++] = i + static_cast<std::uint32_t>(std::countr_zero(near)) / 2;
      }
    }
  }
  return found;
}

// Thirty-two signatures at a time.
HASHGATE_AVX512 std::size_t FilterAvx512(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                                         std::uint32_t* out) {
  constexpr std::uint32_t kLanes = 32;
  const __m512i query = _mm512_set1_epi16(static_cast<short>(filter.query));
  const __m512i limit = _mm512_set1_epi16(static_cast<short>(filter.max_bits));
  std::size_t found = 0;
  for (const PostingRange& range : ranges) {
    for (std::uint32_t i = range.begin; i < range.end; i += kLanes) {
      const std::uint32_t left = range.end - i;
      const __mmask32 lanes = left < kLanes ? (std::uint32_t{1} << left) - 1 : ~std::uint32_t{0};
      const __m512i bits = _mm512_xor_si512(_mm512_loadu_si512(filter.signatures + i), query);
      std::uint32_t near = _mm512_mask_cmple_epu16_mask(lanes, _mm512_popcnt_epi16(bits), limit);
      for (; near != 0; near &= near - 1) {
        out[found++] = i + static_cast<std::uint32_t>(std::countr_zero(near));
      }
    }
  }
  return found;
}

#endif

}  // namespace hashgate::index
