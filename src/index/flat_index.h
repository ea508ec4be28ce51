// The exact flat scan behind HashIndex: stacks of immutable segments, every PDQ hash compared with every
// query.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "index/hash_index.h"
#include "index/kernels/kernel.h"
#include "index/segment.h"

namespace hashgate::index {

/// The algorithms an index holds. Each has a stack of segments of its own.
inline constexpr std::array kIndexedAlgorithms = {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256,
                                                  Algorithm::kPdq};
/// Position in kIndexedAlgorithms, or its size where the index holds no such hashes.
std::size_t StackOf(Algorithm algorithm);

using SegmentStacks = std::array<std::vector<LiveSegment>, kIndexedAlgorithms.size()>;

/// A snapshot of a FlatIndexBuilder.
class FlatIndex final : public HashIndex {
 public:
  /// `kernel`: an error is returned by every search for PDQ hashes.
  FlatIndex(Result<const Kernel*> kernel, SegmentStacks stacks);

  Result<SearchResult> SearchPdq(std::span<const PdqQuery> queries, std::span<const ListRadius> lists,
                                 const SearchBounds& bounds) const override;
  Result<SearchResult> SearchDigests(const DigestQuery& query, std::span<const ListId> lists,
                                     const SearchBounds& bounds) const override;
  std::size_t Count(Algorithm algorithm) const override;
  std::size_t CountIn(ListId list, Algorithm algorithm) const override;
  bool HoldsAny(ListId list, Algorithm algorithm) const override;
  bool HoldsPdqOf(ListId list, Pipeline pipeline) const override;
  std::size_t MemoryBytes() const override;

  /// How many segments hold the algorithm's hashes: O(log n).
  [[nodiscard]] std::size_t SegmentCount(Algorithm algorithm) const;

 private:
  Result<const Kernel*> kernel_;
  SegmentStacks stacks_;
};

struct FlatIndexOptions {
  /// Bound on what the builder and all snapshots that are still held take together; 0 means none. Up to 1 MiB
  /// of hashes not yet in a segment is counted; scratch space of the same size is not. Withdrawals always
  /// succeed and may exceed it by one bit a hash; merging waits until there is room for it.
  std::size_t max_bytes = 0;
  /// The kernel of all searches. Null: SelectKernel(); where that fails, Add and SearchPdq return its error.
  const Kernel* kernel = nullptr;
};

std::unique_ptr<IndexBuilder> NewFlatIndexBuilder(const FlatIndexOptions& options);

}  // namespace hashgate::index
