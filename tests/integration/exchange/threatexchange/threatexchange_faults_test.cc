// Syncs with a ThreatExchange that fails, lies or attacks: the last good data stays in force, it is said why,
// and the access token is never part of it.
#include <gmock/gmock.h>

#include "threatexchange_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;

class ThreatExchangeFaultsTest : public ThreatExchangeTest {
 protected:
  void SetUp() override {
    ThreatExchangeTest::SetUp();
    server_.SetSwitches({.page_size = 5});
    for (std::uint64_t at = 0; at < 20; ++at) Put(at, hours(at + 10));
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
    checkpoint_ = Stored().checkpoint;
    clock_.Advance(hours(1));
    for (std::uint64_t at = 100; at < 117; ++at) Put(at, minutes(at - 90));
    Tombstone(0, minutes(2));
  }

  void ExpectFailure(std::string_view reason, std::string_view word = "") {
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
    EXPECT_EQ(Stored().failure_reason, reason) << record.detail;
    EXPECT_THAT(record.detail, HasSubstr(std::string(word)));
    EXPECT_EQ(Stored().checkpoint, checkpoint_);
    EXPECT_EQ(Entries(), 20U);
    EXPECT_TRUE(Holds(0));
    EXPECT_FALSE(Holds(100));
    ExpectNoToken();
  }
  void ExpectRecovery() {
    server_.SetSwitches({.page_size = 5});
    server_.http().SetPlan({});
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_EQ(record.counts.added, 17U);
    EXPECT_EQ(record.counts.removed, 1U);
    EXPECT_EQ(Entries(), 36U);
    ExpectNoToken();
  }
  /// Nothing that is kept, shown or quarantined has it: neither as it is nor as a query has it.
  void ExpectNoToken() const {
    const std::string kept = EncodeStoredExchange(Stored());
    EXPECT_THAT(kept, Not(HasSubstr("secret")));
    EXPECT_THAT(kept, Not(HasSubstr("access_token")));
    const auto quarantined = catalog_->ListQuarantined("fed", 100);
    for (const lists::Quarantined& one : *quarantined) EXPECT_THAT(one.reason, Not(HasSubstr("secret")));
  }

  std::string checkpoint_;
};

TEST_F(ThreatExchangeFaultsTest, ATokenThatIsNotGood) {
  server_.SetToken("1001|another-secret");
  ExpectFailure("EXCHANGE_REFUSED", "access token");
  MakeClient();
  const auto tested = client_->Test({});
  ASSERT_FALSE(tested);
  EXPECT_EQ(tested.error().reason, Reason::kExchangeRefused);
  EXPECT_THAT(tested.error().message, Not(HasSubstr("secret"))) << "the server's words have it";
  server_.SetToken(token_);
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, ErrorsOfTheServer) {
  for (const int status : {500, 502, 503, 504, 429}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_UNREACHABLE");
  }
  for (const int status : {401, 403}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_REFUSED");
  }
  for (const int status : {301, 404, 204}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, AskedTooOftenItIsAskedAgain) {
  server_.SetSwitches({.page_size = 5, .error_status = 403, .error_code = 4});
  const std::size_t calls = server_.http().call_count();
  ExpectFailure("EXCHANGE_UNREACHABLE", "too often");
  // Of two attempts each: the page, and whether the group has its updates switched on.
  EXPECT_EQ(server_.http().call_count(), calls + 4);
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, ItIsAskedToComeLaterThanItMayWait) {
  server_.http().SetPlan([](const auto&) { return Fault{.status = 429, .retry_after = "3600"}; });
  const std::size_t calls = server_.http().call_count();
  EXPECT_EQ(Sync().retry_after, hours(1));
  EXPECT_EQ(server_.http().call_count(), calls + 1);
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, DroppedConnectionsAndBodiesCutShort) {
  server_.http().SetPlan([](const auto&) { return Fault{.drop = Fault::Drop::kAfterEffect}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  server_.http().SetPlan([](const auto&) { return Fault{.cut_body_at = 100}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, AGroupWithoutUpdatesIsNamed) {
  server_.SetSwitches({.updates_disabled = true});
  ExpectFailure("EXCHANGE_PROTOCOL", "has no threat updates");
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, AnswersThatAreNotAsAgreed) {
  const std::string bodies[] = {"{\"data\":[{\"id\":\"1\"",
                                "<html>",
                                "[]",
                                "{}",
                                "{\"data\":{}}",
                                "{\"data\":[],\"paging\":7}",
                                std::string(100'000, '['),
                                "{\"data\":[" + std::string(60'000, '0') + "]}",
                                "{\"data\":[],\"paging\":{\"next\":\"\"}}"};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body.substr(0, 40));
    server_.SetSwitches({.whole_body = body});
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  server_.SetSwitches({.whole_body = "{\"data\":[\"" + std::string(2 << 20, 'x') + "\"]}"});
  ExpectFailure("EXCHANGE_PROTOCOL");
  std::string many = "{\"data\":[1";
  for (int i = 0; i < 20'000; ++i) many += ",1";
  server_.SetSwitches({.whole_body = many + "]}"});
  ExpectFailure("EXCHANGE_PROTOCOL", "more items");
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, LinksThatLeadElsewhereAreNotFollowed) {
  using Next = GraphSwitches::Next;
  for (const Next next : {Next::kOtherHost, Next::kOtherScheme, Next::kOtherPath, Next::kClimbing,
                          Next::kPathOnly, Next::kNumber}) {
    server_.SetSwitches({.page_size = 5, .next = next});
    const std::size_t calls = server_.http().call_count();
    ExpectFailure("EXCHANGE_PROTOCOL");
    EXPECT_EQ(server_.http().call_count(), calls + 1);
  }
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, TheTokenIsSentOnceWhetherTheLinkHasItOrNot) {
  for (const auto next : {GraphSwitches::Next::kWhole, GraphSwitches::Next::kWithoutToken}) {
    server_.SetSwitches({.page_size = 5, .next = next});
    EXPECT_EQ(Sync(true).outcome, SyncOutcome::kDone);
    EXPECT_EQ(Entries(), 36U);
  }
  for (const testing::FakeCall& call : server_.http().calls()) {
    const std::string& target = call.request.target;
    const std::size_t first = target.find("access_token=");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(target.find("access_token=", first + 1), std::string::npos);
  }
}

TEST_F(ThreatExchangeFaultsTest, RetriesAreLoggedWithoutTheToken) {
  server_.http().SetPlan([](const auto&) { return Fault{.status = 503}; });
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Sync();
  const std::string written =
      ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, Not(HasSubstr("secret")));
  EXPECT_THAT(written, Not(HasSubstr("access_token")));
}

TEST_F(ThreatExchangeFaultsTest, PagesWithoutEndAreGivenUp) {
  server_.SetSwitches({.page_size = 5, .endless_pages = true});
  const std::size_t calls = server_.http().call_count();
  ExpectFailure("EXCHANGE_PROTOCOL", "no end");
  EXPECT_LT(server_.http().call_count(), calls + 20);
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, ARepeatedPageChangesNothing) {
  server_.SetSwitches({.page_size = 5, .repeat_pages = true});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
  for (std::uint64_t at = 1; at < 20; ++at) EXPECT_TRUE(Holds(at)) << at;
}

// Nothing in the protocol shows it: that is what reading from the beginning is for.
TEST_F(ThreatExchangeFaultsTest, WhatASkippedPageLostIsFoundFromTheBeginning) {
  server_.SetSwitches({.page_size = 5, .skipped_page = 1});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_LT(Entries(), 36U);
  server_.SetSwitches({.page_size = 5});
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(ThreatExchangeFaultsTest, UpdatesOutOfTimeOrderAreAllReadBeforeTheCheckpointMoves) {
  options_.delta_items = 5;
  client_.reset();
  server_.SetSwitches({.page_size = 5, .backwards = true});
  server_.http().SetPlan([](const testing::FakeRequest& request) -> std::optional<Fault> {
    if (request.Query("after").empty()) return std::nullopt;
    return Fault{.status = 503};
  });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  server_.http().SetPlan({});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(ThreatExchangeFaultsTest, OneMalformedItemAPageCostsItselfOnly) {
  gates_.limits[static_cast<std::size_t>(Gate::kMalformed)] = {100, 1'000};
  for (const char* item : {"7", "{\"id\":\"5\"}",
                           "{\"id\":\"5\",\"type\":\"HASH_PDQ\",\"indicator\":\"zz\","
                           "\"status\":\"MALICIOUS\"}",
                           "{\"id\":\"5\",\"type\":\"HASH_PDQ\",\"should_delete\":\"yes\"}"}) {
    server_.SetSwitches({.page_size = 5, .bad_item = item});
    const SyncRecord record = Sync(true);
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_EQ(record.counts.quarantined, 8U) << item;
    EXPECT_EQ(Entries(), 36U);
  }
  EXPECT_THAT(FirstQuarantined(), Not(HasSubstr("zz")));
}

TEST_F(ThreatExchangeFaultsTest, ATimeThatIsStillToComeIsNotBelieved) {
  Put(300, -hours(24 * 365 * 50));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 37U);
  clock_.Advance(hours(1));
  Put(301, minutes(30));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(301));
}

TEST_F(ThreatExchangeFaultsTest, AClockThatWentBackIsSaidAndLosesNothing) {
  clock_.Advance(-hours(20));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("clock"));
  clock_.Advance(hours(20));
  ExpectRecovery();
}

TEST_F(ThreatExchangeFaultsTest, AWholeReadingThatBreaksOffTakesNothingAway) {
  server_.http().SetPlan([](const testing::FakeRequest& request) -> std::optional<Fault> {
    if (request.Query("after") == "20") return Fault{.status = 503};
    return std::nullopt;
  });
  const SyncRecord record = Sync(true);
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 20U);
  EXPECT_TRUE(Holds(0));
}

TEST_F(ThreatExchangeFaultsTest, ACheckpointOfAnotherKindIsRefused) {
  for (const char* checkpoint : {"x", "{}", "{\"v\":1,\"to\":1,\"newest\":true}", "{\"v\":2}"}) {
    EXPECT_FALSE(client_->Begin(checkpoint)) << checkpoint;
  }
}

TEST_F(ThreatExchangeFaultsTest, AStopEndsTheSyncAndTheNextOneGoesOn) {
  std::stop_source stop;
  server_.SetOnPage([&](std::size_t) { stop.request_stop(); });
  EXPECT_EQ(Sync(false, stop.get_token()).outcome, SyncOutcome::kCancelled);
  server_.SetOnPage({});
  ExpectRecovery();
}

}  // namespace
}  // namespace hashgate::exchange
