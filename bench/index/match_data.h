// Hashes and queries that matching is measured with: the same on every run.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "hashgate/hash.h"

namespace hashgate::bench {

enum class Shape {
  kUniform,  ///< every bit by chance
  kSkewed,   ///< neighbouring bits alike, many near copies, and a tenth from a few flat patterns
};
std::string_view ShapeName(Shape shape);

/// A list of so many hashes.
std::vector<PdqHash> MakeList(Shape shape, std::size_t count);

/// Queries as uploads bring them: three of four are of no picture in the list, one lies 0 to 31 bits from an
/// entry.
std::vector<PdqHash> MakeQueries(Shape shape, const std::vector<PdqHash>& list, std::size_t count);

/// Every hash within 20 bits of one point: a list made to fill few buckets.
std::vector<PdqHash> MakeBall(std::size_t count);

/// Points in the middle of what lies densest in a skewed list.
std::vector<PdqHash> DensestPoints();

}  // namespace hashgate::bench
