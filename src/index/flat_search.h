// One search for vectors over the segments of an index: all of them are compared, in one pass over memory.
#pragma once

#include <span>
#include <vector>

#include "index/bounded_candidates.h"
#include "index/flat.h"
#include "index/hash_index.h"
#include "index/kernels/kernel.h"
#include "index/segment.h"

namespace hashgate::index {

/// What SearchVectorsEach refuses: a threshold out of range, a list named twice, a query of another length.
/// Errors: kRequestInvalid.
Status CheckVectorSearch(const FlatAlgorithm& flat, std::span<const VectorQuerySet> sets,
                         std::span<const ListDistance> lists);

/// Threads: confined.
class FlatSearch {
 public:
  /// REQUIRES: CheckVectorSearch found nothing. `bounds` apply to each set. Everything must outlive the
  /// search.
  FlatSearch(const FlatAlgorithm& flat, const Kernel& kernel, std::span<const VectorQuerySet> sets,
             std::span<const ListDistance> lists, const SearchBounds& bounds);

  /// Looks for every row of the segment that is near to a query, not withdrawn, and of a list that is asked
  /// for.
  void SearchSegment(const LiveSegment& live);
  /// What was found for each set. Ends the search.
  std::vector<SearchResult> Finish();

 private:
  // A query's tag and the set that its candidates count in.
  struct Asked {
    std::uint32_t tag = 0;
    std::uint32_t set = 0;
  };

  void Scan(const LiveSegment& live, const Run& run, std::uint32_t max_distance);

  const FlatAlgorithm& flat_;
  const VectorScanFunction scan_;
  const std::span<const ListDistance> lists_;
  std::vector<std::uint8_t> queries_;  // one after another, as kernels take them
  std::vector<Asked> asked_;
  std::vector<BoundedCandidates> candidates_;      // by set
  std::vector<BoundedCandidates::Group*> groups_;  // of the run that is scanned, by set; null where not known
};

}  // namespace hashgate::index
