// Syncs with a StopNCII that fails or lies: the last good data stays in force, and it is said why.
#include <gmock/gmock.h>

#include "stopncii_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;

class StopNciiFaultsTest : public StopNciiTest {
 protected:
  void SetUp() override {
    StopNciiTest::SetUp();
    server_.SetSwitches({.page_size = 5});
    for (std::uint64_t at = 0; at < 20; ++at) Put(at, hours(at + 10));
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
    checkpoint_ = Stored().checkpoint;
    clock_.Advance(hours(1));
    for (std::uint64_t at = 100; at < 117; ++at) Put(at, minutes(at - 90));
    Put(0, minutes(2), "Withdrawn");
  }

  void ExpectFailure(std::string_view reason, std::string_view word = "") {
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
    EXPECT_EQ(Stored().failure_reason, reason) << record.detail;
    EXPECT_THAT(record.detail, HasSubstr(std::string(word)));
    EXPECT_THAT(record.detail, Not(HasSubstr("-key")));
    EXPECT_EQ(Stored().checkpoint, checkpoint_);
    EXPECT_EQ(Entries(), 20U);
    EXPECT_TRUE(Holds(0));
    EXPECT_FALSE(Holds(100));
  }
  void ExpectRecovery() {
    server_.SetSwitches({.page_size = 5});
    server_.http().SetPlan({});
    client_.reset();
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_EQ(record.counts.added, 17U);
    EXPECT_EQ(record.counts.removed, 1U);
    EXPECT_EQ(Entries(), 36U);
  }

  std::string checkpoint_;
};

TEST_F(StopNciiFaultsTest, KeysThatAreNotGood) {
  server_.SetKeys("another-key", "a-subscription-key");
  ExpectFailure("EXCHANGE_REFUSED");
  fetch_key_ = "another-key";
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, ErrorsOfTheServer) {
  for (const int status : {500, 502, 503, 504, 429}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_UNREACHABLE");
  }
  server_.http().SetPlan([](const auto&) { return Fault{.status = 403}; });
  ExpectFailure("EXCHANGE_REFUSED");
  for (const int status : {302, 400, 404, 204}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  server_.http().SetPlan([](const auto&) { return Fault{.status = 429, .retry_after = "3600"}; });
  EXPECT_EQ(Sync().retry_after, hours(1));
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, DroppedConnectionsAndBodiesCutShort) {
  server_.http().SetPlan([](const auto&) { return Fault{.drop = Fault::Drop::kAfterEffect}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  server_.http().SetPlan([](const auto&) { return Fault{.cut_body_at = 100}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, AnswersThatAreNotAsAgreed) {
  const std::string bodies[] = {
      "{\"count\":1,\"hashRecords\":[{\"sig",
      "<html>",
      "[]",
      "{}",
      "{\"hashRecords\":{},\"hasMoreRecords\":false,\"nextSetTimestamp\":1}",
      "{\"hashRecords\":[],\"nextSetTimestamp\":1}",
      "{\"hashRecords\":[],\"hasMoreRecords\":true,\"nextSetTimestamp\":1}",
      "{\"hashRecords\":[],\"hasMoreRecords\":false}",
      "{\"hashRecords\":[],\"hasMoreRecords\":false,\"nextSetTimestamp\":-1}",
      "{\"hashRecords\":[],\"hasMoreRecords\":false,\"nextSetTimestamp\":9223372036854775807}",
      "{\"count\":\"0\",\"hashRecords\":[],\"hasMoreRecords\":false,\"nextSetTimestamp\":1}",
      std::string(100'000, '[')};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body.substr(0, 80));
    server_.SetSwitches({.whole_body = body});
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  server_.SetSwitches({.whole_body = "{\"hashRecords\":[\"" + std::string(2 << 20, 'x') + "\"]}"});
  ExpectFailure("EXCHANGE_PROTOCOL");
  std::string many = "{\"hashRecords\":[1";
  for (int i = 0; i < 20'000; ++i) many += ",1";
  server_.SetSwitches({.whole_body = many + "],\"hasMoreRecords\":false,\"nextSetTimestamp\":1}"});
  ExpectFailure("EXCHANGE_PROTOCOL", "more records");
  server_.SetSwitches({.wrong_count = true});
  ExpectFailure("EXCHANGE_PROTOCOL", "than it says");
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, PagesWithoutEndAreGivenUp) {
  server_.SetSwitches({.page_size = 5, .endless_pages = true});
  const std::size_t calls = server_.http().call_count();
  ExpectFailure("EXCHANGE_PROTOCOL", "no end");
  EXPECT_LT(server_.http().call_count(), calls + 20);
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, ARepeatedPageChangesNothing) {
  server_.SetSwitches({.page_size = 5, .repeat_pages = true, .without_feedbacks = true});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(StopNciiFaultsTest, WhatASkippedPageLostIsFoundFromTheBeginning) {
  server_.SetSwitches({.page_size = 5, .skipped_page = 1});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_LT(Entries(), 36U);
  server_.SetSwitches({.page_size = 5});
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(StopNciiFaultsTest, OneMalformedRecordAPageCostsItselfOnly) {
  gates_.limits[static_cast<std::size_t>(Gate::kMalformed)] = {100, 1'000};
  const char* const records[] = {
      "7", "{}", "{\"signalType\":\"ImagePDQ\",\"hashValue\":\"zz\",\"hashStatus\":\"Active\"}",
      "{\"signalType\":\"ImagePDQ\",\"hashValue\":\"zz\",\"hashStatus\":\"Deleted\"}",
      "{\"signalType\":\"ImagePDQ\",\"hashValue\":7,\"hashStatus\":\"Activated\"}"};
  for (const char* const record : records) {
    server_.SetSwitches({.page_size = 5, .bad_record = record});
    const SyncRecord synced = Sync(true);
    EXPECT_EQ(synced.outcome, SyncOutcome::kDone) << synced.detail;
    EXPECT_EQ(synced.counts.quarantined, 8U) << record;
    EXPECT_EQ(Entries(), 36U);
  }
  EXPECT_THAT(FirstQuarantined(), Not(HasSubstr("zz")));
}

TEST_F(StopNciiFaultsTest, ATimeThatIsStillToComeIsNotBelieved) {
  server_.SetSwitches({.set_back = -1'000'000});
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  server_.SetSwitches({});
  clock_.Advance(hours(1));
  Put(301, minutes(30));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(301));
}

TEST_F(StopNciiFaultsTest, AClockThatWentBackIsSaidAndLosesNothing) {
  clock_.Advance(-hours(20));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("clock"));
  clock_.Advance(hours(20));
  ExpectRecovery();
}

TEST_F(StopNciiFaultsTest, AReadingThatBreaksOffTakesNothingAway) {
  server_.http().SetPlan([](const testing::FakeRequest& request) -> std::optional<Fault> {
    if (request.Query("nextPageToken").empty()) return std::nullopt;
    return Fault{.status = 503};
  });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 20U);
  Reopen();
  server_.http().SetPlan({});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(StopNciiFaultsTest, ACheckpointOfAnotherKindIsRefused) {
  for (const char* checkpoint : {"x", "{}", "{\"v\":1,\"to\":1,\"newest\":true}", "{\"v\":2}"}) {
    EXPECT_FALSE(client_->Begin(checkpoint)) << checkpoint;
  }
}

}  // namespace
}  // namespace hashgate::exchange
