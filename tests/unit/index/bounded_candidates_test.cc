#include "index/bounded_candidates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "testing/seed.h"

namespace hashgate::index {
namespace {

using Group = BoundedCandidates::Group;
using Item = BoundedCandidates::Item;

TEST(BoundedGroup, KeepsTheBestOfAnyStream) {
  std::mt19937_64 random(testing::Seed());
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t keep = random() % 40;
    const std::uint64_t entries = 1 + random() % 100;
    Group group(keep);
    std::map<std::pair<EntryId, std::uint32_t>, std::uint32_t> best;
    for (std::uint64_t n = random() % 400; n > 0; --n) {
      const Item item{static_cast<std::uint32_t>(random() % 64), random() % entries,
                      static_cast<std::uint32_t>(random() % 2)};
      group.Offer(item);
      const auto [it, added] = best.try_emplace({item.entry, item.tag}, item.rank);
      if (!added) it->second = std::min(it->second, item.rank);
    }
    std::vector<Item> expected;
    for (const auto& [key, rank] : best) expected.push_back({rank, key.first, key.second});
    std::ranges::sort(expected);
    const bool truncated = expected.size() > std::max<std::size_t>(keep, 1);
    if (truncated) expected.resize(std::max<std::size_t>(keep, 1));
    ASSERT_EQ(group.Finish(), expected) << "round " << round;
    ASSERT_EQ(group.truncated(), truncated) << "round " << round;
  }
}

TEST(BoundedGroup, RepeatsOfWhatIsKeptDoNotTruncate) {
  Group group(2);
  for (int i = 0; i < 1'000; ++i) {
    group.Offer({static_cast<std::uint32_t>(1'000 - i), 1, 0});
    group.Offer({static_cast<std::uint32_t>(i), 2, 0});
  }
  EXPECT_EQ(group.max_useful_rank(), UINT32_MAX);
  EXPECT_EQ(group.Finish(), (std::vector<Item>{{0, 2, 0}, {1, 1, 0}}));
  EXPECT_FALSE(group.truncated());
}

TEST(BoundedGroup, SaysFromWhatRankOnNothingMatters) {
  Group group(16);
  for (EntryId entry = 0; entry < 10'000; ++entry) group.Offer({static_cast<std::uint32_t>(entry), entry, 0});
  EXPECT_EQ(group.max_useful_rank(), 15U);
}

TEST(BoundedCandidates, NearestOfEachGroupGoesPastTheTotal) {
  BoundedCandidates candidates({.per_group = 4, .total = 2});
  for (ListId list = 0; list < 5; ++list) {
    for (std::uint32_t rank = 0; rank < 3; ++rank) {
      candidates.At({list, 0, Algorithm::kPdq}).Offer({10 * list + rank, rank, 0});
    }
  }
  const SearchResult result = candidates.Finish(true);
  ASSERT_EQ(result.candidates.size(), 5U);
  for (ListId list = 0; list < 5; ++list) {
    EXPECT_EQ(result.candidates[list].list, list);
    EXPECT_EQ(result.candidates[list].distance, static_cast<int>(10 * list));
  }
  EXPECT_TRUE(result.truncated);
}

TEST(BoundedCandidates, TotalThatJustFitsIsNotTruncated) {
  for (const std::size_t total : {5U, 6U}) {
    BoundedCandidates candidates({.per_group = 3, .total = total});
    for (EntryId entry = 0; entry < 3; ++entry) {
      candidates.At({1, 0, Algorithm::kPdq}).Offer({1, entry, 0});
      candidates.At({1, 1, Algorithm::kPdq}).Offer({2, entry, 0});
    }
    const SearchResult result = candidates.Finish(true);
    EXPECT_EQ(result.candidates.size(), total);
    EXPECT_EQ(result.truncated, total == 5U);
  }
}

}  // namespace
}  // namespace hashgate::index
