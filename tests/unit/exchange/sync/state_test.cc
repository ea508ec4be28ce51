// What is kept of an exchange, its gates, and how it is put into words.
#include <gmock/gmock.h>

#include "exchange/sync/exchange_state.h"
#include "exchange/sync/gates.h"
#include "exchange/sync/sentence.h"

namespace hashgate::exchange {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + std::chrono::hours{16}};

StoredExchange Full() {
  StoredExchange state;
  state.checkpoint = "{\"to\":1}";
  state.floor = "{\"sequence\":4}";
  state.source = "ncmec https://a.test/npo";
  state.list = 7;
  state.records_seen = 12;
  state.whole_once = true;
  state.last_success = kNow;
  state.last_change = kNow - std::chrono::hours(1);
  state.failing_since = kNow + std::chrono::hours(1);
  state.failures = 3;
  state.failure_reason = "GATE_CLOSED";
  state.failure_detail = "too much";
  state.held = Gate::kBenign;
  state.held_count = 40;
  state.first_began = kNow - std::chrono::hours(9);
  state.unfinished = {.removed = 40};
  state.overrides.push_back({Gate::kShrink, "ada", "why not", 44, kNow, kNow + std::chrono::hours(24)});
  SyncRecord record;
  record.began = kNow;
  record.ended = kNow + std::chrono::seconds(3);
  record.outcome = SyncOutcome::kHeld;
  record.generation = 9;
  record.counts = {.entries_before = 1,
                   .first = true,
                   .received = 2,
                   .added = 3,
                   .updated = 4,
                   .unchanged = 5,
                   .removed = 6,
                   .quarantined = 7,
                   .values_left_out = 8,
                   .malformed_values = 9,
                   .benign = 10,
                   .degenerate = 11};
  record.detail = "held";
  record.overridden = "shrink by ada: why not";
  state.Put(record);
  return state;
}

TEST(StoredExchangeTest, OfAVersionWithoutAFloor) {
  std::string bytes = EncodeStoredExchange(Full());
  const std::string member = R"("floor":"{\"sequence\":4}",)";
  ASSERT_TRUE(bytes.contains(member)) << bytes;
  bytes.erase(bytes.find(member), member.size());
  const auto read = DecodeStoredExchange(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->floor, "");
  EXPECT_EQ(read->list, 7U);
}

TEST(StoredExchangeTest, ComesBackAsItWas) {
  const std::string bytes = EncodeStoredExchange(Full());
  const auto read = DecodeStoredExchange(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(EncodeStoredExchange(*read), bytes);
  EXPECT_EQ(read->held, Gate::kBenign);
  EXPECT_EQ(read->floor, "{\"sequence\":4}");
  EXPECT_EQ(read->source, "ncmec https://a.test/npo");
  EXPECT_EQ(read->list, 7U);
  EXPECT_EQ(read->failing_since, kNow + std::chrono::hours(1));
  ASSERT_THAT(read->syncs, SizeIs(1));
  EXPECT_EQ(read->syncs[0].counts.degenerate, 11U);
  EXPECT_TRUE(read->syncs[0].counts.first);
  EXPECT_EQ(read->overrides.at(0).author, "ada");
  EXPECT_EQ(read->overrides.at(0).up_to, 44U);
  EXPECT_EQ(read->held_count, 40U);
  EXPECT_EQ(read->first_began, kNow - std::chrono::hours(9));
  ASSERT_TRUE(read->unfinished);
  EXPECT_EQ(read->unfinished->removed, 40U);
  const auto fresh = DecodeStoredExchange(EncodeStoredExchange({}));
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->last_success, WallTime());
}

TEST(StoredExchangeTest, RefusesWhatItDidNotWrite) {
  const std::string whole = EncodeStoredExchange(Full());
  for (const std::string& bytes :
       {std::string(), std::string("{}"), std::string("[1]"), whole.substr(0, whole.size() / 2),
        std::string("{\"v\":1,\"checkpoint\":7}"), std::string("{\"v\":\"1\"}")}) {
    const auto read = DecodeStoredExchange(bytes);
    ASSERT_FALSE(read) << bytes;
    EXPECT_EQ(read.error().reason, Reason::kStoreCorrupt) << bytes;
  }
  std::string other = whole;
  other.replace(other.find("\"benign\""), 8, "\"bening\"");
  EXPECT_FALSE(DecodeStoredExchange(other));
}

TEST(StoredExchangeTest, WhatAServerSaidMayBeAnyBytes) {
  StoredExchange state;
  state.failure_detail = "answered \xff\xfe";
  EXPECT_TRUE(DecodeStoredExchange(EncodeStoredExchange(state)));
}

TEST(StoredExchangeTest, KeepsTheNewestSyncsAndOneOfEach) {
  StoredExchange state;
  SyncRecord record;
  for (int i = 0; i < 40; ++i) {
    record.began = kNow + std::chrono::minutes(i);
    record.generation = i;
    state.Put(record);
    state.Put(record);
  }
  ASSERT_THAT(state.syncs, SizeIs(kSyncsKept));
  EXPECT_EQ(state.syncs.front().generation, 8);
  EXPECT_EQ(state.syncs.back().generation, 39);
}

TEST(GatesTest, CloseBeyondShareAndFloorOnly) {
  GateLimits limits;
  limits.limits[static_cast<std::size_t>(Gate::kShrink)] = {.percent = 10, .floor = 5};
  SyncCounts counts{.entries_before = 1'000, .removed = 100};
  EXPECT_FALSE(FindClosed(counts, limits, {}));
  counts.removed = 101;
  const auto closed = FindClosed(counts, limits, {});
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->gate, Gate::kShrink);
  EXPECT_EQ(closed->count, 101U);
  EXPECT_EQ(closed->detail, "101 entries would go or lose a hash, from a list of 1000");
  const OpenGate open[] = {{Gate::kShrink, 101}};
  EXPECT_FALSE(FindClosed(counts, limits, open));
  counts.weakened = 1;
  EXPECT_TRUE(FindClosed(counts, limits, open)) << "one more than was opened for";
  counts = {.entries_before = 10, .removed = 5};
  EXPECT_FALSE(FindClosed(counts, limits, {})) << "under the floor";
  counts.removed = 6;
  EXPECT_TRUE(FindClosed(counts, limits, {}));
}

TEST(GatesTest, AFirstReadingCountsWhatItHasPutInForce) {
  SyncCounts counts{.first = true, .added = 5'000, .removed = 250};
  EXPECT_FALSE(FindClosed(counts, {}, {}));
  counts.removed = 251;
  const auto closed = FindClosed(counts, {}, {});
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->gate, Gate::kShrink);
  EXPECT_EQ(closed->detail, "251 entries would go or lose a hash, from a list of 5000");
  counts = {.entries_before = 2'000, .first = false, .added = 900, .removed = 101};
  EXPECT_TRUE(FindClosed(counts, {}, {})) << "of a list that was whole, new entries do not count";
}

TEST(GatesTest, EachLooksAtItsOwnCount) {
  GateLimits limits;
  limits.limits.fill({.percent = 0, .floor = 10});
  const std::pair<Gate, SyncCounts> closing[] = {
      {Gate::kGrowth, {.added = 11}},
      {Gate::kShrink, {.removed = 11}},
      {Gate::kMalformed, {.quarantined = 6, .malformed_values = 5}},
      {Gate::kBenign, {.benign = 11}},
      {Gate::kDegenerate, {.degenerate = 11}}};
  for (const auto& [gate, counts] : closing) {
    const auto closed = FindClosed(counts, limits, {});
    ASSERT_TRUE(closed) << GateName(gate);
    EXPECT_EQ(closed->gate, gate);
  }
  EXPECT_FALSE(FindClosed({.first = true, .added = 1'000}, limits, {}));
  EXPECT_FALSE(FindClosed({.quarantined = 15, .benign = 9}, limits, {}))
      << "kept out as harmless, not malformed";
}

TEST(GatesTest, NamesGoBothWays) {
  for (int i = 0; i < kGateCount; ++i) {
    const Gate gate = static_cast<Gate>(i);
    EXPECT_EQ(ParseGate(GateName(gate)), gate);
  }
  EXPECT_FALSE(ParseGate("door"));
}

TEST(SentenceTest, SaysWhatIsWrongAndSinceWhen) {
  ExchangeSettings settings;
  settings.name = "npo";
  StoredExchange state;
  EXPECT_EQ(SentenceOf(state, settings, kNow), "Has not synced yet.");
  state.last_success = kNow;
  EXPECT_EQ(HealthOf(state), ExchangeHealth::kWell);
  EXPECT_EQ(SentenceOf(state, settings, kNow), "Well. The list is as of 2026-11-23 16:00 UTC.");
  state.failures = 1;
  state.failing_since = kNow + std::chrono::hours(1);
  state.failure_detail = "no answer";
  EXPECT_EQ(
      SentenceOf(state, settings, kNow + std::chrono::hours(2)),
      "Failing since 2026-11-23 17:00 UTC (1 time): no answer. The list is as of 2026-11-23 16:00 UTC.");
  EXPECT_THAT(SentenceOf(state, settings, kNow + std::chrono::hours(24)), HasSubstr("It is stale."));
  state.held = Gate::kShrink;
  EXPECT_EQ(HealthOf(state), ExchangeHealth::kHeld);
  EXPECT_THAT(SentenceOf(state, settings, kNow), HasSubstr("hashgate exchanges override npo --gate shrink"));
}

TEST(SentenceTest, AListIsStaleFromItsLastSuccessOrItsFirstSync) {
  StoredExchange state;
  EXPECT_EQ(StaleFrom(state, std::chrono::hours(1)), WallTime::max());
  state.first_began = kNow;
  EXPECT_EQ(StaleFrom(state, std::chrono::hours(1)), kNow + std::chrono::hours(1));
  state.last_success = kNow - std::chrono::hours(3);
  EXPECT_EQ(StaleFrom(state, std::chrono::hours(1)), kNow - std::chrono::hours(2));
}

}  // namespace
}  // namespace hashgate::exchange
