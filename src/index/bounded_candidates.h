// Keeps the best candidates of each group in bounded memory while a search streams hits at it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "index/hash_index.h"

namespace hashgate::index {

/// Candidates of one search under its SearchBounds. Whatever the number of hits, memory stays within a small
/// multiple of per_group for each group. Threads: confined.
class BoundedCandidates {
 public:
  /// What is bounded on its own. PDQ searches have one algorithm, so their groups are (list, action class).
  /// Digest searches keep algorithms apart: many entries that share an MD5 must not push out a SHA-256 match.
  struct GroupKey {
    ListId list = 0;
    ActionClass action_class = 0;
    Algorithm algorithm = Algorithm::kUnspecified;
    auto operator<=>(const GroupKey&) const = default;
  };

  /// One candidate in its group; smaller is better.
  struct Item {
    std::uint32_t rank = 0;  ///< distance; digests: how few of the asked digests agree
    EntryId entry = 0;
    std::uint32_t tag = 0;
    auto operator<=>(const Item&) const = default;
  };

  class Group {
   public:
    /// The best `keep` (at least 1) of all items offered; an (entry, tag) counts once, with its best rank.
    explicit Group(std::size_t keep);
    /// Cost: amortised O(log keep).
    void Offer(const Item& item) {
      if (Rejects(item)) return;
      items_.push_back(item);
      if (items_.size() >= compact_at_) Compact();
    }
    /// True where this item, and every greater one, can no longer change the result.
    [[nodiscard]] bool Rejects(const Item& item) const { return truncated_ && item >= worst_; }
    /// Items of a greater rank can no longer change the result.
    [[nodiscard]] std::uint32_t max_useful_rank() const { return truncated_ ? worst_.rank : UINT32_MAX; }
    /// The kept items, best first.
    const std::vector<Item>& Finish();
    /// True where more distinct items were offered than are kept. Complete after Finish().
    [[nodiscard]] bool truncated() const { return truncated_; }

   private:
    void Compact();

    std::size_t keep_;
    std::size_t compact_at_;
    std::vector<Item> items_;
    Item worst_;
    bool truncated_ = false;
  };

  explicit BoundedCandidates(const SearchBounds& bounds) : bounds_(bounds) {}

  /// The group, or null where nothing was offered to it yet.
  Group* Find(const GroupKey& key);
  /// The group, made where there is none. Stays valid.
  Group& At(const GroupKey& key);

  /// Applies the total bound and orders what is left. `rank_is_distance`: else all distances are 0.
  SearchResult Finish(bool rank_is_distance);

 private:
  SearchBounds bounds_;
  std::map<GroupKey, Group> groups_;
};

}  // namespace hashgate::index
