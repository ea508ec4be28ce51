// Kernels that compare strings of bits with many stored ones by how many bits differ, as vectors.h does
// vectors: one for each length and CPU family, all with the same answer.
#pragma once

#include "index/kernels/vectors.h"

namespace hashgate::index {

/// The scans of one CPU family, by bytes of a value. VectorScanInput's distances are numbers of differing
/// bits.
struct BitsKernel {
  VectorScanFunction bytes8;
  VectorScanFunction bytes32;
  VectorScanFunction bytes72;
};

// The implementations. kernel.cc has the table.
// NOLINTBEGIN(readability-identifier-naming): constants, though only the linker knows their value.
extern const BitsKernel kPortableBits;
#if defined(__x86_64__)
extern const BitsKernel kPopcntBits;
extern const BitsKernel kAvx2Bits;
extern const BitsKernel kAvx512Bits;
#endif
// NOLINTEND(readability-identifier-naming)

}  // namespace hashgate::index
