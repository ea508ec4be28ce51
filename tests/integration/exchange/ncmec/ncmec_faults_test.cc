// Syncs with a server that fails, lies or attacks: the last good data stays in force, and it is said why.
#include <gmock/gmock.h>

#include <random>

#include "exchange/ncmec/entries_page.h"
#include "ncmec_fixture.h"
#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;

class NcmecFaultsTest : public NcmecTest {
 protected:
  void SetUp() override {
    NcmecTest::SetUp();
    server().SetSwitches({.page_size = 5});
    for (std::uint64_t at = 0; at < 20; ++at) server().Put(Entry(at, Ago(hours(at + 10))));
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
    checkpoint_ = Stored().checkpoint;
    clock_.Advance(hours(1));
    for (std::uint64_t at = 100; at < 117; ++at) server().Put(Entry(at, Ago(minutes(at - 90))));
    server().Delete(77, "e0", Ago(minutes(2)));
  }

  /// A sync that fails: nothing of it is in force, and the reason is said.
  void ExpectFailure(std::string_view reason) {
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
    EXPECT_FALSE(record.detail.empty());
    EXPECT_EQ(Stored().failure_reason, reason) << record.detail;
    EXPECT_NE(Stored().failing_since, WallTime());
    EXPECT_EQ(Stored().checkpoint, checkpoint_);
    EXPECT_EQ(Entries(), 20U);
    EXPECT_TRUE(Holds(0));
    EXPECT_FALSE(Holds(100));
  }
  void ExpectRecovery() {
    server().SetSwitches({.page_size = 5});
    server_.http().SetPlan({});
    client_.reset();
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_EQ(record.counts.added, 17U);
    EXPECT_EQ(record.counts.removed, 1U);
    EXPECT_EQ(Entries(), 36U);
    EXPECT_EQ(Stored().failing_since, WallTime());
  }

  std::string checkpoint_;
};

TEST_F(NcmecFaultsTest, ExpiredCredentials) {
  server().SetCredentials("a-user", "another");
  ExpectFailure("EXCHANGE_REFUSED");
  EXPECT_THAT(Stored().failure_detail, Not(HasSubstr(password_)));
  EXPECT_EQ(client_->Test({}).error().reason, Reason::kExchangeRefused);
  password_ = "another";
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, ErrorsOfTheServer) {
  for (const int status : {500, 502, 503, 504, 429}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_UNREACHABLE");
  }
  for (const int status : {404, 418, 204}) {
    server_.http().SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  EXPECT_EQ(Stored().failures, 8U);
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, ItIsAskedToComeLaterThanItMayWait) {
  server_.http().SetPlan([](const auto&) { return Fault{.status = 429, .retry_after = "3600"}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, DroppedConnectionsAndBodiesCutShort) {
  server_.http().SetPlan([](const auto&) { return Fault{.drop = Fault::Drop::kAfterEffect}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  server_.http().SetPlan([](const auto&) { return Fault{.cut_body_at = 100}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, DocumentsThatAreNotAsAgreed) {
  const std::pair<testing::NcmecXmlSwitches, const char*> bad[] = {{{.wrong_namespace = true}, "namespace"},
                                                                   {{.document_type = true}, "document type"},
                                                                   {{.entity_bomb = true}, "document type"},
                                                                   {{.cut_short = true}, "XML"},
                                                                   {{.wrong_count = true}, "says"}};
  for (const auto& [xml, word] : bad) {
    server().SetSwitches({.page_size = 5, .xml = xml});
    ExpectFailure("EXCHANGE_PROTOCOL");
    EXPECT_THAT(Stored().failure_detail, HasSubstr(word));
  }
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, LinksThatLeadElsewhereAreNotFollowed) {
  using Next = NcmecSwitches::Next;
  for (const Next next :
       {Next::kAbsolute, Next::kOtherHost, Next::kNoScheme, Next::kOtherPath, Next::kClimbing}) {
    server().SetSwitches({.page_size = 5, .next = next});
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  server().SetSwitches({.redirect = true});
  ExpectFailure("EXCHANGE_PROTOCOL");
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, PagesWithoutEndAreGivenUp) {
  server().SetSwitches({.page_size = 5, .endless_pages = true});
  const std::size_t calls = server_.http().call_count();
  ExpectFailure("EXCHANGE_PROTOCOL");
  EXPECT_LT(server_.http().call_count(), calls + 20);
  ExpectRecovery();
}

TEST_F(NcmecFaultsTest, ARepeatedPageChangesNothing) {
  server().SetSwitches({.page_size = 5, .repeat_pages = true});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

// Nothing in the protocol shows it: that is what reading from the beginning is for.
TEST_F(NcmecFaultsTest, WhatASkippedPageLostIsFoundFromTheBeginning) {
  server().SetSwitches({.page_size = 5, .skipped_page = 1});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_LT(Entries(), 36U);
  server().SetSwitches({.page_size = 5});
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(NcmecFaultsTest, AChainThatFailsNearItsEndIsReadInShorterSpans) {
  server().SetSwitches({.page_size = 5, .last_page_failures = 2});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(NcmecFaultsTest, AChainThatAlwaysFailsNearItsEndIsReadInTheEnd) {
  server().SetSwitches({.page_size = 1, .last_page_failures = 1'000});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed) << "not shortened without end within one sync";
  int syncs = 1;
  while (syncs < 40 && Sync().outcome != SyncOutcome::kDone) ++syncs;
  EXPECT_LT(syncs, 40);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(NcmecFaultsTest, ALinkThatIsNoLongerGoodStartsItsSpanAgain) {
  server().SetSwitches({.page_size = 5, .next_lifetime = std::chrono::milliseconds(1'000)});
  int moved = 0;
  server().SetOnPage([&](std::size_t) {
    if (moved++ < 2) clock_.Advance(std::chrono::seconds(5));
  });
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(NcmecFaultsTest, AClockThatWentBackIsSaidAndLosesNothing) {
  clock_.Advance(-hours(20));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("clock"));
  clock_.Advance(hours(20));
  ExpectRecovery();
}

// Else the checkpoint would be in the server's future, and what comes until then would never be asked for.
TEST_F(NcmecFaultsTest, AClockAheadOfTheServersPutsNothingBehind) {
  server().SetSwitches({.page_size = 5, .clock_behind = minutes(50)});
  ExpectFailure("EXCHANGE_PROTOCOL");
  EXPECT_THAT(Stored().failure_detail, HasSubstr("ahead"));
  server().SetSwitches({.page_size = 5, .clock_behind = std::chrono::seconds(20)});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone) << "within what is read again";
}

TEST_F(NcmecFaultsTest, APageWithoutEndIsRefused) {
  std::string page = "<queryResult><images>";
  for (int i = 0; i < 20'001; ++i) page += "<image/>";
  const auto parsed = ParseEntriesPage(page + "</images></queryResult>");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("more entries"));
}

TEST_F(NcmecFaultsTest, AClockThatWentBackALittleDoesNotMoveTheCheckpointBack) {
  const std::string before = Stored().checkpoint;
  clock_.Advance(-hours(1) - minutes(10));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Stored().checkpoint, before);
  clock_.Advance(hours(1) + minutes(10));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 36U);
}

TEST_F(NcmecFaultsTest, OnAServerThatFailsNowAndThenEverySyncGetsFurther) {
  const std::uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  for (std::uint64_t at = 200; at < 400; ++at) server().Put(Entry(at, Ago(minutes(1 + random() % 50))));
  server_.http().SetPlan([&random](const auto&) -> std::optional<Fault> {
    switch (random() % 8) {
      case 0: return Fault{.status = 503};
      case 1: return Fault{.drop = Fault::Drop::kBeforeEffect};
      case 2: return Fault{.cut_body_at = random() % 500};
      default: return std::nullopt;
    }
  });
  SyncOutcome outcome = SyncOutcome::kFailed;
  for (int i = 0; i < 200 && outcome != SyncOutcome::kDone; ++i) outcome = Sync().outcome;
  EXPECT_EQ(outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 236U);
  EXPECT_FALSE(Holds(0));
}

}  // namespace
}  // namespace hashgate::exchange
