// 32 columns at a time: bytes of four rows are interleaved and multiplied in pairs.
#if defined(__x86_64__)

#include <immintrin.h>

#include "hash/perceptual/pdq_kernel_loops.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx2")))

namespace hashgate::perceptual {
namespace {

constexpr std::size_t kBlock = 32;

HASHGATE_TARGET __attribute__((always_inline)) inline __m256i Weights(const std::int8_t* four) {
  std::int32_t packed = 0;
  std::memcpy(&packed, four, sizeof packed);
  return _mm256_set1_epi32(packed);
}

HASHGATE_TARGET __attribute__((always_inline)) inline __m256i LoadRow(const std::uint8_t* row) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
}

/// Adds each group of four bytes times four weights to its sum.
HASHGATE_TARGET __attribute__((always_inline)) inline __m256i AddProducts(__m256i sums, __m256i bytes,
                                                                          __m256i weights) {
  const __m256i pairs = _mm256_maddubs_epi16(bytes, weights);
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// Four vectors of sums of 32 columns, in the order that interleaving bytes left them, to memory in order.
HASHGATE_TARGET __attribute__((always_inline)) inline void StoreInOrder(const __m256i (&sums)[4],
                                                                        std::int32_t* to) {
  auto* out = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(out, _mm256_permute2x128_si256(sums[0], sums[1], 0x20));
  _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(sums[2], sums[3], 0x20));
  _mm256_storeu_si256(out + 2, _mm256_permute2x128_si256(sums[0], sums[1], 0x31));
  _mm256_storeu_si256(out + 3, _mm256_permute2x128_si256(sums[2], sums[3], 0x31));
}

}  // namespace

bool Avx2Supported() {
  return __builtin_cpu_supports("avx2") != 0;
}

HASHGATE_TARGET void SumRowsAvx2(const RowJob& job) {
  std::size_t c = 0;
  for (; c + kBlock <= job.width; c += kBlock) {
    __m256i plain[4] = {};
    __m256i mirrored[4] = {};
    for (std::size_t r = 0; r < job.rows.size(); r += kRowGroup) {
      const __m256i r0 = LoadRow(job.rows[r] + c);
      const __m256i r1 = LoadRow(job.rows[r + 1] + c);
      const __m256i r2 = LoadRow(job.rows[r + 2] + c);
      const __m256i r3 = LoadRow(job.rows[r + 3] + c);
      const __m256i low01 = _mm256_unpacklo_epi8(r0, r1);
      const __m256i high01 = _mm256_unpackhi_epi8(r0, r1);
      const __m256i low23 = _mm256_unpacklo_epi8(r2, r3);
      const __m256i high23 = _mm256_unpackhi_epi8(r2, r3);
      const __m256i fours[4] = {_mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23),
                                _mm256_unpacklo_epi16(high01, high23), _mm256_unpackhi_epi16(high01, high23)};
      const __m256i plain_weights = Weights(job.plain + r);
      const __m256i mirrored_weights = Weights(job.mirrored + r);
      for (std::size_t i = 0; i < 4; ++i) {
        plain[i] = AddProducts(plain[i], fours[i], plain_weights);
        mirrored[i] = AddProducts(mirrored[i], fours[i], mirrored_weights);
      }
    }
    StoreInOrder(plain, job.plain_sums + c);
    StoreInOrder(mirrored, job.mirrored_sums + c);
  }
  loops::SumRowsTail(job, c);
}

HASHGATE_TARGET void SumColumnsAvx2(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride,
                                    double* out) {
  loops::SumColumnsOf<4, 4>(plan, sums, stride, out);
  loops::SumColumnsOf<4, 4>(plan, sums + 4 * stride, stride, out + std::size_t{4} * 128);
}

HASHGATE_TARGET void DctAvx2(const WideBlock64& block, WideBlock16& out) {
  loops::DctWith<4>(block, out);
}

}  // namespace hashgate::perceptual

#endif
