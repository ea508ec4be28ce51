#include "index/flat_index.h"

#include <algorithm>
#include <string>

#include "index/bounded_candidates.h"

namespace hashgate::index {
namespace {

constexpr int kMaxRadius = 63;
// Hashes that all queries pass over before the next ones are read: 256 KiB, which stays in a core's own
// cache.
constexpr std::size_t kBlockSlots = 8192;

// Queries that one kind of run is compared with, in the kernels' layout.
struct QuerySet {
  std::vector<PdqHash> hashes;
  std::vector<std::uint32_t> tags;
};

// Pipelines that disagree never match; where either side does not know its own, both are tried.
bool Fits(Pipeline stored, Pipeline query) {
  return stored == query || stored == Pipeline::kUnspecified || query == Pipeline::kUnspecified;
}

QuerySet QueriesFor(Pipeline stored, std::span<const PdqQuery> queries) {
  QuerySet set;
  for (const PdqQuery& query : queries) {
    if (!Fits(stored, query.pipeline)) continue;
    set.hashes.push_back(query.hash);
    set.tags.push_back(query.tag);
  }
  return set;
}

Result<std::vector<ListRadius>> SortedRadii(std::span<const ListRadius> lists) {
  std::vector<ListRadius> radii(lists.begin(), lists.end());
  std::ranges::sort(radii, {}, &ListRadius::list);
  for (std::size_t i = 0; i < radii.size(); ++i) {
    if (radii[i].max_distance_bits < 0 || radii[i].max_distance_bits > kMaxRadius) {
      return Fail(Reason::kRequestInvalid,
                  "a distance threshold of " + std::to_string(radii[i].max_distance_bits) +
                      " bits is outside 0 to " + std::to_string(kMaxRadius),
                  "max_distance_bits");
    }
    if (i > 0 && radii[i].list == radii[i - 1].list) {
      return Fail(Reason::kRequestInvalid, "a list is named twice in one search", "lists");
    }
  }
  return radii;
}

// Scans the slots of one run for one set of queries.
void ScanRun(const Kernel& kernel, const LiveSegment& live, const Run& run, const QuerySet& set, int radius,
             BoundedCandidates& candidates) {
  std::array<Hit, 4 * kMinHitBuffer> hits;
  const BoundedCandidates::GroupKey key{run.key.list, run.key.action_class, Algorithm::kPdq};
  BoundedCandidates::Group* group = candidates.Find(key);
  for (std::size_t begin = run.begin; begin < run.end; begin += kBlockSlots) {
    const auto block =
        live.segment->pdq().subspan(begin, std::min<std::size_t>(kBlockSlots, run.end - begin));
    for (std::size_t q = 0; q < set.hashes.size(); q += kMaxScanQueries) {
      // A group that is full of nearer candidates needs no farther ones.
      if (group != nullptr && group->max_useful_rank() < static_cast<std::uint32_t>(radius)) {
        radius = static_cast<int>(group->max_useful_rank());
      }
      const ScanInput input{
          .hashes = block,
          .queries = std::span(set.hashes).subspan(q, std::min(kMaxScanQueries, set.hashes.size() - q)),
          .max_distance_bits = radius};
      for (std::size_t next = 0; next < block.size();) {
        const ScanStep step = kernel.scan(input, next, hits);
        next = step.next;
        for (const Hit& hit : std::span(hits).first(step.hits)) {
          const auto slot = static_cast<std::uint32_t>(begin + hit.slot);
          if (live.IsDead(slot)) continue;
          if (group == nullptr) group = &candidates.At(key);
          group->Offer({hit.distance_bits, live.segment->entries()[slot], set.tags[q + hit.query]});
        }
      }
    }
  }
}

// One digest of an upload and the stack it is looked up in.
struct DigestLookup {
  Algorithm algorithm;
  const std::uint8_t* digest;
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
  for (std::uint32_t slot = run.begin; slot < run.end; ++slot) {
    if (!live.IsDead(slot)) return true;
  }
  return false;
}

}  // namespace

std::size_t StackOf(Algorithm algorithm) {
  return static_cast<std::size_t>(std::ranges::find(kIndexedAlgorithms, algorithm) -
                                  kIndexedAlgorithms.begin());
}

FlatIndex::FlatIndex(Result<const Kernel*> kernel, SegmentStacks stacks)
    : kernel_(std::move(kernel)), stacks_(std::move(stacks)) {}

Result<SearchResult> FlatIndex::SearchPdq(std::span<const PdqQuery> queries,
                                          std::span<const ListRadius> lists,
                                          const SearchBounds& bounds) const {
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<ListRadius> radii, SortedRadii(lists));
  HASHGATE_ASSIGN_OR_RETURN(const Kernel* const kernel, Result<const Kernel*>(kernel_));
  const std::array<QuerySet, 3> sets = {QueriesFor(Pipeline::kUnspecified, queries),
                                        QueriesFor(Pipeline::kFull, queries),
                                        QueriesFor(Pipeline::kNn512, queries)};
  BoundedCandidates candidates(bounds);
  for (const LiveSegment& live : stacks_[StackOf(Algorithm::kPdq)]) {
    for (const ListRadius& radius : radii) {
      for (const Run& run : live.segment->RunsOf(radius.list)) {
        ScanRun(*kernel, live, run, sets[static_cast<std::size_t>(run.key.pipeline)],
                radius.max_distance_bits, candidates);
      }
    }
  }
  return candidates.Finish(true);
}

Result<SearchResult> FlatIndex::SearchDigests(const DigestQuery& query, std::span<const ListId> lists,
                                              const SearchBounds& bounds) const {
  std::vector<ListId> asked(lists.begin(), lists.end());
  std::ranges::sort(asked);
  std::vector<DigestLookup> lookups;
  const auto add = [&](Algorithm algorithm, const auto* digest) {
    if (digest != nullptr) lookups.push_back({algorithm, digest->data(), stacks_[StackOf(algorithm)]});
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
        const EntryId entry = live.segment->entries()[slot];
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

std::size_t FlatIndex::Count(Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  std::size_t count = 0;
  if (stack == stacks_.size()) return 0;
  for (const LiveSegment& live : stacks_[stack]) count += live.live();
  return count;
}

std::size_t FlatIndex::CountIn(ListId list, Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  std::size_t count = 0;
  if (stack == stacks_.size()) return 0;
  for (const LiveSegment& live : stacks_[stack]) {
    for (const Run& run : live.segment->RunsOf(list)) {
      for (std::uint32_t slot = run.begin; slot < run.end; ++slot) count += live.IsDead(slot) ? 0 : 1;
    }
  }
  return count;
}

bool FlatIndex::HoldsAny(ListId list, Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  if (stack == stacks_.size()) return false;
  for (const LiveSegment& live : stacks_[stack]) {
    for (const Run& run : live.segment->RunsOf(list)) {
      if (HoldsLiveRow(live, run)) return true;
    }
  }
  return false;
}

bool FlatIndex::HoldsPdqOf(ListId list, Pipeline pipeline) const {
  for (const LiveSegment& live : stacks_[StackOf(Algorithm::kPdq)]) {
    for (const Run& run : live.segment->RunsOf(list)) {
      if (run.key.pipeline == pipeline && HoldsLiveRow(live, run)) return true;
    }
  }
  return false;
}

std::size_t FlatIndex::MemoryBytes() const {
  std::size_t bytes = sizeof(*this);
  for (const auto& stack : stacks_) {
    bytes += stack.capacity() * sizeof(LiveSegment);
    for (const LiveSegment& live : stack) bytes += live.bytes();
  }
  return bytes;
}

std::size_t FlatIndex::SegmentCount(Algorithm algorithm) const {
  const std::size_t stack = StackOf(algorithm);
  return stack == stacks_.size() ? 0 : stacks_[stack].size();
}

}  // namespace hashgate::index
