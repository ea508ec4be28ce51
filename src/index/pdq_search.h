// One search for PDQ hashes over the segments of an index: by bands where that is quicker, by scanning
// elsewhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "index/bounded_candidates.h"
#include "index/hash_index.h"
#include "index/kernels/kernel.h"
#include "index/segment.h"

namespace hashgate::index {

/// The lists' radii in order of their numbers. Errors: kRequestInvalid for a threshold out of 0..63 and for a
/// list named twice.
Result<std::vector<ListRadius>> SortedRadii(std::span<const ListRadius> lists);

/// Threads: confined.
class PdqSearch {
 public:
  /// `radii`: as SortedRadii gives them. `band_work_percent`: as in SegmentIndexOptions. `bounds` apply to
  /// each set. Everything must outlive the search.
  PdqSearch(const Kernel& kernel, std::span<const PdqQuerySet> sets, std::span<const ListRadius> radii,
            std::size_t band_work_percent, const SearchBounds& bounds);

  /// Looks for every row of the segment that is near to a query, not withdrawn, and of a list that is asked
  /// for.
  void SearchSegment(const LiveSegment& live);
  /// What was found for each set. Ends the search.
  std::vector<SearchResult> Finish();

 private:
  class BandSink;

  // A query and the set that its candidates count in.
  struct Asked {
    Pipeline pipeline = Pipeline::kUnspecified;
    std::uint32_t tag = 0;
    std::uint32_t set = 0;
  };
  // Queries that one kind of run is compared with, in the kernels' layout.
  struct Compared {
    std::vector<PdqHash> hashes;
    std::vector<Asked> asked;
  };
  // A run that is asked for.
  struct WantedRun {
    const Run* run = nullptr;
    int radius = 0;
  };

  // Made when a run is first scanned: most searches scan none.
  const Compared& QueriesFor(Pipeline stored);
  // Searches by bands what is worth it; returns the greatest radius that is done, -1 where none is.
  int RunBands(const LiveSegment& live, std::span<const WantedRun> wanted);
  void Scan(const LiveSegment& live, const WantedRun& wanted);

  const Kernel& kernel_;
  const std::span<const ListRadius> radii_;
  const std::size_t band_work_percent_;
  std::vector<BoundedCandidates> candidates_;  // by set
  Compared all_;
  std::array<std::optional<Compared>, 3> by_pipeline_;  // by the stored hash's pipeline
  std::vector<WantedRun> wanted_;
  std::vector<BoundedCandidates::Group*> groups_;  // of the run that is scanned, by set; null where not known
};

}  // namespace hashgate::index
