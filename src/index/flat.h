// The algorithms whose hashes are kept whole, in one block of memory, and compared one by one. To add one:
// its row here, its scan in index/kernels/vectors.h, its size in HashSize.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hashgate/hash.h"
#include "index/hash_index.h"
#include "index/kernels/vectors.h"

namespace hashgate::index {

struct FlatAlgorithm {
  Algorithm algorithm;
  std::size_t value_size;      ///< bytes, at most kMaxVectorBytes
  std::uint32_t max_distance;  ///< that two values can have
  VectorScanFunction VectorKernel::* scan;
};

inline constexpr std::array kFlatAlgorithms = {
    FlatAlgorithm{Algorithm::kPhotoDna, std::tuple_size_v<PhotoDna>, kMaxPhotoDnaDistance,
                  &VectorKernel::photodna},
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
