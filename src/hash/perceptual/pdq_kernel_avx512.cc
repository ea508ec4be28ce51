// 64 columns at a time: bytes of four rows are interleaved and multiplied and added up by VNNI.
#if defined(__x86_64__)

#include <immintrin.h>

#include "hash/perceptual/pdq_kernel_loops.h"

// Each function raises its own target; nothing else in the program may use these instructions.
#define HASHGATE_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define HASHGATE_INLINE HASHGATE_TARGET __attribute__((always_inline)) inline

namespace hashgate::perceptual {
namespace {

/// Columns that all rows of a job are gone through together for: their sums stay in the first-level cache,
/// and rows are read in runs that the CPU prefetches.
constexpr std::size_t kTile = 1024;
constexpr std::size_t kBlock = kSumBlock;

/// The sums of 64 columns, in the order that interleaving bytes leaves them: vector i holds columns
/// 16 * lane + 4 * i + {0 .. 3} of each 128-bit lane.
struct Sums {
  __m512i parts[4];
};

HASHGATE_INLINE void AddGroup(const RowJob& job, std::size_t r, std::size_t c, __mmask64 columns, Sums& plain,
                              Sums& mirrored) {
  const __m512i r0 = _mm512_maskz_loadu_epi8(columns, job.rows[r] + c);
  const __m512i r1 = _mm512_maskz_loadu_epi8(columns, job.rows[r + 1] + c);
  const __m512i r2 = _mm512_maskz_loadu_epi8(columns, job.rows[r + 2] + c);
  const __m512i r3 = _mm512_maskz_loadu_epi8(columns, job.rows[r + 3] + c);
  const __m512i low01 = _mm512_unpacklo_epi8(r0, r1);
  const __m512i high01 = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low23 = _mm512_unpacklo_epi8(r2, r3);
  const __m512i high23 = _mm512_unpackhi_epi8(r2, r3);
  const __m512i fours[4] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                            _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
  std::int32_t plain_weights = 0;
  std::int32_t mirrored_weights = 0;
  std::memcpy(&plain_weights, job.plain + r, sizeof plain_weights);
  std::memcpy(&mirrored_weights, job.mirrored + r, sizeof mirrored_weights);
  const __m512i wide_plain = _mm512_set1_epi32(plain_weights);
  const __m512i wide_mirrored = _mm512_set1_epi32(mirrored_weights);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) {
    plain.parts[i] = _mm512_dpbusd_epi32(plain.parts[i], fours[i], wide_plain);
    mirrored.parts[i] = _mm512_dpbusd_epi32(mirrored.parts[i], fours[i], wide_mirrored);
  }
}

HASHGATE_INLINE Sums Load(const std::int32_t* from) {
  return {{_mm512_loadu_si512(from), _mm512_loadu_si512(from + 16), _mm512_loadu_si512(from + 32),
           _mm512_loadu_si512(from + 48)}};
}

HASHGATE_INLINE void Store(std::int32_t* to, const Sums& sums) {
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) _mm512_storeu_si512(to + 16 * i, sums.parts[i]);
}

/// Transposes the 4x4 of 128-bit lanes, which puts the columns in order.
HASHGATE_INLINE Sums InOrder(const Sums& sums) {
  const __m512i ab_low = _mm512_shuffle_i32x4(sums.parts[0], sums.parts[1], 0x44);
  const __m512i ab_high = _mm512_shuffle_i32x4(sums.parts[0], sums.parts[1], 0xEE);
  const __m512i cd_low = _mm512_shuffle_i32x4(sums.parts[2], sums.parts[3], 0x44);
  const __m512i cd_high = _mm512_shuffle_i32x4(sums.parts[2], sums.parts[3], 0xEE);
  return {{_mm512_shuffle_i32x4(ab_low, cd_low, 0x88), _mm512_shuffle_i32x4(ab_low, cd_low, 0xDD),
           _mm512_shuffle_i32x4(ab_high, cd_high, 0x88), _mm512_shuffle_i32x4(ab_high, cd_high, 0xDD)}};
}

/// Goes on with `groups` groups of rows from row `r` for the columns [from, to) of the job.
HASHGATE_INLINE void SumTile(const RowJob& job, std::size_t r, std::size_t groups, std::size_t from,
                             std::size_t to) {
  const bool is_first = r == 0;
  const bool is_last = r + groups * kRowGroup == job.rows.size();
  for (std::size_t c = from; c < to; c += kBlock) {
    const std::size_t left = job.width - c;
    const __mmask64 columns = left >= kBlock ? ~0ULL : (1ULL << left) - 1;
    Sums plain = is_first ? Sums{} : Load(job.plain_sums + c);
    Sums mirrored = is_first ? Sums{} : Load(job.mirrored_sums + c);
    AddGroup(job, r, c, columns, plain, mirrored);
    if (groups == 2) AddGroup(job, r + kRowGroup, c, columns, plain, mirrored);
    Store(job.plain_sums + c, is_last ? InOrder(plain) : plain);
    Store(job.mirrored_sums + c, is_last ? InOrder(mirrored) : mirrored);
  }
}

}  // namespace

bool Avx512Supported() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
}

HASHGATE_TARGET void SumRowsAvx512(const RowJob& job) {
  for (std::size_t from = 0; from < job.width; from += kTile) {
    const std::size_t to = std::min(from + kTile, job.width);
    std::size_t r = 0;
    for (; r + 2 * kRowGroup <= job.rows.size(); r += 2 * kRowGroup) SumTile(job, r, 2, from, to);
    if (r < job.rows.size()) SumTile(job, r, 1, from, to);
  }
}

HASHGATE_TARGET void SumColumnsAvx512(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride,
                                      double* out) {
  loops::SumColumnsOf<8, 8>(plan, sums, stride, out);
}

HASHGATE_TARGET void DctAvx512(const WideBlock64& block, WideBlock16& out) {
  loops::DctWith<8>(block, out);
}

}  // namespace hashgate::perceptual

#endif
