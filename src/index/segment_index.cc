#include "index/segment_index.h"

#include <algorithm>
#include <string>

#include "index/bands/band_index.h"
#include "index/bounded_candidates.h"
#include "index/flat_search.h"
#include "index/pdq_search.h"
#include "index/snapshot_file.h"

namespace hashgate::index {
namespace {

// One digest of an upload and the stack it is looked up in.
struct DigestLookup {
  Algorithm algorithm;
  Fingerprint digest;
  std::span<const LiveSegment> stack;
};

// True where a row of the entry, not withdrawn, holds the digest.
bool Names(const DigestLookup& lookup, ListId list, EntryId entry) {
  for (const LiveSegment& live : lookup.stack) {
    const std::span<const std::uint32_t> slots = live.segment->Find(lookup.digest);
    if (slots.empty()) continue;
    for (const Run& run : live.segment->RunsOf(list)) {
      const auto [first, last] = live.segment->SlotsOf(run, entry);
      for (auto it = std::ranges::lower_bound(slots, first); it != slots.end() && *it < last; ++it) {
        if (!live.IsDead(*it)) return true;
      }
    }
  }
  return false;
}

bool HoldsLiveRow(const LiveSegment& live, const Run& run) {
  return live.dead == nullptr || !live.dead->HasAll(run.begin, run.end);
}

Tally TallyIn(std::span<const LiveSegment> stack, ListId list) {
  Tally tally;
  for (const LiveSegment& live : stack) {
    for (const Run& run : live.segment->RunsOf(list)) tally += run.tally();
    if (live.dead != nullptr) tally -= live.dead->TallyOf(list);
  }
  return tally;
}

}  // namespace

std::size_t StackOf(Algorithm algorithm) {
  return static_cast<std::size_t>(std::ranges::find(kIndexedAlgorithms, algorithm) -
                                  kIndexedAlgorithms.begin());
}

SegmentIndex::SegmentIndex(Result<const Kernel*> kernel, std::shared_ptr<const Fingerprints> fingerprints,
                           SegmentStacks stacks, std::size_t band_work_percent)
    : kernel_(std::move(kernel)),
      fingerprints_(std::move(fingerprints)),
      stacks_(std::move(stacks)),
      band_work_percent_(band_work_percent) {}

Result<SearchResult> SegmentIndex::SearchPdq(std::span<const PdqQuery> queries,
                                             std::span<const ListRadius> lists,
                                             const SearchBounds& bounds) const {
  HASHGATE_ASSIGN_OR_RETURN(std::vector<SearchResult> results, SearchPdqEach({&queries, 1}, lists, bounds));
  return std::move(results.front());
}

Result<std::vector<SearchResult>> SegmentIndex::SearchPdqEach(std::span<const PdqQuerySet> sets,
                                                              std::span<const ListRadius> lists,
                                                              const SearchBounds& bounds) const {
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<ListRadius> radii, SortedRadii(lists));
  HASHGATE_ASSIGN_OR_RETURN(const Kernel* const kernel, Result<const Kernel*>(kernel_));
  PdqSearch search(*kernel, sets, radii, band_work_percent_, bounds);
  for (const LiveSegment& live : stacks_[StackOf(Algorithm::kPdq)]) search.SearchSegment(live);
  return search.Finish();
}

Result<std::vector<SearchResult>> SegmentIndex::SearchVectorsEach(Algorithm algorithm,
                                                                  std::span<const VectorQuerySet> sets,
                                                                  std::span<const ListDistance> lists,
                                                                  const SearchBounds& bounds) const {
  const FlatAlgorithm* const flat = FindFlat(algorithm);
  if (flat == nullptr) {
    return Fail(Reason::kRequestInvalid,
                "the index keeps no vectors of the algorithm '" + std::string(AlgorithmName(algorithm)) + "'",
                "algorithm");
  }
  HASHGATE_RETURN_IF_ERROR(CheckVectorSearch(*flat, sets, lists));
  HASHGATE_ASSIGN_OR_RETURN(const Kernel* const kernel, Result<const Kernel*>(kernel_));
  FlatSearch search(*flat, *kernel, sets, lists, bounds);
  for (const LiveSegment& live : stacks_[StackOf(algorithm)]) search.SearchSegment(live);
  return search.Finish();
}

Result<SearchResult> SegmentIndex::SearchDigests(const DigestQuery& query, std::span<const ListId> lists,
                                                 const SearchBounds& bounds) const {
  std::vector<ListId> asked(lists.begin(), lists.end());
  std::ranges::sort(asked);
  std::vector<DigestLookup> lookups;
  const auto add = [&](Algorithm algorithm, const auto* digest) {
    if (digest == nullptr) return;
    lookups.push_back({algorithm, fingerprints_->Of(*digest), stacks_[StackOf(algorithm)]});
  };
  add(Algorithm::kMd5, query.md5);
  add(Algorithm::kSha1, query.sha1);
  add(Algorithm::kSha256, query.sha256);

  BoundedCandidates candidates(bounds);
  for (const DigestLookup& lookup : lookups) {
    for (const LiveSegment& live : lookup.stack) {
      for (const std::uint32_t slot : live.segment->Find(lookup.digest)) {
        if (live.IsDead(slot)) continue;
        const Run& run = live.segment->RunOf(slot);
        if (!std::ranges::binary_search(asked, run.key.list)) continue;
        const EntryId entry = live.segment->entry(slot);
        // Several digests of one entry are stronger evidence than one: bounds keep those entries first, or a
        // list with many entries of one MD5 could hide the entry whose SHA-1 agrees as well.
        std::uint32_t rank = 0;
        for (const DigestLookup& other : lookups) {
          if (other.algorithm != lookup.algorithm && !Names(other, run.key.list, entry)) ++rank;
        }
        candidates.At({run.key.list, run.key.action_class, lookup.algorithm}).Offer({rank, entry, 0});
      }
    }
  }
  return candidates.Finish(false);
}

std::size_t SegmentIndex::Count(Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  std::size_t count = 0;
  if (stack == stacks_.size()) return 0;
  for (const LiveSegment& live : stacks_[stack]) count += live.live();
  return count;
}

std::size_t SegmentIndex::CountIn(ListId list, Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  return stack == stacks_.size() ? 0 : TallyIn(stacks_[stack], list).hashes;
}

Tally SegmentIndex::TallyOf(ListId list) const {
  Tally tally;
  for (const auto& stack : stacks_) tally += TallyIn(stack, list);
  return tally;
}

bool SegmentIndex::HoldsAny(ListId list, Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  if (stack == stacks_.size()) return false;
  for (const LiveSegment& live : stacks_[stack]) {
    for (const Run& run : live.segment->RunsOf(list)) {
      if (HoldsLiveRow(live, run)) return true;
    }
  }
  return false;
}

bool SegmentIndex::HoldsPdqOf(ListId list, Pipeline pipeline) const {
  for (const LiveSegment& live : stacks_[StackOf(Algorithm::kPdq)]) {
    for (const Run& run : live.segment->RunsOf(list)) {
      if (run.key.pipeline == pipeline && HoldsLiveRow(live, run)) return true;
    }
  }
  return false;
}

std::size_t SegmentIndex::MemoryBytes() const {
  std::size_t bytes = sizeof(*this);
  for (const auto& stack : stacks_) {
    bytes += stack.capacity() * sizeof(LiveSegment);
    for (const LiveSegment& live : stack) {
      bytes += live.segment->bytes();
      if (live.dead != nullptr) bytes += live.dead->bytes();
      if (live.bands != nullptr) bytes += live.bands->bytes();
    }
  }
  return bytes;
}

bool SegmentIndex::CheckMemory(std::size_t parts) const {
  for (const auto& stack : stacks_) {
    for (const LiveSegment& live : stack) {
      if (!live.segment->CheckMemory(parts)) return false;
      if (live.dead != nullptr && !live.dead->CheckMemory()) return false;
      if (live.bands != nullptr && !live.bands->CheckMemory(parts)) return false;
    }
  }
  return true;
}

Status SegmentIndex::Save(SnapshotWriter& out) const {
  for (const auto& stack : stacks_) {
    out.values().Little(static_cast<std::uint32_t>(stack.size()));
    for (const LiveSegment& live : stack) {
      HASHGATE_RETURN_IF_ERROR(live.segment->Save(out));
      out.values().Little(static_cast<std::uint8_t>(live.dead != nullptr));
      if (live.dead != nullptr) HASHGATE_RETURN_IF_ERROR(live.dead->Save(out));
      out.values().Little(static_cast<std::uint8_t>(live.bands != nullptr));
      if (live.bands != nullptr) HASHGATE_RETURN_IF_ERROR(live.bands->Save(out));
    }
  }
  return {};
}

std::size_t SegmentIndex::SegmentCount(Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  return stack == stacks_.size() ? 0 : stacks_[stack].size();
}

std::span<const PdqHash> SegmentIndex::LargestPdq() const {
  std::span<const PdqHash> largest;
  for (const LiveSegment& live : stacks_[StackOf(Algorithm::kPdq)]) {
    if (live.segment->size() > largest.size()) largest = live.segment->pdq();
  }
  return largest;
}

}  // namespace hashgate::index
