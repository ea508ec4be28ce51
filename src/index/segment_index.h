// What is behind HashIndex: stacks of immutable segments, searched by bands or scanned (pdq_search.h,
// flat_search.h), and digests looked up in their directories.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "index/hash_index.h"
#include "index/kernels/kernel.h"
#include "index/segment.h"

namespace hashgate::index {

static_assert(std::ranges::all_of(kFlatAlgorithms, [](const FlatAlgorithm& flat) {
  return std::ranges::find(kIndexedAlgorithms, flat.algorithm) != kIndexedAlgorithms.end();
}));
/// Position in kIndexedAlgorithms, or its size where the index holds no such hashes.
std::size_t StackOf(Algorithm algorithm);

/// A stack of segments for each algorithm.
using SegmentStacks = std::array<std::vector<LiveSegment>, kIndexedAlgorithms.size()>;

/// A snapshot of an IndexBuilder.
class SegmentIndex final : public HashIndex {
 public:
  /// `kernel`: an error is returned by every search for PDQ hashes and vectors.
  SegmentIndex(Result<const Kernel*> kernel, std::shared_ptr<const Fingerprints> fingerprints,
               SegmentStacks stacks, std::size_t band_work_percent);

  Result<SearchResult> SearchPdq(std::span<const PdqQuery> queries, std::span<const ListRadius> lists,
                                 const SearchBounds& bounds) const override;
  Result<std::vector<SearchResult>> SearchPdqEach(std::span<const PdqQuerySet> sets,
                                                  std::span<const ListRadius> lists,
                                                  const SearchBounds& bounds) const override;
  Result<std::vector<SearchResult>> SearchVectorsEach(Algorithm algorithm,
                                                      std::span<const VectorQuerySet> sets,
                                                      std::span<const ListDistance> lists,
                                                      const SearchBounds& bounds) const override;
  Result<SearchResult> SearchDigests(const DigestQuery& query, std::span<const ListId> lists,
                                     const SearchBounds& bounds) const override;
  std::size_t Count(Algorithm algorithm) const override;
  std::size_t CountIn(ListId list, Algorithm algorithm) const override;
  bool HoldsAny(ListId list, Algorithm algorithm) const override;
  bool HoldsPdqOf(ListId list, Pipeline pipeline) const override;
  Tally TallyOf(ListId list) const override;
  std::size_t MemoryBytes() const override;
  bool CheckMemory(std::size_t parts) const override;
  Status Save(SnapshotWriter& out) const override;

  /// How many segments hold the algorithm's hashes: O(log n).
  [[nodiscard]] std::size_t SegmentCount(Algorithm algorithm) const;
  /// The PDQ hashes of the largest segment; empty where there is none.
  [[nodiscard]] std::span<const PdqHash> LargestPdq() const;

 private:
  Result<const Kernel*> kernel_;
  std::shared_ptr<const Fingerprints> fingerprints_;
  SegmentStacks stacks_;
  std::size_t band_work_percent_;
};

struct SegmentIndexOptions : IndexOptions {
  /// The kernel of all searches. Null: SelectKernel(); where that fails, Add and SearchPdq return its error.
  const Kernel* kernel = nullptr;
  /// PDQ rows from which on a segment gets a band index; with fewer a scan is as quick.
  std::size_t band_rows = 16'384;
  /// Work of a band search (BandIndex::Search) for each hundred comparisons of a scan that it may cost before
  /// it is given up, so that the scan after it makes 1.2 times a scan in all. Half as much again as an
  /// ordinary search of the segment is always allowed where that is less than a scan.
  std::size_t band_work_percent = 20;
  /// Segments up to so many rows are merged while a snapshot is made, larger ones by the mergers.
  std::size_t small_rows = 8'192;
};

std::unique_ptr<IndexBuilder> NewIndexBuilder(const SegmentIndexOptions& options);

}  // namespace hashgate::index
