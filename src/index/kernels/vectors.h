// Kernels that compare vectors with many stored ones, value by value, where no index helps: one for each kind
// of distance and CPU family, all with the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hashgate/hash.h"

namespace hashgate::index {

struct ScanStep;

/// Most queries that one scan compares with each vector that it reads.
inline constexpr std::size_t kMaxVectorQueries = 16;
/// Least room for hits that a vector scan needs to get on: the widest block of vectors times the most
/// queries.
inline constexpr std::size_t kMinVectorHitBuffer = 8 * kMaxVectorQueries;

/// A pair (stored vector, query) within the threshold.
struct VectorHit {
  std::uint32_t slot = 0;   ///< position among the stored vectors
  std::uint32_t query = 0;  ///< position among the queries
  std::uint32_t distance = 0;

  bool operator==(const VectorHit&) const = default;
};

struct VectorScanInput {
  const std::uint8_t* values = nullptr;   ///< `count` vectors, one after another without gaps
  std::size_t count = 0;                  ///< fewer than 2^32
  const std::uint8_t* queries = nullptr;  ///< `query_count` vectors, likewise
  std::size_t query_count = 0;            ///< 1..kMaxVectorQueries
  std::uint32_t max_distance = 0;         ///< inclusive
};

/// Compares the vectors from `begin` on with every query and writes each pair within the threshold once, in
/// any order. Stops early, between two vectors, when `hits` may not take the next ones: empty it and call
/// again from `next`. Range: hits.size() >= kMinVectorHitBuffer, then every call gets on. Threads:
/// thread-safe. Cost: one pass over the memory whatever the number of queries; never allocates or blocks.
using VectorScanFunction = ScanStep (*)(const VectorScanInput& input, std::size_t begin,
                                        std::span<VectorHit> hits);

/// The scans of one CPU family, by kind of distance.
struct VectorKernel {
  VectorScanFunction photodna;  ///< squared Euclidean distance of 144 bytes, as hashgate::Distance
};

/// Up to this threshold kernels look at the first 64 components of PhotoDNA first: a pair that lies farther
/// apart by these alone cannot be within it. Unrelated vectors do so nearly always, at a quarter of 200,000.
inline constexpr int kFirstTestMaxDistance = 50'000;

// The implementations. kernel.cc has the table.
// NOLINTBEGIN(readability-identifier-naming): constants, though only the linker knows their value.
extern const VectorKernel kPortableVectors;
#if defined(__x86_64__)
extern const VectorKernel kAvx2Vectors;
extern const VectorKernel kAvx512Vectors;
#endif
// NOLINTEND(readability-identifier-naming)

}  // namespace hashgate::index
