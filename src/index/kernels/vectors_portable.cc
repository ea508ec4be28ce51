// The vector scans in plain C++.
#include "index/kernels/kernel.h"
#include "index/kernels/vectors.h"

namespace hashgate::index {
namespace {

constexpr std::size_t kSize = std::tuple_size_v<PhotoDna>;
// Components between two looks at whether the pair can still be within the threshold: hardly any gets past
// the first.
constexpr std::size_t kPiece = 48;
static_assert(kSize % kPiece == 0);

ScanStep ScanPhotoDna(const VectorScanInput& input, std::size_t begin, std::span<VectorHit> hits) {
  std::size_t found = 0;
  for (std::size_t slot = begin; slot < input.count; ++slot) {
    if (hits.size() - found < input.query_count) return {slot, found};
    const std::uint8_t* const value = input.values + slot * kSize;
    for (std::size_t q = 0; q < input.query_count; ++q) {
      const std::uint8_t* const query = input.queries + q * kSize;
      std::uint32_t distance = 0;
      for (std::size_t piece = 0; piece < kSize && distance <= input.max_distance; piece += kPiece) {
        for (std::size_t i = piece; i < piece + kPiece; ++i) {
          const int difference = value[i] - query[i];
          distance += static_cast<std::uint32_t>(difference * difference);
        }
      }
      if (distance > input.max_distance) continue;
      hits[found++] = {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(q), distance};
    }
  }
  return {input.count, found};
}

}  // namespace

const VectorKernel kPortableVectors = {.photodna = ScanPhotoDna};

}  // namespace hashgate::index
