// Syncs with a well-behaved ThreatExchange: pages, what an update becomes, tombstones, checkpoints, feedback.
#include <gmock/gmock.h>

#include "exchange/sync/feedback.h"
#include "exchange/threatexchange/updates_page.h"
#include "threatexchange_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(ThreatExchangeTest, FetchesAllPagesAndThenOnlyWhatIsNew) {
  server_.SetSwitches({.page_size = 7});
  for (std::uint64_t at = 0; at < 50; ++at) Put(at, hours(80 * at + 1));
  const SyncRecord first = Sync();
  EXPECT_EQ(first.outcome, SyncOutcome::kDone) << first.detail;
  EXPECT_EQ(first.counts.added, 50U);
  const std::size_t calls = server_.http().call_count();
  clock_.Advance(minutes(10));
  Put(200, minutes(5));
  Tombstone(4, minutes(3));
  const SyncRecord second = Sync();
  EXPECT_EQ(second.outcome, SyncOutcome::kDone) << second.detail;
  EXPECT_EQ(second.counts.added, 1U);
  EXPECT_EQ(second.counts.removed, 1U);
  EXPECT_TRUE(Holds(200));
  EXPECT_FALSE(Holds(4));
  EXPECT_EQ(server_.http().call_count(), calls + 1);
}

TEST_F(ThreatExchangeTest, AnUpdateKeepsItsIdStatusAndTagsAndNotItsHashAsName) {
  GraphUpdate update = Update(1, hours(1));
  update.descriptors = {{.id = "1", .status = "SUSPICIOUS", .tags = {"b", "a"}},
                        {.id = "2", .status = "NON_MALICIOUS"}};
  server_.Put(update);
  GraphUpdate md5 = Update(2, hours(1));
  md5.type = "HASH_MD5";
  md5.indicator = Hex(Algorithm::kMd5, 2);
  server_.Put(md5);
  for (const bool in_data : {true, false}) {
    server_.SetSwitches({.tags_in_data = in_data, .unknown_members = true});
    ASSERT_EQ(Sync(true).outcome, SyncOutcome::kDone);
    EXPECT_EQ(Entry("9001").classification, "threatexchange:DISPUTED");
    EXPECT_THAT(Entry("9001").labels, ElementsAre("a", "b"));
    EXPECT_EQ(Entry("9002").classification, "threatexchange:MALICIOUS");
    EXPECT_EQ(Held(Algorithm::kMd5, 2), 1U);
  }
}

TEST_F(ThreatExchangeTest, AnIdThatIsTheHashIsNotTaken) {
  GraphUpdate update = Update(1, hours(1));
  update.id = update.indicator;
  server_.Put(update);
  GraphUpdate nameless = Update(2, hours(1));
  nameless.id = "";
  server_.Put(nameless);
  for (std::uint64_t at = 3; at < 6; ++at) Put(at, hours(1));
  EXPECT_EQ(Sync().counts.quarantined, 2U);
  EXPECT_EQ(Entries(), 3U);
  EXPECT_THAT(FirstQuarantined(), HasSubstr("no id"));
  EXPECT_THAT(FirstQuarantined(), Not(HasSubstr(update.indicator)));
}

TEST_F(ThreatExchangeTest, WhatNobodyStandsForAnyMoreIsWithdrawn) {
  for (std::uint64_t at = 0; at < 5; ++at) Put(at, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  clock_.Advance(hours(1));
  GraphUpdate bare = Update(0, minutes(5));
  bare.descriptors.clear();
  server_.Put(bare);
  GraphUpdate harmless = Update(1, minutes(5));
  harmless.descriptors[0].status = "NON_MALICIOUS";
  server_.Put(harmless);
  GraphUpdate video = Update(2, minutes(5));
  video.descriptors[0].tags = {"media_type_video"};
  server_.Put(video);
  Tombstone(3, minutes(5));
  Tombstone(77, minutes(5));  // never seen
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.removed, 4U);
  EXPECT_EQ(record.counts.values_left_out, 1U);
  EXPECT_EQ(Entries(), 1U);
  EXPECT_TRUE(Holds(4));
}

// The source's word for (type, indicator) is its id: a new one is a new entry, and a whole reading mends
// that.
TEST_F(ThreatExchangeTest, AnIdThatChangesLeavesTheOldEntryUntilAllIsReadAgain) {
  Put(1, hours(2));
  Put(2, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  clock_.Advance(hours(1));
  server_.Remove("9001");
  GraphUpdate renamed = Update(1, minutes(5));
  renamed.id = "123456";
  server_.Put(renamed);
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Held(Algorithm::kPdq, 1), 2U);
  renamed.should_delete = true;
  clock_.Advance(hours(1));
  renamed.last_updated = Seconds(minutes(5));
  server_.Put(renamed);
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Held(Algorithm::kPdq, 1), 1U);
  ASSERT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Held(Algorithm::kPdq, 1), 0U);
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(ThreatExchangeTest, AfterMoreThan85DaysAllIsReadAgainAsAWhole) {
  for (std::uint64_t at = 0; at < 4; ++at) Put(at, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  // Its tombstone has come and gone meanwhile.
  server_.Remove("9000");
  clock_.Advance(hours(24 * 85));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(0)) << "not yet";
  clock_.Advance(hours(24 * 85 + 1));
  Put(9, hours(1));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_FALSE(Holds(0));
  EXPECT_TRUE(Holds(1));
  EXPECT_TRUE(Holds(9));
}

TEST_F(ThreatExchangeTest, AWholeReadingKeepsWhatItCannotRead) {
  for (std::uint64_t at = 0; at < 8; ++at) Put(at, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  GraphUpdate hash = Update(1, hours(1));
  hash.indicator = "not a hash";
  server_.Put(hash);
  GraphUpdate status = Update(3, hours(1));
  status.descriptors[0].status = "A_STATUS_TO_COME";
  server_.Put(status);
  server_.Remove("9002");
  const SyncRecord record = Sync(true);
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.quarantined, 2U);
  EXPECT_EQ(record.counts.removed, 1U);
  EXPECT_TRUE(Holds(1)) << "what it was is not taken back by what cannot be read";
  EXPECT_TRUE(Holds(3));
  EXPECT_FALSE(Holds(2));
  EXPECT_EQ(Entries(), 7U);
}

TEST_F(ThreatExchangeTest, AFirstReadingThatIsCutShortIsGoneOnWith) {
  options_.delta_items = 10;
  server_.SetSwitches({.page_size = 5});
  for (std::uint64_t at = 0; at < 50; ++at) Put(at, hours(100 - at));
  int pages = 0;
  server_.http().SetPlan([&](const auto&) -> std::optional<testing::Fault> {
    if (++pages <= 7) return std::nullopt;
    return testing::Fault{.status = 503};
  });
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed);
  // The second at the end of each part is read twice.
  EXPECT_EQ(Entries(), 28U) << "what whole parts gave is in force";
  server_.http().SetPlan({});
  const std::size_t calls = server_.http().call_count();
  Reopen();
  Tombstone(3, minutes(30));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_THAT(server_.http().calls().at(calls).request.Query("start_time"), Not(IsEmpty()));
  EXPECT_EQ(Entries(), 49U);
  EXPECT_FALSE(Holds(3)) << "taken back after the part that gave it";
  EXPECT_LE(record.counts.received, 30U);
}

TEST_F(ThreatExchangeTest, AFirstReadingThatRestedForTooLongIsBegunAnewAsAWhole) {
  options_.delta_items = 10;
  server_.SetSwitches({.page_size = 5});
  for (std::uint64_t at = 0; at < 20; ++at) Put(at, hours(100 - at));
  int pages = 0;
  server_.http().SetPlan([&](const auto&) -> std::optional<testing::Fault> {
    if (++pages <= 3) return std::nullopt;
    return testing::Fault{.status = 503};
  });
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed);
  EXPECT_TRUE(Holds(3));
  server_.http().SetPlan({});
  // Its tombstone has come and gone meanwhile.
  server_.Remove("9003");
  clock_.Advance(hours(24 * 85 + 1));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_FALSE(Holds(3));
  EXPECT_EQ(Entries(), 19U);
}

TEST_F(ThreatExchangeTest, AQuietGroupIsNotReadAgain) {
  Put(1, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  for (int week = 0; week < 20; ++week) {
    clock_.Advance(hours(24 * 7));
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
    EXPECT_THAT(server_.http().calls().back().request.Query("start_time"), Not(IsEmpty()));
  }
}

TEST_F(ThreatExchangeTest, ALongDeltaComesInPartsThatALaterSyncGoesOnFrom) {
  Put(0, hours(5'000));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  server_.SetSwitches({.page_size = 10});
  options_.delta_items = 20;
  client_.reset();
  for (std::uint64_t at = 1; at <= 100; ++at) Put(at, hours(1'000) - minutes(at));
  server_.http().SetPlan([](const testing::FakeRequest& request) -> std::optional<testing::Fault> {
    if (request.Query("after") == "20" && request.Query("start_time") > "0") return std::nullopt;
    static int calls = 0;
    return ++calls > 4 ? std::optional(testing::Fault{.status = 503}) : std::nullopt;
  });
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed);
  const std::uint64_t some = Entries();
  EXPECT_GT(some, 1U);
  EXPECT_LT(some, 101U);
  server_.http().SetPlan({});
  Reopen();
  const SyncRecord rest = Sync();
  EXPECT_EQ(rest.outcome, SyncOutcome::kDone) << rest.detail;
  EXPECT_EQ(Entries(), 101U);
  EXPECT_LE(rest.counts.added, 101U - some);
}

TEST_F(ThreatExchangeTest, MoreInOneSecondThanADeltaHolds) {
  Put(0, hours(5'000));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  server_.SetSwitches({.page_size = 5});
  options_.delta_items = 10;
  client_.reset();
  clock_.Advance(hours(2));
  for (std::uint64_t at = 1; at <= 60; ++at) Put(at, hours(1));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(Entries(), 61U);
}

TEST_F(ThreatExchangeTest, TestSaysWhatTheTokenReads) {
  MakeClient();
  const auto sentence = client_->Test({});
  ASSERT_TRUE(sentence) << sentence.error().message;
  EXPECT_THAT(*sentence, HasSubstr("Example group"));
  server_.SetSwitches({.updates_disabled = true});
  const auto disabled = client_->Test({});
  ASSERT_FALSE(disabled);
  EXPECT_THAT(disabled.error().message, HasSubstr("no threat updates"));
}

Feedback Opinion(const std::string& id, FeedbackKind kind) {
  return {.source_id = id, .kind = kind, .reason = "seen by us", .hashes = {}};
}

TEST_F(ThreatExchangeTest, FeedbackBecomesReactionsToWhatEachMemberSays) {
  GraphUpdate update = Update(1, hours(1));
  update.descriptors = {{.id = "11"}, {.id = "12"}};
  server_.Put(update);
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  const auto reactions = [&](const char* name, std::size_t at) {
    return server_.All().front().descriptors[at].reactions[name].size();
  };
  std::vector<Feedback> feedback = {Opinion("9001", FeedbackKind::kAffirm),
                                    Opinion("404", FeedbackKind::kAffirm),
                                    Opinion("not-an-id", FeedbackKind::kAffirm)};
  FeedbackSent sent = client_->SendFeedback(feedback, {});
  EXPECT_FALSE(sent.error);
  ASSERT_EQ(sent.answers.size(), 3U);
  EXPECT_EQ(sent.answers[0].outcome, FeedbackAnswer::Outcome::kTaken);
  EXPECT_EQ(sent.answers[1].outcome, FeedbackAnswer::Outcome::kRefused);
  EXPECT_EQ(sent.answers[2].outcome, FeedbackAnswer::Outcome::kNoPlace);
  EXPECT_EQ(reactions("HELPFUL", 0) + reactions("HELPFUL", 1), 2U);

  // What is disputed is no longer affirmed. That we say so does not change what the source says.
  feedback = {Opinion("9001", FeedbackKind::kDispute)};
  EXPECT_EQ(client_->SendFeedback(feedback, {}).answers.size(), 1U);
  EXPECT_EQ(reactions("HELPFUL", 0), 0U);
  EXPECT_EQ(reactions("DISAGREE_WITH_TAGS", 1), 1U);
  ASSERT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entry("9001").classification, "threatexchange:MALICIOUS");

  feedback = {Opinion("9001", FeedbackKind::kWithdraw)};
  EXPECT_EQ(client_->SendFeedback(feedback, {}).answers.size(), 1U);
  EXPECT_EQ(reactions("DISAGREE_WITH_TAGS", 0) + reactions("DISAGREE_WITH_TAGS", 1), 0U);

  feedback = {Opinion("9001", FeedbackKind::kAffirm), Opinion("9001", FeedbackKind::kAffirm)};
  server_.http().FailNext({{}, {}, {}, {}, {}, {.status = 503}, {.status = 503}});
  sent = client_->SendFeedback(feedback, {});
  EXPECT_EQ(sent.answers.size(), 1U) << "the second may be sent again";
  ASSERT_TRUE(sent.error);
  EXPECT_EQ(sent.error->reason, Reason::kExchangeUnreachable);
}

// What is told of a suppression must not end it.
TEST_F(ThreatExchangeTest, OurOwnReactionDoesNotChangeTheEntry) {
  Put(1, hours(1));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  const lists::Entry before = catalog_->ListEntries("fed", "", 10)->entries.at(0);
  ASSERT_TRUE(catalog_->SetOpinion({.list = "fed",
                                    .entry = before.id,
                                    .kind = lists::OpinionKind::kSuppress,
                                    .author = "Ann",
                                    .reason = "a landscape",
                                    .feedback = true}));
  clock_.Advance(hours(1));
  server_.SetNow(Seconds(minutes(5)));
  FeedbackTurn turn;
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "fed", *client_, clock_, {}, turn));
  ASSERT_EQ(server_.All().front().descriptors[0].reactions["DISAGREE_WITH_TAGS"].count("1001"), 1U);
  ASSERT_EQ(server_.All().front().last_updated, Seconds(minutes(5)));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.received, 1U) << "it was read again";
  EXPECT_EQ(record.counts.updated, 0U);
  EXPECT_EQ(catalog_->GetEntry(list_, before.id)->version, before.version);
  EXPECT_EQ(Entry("9001").classification, "threatexchange:MALICIOUS");

  // Another one's counts, beside ours too.
  clock_.Advance(hours(1));
  GraphUpdate update = server_.All().front();
  update.descriptors[0].reactions["DISAGREE_WITH_TAGS"].insert("10010");
  update.last_updated = Seconds(minutes(5));
  server_.Put(update);
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entry("9001").classification, "threatexchange:DISPUTED");
}

TEST_F(ThreatExchangeTest, OnlyWhoCallsItHarmfulHearsAnOpinion) {
  GraphUpdate update = Update(1, hours(1));
  update.descriptors = {{.id = "11", .status = "NON_MALICIOUS"},
                        {.id = "12", .status = "SUSPICIOUS"},
                        {.id = "13", .status = "UNKNOWN"},
                        {.id = "14", .status = "MALICIOUS"}};
  server_.Put(update);
  MakeClient();
  const auto who = [&](const char* name) {
    std::string ids;
    GraphUpdate held = server_.All().front();
    for (GraphDescriptor& one : held.descriptors) {
      if (!one.reactions[name].empty()) ids += one.id + " ";
    }
    return ids;
  };
  const auto send = [&](FeedbackKind kind) {
    const Feedback feedback = Opinion("9001", kind);
    const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
    EXPECT_FALSE(sent.error);
    return sent.answers.at(0).outcome;
  };
  EXPECT_EQ(send(FeedbackKind::kDispute), FeedbackAnswer::Outcome::kTaken);
  EXPECT_EQ(who("DISAGREE_WITH_TAGS"), "12 14 ");
  EXPECT_EQ(send(FeedbackKind::kAffirm), FeedbackAnswer::Outcome::kTaken);
  EXPECT_EQ(who("DISAGREE_WITH_TAGS"), "");
  EXPECT_EQ(who("HELPFUL"), "12 14 ");
  // Its member thinks otherwise now; what we said before goes all the same.
  update = server_.All().front();
  update.descriptors[1].status = "NON_MALICIOUS";
  server_.Put(update);
  EXPECT_EQ(send(FeedbackKind::kWithdraw), FeedbackAnswer::Outcome::kTaken);
  EXPECT_EQ(who("HELPFUL"), "");
  update.descriptors[3].status = "NON_MALICIOUS";
  server_.Put(update);
  EXPECT_EQ(send(FeedbackKind::kAffirm), FeedbackAnswer::Outcome::kNoPlace);
}

TEST_F(ThreatExchangeTest, OfManyMembersSomeHearAnOpinionAndTheSameThatItIsTakenBack) {
  GraphUpdate update = Update(1, hours(1));
  update.descriptors.clear();
  for (int id = 1'024; id >= 1'000; --id) update.descriptors.push_back({.id = std::to_string(id)});
  update.descriptors.push_back({.id = "999", .status = "NON_MALICIOUS"});
  server_.Put(update);
  MakeClient();
  const auto count = [&](const char* name) {
    GraphUpdate held = server_.All().front();
    return std::ranges::count_if(held.descriptors,
                                 [&](GraphDescriptor& one) { return !one.reactions[name].empty(); });
  };
  const auto send = [&](FeedbackKind kind) {
    const Feedback feedback = Opinion("9001", kind);
    FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
    EXPECT_FALSE(sent.error);
    EXPECT_EQ(sent.answers.at(0).outcome, FeedbackAnswer::Outcome::kTaken);
    return sent.answers.at(0).detail;
  };
  const std::size_t calls = server_.http().call_count();
  EXPECT_THAT(send(FeedbackKind::kAffirm), HasSubstr("20 of the 25"));
  EXPECT_EQ(server_.http().call_count() - calls, 41U);
  EXPECT_EQ(count("HELPFUL"), 20);
  EXPECT_EQ(server_.All().front().descriptors[0].reactions["HELPFUL"].size(), 0U)
      << "the older ones come first";
  // Others with smaller ids say so now: who heard the opposite comes before them.
  update = server_.All().front();
  for (int id = 100; id < 125; ++id)
    update.descriptors.insert(update.descriptors.begin(), GraphDescriptor{.id = std::to_string(id)});
  server_.Put(update);
  EXPECT_THAT(send(FeedbackKind::kDispute), HasSubstr("20 of the 50"));
  EXPECT_EQ(count("HELPFUL"), 0);
  EXPECT_EQ(count("DISAGREE_WITH_TAGS"), 20);
  // Some that heard it think otherwise now.
  update = server_.All().front();
  for (GraphDescriptor& one : update.descriptors) {
    if (one.id == "1003" || one.id == "1010") one.status = "NON_MALICIOUS";
  }
  server_.Put(update);
  EXPECT_EQ(send(FeedbackKind::kWithdraw), "") << "all that had a reaction have heard it";
  EXPECT_EQ(count("DISAGREE_WITH_TAGS"), 0);
}

TEST_F(ThreatExchangeTest, WithAUsersTokenThoseWhoCallItHarmfulComeFirst) {
  token_ = "a-users";
  server_.SetToken(token_);
  GraphUpdate update = Update(1, hours(1));
  update.descriptors.clear();
  for (int id = 1'000; id < 1'050; ++id)
    update.descriptors.push_back(
        {.id = std::to_string(id), .status = id < 1'030 ? "NON_MALICIOUS" : "MALICIOUS"});
  server_.Put(update);
  MakeClient();
  for (const FeedbackKind kind : {FeedbackKind::kAffirm, FeedbackKind::kWithdraw}) {
    const Feedback feedback = Opinion("9001", kind);
    const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
    ASSERT_FALSE(sent.error);
    const bool affirms = kind == FeedbackKind::kAffirm;
    EXPECT_EQ(sent.answers.at(0).detail, affirms ? "" : "told to 20 of the 50 members it is for");
    GraphUpdate held = server_.All().front();
    EXPECT_EQ(std::ranges::count_if(held.descriptors,
                                    [](GraphDescriptor& one) { return !one.reactions["HELPFUL"].empty(); }),
              affirms ? 20 : 0);
  }
}

TEST(ThreatExchangeDescriptors, SayWhichHaveAReactionOfOurs) {
  const auto ours = [](const std::string& reactions, const char* application = "1001") {
    const auto parsed =
        ParseDescriptors(R"({"data":[{"id":"11","reactions":)" + reactions + "}]}", application);
    return parsed.value().at(0).ours;
  };
  EXPECT_TRUE(ours(R"([{"key":"HELPFUL","value":"1001"}])"));
  EXPECT_TRUE(ours(R"([{"key":"HELPFUL","value":"7"},{"key":"DISAGREE_WITH_TAGS","value":"10010, 1001"}])"));
  EXPECT_TRUE(ours(R"({"data":[{"HELPFUL":"10,1001"}]})"));
  EXPECT_FALSE(ours(R"([{"key":"HELPFUL","value":"10010,100"}])"));
  EXPECT_FALSE(ours(R"([{"key":"HELPFUL","value":""}])", ""));
  EXPECT_FALSE(ours(R"([{"key":"HELPFUL","value":1001}, "HELPFUL", null])"));
  EXPECT_FALSE(ours(R"("1001")"));
}

TEST_F(ThreatExchangeTest, AReactionThatIsNotThereNeedNotBeRemovable) {
  server_.SetSwitches({.strict_removal = true});
  Put(1, hours(1));
  MakeClient();
  const auto reactions = [&](const char* name) {
    return server_.All().front().descriptors[0].reactions[name].size();
  };
  for (const FeedbackKind kind : {FeedbackKind::kDispute, FeedbackKind::kAffirm, FeedbackKind::kWithdraw}) {
    const Feedback feedback = Opinion("9001", kind);
    const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
    ASSERT_FALSE(sent.error);
    EXPECT_EQ(sent.answers.at(0).outcome, FeedbackAnswer::Outcome::kTaken);
    EXPECT_EQ(reactions("DISAGREE_WITH_TAGS"), kind == FeedbackKind::kDispute ? 1U : 0U);
    EXPECT_EQ(reactions("HELPFUL"), kind == FeedbackKind::kAffirm ? 1U : 0U);
  }
}

TEST_F(ThreatExchangeTest, AFailureThatMayPassIsNoRefusal) {
  Put(1, hours(1));
  MakeClient();
  const Feedback feedback = Opinion("9001", FeedbackKind::kDispute);
  for (const int status : {408, 425, 500, 501, 505, 507}) {
    for (int calls_before = 0; calls_before < 3; ++calls_before) {
      int call = 0;
      server_.http().SetPlan([&](const auto&) -> std::optional<testing::Fault> {
        if (call++ < calls_before) return std::nullopt;
        return testing::Fault{.status = status};
      });
      const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
      EXPECT_THAT(sent.answers, IsEmpty()) << status;
      ASSERT_TRUE(sent.error) << status;
      // That the server cannot do it says something of the message, and not of the server.
      const bool lasts = status == 501 || status == 505;
      EXPECT_EQ(sent.error->reason, lasts ? Reason::kExchangeProtocol : Reason::kExchangeUnreachable)
          << status;
    }
  }
}

}  // namespace
}  // namespace hashgate::exchange
