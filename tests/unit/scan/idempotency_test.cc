#include "scan/idempotency.h"

#include <algorithm>
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
    auto ticket = TakeOne(table, {"t", "c", id}, clock_.Steady() + std::chrono::seconds(1), {});
    ASSERT_TRUE(ticket);
    ASSERT_TRUE(Seen(**ticket, content));
    ASSERT_TRUE(Remember(**ticket, content, verdict));
  }
  std::optional<scan::RememberedAnswer> Look(IdempotencyTable& table, const std::string& id,
                                             std::uint8_t content) {
    auto ticket = TakeOne(table, {"t", "c", id}, clock_.Steady() + std::chrono::seconds(1), {});
    auto seen = Seen(**ticket, content);
    EXPECT_TRUE(seen);
    return *seen;
  }

  using Ticket = IdempotencyTable::Ticket;
  static Result<std::unique_ptr<Ticket>> TakeOne(IdempotencyTable& table, const scan::RequestKey& key,
                                                 SteadyTime deadline,
                                                 const std::function<bool()>& cancelled) {
    return table.Take({&key, 1}, deadline, cancelled);
  }
  static Result<std::optional<scan::RememberedAnswer>> Seen(Ticket& ticket, std::uint8_t content) {
    const ByteSpan bytes(&content, 1);
    HASHGATE_ASSIGN_OR_RETURN(const auto seen, ticket.SeenEach({&bytes, 1}));
    return seen.at(0);
  }
  static Status Remember(Ticket& ticket, std::uint8_t content, Verdict verdict,
                         HarmClass harm_class = HarmClass::kUnspecified) {
    const ByteSpan bytes(&content, 1);
    const std::optional<scan::RememberedAnswer> answer = {{verdict, harm_class, "rule"}};
    return ticket.RememberEach({&bytes, 1}, {&answer, 1});
  }
  std::size_t StoredKeys() {
    std::size_t count = 0;
    EXPECT_TRUE(store_.Scan(store::Family::kRequests, {}, {}, [&](std::string_view, std::string_view) {
      ++count;
      return true;
    }));
    return count;
  }

  FakeClock clock_;
  FakeStore store_;
  std::vector<std::uint8_t> key_ = std::vector<std::uint8_t>(32, 7);
};

TEST_F(IdempotencyTest, AReversedVerdictIsRememberedAsTheLaxerOne) {
  {
    auto table = Open();
    Use(*table, "a", 1, Verdict::kBlock);
    Use(*table, "b", 1, Verdict::kHold);
    for (const std::string id : {"a", "b", "unknown"}) {
      store::Batch batch;
      const auto relaxing = table->StartRelaxing();
      EXPECT_TRUE(relaxing->Relax({"t", "c", id}, Verdict::kReview, true, batch).value());
      EXPECT_EQ(batch.size(), id == "a" ? 1U : 0U) << id << ": it makes nothing stricter";
      ASSERT_TRUE(store_.Write(batch));
    }
  }
  auto table = Open();
  const auto seen = Look(*table, "a", 1);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->verdict, Verdict::kReview);
  EXPECT_EQ(Look(*table, "b", 1)->verdict, Verdict::kHold);
  // It is forgotten when it would have been.
  clock_.Advance(std::chrono::hours(25));
  ASSERT_TRUE(table->Prune());
  EXPECT_EQ(StoredKeys(), 0U);
}

// Another call's stricter answer came in between, and was overwritten.
TEST_F(IdempotencyTest, AnIdIsHeldUntilItsLaxerAnswerIsWritten) {
  auto table = Open();
  Use(*table, "a", 1, Verdict::kReview);
  store::Batch batch;
  auto relaxing = table->StartRelaxing();
  EXPECT_TRUE(relaxing->Relax({"t", "c", "a"}, Verdict::kAllow, false, batch).value());
  EXPECT_EQ(TakeOne(*table, {"t", "c", "a"}, clock_.Steady(), {}).error().reason, Reason::kDeadlineExceeded);
  Use(*table, "b", 1);
  ASSERT_TRUE(store_.Write(batch));
  relaxing.reset();
  Use(*table, "a", 1, Verdict::kBlock);
  EXPECT_EQ(Look(*table, "a", 1)->verdict, Verdict::kBlock);
}

TEST_F(IdempotencyTest, AnIdThatACallWorksOnIsLeftToIt) {
  auto table = Open();
  Use(*table, "a", 1, Verdict::kBlock);
  auto ticket = TakeOne(*table, {"t", "c", "a"}, clock_.Steady(), {});
  store::Batch batch;
  auto relaxing = table->StartRelaxing();
  EXPECT_FALSE(relaxing->Relax({"t", "c", "a"}, Verdict::kAllow, false, batch).value());
  EXPECT_TRUE(batch.empty());
  relaxing.reset();
  EXPECT_FALSE(TakeOne(*table, {"t", "c", "a"}, clock_.Steady(), {})) << "it still is the call's";
  ticket->reset();
  EXPECT_TRUE(table->StartRelaxing()->Relax({"t", "c", "a"}, Verdict::kAllow, false, batch).value());
  EXPECT_EQ(batch.size(), 1U);
}

// The record came back without the key by which it is forgotten.
TEST_F(IdempotencyTest, WhatIsForgottenMeanwhileDoesNotComeBack) {
  auto table = Open();
  Use(*table, "a", 1, Verdict::kBlock);
  clock_.Advance(std::chrono::hours(25));
  store::Batch batch;
  auto relaxing = table->StartRelaxing();
  EXPECT_TRUE(relaxing->Relax({"t", "c", "a"}, Verdict::kAllow, false, batch).value());
  ASSERT_TRUE(table->Prune());
  ASSERT_TRUE(store_.Write(batch));
  relaxing.reset();
  EXPECT_EQ(StoredKeys(), 2U) << "the record and its time";
  ASSERT_TRUE(table->Prune());
  EXPECT_EQ(StoredKeys(), 0U);
  EXPECT_EQ(table->Count(), 0U);
}

TEST_F(IdempotencyTest, TheClassStaysWhereAMatchStillLeadsToTheAnswer) {
  auto table = Open();
  for (const std::string id : {"matched", "not matched"}) {
    auto ticket = TakeOne(*table, {"t", "c", id}, clock_.Steady(), {});
    ASSERT_TRUE(Seen(**ticket, 1));
    ASSERT_TRUE(Remember(**ticket, 1, Verdict::kBlock, HarmClass::kCsam));
  }
  store::Batch batch;
  const auto relaxing = table->StartRelaxing();
  EXPECT_TRUE(relaxing->Relax({"t", "c", "matched"}, Verdict::kReview, true, batch).value());
  EXPECT_TRUE(relaxing->Relax({"t", "c", "not matched"}, Verdict::kHold, false, batch).value());
  // Two verdicts of one id in one batch: the second does not undo what the first did.
  EXPECT_TRUE(relaxing->Relax({"t", "c", "not matched"}, Verdict::kReview, false, batch).value());
  ASSERT_TRUE(store_.Write(batch));
  EXPECT_EQ(table->Peek({"t", "c", "matched"})->value().harm_class, HarmClass::kCsam);
  EXPECT_EQ(table->Peek({"t", "c", "matched"})->value().verdict, Verdict::kReview);
  EXPECT_EQ(table->Peek({"t", "c", "not matched"})->value().harm_class, HarmClass::kUnspecified);
  EXPECT_EQ(table->Peek({"t", "c", "not matched"})->value().verdict, Verdict::kHold);
}

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
  auto first = TakeOne(*table, {"ab", "c", "id"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE(Seen(**first, content));
  ASSERT_TRUE(Remember(**first, content, Verdict::kBlock));
  auto second = TakeOne(*table, {"a", "bc", "id"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE(second);
  const auto seen = Seen(**second, content);
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->has_value());
}

TEST_F(IdempotencyTest, RefusesOtherContent) {
  auto table = Open();
  Use(*table, "a", 1);
  auto ticket = TakeOne(*table, {"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
  const std::uint8_t other = 2;
  EXPECT_EQ(Seen(**ticket, other).error().reason, Reason::kRequestIdReused);
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
  auto first = TakeOne(*table, {"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(TakeOne(*table, {"t", "c", "a"}, clock_.Steady(), {}).error().reason, Reason::kDeadlineExceeded);
  std::atomic<bool> got = false;
  std::jthread second([&] {
    auto ticket = TakeOne(*table, {"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(10), {});
    got = ticket.has_value();
  });
  EXPECT_TRUE(TakeOne(*table, {"t", "c", "b"}, clock_.Steady(), {}));
  EXPECT_FALSE(got.load());
  first->reset();
  second.join();
  EXPECT_TRUE(got.load());
}

TEST_F(IdempotencyTest, OnlyAFewMayWaitAndACallerThatWentAwayDoesNot) {
  auto table = Open();
  const auto later = clock_.Steady() + std::chrono::seconds(10);
  auto first = TakeOne(*table, {"t", "c", "a"}, later, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(TakeOne(*table, {"t", "c", "a"}, later, [] { return true; }).error().reason, Reason::kCancelled);
  std::latch waits(1);
  std::atomic<bool> told = false;
  std::jthread second([&] {
    auto ticket = TakeOne(*table, {"t", "c", "a"}, later, [&] {
      if (!told.exchange(true)) waits.count_down();
      return false;
    });
    EXPECT_TRUE(ticket);
  });
  waits.wait();
  // One waits already: the next is told at once.
  EXPECT_EQ(TakeOne(*table, {"t", "c", "a"}, later, {}).error().reason, Reason::kDeadlineExceeded);
  first->reset();
}

TEST_F(IdempotencyTest, FilesOfOneCallAndSinglesAreDifferentIds) {
  auto table = Open();
  const auto later = clock_.Steady() + std::chrono::seconds(10);
  const auto single = TakeOne(*table, {"t", "c", "a"}, later, {});
  const auto file = TakeOne(*table, {"t", "c", "a", 0}, later, {});
  const auto other = TakeOne(*table, {"t", "c", "a", 1}, later, {});
  EXPECT_TRUE(single && file && other);
}

// What the files of one call are remembered by.
struct Files {
  explicit Files(std::vector<std::uint8_t> file_contents) : contents(std::move(file_contents)) {
    for (int file = 0; file < static_cast<int>(contents.size()); ++file) {
      keys.push_back({"t", "c", "many", file});
      digests.emplace_back(&contents[static_cast<std::size_t>(file)], 1);
    }
  }
  std::vector<std::uint8_t> contents;
  std::vector<scan::RequestKey> keys;
  std::vector<ByteSpan> digests;
};

TEST_F(IdempotencyTest, FilesOfOneCallAreRememberedInOneWrite) {
  auto table = Open();
  const Files files({1, 2, 3});
  {
    auto ticket = table->Take(files.keys, clock_.Steady(), {});
    ASSERT_TRUE(ticket);
    const auto seen = (*ticket)->SeenEach(files.digests);
    ASSERT_TRUE(seen);
    EXPECT_TRUE(std::ranges::none_of(*seen, [](const auto& answer) { return answer.has_value(); }));
    const std::size_t writes = store_.Writes();
    // The second was not evaluated: nothing of it is kept.
    const std::vector<std::optional<scan::RememberedAnswer>> answers = {
        {{Verdict::kAllow, {}, "a"}}, {}, {{Verdict::kBlock, {}, "b"}}};
    ASSERT_TRUE((*ticket)->RememberEach(files.digests, answers));
    EXPECT_EQ(store_.Writes(), writes + 1);
  }
  EXPECT_EQ(table->Count(), 2U);
  EXPECT_EQ(StoredKeys(), 4U);
  auto ticket = table->Take(files.keys, clock_.Steady(), {});
  const auto seen = (*ticket)->SeenEach(files.digests);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->at(0)->verdict, Verdict::kAllow);
  EXPECT_FALSE(seen->at(1));
  EXPECT_EQ(seen->at(2)->rule_id, "b");
  // Other bytes in any place are refused.
  const Files other({1, 2, 9});
  EXPECT_EQ((*ticket)->SeenEach(other.digests).error().reason, Reason::kRequestIdReused);
}

TEST_F(IdempotencyTest, AWriteThatFailsRemembersNoFile) {
  auto table = Open();
  const Files files({1, 2});
  auto ticket = table->Take(files.keys, clock_.Steady(), {});
  ASSERT_TRUE((*ticket)->SeenEach(files.digests));
  const std::vector<std::optional<scan::RememberedAnswer>> answers = {{{Verdict::kAllow, {}, "a"}},
                                                                      {{Verdict::kBlock, {}, "b"}}};
  store_.FailWritesFrom(1, Reason::kStoreFull);
  EXPECT_FALSE((*ticket)->RememberEach(files.digests, answers));
  store_.Heal();
  EXPECT_EQ(StoredKeys(), 0U);
  EXPECT_EQ(table->Count(), 0U);
  ASSERT_TRUE((*ticket)->RememberEach(files.digests, answers));
  EXPECT_EQ(table->Count(), 2U);
}

TEST_F(IdempotencyTest, IdsThatWereTakenBeforeOneThatCouldNotBeAreFreeAgain) {
  auto table = Open();
  const Files files({1, 2, 3});
  auto last = TakeOne(*table, files.keys[2], clock_.Steady(), {});
  ASSERT_TRUE(last);
  EXPECT_EQ(table->Take(files.keys, clock_.Steady(), {}).error().reason, Reason::kDeadlineExceeded);
  EXPECT_TRUE(TakeOne(*table, files.keys[0], clock_.Steady(), {}));
  last->reset();
  EXPECT_TRUE(table->Take(files.keys, clock_.Steady(), {}));
}

TEST_F(IdempotencyTest, PeekNeedsNoTicketAndNoContent) {
  auto table = Open();
  Use(*table, "a", 1, Verdict::kBlock);
  const auto held = TakeOne(*table, {"t", "c", "a"}, clock_.Steady() + std::chrono::seconds(1), {});
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
