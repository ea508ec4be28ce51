// The kernel for every CPU, in vectors of 16 bytes that the compiler maps to what there is.
#include "hash/perceptual/pdq_kernel_loops.h"

namespace hashgate::perceptual {
namespace {

constexpr std::size_t kBlock = 8;
using Bytes = std::uint8_t __attribute__((vector_size(8)));
using Halves = std::uint16_t __attribute__((vector_size(16)));
using Sums = std::uint32_t __attribute__((vector_size(32)));

Halves Weighed(const std::uint8_t* row, std::int8_t weight) {
  Bytes bytes;
  std::memcpy(&bytes, row, sizeof bytes);
  return __builtin_convertvector(bytes, Halves) * static_cast<std::uint16_t>(weight);
}

}  // namespace

void SumRowsPortable(const RowJob& job) {
  std::size_t c = 0;
  for (; c + kBlock <= job.width; c += kBlock) {
    Sums plain{};
    Sums mirrored{};
    for (std::size_t r = 0; r < job.rows.size(); r += 2) {
      // Two products of 255 and 127 at most fit 16 bits.
      const std::uint8_t* first = job.rows[r] + c;
      const std::uint8_t* second = job.rows[r + 1] + c;
      const Halves two = Weighed(first, job.plain[r]) + Weighed(second, job.plain[r + 1]);
      const Halves two_mirrored = Weighed(first, job.mirrored[r]) + Weighed(second, job.mirrored[r + 1]);
      plain += __builtin_convertvector(two, Sums);
      mirrored += __builtin_convertvector(two_mirrored, Sums);
    }
    std::memcpy(job.plain_sums + c, &plain, sizeof plain);
    std::memcpy(job.mirrored_sums + c, &mirrored, sizeof mirrored);
  }
  loops::SumRowsTail(job, c);
}

void SumColumnsPortable(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride, double* out) {
  loops::SumColumnsOf<2, 4>(plan, sums, stride, out);
  loops::SumColumnsOf<2, 4>(plan, sums + 4 * stride, stride, out + std::size_t{4} * 128);
}

void DctPortable(const WideBlock64& block, WideBlock16& out) {
  loops::DctWith<2>(block, out);
}

}  // namespace hashgate::perceptual
