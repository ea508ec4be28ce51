// The loops that every kernel shares, in vectors of a width that the kernel chooses. Included by the kernels
// alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hash/perceptual/pdq_kernel.h"
#include "hash/perceptual/pdq_textbook.h"

// Inlined into functions that raise their own target, and compiled for it there.
#define HASHGATE_PDQ_INLINE __attribute__((always_inline)) inline

namespace hashgate::perceptual::loops {

/// Vectors of so many doubles and 32-bit numbers. Written out, because g++ 12 drops a vector size that
/// depends on a template parameter.
template <int kCount>
struct Vectors;
template <>
struct Vectors<2> {
  using Doubles = double __attribute__((vector_size(16)));
  using Words = std::int32_t __attribute__((vector_size(8)));
};
template <>
struct Vectors<4> {
  using Doubles = double __attribute__((vector_size(32)));
  using Words = std::int32_t __attribute__((vector_size(16)));
};
template <>
struct Vectors<8> {
  using Doubles = double __attribute__((vector_size(64)));
  using Words = std::int32_t __attribute__((vector_size(32)));
};
template <int kCount>
using Doubles = typename Vectors<kCount>::Doubles;
template <int kCount>
using Words = typename Vectors<kCount>::Words;

HASHGATE_PDQ_INLINE double SumOfLanes(const Doubles<2>& lanes) {
  return lanes[0] + lanes[1];
}
HASHGATE_PDQ_INLINE double SumOfLanes(const Doubles<4>& lanes) {
  return SumOfLanes(__builtin_shufflevector(lanes, lanes, 0, 1) +
                    __builtin_shufflevector(lanes, lanes, 2, 3));
}
HASHGATE_PDQ_INLINE double SumOfLanes(const Doubles<8>& lanes) {
  return SumOfLanes(__builtin_shufflevector(lanes, lanes, 0, 1, 2, 3) +
                    __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7));
}

/// Continues a job's sums at samples [from, width), one at a time.
HASHGATE_PDQ_INLINE void SumRowsTail(const RowJob& job, std::size_t from) {
  for (std::size_t c = from; c < job.width; ++c) {
    std::int32_t plain = 0;
    std::int32_t mirrored = 0;
    for (std::size_t r = 0; r < job.rows.size(); ++r) {
      plain += job.plain[r] * job.rows[r][c];
      mirrored += job.mirrored[r] * job.rows[r][c];
    }
    job.plain_sums[c] = plain;
    job.mirrored_sums[c] = mirrored;
  }
}

/// kRows rows of sums from `sums` on, in vectors of kCount doubles.
template <int kCount, int kRows>
HASHGATE_PDQ_INLINE void SumColumnsOf(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride,
                                      double* out) {
  for (std::size_t k = 0; k < 64; ++k) {
    const ColumnPlan::Output& output = plan.outputs[k];
    Doubles<kCount> plain[kRows] = {};
    Doubles<kCount> mirrored[kRows] = {};
    for (std::size_t i = 0; i < output.count; i += kCount) {
      Doubles<kCount> plain_weights;
      Doubles<kCount> mirrored_weights;
      std::memcpy(&plain_weights, &plan.plain[output.at + i], sizeof plain_weights);
      std::memcpy(&mirrored_weights, &plan.mirrored[output.at + i], sizeof mirrored_weights);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        Words<kCount> words;
        std::memcpy(&words, &sums[static_cast<std::size_t>(r) * stride + output.first + i], sizeof words);
        const Doubles<kCount> values = __builtin_convertvector(words, Doubles<kCount>);
        plain[r] += values * plain_weights;
        mirrored[r] += values * mirrored_weights;
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      out[r * 128 + static_cast<int>(k)] = SumOfLanes(plain[r]);
      out[r * 128 + 64 + static_cast<int>(k)] = SumOfLanes(mirrored[r]);
    }
  }
}

/// The cosines of the DCT by what they multiply. Those of odd frequencies (counted from 1) change their sign
/// from one half of a side to the other and those of even ones do not, so that 32 products with differences
/// or sums of samples k and 63 - k are enough.
struct Cosines {
  double down[2][8][32];    ///< odd or even, the eight frequencies of that kind, k
  double across[2][32][8];  ///< the same for the second side, k before the frequency
};
const Cosines& FoldedCosines();

/// 16 rows of 64: the DCT down the columns of the block.
template <int kCount>
HASHGATE_PDQ_INLINE void DctDown(const Cosines& cosines, const WideBlock64& block, double (&half)[16][64]) {
  for (std::size_t even = 0; even < 2; ++even) {
    for (std::size_t j = 0; j < 64; j += kCount) {
      Doubles<kCount> sums[8] = {};
      for (std::size_t k = 0; k < 32; ++k) {
        Doubles<kCount> near;
        Doubles<kCount> far;
        std::memcpy(&near, &block[k * 64 + j], sizeof near);
        std::memcpy(&far, &block[(63 - k) * 64 + j], sizeof far);
        const Doubles<kCount> folded = even == 0 ? near - far : near + far;
#pragma GCC unroll 8
        for (std::size_t f = 0; f < 8; ++f) sums[f] += cosines.down[even][f][k] * folded;
      }
      for (std::size_t f = 0; f < 8; ++f) std::memcpy(&half[2 * f + even][j], &sums[f], sizeof sums[f]);
    }
  }
}

template <int kCount>
HASHGATE_PDQ_INLINE void DctWith(const WideBlock64& block, WideBlock16& out) {
  const Cosines& cosines = FoldedCosines();
  alignas(64) double half[16][64];
  DctDown<kCount>(cosines, block, half);
  constexpr int kVectors = 8 / kCount;
  for (std::size_t i = 0; i < 16; ++i) {
    Doubles<kCount> sums[2][kVectors] = {};
    for (std::size_t k = 0; k < 32; ++k) {
      const double folded[2] = {half[i][k] - half[i][63 - k], half[i][k] + half[i][63 - k]};
#pragma GCC unroll 2
      for (std::size_t even = 0; even < 2; ++even) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kVectors; ++v) {
          Doubles<kCount> weights;
          std::memcpy(&weights, &cosines.across[even][k][v * kCount], sizeof weights);
          sums[even][v] += folded[even] * weights;
        }
      }
    }
    for (std::size_t f = 0; f < 16; ++f) out[i * 16 + f] = sums[f % 2][f / 2 / kCount][f / 2 % kCount];
  }
}

}  // namespace hashgate::perceptual::loops
