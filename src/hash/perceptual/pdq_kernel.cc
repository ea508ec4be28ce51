#include "hash/perceptual/pdq_kernel.h"

#include <iterator>

#include "hash/perceptual/pdq_kernel_loops.h"

namespace hashgate::perceptual {
namespace {

bool AlwaysSupported() {
  return true;
}

/// What a signed byte holds.
constexpr int kGreatestWeight = 127;
#if defined(__x86_64__)
/// Two products of 8 bits with a weight must fit a signed 16-bit sum.
constexpr int kGreatestAvx2Weight = 64;
#endif

constexpr Kernel kKernels[] = {
#if defined(__x86_64__)
    {"avx512", Avx512Supported, kGreatestWeight, SumRowsAvx512, SumColumnsAvx512, DctAvx512},
    {"avx2", Avx2Supported, kGreatestAvx2Weight, SumRowsAvx2, SumColumnsAvx2, DctAvx2},
#endif
    {"portable", AlwaysSupported, kGreatestWeight, SumRowsPortable, SumColumnsPortable, DctPortable},
};

}  // namespace

namespace loops {

const Cosines& FoldedCosines() {
  static const Cosines cosines = [] {
    Cosines out{};
    const auto& d = DctMatrix();
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t k = 0; k < 32; ++k) {
        out.down[i % 2][i / 2][k] = static_cast<double>(d[i * 64 + k]);
        out.across[i % 2][k][i / 2] = static_cast<double>(d[i * 64 + k]);
      }
    }
    return out;
  }();
  return cosines;
}

}  // namespace loops

std::span<const Kernel> AllKernels() {
  return kKernels;
}

const Kernel& KernelFor(int max_weight) {
  for (const Kernel& kernel : kKernels) {
    if (kernel.max_weight >= max_weight && kernel.supported()) return kernel;
  }
  return kKernels[std::size(kKernels) - 1];
}

}  // namespace hashgate::perceptual
