#include "scan/idempotency.h"

#include <latch>
#include <thread>

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using scan::IdempotencyTable;

class IdempotencyTest : public ::testing::Test {
 protected:
  std::unique_ptr<IdempotencyTable> Open(std::size_t max_records = 100) {
    auto table = IdempotencyTable::Open(store_, key_, clock_, {.max_records = max_records});
    EXPECT_TRUE(table);
    return *std::move(table);
  }
  void Use(IdempotencyTable& table, const std::string& id, std::uint8_t content,
           Verdict verdict = Verdict::kAllow) {
    auto ticket = table.Take({"t", "c", id}, clock_.Steady() + std::chrono::seconds(1), {});
    ASSERT_TRUE(ticket);
    ASSERT_TRUE((*ticket)->Seen({&content, 1}));
    ASSERT_TRUE((*ticket)->Remember({&content, 1}, {verdict, HarmClass::kUnspecified, "rule"}));
  }
  std::optional<scan::RememberedAnswer> Look(IdempotencyTable& table, const std::string& id,
                                             std::uint8_t content) {
    auto ticket = table.Take({"t", "c", id}, clock_.Steady() + std::chrono::seconds(1), {});
    auto seen = (*ticket)->Seen({&content, 1});
    EXPECT_TRUE(seen);
    return *seen;
  }

  FakeClock clock_;
  FakeStore store_;
  std::vector<std::uint8_t> key_ = std::vector<std::uint8_t>(32, 7);
};

TEST_F(IdempotencyTest, RemembersAcrossARestartAndKeepsTheStrictest) {
  {
    auto table = Open();
    Use(*table, "a", 1, Verdict::kBlock);
    Use(*table, "a", 1, Verdict::kAllow);
  }
  auto table = Open();
  EXPECT_EQ(table->Count(), 1U);
  const auto seen = Look(*table, "a", 1);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->verdict, Verdict::kBlock);
  EXPECT_EQ(seen->rule_id, "rule");
  EXPECT_FALSE(Look(*table, "b", 1));
}

TEST_F(IdempotencyTest, TenantsCallersAndIdsNeverMeet) {
  auto table = Open();
  const std::uint8_t content = 1;
  auto first = table->Take({"ab", "c", "id"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE((*first)->Remember({&content, 1}, {Verdict::kBlock, {}, {}}));
  auto second = table->Take({"a", "bc", "id"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE(second);
  const auto seen = (*second)->Seen({&content, 1});
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->has_value());
}

TEST_F(IdempotencyTest, RefusesOtherContent) {
  auto table = Open();
  Use(*table, "a", 1);
  auto ticket = table->Take({"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
  const std::uint8_t other = 2;
  EXPECT_EQ((*ticket)->Seen({&other, 1}).error().reason, Reason::kRequestIdReused);
}

TEST_F(IdempotencyTest, ForgetsAfterItsTimeAndBeyondItsBound) {
  auto table = Open(3);
  for (int i = 0; i < 5; ++i) {
    Use(*table, std::to_string(i), 1);
    clock_.Advance(std::chrono::minutes(1));
  }
  ASSERT_TRUE(table->Prune());
  EXPECT_EQ(table->Count(), 3U);
  EXPECT_FALSE(Look(*table, "0", 1));
  EXPECT_TRUE(Look(*table, "4", 1));
  clock_.Advance(std::chrono::hours(25));
  EXPECT_FALSE(Look(*table, "4", 1));
  ASSERT_TRUE(table->Prune());
  EXPECT_EQ(table->Count(), 0U);
  int left = 0;
  ASSERT_TRUE(store_.Scan(store::Family::kRequests, {}, {}, [&](std::string_view, std::string_view) {
    ++left;
    return true;
  }));
  EXPECT_EQ(left, 0);
}

TEST_F(IdempotencyTest, AnExpiredIdThatIsUsedAgainIsNotPrunedWithItsPast) {
  auto table = Open();
  Use(*table, "a", 1);
  clock_.Advance(std::chrono::hours(25));
  Use(*table, "a", 2);
  ASSERT_TRUE(table->Prune());
  EXPECT_TRUE(Look(*table, "a", 2));
  EXPECT_EQ(table->Count(), 1U);
}

TEST_F(IdempotencyTest, TheSecondCallWaitsForTheFirstOrItsDeadline) {
  auto table = Open();
  auto first = table->Take({"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(table->Take({"t", "c", "a"}, clock_.Steady(), {}).error().reason, Reason::kDeadlineExceeded);
  std::atomic<bool> got = false;
  std::jthread second([&] {
    auto ticket = table->Take({"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(10), {});
    got = ticket.has_value();
  });
  EXPECT_TRUE(table->Take({"t", "c", "b"}, clock_.Steady(), {}));
  EXPECT_FALSE(got.load());
  first->reset();
  second.join();
  EXPECT_TRUE(got.load());
}

TEST_F(IdempotencyTest, OnlyAFewMayWaitAndACallerThatWentAwayDoesNot) {
  auto table = Open();
  const auto later = clock_.Steady() + std::chrono::seconds(10);
  auto first = table->Take({"t", "c", "a"}, later, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(table->Take({"t", "c", "a"}, later, [] { return true; }).error().reason, Reason::kCancelled);
  std::latch waits(1);
  std::atomic<bool> told = false;
  std::jthread second([&] {
    auto ticket = table->Take({"t", "c", "a"}, later, [&] {
      if (!told.exchange(true)) waits.count_down();
      return false;
    });
    EXPECT_TRUE(ticket);
  });
  waits.wait();
  // One waits already: the next is told at once.
  EXPECT_EQ(table->Take({"t", "c", "a"}, later, {}).error().reason, Reason::kDeadlineExceeded);
  first->reset();
}

TEST_F(IdempotencyTest, FilesOfOneCallAndSinglesAreDifferentIds) {
  auto table = Open();
  const auto later = clock_.Steady() + std::chrono::seconds(10);
  const auto single = table->Take({"t", "c", "a"}, later, {});
  const auto file = table->Take({"t", "c", "a", 0}, later, {});
  const auto other = table->Take({"t", "c", "a", 1}, later, {});
  EXPECT_TRUE(single && file && other);
}

TEST_F(IdempotencyTest, PeekNeedsNoTicketAndNoContent) {
  auto table = Open();
  Use(*table, "a", 1, Verdict::kBlock);
  const auto held = table->Take({"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
  const auto seen = table->Peek({"t", "c", "a"});
  ASSERT_TRUE(seen && *seen);
  EXPECT_EQ((*seen)->verdict, Verdict::kBlock);
  clock_.Advance(std::chrono::hours(25));
  EXPECT_FALSE(*table->Peek({"t", "c", "a"}));
}

TEST_F(IdempotencyTest, PruningHasNoRateLimit) {
  auto table = Open(10);
  for (int i = 0; i < 9'000; ++i) {
    Use(*table, std::to_string(i), 1);
    clock_.Advance(std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(table->Prune());
  EXPECT_EQ(table->Count(), 10U);
}

TEST_F(IdempotencyTest, NoIdAndNoDigestIsStoredPlainly) {
  auto table = Open();
  Use(*table, "very-recognisable-id", 'x');
  ASSERT_TRUE(
      store_.Scan(store::Family::kRequests, {}, {}, [&](std::string_view key, std::string_view value) {
        EXPECT_EQ(key.find("recognisable"), std::string_view::npos);
        EXPECT_EQ(value.find("recognisable"), std::string_view::npos);
        return true;
      }));
}

}  // namespace
}  // namespace hashgate::testing
