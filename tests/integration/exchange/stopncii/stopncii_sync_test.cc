// Syncs with a well-behaved StopNCII: pages, statuses, checkpoints, the list's purpose, feedback.
#include <gmock/gmock.h>

#include "stopncii_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(StopNciiTest, FetchesAllPagesAndThenOnlyWhatIsNew) {
  server_.SetSwitches({.page_size = 7, .token_at_end = true});
  for (std::uint64_t at = 0; at < 50; ++at) Put(at, hours(80 * at + 1));
  const SyncRecord first = Sync();
  EXPECT_EQ(first.outcome, SyncOutcome::kDone) << first.detail;
  EXPECT_EQ(first.counts.added, 50U);
  const std::size_t calls = server_.http().call_count();
  clock_.Advance(minutes(10));
  Put(200, minutes(5));
  const SyncRecord second = Sync();
  EXPECT_EQ(second.counts.added, 1U);
  EXPECT_TRUE(Holds(200));
  EXPECT_EQ(server_.http().call_count(), calls + 1);
}

TEST_F(StopNciiTest, WhatItsStatusCallsWithdrawnOrDeletedGoes) {
  for (std::uint64_t at = 0; at < 5; ++at) Put(at, hours(2));
  Put(5, hours(2), "Received");
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 6U);
  clock_.Advance(hours(1));
  Put(0, minutes(5), "Withdrawn");
  Put(1, minutes(5), "Deleted");
  Put(77, minutes(5), "Deleted");  // never seen
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.removed, 2U);
  EXPECT_FALSE(Holds(0));
  EXPECT_FALSE(Holds(1));
  EXPECT_TRUE(Holds(2));
  Put(0, minutes(1), "Active");
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(0)) << "somebody has come back to it";
}

TEST_F(StopNciiTest, IdsDoNotShowHashesAndOtherKindsAreCounted) {
  const std::string value = Hex(Algorithm::kPdq, 1);
  std::string upper = value;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  Put(1, hours(1));
  server_.Put({.value = upper, .modified = Seconds(hours(1))});
  server_.Put({.value = "x", .modified = Seconds(hours(1)), .kind = "VideoMD5"});
  server_.Put({.value = "http://example.test/", .modified = Seconds(hours(1)), .kind = "URL"});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.values_left_out, 2U);
  EXPECT_EQ(Entries(), 1U) << "one hash in either case is one entry";
  const auto page = catalog_->ListEntries("fed", "", 10);
  EXPECT_THAT(page->entries.at(0).record.source_id, Not(HasSubstr(value.substr(0, 16))));
  EXPECT_EQ(page->entries.at(0).record.classification, "stopncii:Active");
}

TEST_F(StopNciiTest, TheNextReadingBeginsWhereTheLastPageSaidThoughThatIsEarlier) {
  server_.SetSwitches({.page_size = 3, .set_back = 1'000});
  for (std::uint64_t at = 0; at < 10; ++at) Put(at, hours(5));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  clock_.Advance(minutes(10));
  // It appears with a time that has passed.
  Put(50, hours(5) + minutes(20));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(50));
  EXPECT_EQ(Entries(), 11U);
  server_.SetSwitches({.set_back = 5'000});
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  Put(60, hours(5) + minutes(60));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(60)) << "before the time that an earlier reading began at";
  EXPECT_EQ(Entries(), 12U);
}

TEST_F(StopNciiTest, AfterMoreThan30DaysAllIsReadAgainAsAWhole) {
  for (std::uint64_t at = 0; at < 4; ++at) Put(at, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  server_.Remove(Hex(Algorithm::kPdq, 0));
  clock_.Advance(hours(24 * 30));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(0)) << "not yet";
  clock_.Advance(hours(24 * 30 + 1));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_FALSE(Holds(0));
  EXPECT_TRUE(Holds(1));
}

TEST_F(StopNciiTest, AWholeReadingKeepsWhatItCannotRead) {
  for (std::uint64_t at = 0; at < 4; ++at) Put(at, hours(2));
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  Put(1, hours(1), "AStatusToCome");
  server_.Remove(Hex(Algorithm::kPdq, 2));
  const SyncRecord record = Sync(true);
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.quarantined, 1U);
  EXPECT_TRUE(Holds(1));
  EXPECT_FALSE(Holds(2));
}

TEST_F(StopNciiTest, AListOfAnotherPurposeIsRefused) {
  Put(1, hours(1));
  ASSERT_TRUE(catalog_->DeleteList("fed", ""));
  purpose_ = Purpose::kCsam;
  CreateList();
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("NCII_ADULT"));
  EXPECT_EQ(Entries(), 0U);
}

TEST_F(StopNciiTest, TestSaysThatTheKeysAreGood) {
  MakeClient();
  EXPECT_TRUE(client_->Test({}));
  server_.SetKeys("a-fetch-key", "another");
  const auto refused = client_->Test({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kExchangeRefused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("a-subscription-key")));
}

TEST_F(StopNciiTest, FeedbackGoesByHash) {
  Put(1, hours(1));
  MakeClient();
  const auto opinion = [](FeedbackKind kind, std::uint64_t number) {
    return Feedback{
        .source_id = "pdq-1",
        .kind = kind,
        .reason = "",
        .hashes = {testing::MakeHash(Algorithm::kMd5, 1), testing::MakeHash(Algorithm::kPdq, number)}};
  };
  const std::string value = Hex(Algorithm::kPdq, 1);
  const std::pair<FeedbackKind, const char*> kinds[] = {{FeedbackKind::kAffirm, "Blocked"},
                                                        {FeedbackKind::kDispute, "NotBlocked"},
                                                        {FeedbackKind::kWithdraw, "None"}};
  for (const auto& [kind, word] : kinds) {
    const std::vector<Feedback> feedback = {opinion(kind, 1)};
    const FeedbackSent sent = client_->SendFeedback(feedback, {});
    ASSERT_EQ(sent.answers.size(), 1U);
    EXPECT_EQ(sent.answers[0].outcome, FeedbackAnswer::Outcome::kTaken);
    EXPECT_EQ(server_.feedback()[value], word);
  }
  std::vector<Feedback> feedback = {opinion(FeedbackKind::kAffirm, 999), Feedback{}};
  FeedbackSent sent = client_->SendFeedback(feedback, {});
  ASSERT_EQ(sent.answers.size(), 2U);
  EXPECT_EQ(sent.answers[0].outcome, FeedbackAnswer::Outcome::kRefused);
  EXPECT_THAT(sent.answers[0].detail, Not(HasSubstr(Hex(Algorithm::kPdq, 999))));
  EXPECT_EQ(sent.answers[1].outcome, FeedbackAnswer::Outcome::kNoPlace);
  feedback_key_ = "another-key";
  MakeClient();
  sent = client_->SendFeedback(feedback, {});
  ASSERT_TRUE(sent.error);
  EXPECT_EQ(sent.error->reason, Reason::kExchangeRefused);
  feedback_key_.clear();
  MakeClient();
  sent = client_->SendFeedback(feedback, {});
  ASSERT_EQ(sent.answers.size(), 2U);
  EXPECT_EQ(sent.answers[0].outcome, FeedbackAnswer::Outcome::kNoPlace);
  feedback_key_ = "a-feedback-key";
  MakeClient();
  server_.http().SetPlan([](const auto&) { return testing::Fault{.status = 503}; });
  sent = client_->SendFeedback(feedback, {});
  EXPECT_TRUE(sent.answers.empty());
  ASSERT_TRUE(sent.error);
  EXPECT_EQ(sent.error->reason, Reason::kExchangeUnreachable);
  server_.http().SetPlan([](const auto&) { return testing::Fault{.status = 501}; });
  sent = client_->SendFeedback(feedback, {});
  EXPECT_TRUE(sent.answers.empty());
  ASSERT_TRUE(sent.error);
  EXPECT_EQ(sent.error->reason, Reason::kExchangeProtocol) << "it would be the same again";
}

}  // namespace
}  // namespace hashgate::exchange
