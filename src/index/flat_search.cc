#include "index/flat_search.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace hashgate::index {
namespace {

// Bytes of vectors that all queries pass over before the next ones are read: they stay in a core's own cache.
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

}  // namespace

Status CheckVectorSearch(const FlatAlgorithm& flat, std::span<const VectorQuerySet> sets,
                         std::span<const ListDistance> lists) {
  std::set<ListId> named;
  for (const ListDistance& list : lists) {
    if (list.max_distance < 0 || static_cast<std::uint32_t>(list.max_distance) > flat.max_distance) {
      return Fail(Reason::kRequestInvalid,
                  "a distance threshold of " + std::to_string(list.max_distance) + " is outside 0 to " +
                      std::to_string(flat.max_distance),
                  "max_distance");
    }
    if (!named.insert(list.list).second) {
      return Fail(Reason::kRequestInvalid, "a list is named twice in one search", "lists");
    }
  }
  for (const VectorQuerySet& set : sets) {
    for (const VectorQuery& query : set) {
      if (query.bytes.size() == flat.value_size) continue;
      return Fail(Reason::kRequestInvalid,
                  "a vector of " + std::string(AlgorithmName(flat.algorithm)) + " has " +
                      std::to_string(flat.value_size) + " bytes, not " + std::to_string(query.bytes.size()),
                  "queries");
    }
  }
  return {};
}

FlatSearch::FlatSearch(const FlatAlgorithm& flat, const Kernel& kernel, std::span<const VectorQuerySet> sets,
                       std::span<const ListDistance> lists, const SearchBounds& bounds)
    : flat_(flat),
      scan_(flat.scan(kernel)),
      lists_(lists),
      candidates_(sets.size(), BoundedCandidates(bounds)) {
  for (std::uint32_t set = 0; set < sets.size(); ++set) {
    for (const VectorQuery& query : sets[set]) {
      queries_.insert(queries_.end(), query.bytes.begin(), query.bytes.end());
      asked_.push_back({query.tag, set});
    }
  }
}

void FlatSearch::SearchSegment(const LiveSegment& live) {
  for (const ListDistance& list : lists_) {
    for (const Run& run : live.segment->RunsOf(list.list)) {
      Scan(live, run, static_cast<std::uint32_t>(list.max_distance));
    }
  }
}

void FlatSearch::Scan(const LiveSegment& live, const Run& run, std::uint32_t max_distance) {
  std::array<VectorHit, 4 * kMinVectorHitBuffer> hits;
  const BoundedCandidates::GroupKey key{run.key.list, run.key.action_class, flat_.algorithm};
  groups_.assign(candidates_.size(), nullptr);
  // Where every set of a pass is full of nearer candidates, it needs no farther ones.
  const auto useful_distance = [&](std::span<const Asked> pass) {
    std::uint32_t useful = 0;
    for (const Asked& asked : pass) {
      const BoundedCandidates::Group* const group = groups_[asked.set];
      useful = std::max(useful, group != nullptr ? group->max_useful_rank() : max_distance);
    }
    return std::min(useful, max_distance);
  };
  const std::size_t block_rows = kBlockBytes / flat_.value_size;
  for (std::size_t begin = run.begin; begin < run.end; begin += block_rows) {
    for (std::size_t q = 0; q < asked_.size(); q += kMaxVectorQueries) {
      const std::size_t count = std::min(kMaxVectorQueries, asked_.size() - q);
      const std::span<const Asked> pass = std::span(asked_).subspan(q, count);
      const VectorScanInput input{.values = live.segment->value(static_cast<std::uint32_t>(begin)),
                                  .count = std::min<std::size_t>(block_rows, run.end - begin),
                                  .queries = queries_.data() + q * flat_.value_size,
                                  .query_count = count,
                                  .max_distance = useful_distance(pass)};
      for (std::size_t next = 0; next < input.count;) {
        const ScanStep step = scan_(input, next, hits);
        next = step.next;
        for (const VectorHit& hit : std::span(hits).first(step.hits)) {
          const auto slot = static_cast<std::uint32_t>(begin + hit.slot);
          if (live.IsDead(slot)) continue;
          const Asked& asked = pass[hit.query];
          BoundedCandidates::Group*& group = groups_[asked.set];
          if (group == nullptr) group = &candidates_[asked.set].At(key);
          group->Offer({hit.distance, live.segment->entry(slot), asked.tag});
        }
      }
    }
  }
}

std::vector<SearchResult> FlatSearch::Finish() {
  std::vector<SearchResult> results;
  results.reserve(candidates_.size());
  for (BoundedCandidates& candidates : candidates_) results.push_back(candidates.Finish(true));
  return results;
}

}  // namespace hashgate::index
