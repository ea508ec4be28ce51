#include "index/bounded_candidates.h"

#include <algorithm>
#include <tuple>

namespace hashgate::index {
namespace {

// Room for items between two sorts, so that small bounds do not sort at every other hit.
constexpr std::size_t kMinCompactAt = 64;
// More than any index can hold; keeps the arithmetic on bounds from overflowing.
constexpr std::size_t kMaxKeep = std::size_t{1} << 40;

struct Ranked {
  std::uint32_t rank = 0;
  Candidate candidate;

  // The order in which the total bound admits candidates. For PDQ it is the order of the result as well.
  [[nodiscard]] auto selection_key() const {
    return std::make_tuple(rank, candidate.list, candidate.entry, candidate.tag, candidate.algorithm,
                           candidate.action_class);
  }
};

auto ResultKey(const Candidate& c) {
  return std::make_tuple(c.distance, c.list, c.entry, c.tag, c.algorithm, c.action_class);
}

}  // namespace

BoundedCandidates::Group::Group(std::size_t keep)
    : keep_(std::clamp<std::size_t>(keep, 1, kMaxKeep)), compact_at_(std::max(2 * keep_, kMinCompactAt)) {}

void BoundedCandidates::Group::Compact() {
  std::ranges::sort(items_, [](const Item& a, const Item& b) {
    return std::tie(a.entry, a.tag, a.rank) < std::tie(b.entry, b.tag, b.rank);
  });
  const auto repeats = std::ranges::unique(
      items_, [](const Item& a, const Item& b) { return a.entry == b.entry && a.tag == b.tag; });
  items_.erase(repeats.begin(), repeats.end());
  std::ranges::sort(items_);
  if (items_.size() <= keep_) return;
  items_.resize(keep_);
  worst_ = items_.back();
  // From here on an item that is not better than the worst kept one is dropped unseen: either it repeats a
  // kept one, or it is one more that does not fit.
  truncated_ = true;
}

const std::vector<BoundedCandidates::Item>& BoundedCandidates::Group::Finish() {
  Compact();
  return items_;
}

BoundedCandidates::Group* BoundedCandidates::Find(const GroupKey& key) {
  const auto it = groups_.find(key);
  return it == groups_.end() ? nullptr : &it->second;
}

BoundedCandidates::Group& BoundedCandidates::At(const GroupKey& key) {
  return groups_.try_emplace(key, bounds_.per_group).first->second;
}

SearchResult BoundedCandidates::Finish(bool rank_is_distance) {
  SearchResult result;
  std::vector<Ranked> others;
  for (auto& [key, group] : groups_) {
    bool best = true;
    for (const Item& item : group.Finish()) {
      const Candidate candidate{.list = key.list,
                                .entry = item.entry,
                                .action_class = key.action_class,
                                .algorithm = key.algorithm,
                                .distance = rank_is_distance ? static_cast<int>(item.rank) : 0,
                                .tag = item.tag};
      if (best) {
        result.candidates.push_back(candidate);
      } else {
        others.push_back({item.rank, candidate});
      }
      best = false;
    }
    result.truncated |= group.truncated();
  }
  const std::size_t kept = result.candidates.size();
  const std::size_t room = bounds_.total > kept ? bounds_.total - kept : 0;
  if (others.size() > room) {
    std::ranges::sort(others, {}, &Ranked::selection_key);
    others.resize(room);
    result.truncated = true;
  }
  for (const Ranked& ranked : others) result.candidates.push_back(ranked.candidate);
  std::ranges::sort(result.candidates, {}, ResultKey);
  return result;
}

}  // namespace hashgate::index
