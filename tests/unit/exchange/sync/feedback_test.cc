// From opinions to what a source hears of them.
#include "exchange/sync/feedback.h"

#include <gmock/gmock.h>

#include "scripted_client.h"

namespace hashgate::exchange {
namespace {

using lists::FeedbackState;
using lists::Opinion;
using lists::OpinionKind;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class FeedbackTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    auto import = catalog_->StartImport({.list = "npo", .file = "f"});
    ASSERT_TRUE(import);
    ASSERT_TRUE((*import)->Add(MakeImport(0, 200)));
    ASSERT_TRUE((*import)->Finish());
  }
  lists::EntryId EntryOf(std::uint64_t number) const {
    return testing::FindBySha1(*catalog_->Current(), list_, number).at(0);
  }
  void Say(std::uint64_t number, OpinionKind kind, bool needs_second = false) {
    const auto set = catalog_->SetOpinion({.list = "npo",
                                           .entry = EntryOf(number),
                                           .kind = kind,
                                           .author = "Ann",
                                           .reason = "looked",
                                           .needs_second = needs_second,
                                           .feedback = true});
    ASSERT_TRUE(set) << set.error().message;
  }
  Status Send() { return SendQueuedFeedback(*catalog_, "npo", client_, {}); }
  std::vector<FeedbackState> States() const {
    std::vector<FeedbackState> states;
    const std::vector<Opinion> all = catalog_->Opinions("npo").value();
    for (const Opinion& opinion : all) states.push_back(opinion.feedback);
    return states;
  }
};

TEST_F(FeedbackTest, EachIsToldOnceInTheSourcesWords) {
  Say(3, OpinionKind::kConfirm);
  Say(4, OpinionKind::kSuppress);
  Say(5, OpinionKind::kDispute);
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(3));
  EXPECT_EQ(client_.told[0].source_id, "item-3");
  EXPECT_EQ(client_.told[0].kind, FeedbackKind::kAffirm);
  EXPECT_EQ(client_.told[0].reason, "looked");
  EXPECT_EQ(client_.told[0].hashes, MakeRecord(3).hashes);
  EXPECT_EQ(client_.told[1].kind, FeedbackKind::kDispute);
  EXPECT_EQ(client_.told[2].kind, FeedbackKind::kDispute);
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent, FeedbackState::kSent, FeedbackState::kSent));
  ASSERT_TRUE(Send());
  Restart();
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(3));
}

TEST_F(FeedbackTest, WhatWaitsForASecondPersonWaits) {
  Say(3, OpinionKind::kSuppress, true);
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(0));
  ASSERT_TRUE(catalog_->AgreeToOpinion("npo", EntryOf(3), OpinionKind::kSuppress, "Bob"));
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(1));
}

TEST_F(FeedbackTest, WhatWasToldAndTakenBackIsToldToo) {
  Say(3, OpinionKind::kConfirm);
  Say(4, OpinionKind::kConfirm);
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(4), OpinionKind::kConfirm)) << "nobody has heard of it";
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(1));
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm));
  EXPECT_EQ(catalog_->Current()->opinions->Find(EntryOf(3)), nullptr);
  EXPECT_FALSE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm)) << "it is gone";
  Restart();
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(2));
  EXPECT_EQ(client_.told[1].kind, FeedbackKind::kWithdraw);
  EXPECT_THAT(States(), SizeIs(0));
}

TEST_F(FeedbackTest, AnEntryThatChangedIsNotSpokenOf) {
  Say(3, OpinionKind::kConfirm);
  Say(4, OpinionKind::kConfirm);
  auto import = catalog_->StartImport({.list = "npo", .file = "f"});
  ASSERT_TRUE((*import)->Add(MakeImport(3, 4, 1)));
  ASSERT_TRUE((*import)->Finish());
  ASSERT_TRUE(catalog_->DeleteEntry("npo", EntryOf(4)));
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(0));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kNone, FeedbackState::kNone));
}

TEST_F(FeedbackTest, AFailureKeepsTheRestQueued) {
  for (std::uint64_t number = 0; number < 120; ++number) Say(number, OpinionKind::kConfirm);
  client_.take_feedback = 70;
  EXPECT_EQ(Send().error().reason, Reason::kExchangeUnreachable);
  EXPECT_EQ(std::ranges::count(States(), FeedbackState::kSent), 70);
  client_.take_feedback = -1;
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(120));
  client_.feedback_outcome = FeedbackAnswer::Outcome::kRefused;
  Say(150, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  EXPECT_EQ(std::ranges::count(States(), FeedbackState::kRefused), 1);
}

}  // namespace
}  // namespace hashgate::exchange
