#include "exchange/remote/answer_cache.h"

#include <gtest/gtest.h>

namespace hashgate::exchange {
namespace {

using std::chrono::seconds;

PdqHash HashOf(std::uint64_t number) {
  PdqHash hash;
  hash.words = {number, ~number, number * 7, number ^ 0x5555};
  return hash;
}

TEST(AnswerCache, KeepsHitsAndMissesForTheirTime) {
  const std::vector<std::uint8_t> key(32, 7);
  AnswerCache cache(key, 10, seconds(60));
  const SteadyTime now = SteadyTime() + seconds(100);
  const RemoteAnswer hit{.listed = true, .classification = "csam", .source_id = "x"};
  cache.Keep(HashOf(1), hit, now);
  cache.Keep(HashOf(2), {}, now);
  EXPECT_EQ(cache.Find(HashOf(1), now), hit);
  EXPECT_EQ(cache.Find(HashOf(2), now + seconds(59)), RemoteAnswer());
  EXPECT_FALSE(cache.Find(HashOf(3), now).has_value());
  EXPECT_FALSE(cache.Find(HashOf(1), now + seconds(60)).has_value());
  EXPECT_EQ(cache.Count(), 1U) << "what is too old goes";
  cache.Keep(HashOf(2), hit, now + seconds(50));
  EXPECT_EQ(cache.Find(HashOf(2), now + seconds(100)), hit) << "the newer answer counts, and its time";
  EXPECT_EQ(cache.Count(), 1U);
}

TEST(AnswerCache, HoldsNoMoreThanItsBoundAndDropsWhatWasNotUsed) {
  const std::vector<std::uint8_t> key(32, 7);
  AnswerCache cache(key, 3, seconds(60));
  const SteadyTime now = SteadyTime() + seconds(100);
  for (std::uint64_t i = 0; i < 3; ++i) cache.Keep(HashOf(i), {}, now);
  EXPECT_TRUE(cache.Find(HashOf(0), now).has_value());
  cache.Keep(HashOf(3), {}, now);
  EXPECT_EQ(cache.Count(), 3U);
  EXPECT_TRUE(cache.Find(HashOf(0), now).has_value());
  EXPECT_FALSE(cache.Find(HashOf(1), now).has_value());
  for (std::uint64_t i = 0; i < 1'000; ++i) cache.Keep(HashOf(i), {}, now);
  EXPECT_EQ(cache.Count(), 3U);
  AnswerCache none(key, 0, seconds(60));
  none.Keep(HashOf(1), {}, now);
  EXPECT_EQ(none.Count(), 0U);
}

}  // namespace
}  // namespace hashgate::exchange
