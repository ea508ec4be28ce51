// The loops over buckets and postings: in plain C++ and again with POPCNT, with AVX2 and with AVX-512.
#include <bit>

#include "index/kernels/postings.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hashgate::index {
namespace {

// Always inlined, so that each caller compiles it for its own target.
[[gnu::always_inline]] inline Filtered FilterBucketsScalar(const BucketFilter& filter,
                                                           std::span<const std::uint32_t> flips,
                                                           std::uint32_t* postings,
                                                           std::uint32_t* long_buckets) {
  Filtered found;
  for (const std::uint32_t flip : flips) {
    const std::uint32_t bucket = filter.key ^ flip;
    const BucketLine& line = filter.lines[bucket];
    const std::uint32_t count = line.inline_count();
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto differing = static_cast<std::uint16_t>(line.signatures[i] ^ filter.signature);
      postings[found.postings] = line.begin + i;
      found.postings += std::popcount(differing) <= filter.max_bits ? 1 : 0;
    }
    if (line.is_long()) long_buckets[found.long_buckets++] = bucket;
  }
  return found;
}

[[gnu::always_inline]] inline std::size_t FilterSignaturesScalar(std::span<const std::uint16_t> signatures,
                                                                 std::uint16_t query, int max_bits,
                                                                 std::uint32_t offset, std::uint32_t* out) {
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < signatures.size(); ++i) {
    const auto differing = static_cast<std::uint16_t>(signatures[i] ^ query);
    out[found] = offset + i;
    found += std::popcount(differing) <= max_bits ? 1 : 0;
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

Filtered FilterBucketsPortable(const BucketFilter& filter, std::span<const std::uint32_t> flips,
                               std::uint32_t* postings, std::uint32_t* long_buckets) {
  return FilterBucketsScalar(filter, flips, postings, long_buckets);
}
std::size_t FilterSignaturesPortable(std::span<const std::uint16_t> signatures, std::uint16_t query,
                                     int max_bits, std::uint32_t offset, std::uint32_t* out) {
  return FilterSignaturesScalar(signatures, query, max_bits, offset, out);
}
std::size_t VerifyPortable(const PdqHash* hashes, std::span<const std::uint32_t> slots, const PdqHash& query,
                           int max_distance_bits, SlotHit* out) {
  return VerifyScalar(hashes, slots, query, max_distance_bits, out);
}

void PickBitsPortable(const BitPicks& picks, std::span<const PdqHash> hashes, std::uint64_t* out) {
  for (const PdqHash& hash : hashes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < picks.count; ++i) {
      const std::uint8_t position = picks.positions[i];
      word |= (hash.words[position / 64] >> position % 64 & 1) << i;
    }
    *out++ = word;
  }
}

#if defined(__x86_64__)

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_POPCNT __attribute__((target("popcnt")))
#define HASHGATE_AVX2 __attribute__((target("avx2,popcnt")))
#define HASHGATE_AVX512 __attribute__((target("avx512f,avx512bw,avx512bitalg,avx512vbmi,popcnt")))

HASHGATE_POPCNT Filtered FilterBucketsPopcnt(const BucketFilter& filter, std::span<const std::uint32_t> flips,
                                             std::uint32_t* postings, std::uint32_t* long_buckets) {
  return FilterBucketsScalar(filter, flips, postings, long_buckets);
}
HASHGATE_POPCNT std::size_t FilterSignaturesPopcnt(std::span<const std::uint16_t> signatures,
                                                   std::uint16_t query, int max_bits, std::uint32_t offset,
                                                   std::uint32_t* out) {
  return FilterSignaturesScalar(signatures, query, max_bits, offset, out);
}
HASHGATE_POPCNT std::size_t VerifyPopcnt(const PdqHash* hashes, std::span<const std::uint32_t> slots,
                                         const PdqHash& query, int max_distance_bits, SlotHit* out) {
  return VerifyScalar(hashes, slots, query, max_distance_bits, out);
}

// Where the signatures lie in a line of 32 lanes.
constexpr unsigned kFirstLane = 4;
static_assert(offsetof(BucketLine, signatures) == kFirstLane * sizeof(std::uint16_t));

[[gnu::always_inline]] inline std::uint32_t LowBits(std::uint32_t count) {
  return static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}

// Sixteen lanes at a time: all ones where the lane differs from the query in more bits than the limit. Bits
// are counted by table look-up of half-bytes (Mula, Kurz, Lemire 2018).
HASHGATE_AVX2 __attribute__((always_inline)) inline __m256i Beyond(__m256i lanes, __m256i query,
                                                                   __m256i limit) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2,
                                          3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0f);
  const __m256i bits = _mm256_xor_si256(lanes, query);
  const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(bits, low_half));
  const __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low_half));
  return _mm256_cmpgt_epi16(_mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1)), limit);
}

// One bit a lane.
HASHGATE_AVX2 __attribute__((always_inline)) inline std::uint32_t MaskOf(__m256i first, __m256i second) {
  // Packing works in halves of 128 bits: the middle quarters change places.
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0b11'01'10'00);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(packed));
}

HASHGATE_AVX2 Filtered FilterBucketsAvx2(const BucketFilter& filter, std::span<const std::uint32_t> flips,
                                         std::uint32_t* postings, std::uint32_t* long_buckets) {
  const __m256i query = _mm256_set1_epi16(static_cast<short>(filter.signature));
  const __m256i limit = _mm256_set1_epi16(static_cast<short>(filter.max_bits));
  Filtered found;
  for (const std::uint32_t flip : flips) {
    const std::uint32_t bucket = filter.key ^ flip;
    const BucketLine& line = filter.lines[bucket];
    const auto* const lanes = reinterpret_cast<const __m256i*>(&line);
    const __m256i first = Beyond(_mm256_load_si256(lanes), query, limit);
    const __m256i second = Beyond(_mm256_load_si256(lanes + 1), query, limit);
    std::uint32_t near = (~MaskOf(first, second) >> kFirstLane) & LowBits(line.inline_count());
    for (; near != 0; near &= near - 1) {
      postings[found.postings++] = line.begin + static_cast<std::uint32_t>(std::countr_zero(near));
    }
    if (line.is_long()) [[unlikely]]
      long_buckets[found.long_buckets++] = bucket;
  }
  return found;
}

HASHGATE_AVX2 std::size_t FilterSignaturesAvx2(std::span<const std::uint16_t> signatures,
                                               std::uint16_t signature, int max_bits, std::uint32_t offset,
                                               std::uint32_t* out) {
  constexpr std::size_t kLanes = 32;
  const __m256i query = _mm256_set1_epi16(static_cast<short>(signature));
  const __m256i limit = _mm256_set1_epi16(static_cast<short>(max_bits));
  std::size_t found = 0;
  for (std::size_t i = 0; i < signatures.size(); i += kLanes) {
    const auto* const lanes = reinterpret_cast<const __m256i*>(signatures.data() + i);
    std::uint32_t near = ~MaskOf(Beyond(_mm256_loadu_si256(lanes), query, limit),
                                 Beyond(_mm256_loadu_si256(lanes + 1), query, limit));
    if (signatures.size() - i < kLanes) near &= LowBits(static_cast<std::uint32_t>(signatures.size() - i));
    for (; near != 0; near &= near - 1) {
      out[found++] =
          offset + static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(std::countr_zero(near));
    }
  }
  return found;
}

HASHGATE_AVX512 Filtered FilterBucketsAvx512(const BucketFilter& filter, std::span<const std::uint32_t> flips,
                                             std::uint32_t* postings, std::uint32_t* long_buckets) {
  const __m512i query = _mm512_set1_epi16(static_cast<short>(filter.signature));
  const __m512i limit = _mm512_set1_epi16(static_cast<short>(filter.max_bits));
  Filtered found;
  for (const std::uint32_t flip : flips) {
    const std::uint32_t bucket = filter.key ^ flip;
    const BucketLine& line = filter.lines[bucket];
    const __m512i bits = _mm512_xor_si512(_mm512_load_si512(&line), query);
    std::uint32_t near = _mm512_cmple_epu16_mask(_mm512_popcnt_epi16(bits), limit);
    near = (near >> kFirstLane) & LowBits(line.inline_count());
    for (; near != 0; near &= near - 1) {
      postings[found.postings++] = line.begin + static_cast<std::uint32_t>(std::countr_zero(near));
    }
    if (line.is_long()) [[unlikely]]
      long_buckets[found.long_buckets++] = bucket;
  }
  return found;
}

HASHGATE_AVX512 std::size_t FilterSignaturesAvx512(std::span<const std::uint16_t> signatures,
                                                   std::uint16_t signature, int max_bits,
                                                   std::uint32_t offset, std::uint32_t* out) {
  constexpr std::size_t kLanes = 32;
  const __m512i query = _mm512_set1_epi16(static_cast<short>(signature));
  const __m512i limit = _mm512_set1_epi16(static_cast<short>(max_bits));
  std::size_t found = 0;
  for (std::size_t i = 0; i < signatures.size(); i += kLanes) {
    const __m512i bits = _mm512_xor_si512(_mm512_loadu_si512(signatures.data() + i), query);
    std::uint32_t near = _mm512_cmple_epu16_mask(_mm512_popcnt_epi16(bits), limit);
    if (signatures.size() - i < kLanes) near &= LowBits(static_cast<std::uint32_t>(signatures.size() - i));
    for (; near != 0; near &= near - 1) {
      out[found++] =
          offset + static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(std::countr_zero(near));
    }
  }
  return found;
}

// The byte of the hash that each pick lies in, and the bit in it; no bit for picks that there are not.
struct PickedBytes {
  alignas(64) std::array<std::uint8_t, 64> bytes{};
  alignas(64) std::array<std::uint8_t, 64> bits{};

  explicit PickedBytes(const BitPicks& picks) {
    for (std::size_t i = 0; i < picks.count; ++i) {
      bytes[i] = picks.positions[i] / 8;
      bits[i] = static_cast<std::uint8_t>(1 << picks.positions[i] % 8);
    }
  }
};

// Half of the picks: each lane takes its byte from one of the hash's two halves, and keeps its bit.
HASHGATE_AVX2 __attribute__((always_inline)) inline std::uint64_t PickHalf(__m256i low, __m256i high,
                                                                           __m256i bytes, __m256i bits) {
  // A shuffle looks at four bits of the place, and gives 0 where the highest is set.
  const __m256i from_low = _mm256_shuffle_epi8(low, _mm256_add_epi8(bytes, _mm256_set1_epi8(0x70)));
  const __m256i from_high = _mm256_shuffle_epi8(high, _mm256_sub_epi8(bytes, _mm256_set1_epi8(0x10)));
  const __m256i kept = _mm256_and_si256(_mm256_or_si256(from_low, from_high), bits);
  const __m256i unset = _mm256_cmpeq_epi8(kept, _mm256_setzero_si256());
  return static_cast<std::uint32_t>(~_mm256_movemask_epi8(unset));
}

HASHGATE_AVX2 void PickBitsAvx2(const BitPicks& picks, std::span<const PdqHash> hashes, std::uint64_t* out) {
  const PickedBytes picked(picks);
  const auto* const bytes = reinterpret_cast<const __m256i*>(picked.bytes.data());
  const auto* const bits = reinterpret_cast<const __m256i*>(picked.bits.data());
  const __m256i first_bytes = _mm256_load_si256(bytes);
  const __m256i first_bits = _mm256_load_si256(bits);
  const __m256i second_bytes = _mm256_load_si256(bytes + 1);
  const __m256i second_bits = _mm256_load_si256(bits + 1);
  for (const PdqHash& hash : hashes) {
    const auto* const halves = reinterpret_cast<const __m128i*>(hash.words.data());
    const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128(halves));
    const __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128(halves + 1));
    *out++ = PickHalf(low, high, first_bytes, first_bits) | PickHalf(low, high, second_bytes, second_bits)
                                                                << 32;
  }
}

HASHGATE_AVX512 void PickBitsAvx512(const BitPicks& picks, std::span<const PdqHash> hashes,
                                    std::uint64_t* out) {
  const PickedBytes picked(picks);
  const __m512i bytes = _mm512_load_si512(picked.bytes.data());
  const __m512i bits = _mm512_load_si512(picked.bits.data());
  for (const PdqHash& hash : hashes) {
    const __m512i twice =
        _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(hash.words.data())));
    *out++ = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(bytes, twice), bits);
  }
}

#endif

}  // namespace

const PostingKernel kPortablePostings = {FilterBucketsPortable, FilterSignaturesPortable, VerifyPortable,
                                         PickBitsPortable};
#if defined(__x86_64__)
const PostingKernel kPopcntPostings = {FilterBucketsPopcnt, FilterSignaturesPopcnt, VerifyPopcnt,
                                       PickBitsPortable};
const PostingKernel kAvx2Postings = {FilterBucketsAvx2, FilterSignaturesAvx2, VerifyPopcnt, PickBitsAvx2};
const PostingKernel kAvx512Postings = {FilterBucketsAvx512, FilterSignaturesAvx512, VerifyPopcnt,
                                       PickBitsAvx512};
#endif

}  // namespace hashgate::index
