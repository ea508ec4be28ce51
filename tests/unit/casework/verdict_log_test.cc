// Verdicts are on disk before their answers leave, once each, and whatever the store does the answers leave.
#include "casework/verdicts/verdict_log.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"
#include "casework/verdicts/verdict_codec.h"
#include "testing/poll.h"
#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using store::Family;
using testing::MakeAnswer;
using testing::MakeMatch;
using testing::ScanId;

scan::ScanRequest Request(const std::string& request_id, const std::string& tenant = "default") {
  scan::ScanRequest request;
  request.tenant = tenant;
  request.request_id = request_id;
  request.content_id = "content of " + request_id;
  return request;
}

class VerdictLogTest : public ::testing::Test {
 protected:
  scan::ScanAnswer Replayed(int number, std::vector<scan::MatchDetail> matches) {
    scan::ScanAnswer answer = MakeAnswer(ScanId(number), std::move(matches));
    answer.replayed = true;
    return answer;
  }
  bool Recorded(int count) {
    return fixture_.Shows("hashgate_verdict_records_total{result=\"recorded\"} " + std::to_string(count));
  }

  testing::CaseworkFixture fixture_;
};

TEST_F(VerdictLogTest, ARecordIsThereOnReturnAndAfterARestart) {
  fixture_.Record(Request("a"), MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock),
                                                       MakeMatch(2, 6, Verdict::kReview)}));
  for (int i = 0; i < 2; ++i) {
    for (const auto& [list, entry] : {std::pair{1U, 5U}, std::pair{2U, 6U}}) {
      const auto records = fixture_.OfEntry(list, entry);
      ASSERT_EQ(records.size(), 1U);
      EXPECT_EQ(records[0].id.scan_id, ScanId(1));
      EXPECT_EQ(records[0].content_id, "content of a");
      EXPECT_EQ(records[0].time, fixture_.clock.Wall());
      EXPECT_EQ(records[0].matches.size(), 2U);
    }
    EXPECT_TRUE(fixture_.OfEntry(1, 6).empty());
    EXPECT_EQ(fixture_.verdicts->ListsNamed("list-1"), std::vector<lists::ListId>{1});
    fixture_.Restart();
  }
  EXPECT_TRUE(Recorded(1));
}

TEST_F(VerdictLogTest, NothingOfTheUploadIsKeptThatNobodyNeeds) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)});
  answer.matches[0].source_id = "0123456789abcdef0123456789abcdef";
  answer.digests.emplace();
  answer.digests->sha256.fill('Z');
  fixture_.Record(Request("a plain request id"), answer);
  for (const auto& rows : fixture_.store.contents()) {
    for (const auto& [key, value] : rows) {
      for (const std::string& text : {key, value}) {
        EXPECT_EQ(text.find("ZZZZ"), std::string::npos);
        EXPECT_EQ(text.find(answer.matches[0].source_id), std::string::npos) << "it may be a hash value";
      }
      EXPECT_EQ(key.find("request id"), std::string::npos);
    }
  }
}

TEST_F(VerdictLogTest, ARepeatedRequestHasOneRecord) {
  fixture_.Record(Request("a"), MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kReview)}));
  const std::uint64_t writes = fixture_.store.Writes();
  fixture_.Record(Request("a"), Replayed(2, {MakeMatch(1, 5, Verdict::kReview)}));
  EXPECT_EQ(fixture_.store.Writes(), writes) << "it adds nothing";
  fixture_.Record(Request("a"), Replayed(3, {MakeMatch(2, 6, Verdict::kBlock)}));
  ASSERT_EQ(fixture_.OfEntry(1, 5).size(), 1U);
  EXPECT_EQ(fixture_.OfEntry(1, 5), fixture_.OfEntry(2, 6));
  EXPECT_EQ(fixture_.OfEntry(1, 5)[0].given, Verdict::kBlock);
  EXPECT_TRUE(Recorded(1));
  EXPECT_TRUE(fixture_.Shows("hashgate_verdict_records_total{result=\"updated\"} 1"));
}

// The process ended after the request was remembered and before the verdict was: no answer had left.
TEST_F(VerdictLogTest, ARepeatedRequestWithoutARecordGetsOne) {
  fixture_.Record(Request("a"), Replayed(2, {MakeMatch(1, 5, Verdict::kBlock)}));
  fixture_.Record(Request("a"), Replayed(3, {MakeMatch(1, 5, Verdict::kBlock)}));
  ASSERT_EQ(fixture_.OfEntry(1, 5).size(), 1U);
  EXPECT_EQ(fixture_.OfEntry(1, 5)[0].id.scan_id, ScanId(2));
}

TEST_F(VerdictLogTest, AnotherUploadUnderTheIdIsAnotherVerdict) {
  // Not replayed: the id was forgotten meanwhile.
  fixture_.Record(Request("a"), MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}));
  fixture_.Record(Request("a"), MakeAnswer(ScanId(2), {MakeMatch(1, 5, Verdict::kBlock)}));
  EXPECT_EQ(fixture_.OfEntry(1, 5).size(), 2U);
  fixture_.Record(Request("a"), Replayed(3, {MakeMatch(2, 6, Verdict::kBlock)}));
  EXPECT_EQ(fixture_.OfEntry(2, 6).at(0).id.scan_id, ScanId(2)) << "the id stands for the latest";
}

TEST_F(VerdictLogTest, RequestsDifferByTenantCallerAndFile) {
  fixture_.Record(Request("a"), MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}), 0);
  fixture_.Record(Request("a"), Replayed(2, {MakeMatch(1, 5, Verdict::kBlock)}), 1);
  fixture_.Record(Request("a", "acme"), Replayed(3, {MakeMatch(1, 5, Verdict::kBlock)}), 0);
  const auto records = fixture_.OfEntry(1, 5);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].id.tenant, "acme") << "by tenant, then by time";
  EXPECT_EQ(records[1].file, 0);
  EXPECT_EQ(records[2].file, 1);
}

TEST_F(VerdictLogTest, ALookAfterTheAnswerUpdatesItsRecord) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlockAndReport)});
  answer.by_digests = true;
  answer.without_matches = Verdict::kHold;
  fixture_.Record(answer);
  fixture_.verdicts->Complete("default", ScanId(1),
                              MakeAnswer(ScanId(9), {MakeMatch(2, 6, Verdict::kReview)}));
  ASSERT_TRUE(testing::PollUntil([&] { return !fixture_.OfEntry(2, 6).empty(); }, seconds(10)));
  const VerdictRecord record = fixture_.OfEntry(1, 5).at(0);
  EXPECT_FALSE(record.unseen);
  EXPECT_EQ(record.without_matches, Verdict::kAllow);
  EXPECT_EQ(record.id.scan_id, ScanId(1));
  // One that left no record stays without.
  fixture_.verdicts->Complete("default", ScanId(2),
                              MakeAnswer(ScanId(9), {MakeMatch(3, 7, Verdict::kReview)}));
  fixture_.Record(MakeAnswer(ScanId(3), {MakeMatch(1, 5, Verdict::kBlock)}));
  EXPECT_TRUE(fixture_.OfEntry(3, 7).empty());
}

TEST_F(VerdictLogTest, WhereTheStoreFailsTheAnswerLeavesAndItIsCounted) {
  fixture_.store.FailWrite(1, Reason::kStoreFull);
  fixture_.Record(MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}));
  EXPECT_TRUE(fixture_.Shows("hashgate_verdict_records_total{result=\"failed\"} 1"));
  EXPECT_TRUE(fixture_.OfEntry(1, 5).empty());
  fixture_.Record(MakeAnswer(ScanId(2), {MakeMatch(1, 5, Verdict::kBlock)}));
  EXPECT_EQ(fixture_.OfEntry(1, 5).size(), 1U);
  EXPECT_EQ(fixture_.verdicts->ListsNamed("list-1").size(), 1U);
}

// Nobody waits for a disk that does not answer: somebody else holds up the log here.
TEST_F(VerdictLogTest, AtItsDeadlineAnAnswerLeavesAndItsRecordFollows) {
  std::jthread answer;
  ASSERT_TRUE(fixture_.verdicts->Alone([&]() -> Status {
    std::atomic<bool> left = false;
    const SteadyTime deadline = fixture_.clock.Steady() + milliseconds(100);
    answer = std::jthread([&] {
      const scan::ScanAnswer given = MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)});
      const scan::NumberedAnswer numbered{-1, &given};
      fixture_.verdicts->Record({}, {&numbered, 1}, deadline);
      left = true;
    });
    EXPECT_FALSE(left);
    fixture_.clock.Advance(milliseconds(101));
    EXPECT_TRUE(testing::PollUntil([&] { return left.load(); }, seconds(10)));
    EXPECT_TRUE(fixture_.OfEntry(1, 5).empty());
    return {};
  }));
  EXPECT_TRUE(fixture_.Shows("hashgate_verdict_records_late_total 1"));
  EXPECT_TRUE(testing::PollUntil([&] { return fixture_.OfEntry(1, 5).size() == 1; }, seconds(10)));
}

TEST_F(VerdictLogTest, AnAnswerWithoutADeadlineWaitsForABoundedTime) {
  std::jthread answer;
  ASSERT_TRUE(fixture_.verdicts->Alone([&]() -> Status {
    std::atomic<bool> left = false;
    answer = std::jthread([&] {
      fixture_.Record(MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}));
      left = true;
    });
    EXPECT_TRUE(testing::PollUntil(
        [&] {
          fixture_.clock.Advance(seconds(6));
          return left.load();
        },
        seconds(10)));
    return {};
  }));
}

TEST_F(VerdictLogTest, WhatHasNoRoomIsDroppedAndCounted) {
  std::vector<std::jthread> waiting;
  ASSERT_TRUE(fixture_.verdicts->Alone([&]() -> Status {
    std::vector<scan::ScanAnswer> answers;
    std::vector<scan::NumberedAnswer> numbered;
    for (int i = 0; i < 1'024; ++i)
      answers.push_back(MakeAnswer(ScanId(i), {MakeMatch(1, 5, Verdict::kBlock)}));
    for (const scan::ScanAnswer& answer : answers) numbered.push_back({-1, &answer});
    // As many as there is room for, and one more. The clock stands beyond both deadlines.
    fixture_.verdicts->Record({}, numbered, SteadyTime());
    fixture_.verdicts->Record({}, {numbered.data(), 1}, SteadyTime());
    return {};
  }));
  EXPECT_TRUE(fixture_.Shows("hashgate_verdict_records_total{result=\"dropped\"} 1"));
  EXPECT_TRUE(testing::PollUntil([&] { return Recorded(1'024); }, seconds(10)));
}

TEST_F(VerdictLogTest, ManyAnswersAtOnceShareWrites) {
  constexpr int kThreads = 8;
  std::vector<std::jthread> threads;
  ASSERT_TRUE(fixture_.verdicts->Alone([&]() -> Status {
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back(
          [&, thread] { fixture_.Record(MakeAnswer(ScanId(thread), {MakeMatch(1, 5, Verdict::kBlock)})); });
    }
    return {};
  }));
  threads.clear();
  EXPECT_EQ(fixture_.OfEntry(1, 5).size(), static_cast<std::size_t>(kThreads));
  EXPECT_LE(fixture_.store.Writes(), static_cast<std::uint64_t>(kThreads));
}

TEST_F(VerdictLogTest, WhatWaitsIsWrittenAtTheEnd) {
  for (int i = 0; i < 50; ++i) {
    const scan::ScanAnswer answer = MakeAnswer(ScanId(i), {MakeMatch(1, 5, Verdict::kBlock)});
    const scan::NumberedAnswer numbered{-1, &answer};
    fixture_.verdicts->Record({}, {&numbered, 1}, SteadyTime());
  }
  fixture_.Restart();
  EXPECT_EQ(fixture_.OfEntry(1, 5).size(), 50U);
}

TEST_F(VerdictLogTest, PagesGoOnWhereTheLastOneEnded) {
  for (int i = 0; i < 10; ++i) fixture_.Record(MakeAnswer(ScanId(i), {MakeMatch(1, 5, Verdict::kBlock)}));
  fixture_.Record(MakeAnswer(ScanId(11), {MakeMatch(1, 6, Verdict::kBlock)}));
  std::vector<std::string> ids;
  std::optional<VerdictId> after;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = fixture_.verdicts->OfEntry({1, 5}, after, 4);
    ASSERT_TRUE(page);
    for (const VerdictRecord& record : page->records) ids.push_back(record.id.scan_id);
    after = page->last;
    if (!after) break;
  }
  EXPECT_EQ(ids.size(), 10U);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 10U);
}

TEST_F(VerdictLogTest, OldRecordsGoWithAllThatLeadsToThem) {
  const auto record = [&](const std::string& request, const std::string& tenant, std::uint64_t entry) {
    const std::string id = NewUlid(ToUnixMillis(fixture_.clock.Wall()));
    fixture_.Record(Request(request, tenant), MakeAnswer(id, {MakeMatch(1, entry, Verdict::kBlock)}));
  };
  // More than one batch of them.
  for (int i = 0; i < 300; ++i) record("old " + std::to_string(i), "a", 5);
  record("old", "b", 5);
  record("again", "b", 5);
  fixture_.clock.Advance(hours(23));
  record("young", "a", 5);
  // The id stands for a younger verdict now.
  record("again", "b", 5);
  ASSERT_TRUE(fixture_.verdicts->Prune());
  EXPECT_EQ(fixture_.OfEntry(1, 5).size(), 304U);
  fixture_.clock.Advance(hours(2));
  ASSERT_TRUE(fixture_.verdicts->Prune());
  const auto left = fixture_.OfEntry(1, 5);
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].request_id, "young");
  EXPECT_EQ(left[1].request_id, "again");
  EXPECT_EQ(fixture_.store.Rows(Family::kVerdictEntries), 2U);
  EXPECT_EQ(fixture_.store.Rows(Family::kVerdicts), 5U) << "two records, their requests, and the list's name";
  fixture_.Record(Request("again", "b"), Replayed(9, {MakeMatch(1, 6, Verdict::kBlock)}));
  EXPECT_EQ(fixture_.OfEntry(1, 6).at(0).id, left[1].id);
}

TEST_F(VerdictLogTest, ADamagedKeyKeepsNoOldRecord) {
  fixture_.Record(
      MakeAnswer(NewUlid(ToUnixMillis(fixture_.clock.Wall())), {MakeMatch(1, 5, Verdict::kBlock)}));
  // Before and behind it.
  fixture_.store.Set(Family::kVerdicts, VerdictKey({"a", ScanId(1)}).substr(0, 3), "\x01");
  fixture_.store.Set(Family::kVerdicts, VerdictKey({"z", ScanId(1)}).substr(0, 3), "\x01");
  fixture_.clock.Advance(hours(25));
  ASSERT_TRUE(fixture_.verdicts->Prune());
  EXPECT_TRUE(fixture_.OfEntry(1, 5).empty());
}

// Tenants without old records came first, and those behind them were never reached.
TEST_F(VerdictLogTest, OldRecordsGoHoweverManyTenantsThereAre) {
  const auto record = [&](const std::string& tenant, WallTime time) {
    fixture_.Record(Request("", tenant),
                    MakeAnswer(NewUlid(ToUnixMillis(time)), {MakeMatch(1, 5, Verdict::kBlock)}));
  };
  const WallTime now = fixture_.clock.Wall();
  for (int i = 0; i < 40; ++i) record("tenant " + std::to_string(10 + i), i < 30 ? now : now - hours(25));
  ASSERT_TRUE(fixture_.verdicts->Prune());
  const auto left = fixture_.OfEntry(1, 5);
  ASSERT_EQ(left.size(), 30U);
  EXPECT_EQ(left.back().id.tenant, "tenant 39");
}

TEST_F(VerdictLogTest, ATenantWithManyOldRecordsDoesNotKeepOthersWaiting) {
  const auto fill = [&](WallTime time) {
    for (int i = 0; i < 6; ++i) {
      std::vector<scan::ScanAnswer> answers;
      std::vector<scan::NumberedAnswer> numbered;
      for (int k = 0; k < 1'000; ++k) {
        answers.push_back(MakeAnswer(NewUlid(ToUnixMillis(time)), {MakeMatch(1, 5, Verdict::kBlock)}));
      }
      for (const scan::ScanAnswer& answer : answers) numbered.push_back({-1, &answer});
      fixture_.verdicts->Record(Request("", "a"), numbered, SteadyTime::max());
    }
  };
  const WallTime old = fixture_.clock.Wall() - hours(25);
  fill(old);
  fixture_.Record(Request("", "b"),
                  MakeAnswer(NewUlid(ToUnixMillis(old)), {MakeMatch(2, 6, Verdict::kBlock)}));
  ASSERT_TRUE(fixture_.verdicts->Prune());
  EXPECT_EQ(fixture_.store.Rows(Family::kVerdictEntries), 6'001U - 4'096U);
  // As many again, from before what was removed.
  fill(old - hours(1));
  ASSERT_TRUE(fixture_.verdicts->Prune());
  EXPECT_TRUE(fixture_.OfEntry(2, 6).empty());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(fixture_.verdicts->Prune());
  EXPECT_EQ(fixture_.store.Rows(Family::kVerdictEntries), 0U) << "it goes around";
}

TEST_F(VerdictLogTest, ListsOfOneNameAreAllKnown) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(3, 5, Verdict::kBlock)});
  answer.matches[0].fact.list = "demo";
  fixture_.Record(answer);
  answer = MakeAnswer(ScanId(2), {MakeMatch(9, 5, Verdict::kBlock)});
  answer.matches[0].fact.list = "demo";
  fixture_.Record(answer);
  fixture_.Restart();
  EXPECT_EQ(fixture_.verdicts->ListsNamed("demo"), (std::vector<lists::ListId>{3, 9}));
  EXPECT_TRUE(fixture_.verdicts->ListsNamed("dem").empty());
  EXPECT_TRUE(fixture_.verdicts->ListsNamed("demo2").empty());
}

// They are written together: those of other answers were lost with it.
TEST_F(VerdictLogTest, ADamagedRecordTakesNoOtherAlong) {
  const auto both = [&](int number) {
    const std::vector<scan::ScanAnswer> answers = {Replayed(number, {MakeMatch(1, 5, Verdict::kBlock)}),
                                                   Replayed(number + 1, {MakeMatch(1, 6, Verdict::kBlock)})};
    const std::vector<scan::NumberedAnswer> numbered = {{0, &answers[0]}, {1, &answers[1]}};
    fixture_.verdicts->Record(Request("a"), numbered, SteadyTime::max());
  };
  const auto has = [&](std::uint64_t entry, int number) {
    const auto page = fixture_.verdicts->Get(std::vector<VerdictId>{{"default", ScanId(number)}});
    return page && page->records.size() == 1 && page->records.at(0).matches.at(0).entry.entry == entry;
  };
  fixture_.Record(Request("a"), MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}), 0);
  fixture_.store.Set(Family::kVerdicts, VerdictKey({"default", ScanId(1)}), "\x01");
  both(10);
  EXPECT_TRUE(has(5, 10)) << "as if it had not been there";
  EXPECT_TRUE(has(6, 11));
  // A look at what cannot be read.
  fixture_.verdicts->Complete("default", ScanId(1),
                              MakeAnswer(ScanId(9), {MakeMatch(2, 6, Verdict::kReview)}));
  // What leads to the record is damaged, and then whatever is read.
  for (const auto& [key, value] : fixture_.store.Copy(Family::kVerdicts)) {
    if (key.starts_with("r")) fixture_.store.Set(Family::kVerdicts, key, "\x01");
  }
  both(20);
  EXPECT_TRUE(has(5, 20));
  EXPECT_TRUE(has(6, 21));
  fixture_.store.FailReads(Reason::kStoreCorrupt);
  both(30);
  fixture_.store.Heal();
  EXPECT_TRUE(has(5, 30));
  EXPECT_TRUE(has(6, 31));
  EXPECT_TRUE(Recorded(7));
  EXPECT_EQ(fixture_.metrics->Exposition().find("{result=\"failed\"}"), std::string::npos);
}

TEST_F(VerdictLogTest, ADamagedRecordIsCounted) {
  for (int i = 1; i <= 3; ++i) {
    fixture_.Record(MakeAnswer(ScanId(i), {MakeMatch(1, 5, Verdict::kBlock)}));
  }
  fixture_.store.Set(Family::kVerdicts, VerdictKey({"default", ScanId(2)}), "\x01");
  const auto page = fixture_.verdicts->OfEntry({1, 5}, {}, 10);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->damaged, 1U);
  ASSERT_EQ(page->records.size(), 2U);
  EXPECT_EQ(page->records[1].id.scan_id, ScanId(3));
  // One that a later version wrote is no damage.
  fixture_.store.Set(Family::kVerdicts, VerdictKey({"default", ScanId(2)}), "\x63 later");
  EXPECT_EQ(fixture_.verdicts->OfEntry({1, 5}, {}, 10).error().reason, Reason::kSchemaTooNew);
}

}  // namespace
}  // namespace hashgate::casework
