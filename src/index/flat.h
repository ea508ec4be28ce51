// The algorithms whose hashes are kept whole, in one block of memory, and compared one by one. To add one:
// its row here, its scan in index/kernels/vectors.h or bits.h, its size in HashSize.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hashgate/hash.h"
#include "index/hash_index.h"
#include "index/kernels/kernel.h"

namespace hashgate::index {

struct FlatAlgorithm {
  Algorithm algorithm;
  std::size_t value_size;      ///< bytes, at most kMaxVectorBytes
  std::uint32_t max_distance;  ///< that two values can have
  VectorScanFunction (*scan)(const Kernel& kernel);
};

inline constexpr std::array kFlatAlgorithms = {
    FlatAlgorithm{Algorithm::kPhotoDna, std::tuple_size_v<PhotoDna>, kMaxPhotoDnaDistance,
                  [](const Kernel& kernel) { return kernel.vectors->photodna; }},
    FlatAlgorithm{Algorithm::kPHash, 8, 64, [](const Kernel& kernel) { return kernel.bits->bytes8; }},
    FlatAlgorithm{Algorithm::kBlockMean, 32, 256, [](const Kernel& kernel) { return kernel.bits->bytes32; }},
    FlatAlgorithm{Algorithm::kMarrHildreth, 72, 576,
                  [](const Kernel& kernel) { return kernel.bits->bytes72; }},
    FlatAlgorithm{Algorithm::kAverage, 8, 64, [](const Kernel& kernel) { return kernel.bits->bytes8; }},
};
static_assert(std::ranges::all_of(kFlatAlgorithms, [](const FlatAlgorithm& row) {
  return row.value_size <= kMaxVectorBytes;
}));

/// The algorithm's row; null where its hashes are kept otherwise, or not at all.
constexpr const FlatAlgorithm* FindFlat(Algorithm algorithm) {
  const auto* const at = std::ranges::find(kFlatAlgorithms, algorithm, &FlatAlgorithm::algorithm);
  return at != kFlatAlgorithms.end() ? at : nullptr;
}

}  // namespace hashgate::index
