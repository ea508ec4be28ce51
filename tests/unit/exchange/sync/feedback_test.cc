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
using ::testing::HasSubstr;
using ::testing::Not;
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
  Status Send() {
    FeedbackTurn turn;
    do {
      HASHGATE_RETURN_IF_ERROR(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
    } while (turn.more);
    return {};
  }
  void ChangeEntry(std::uint64_t number) {
    auto import = catalog_->StartImport({.list = "npo", .file = "f"});
    ASSERT_TRUE(import);
    ASSERT_TRUE((*import)->Add(MakeImport(number, number + 1, 1)));
    ASSERT_TRUE((*import)->Finish());
  }
  std::vector<FeedbackKind> Told() const {
    std::vector<FeedbackKind> kinds;
    for (const Feedback& told : client_.told) kinds.push_back(told.kind);
    return kinds;
  }
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
  EXPECT_EQ(std::ranges::count(States(), FeedbackState::kSent), 120);
  client_.feedback_outcome = FeedbackAnswer::Outcome::kRefused;
  Say(150, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  EXPECT_EQ(std::ranges::count(States(), FeedbackState::kRefused), 1);
}

TEST_F(FeedbackTest, AnEntryThatFailsForItselfDoesNotHoldUpOthers) {
  for (const Reason reason : {Reason::kExchangeProtocol, Reason::kExchangeUnreachable}) {
    for (std::uint64_t number = 3; number < 7; ++number) Say(number, OpinionKind::kConfirm);
    client_.told.clear();
    client_.bad_entries = {{"item-4", reason}};
    ASSERT_TRUE(Send()) << ReasonName(reason);
    EXPECT_THAT(client_.told, SizeIs(3));
    EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent, FeedbackState::kSending, FeedbackState::kSent,
                                      FeedbackState::kSent));
    client_.bad_entries.clear();
    ASSERT_TRUE(Send());
    EXPECT_THAT(client_.told, SizeIs(4)) << "it has its turn again";
    for (std::uint64_t number = 3; number < 7; ++number) {
      ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(number), OpinionKind::kConfirm, false));
    }
  }
}

TEST_F(FeedbackTest, OfASourceThatIsGoneOnlyTwoEntriesAreAsked) {
  for (std::uint64_t number = 3; number < 9; ++number) Say(number, OpinionKind::kConfirm);
  client_.take_feedback = 0;
  EXPECT_EQ(Send().error().reason, Reason::kExchangeUnreachable);
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-4"));
  client_.asked.clear();
  client_.feedback_error.retry_after = std::chrono::seconds(60);
  EXPECT_EQ(Send().error().retry_after, std::chrono::seconds(60));
  EXPECT_THAT(client_.asked, ElementsAre("item-3")) << "it asked for patience";
}

TEST_F(FeedbackTest, WhatFailedComesAfterTheOthersInTheNextTurn) {
  for (std::uint64_t number = 3; number < 9; ++number) Say(number, OpinionKind::kConfirm);
  client_.bad_entries = {{"item-4", Reason::kExchangeUnreachable}, {"item-5", Reason::kExchangeUnreachable}};
  FeedbackTurn turn;
  EXPECT_FALSE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-4", "item-5"));
  client_.asked.clear();
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-6", "item-7", "item-8"));
  ASSERT_TRUE(turn.more);
  client_.asked.clear();
  EXPECT_FALSE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-4", "item-5"));
  EXPECT_FALSE(turn.more);
}

TEST_F(FeedbackTest, WhatASourceLeftOutOfWhatItTookIsLogged) {
  Say(3, OpinionKind::kConfirm);
  Say(4, OpinionKind::kConfirm);
  client_.feedback_detail = "taken of MD5; not of PDQ";
  ::testing::internal::CaptureStderr();
  const Status sent = Send();
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(sent);
  EXPECT_THAT(log, HasSubstr("feedback_taken_in_part"));
  EXPECT_THAT(log, HasSubstr("taken of MD5; not of PDQ"));
  Say(5, OpinionKind::kConfirm);
  client_.feedback_detail.clear();
  ::testing::internal::CaptureStderr();
  const Status whole = Send();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(HasSubstr("feedback")));
  ASSERT_TRUE(whole);
}

TEST_F(FeedbackTest, OfEachEntryTheSourceHearsOneThing) {
  Say(3, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  Say(3, OpinionKind::kDispute);
  Say(3, OpinionKind::kSuppress);
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(2));
  EXPECT_EQ(client_.told[1].kind, FeedbackKind::kDispute);
  // One of two doubts goes: the other stands, and nothing is taken back.
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kDispute));
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(3));
  EXPECT_EQ(client_.told[2].kind, FeedbackKind::kDispute);
  EXPECT_THAT(States(), SizeIs(2));
  // The last doubt goes: what was said before it stands again.
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kSuppress));
  ASSERT_TRUE(Send());
  EXPECT_EQ(client_.told.back().kind, FeedbackKind::kAffirm);
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent));
}

TEST_F(FeedbackTest, WhatMayHaveArrivedIsTakenBackToo) {
  Say(3, OpinionKind::kDispute);
  client_.take_feedback = 0;
  EXPECT_FALSE(Send());
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSending));
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kDispute));
  Restart();
  client_.take_feedback = -1;
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(1));
  EXPECT_EQ(client_.told[0].kind, FeedbackKind::kWithdraw);
  EXPECT_THAT(States(), SizeIs(0));
}

TEST_F(FeedbackTest, WhatIsOfAnOlderVersionNoLongerCounts) {
  Say(4, OpinionKind::kDispute);
  ASSERT_TRUE(Send());
  auto import = catalog_->StartImport({.list = "npo", .file = "f"});
  ASSERT_TRUE((*import)->Add(MakeImport(4, 5, 1)));
  ASSERT_TRUE((*import)->Finish());
  Say(4, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  ASSERT_THAT(client_.told, SizeIs(2));
  EXPECT_EQ(client_.told[1].kind, FeedbackKind::kAffirm) << "the doubt was of another version";
}

TEST_F(FeedbackTest, WhatNobodyIsToldOfIsGoneAtOnce) {
  Say(3, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm, false));
  EXPECT_THAT(States(), SizeIs(0));
}

TEST_F(FeedbackTest, GivenAnewWithoutFeedbackItIsTakenBackThere) {
  Say(3, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  ASSERT_TRUE(catalog_->SetOpinion(
      {.list = "npo", .entry = EntryOf(3), .kind = OpinionKind::kConfirm, .author = "Ann", .reason = "r"}));
  ASSERT_TRUE(Send());
  EXPECT_EQ(client_.told.back().kind, FeedbackKind::kWithdraw);
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kNone)) << "the opinion itself stands";
}

TEST_F(FeedbackTest, WhatIsTakenBackDuringATurnIsNotSent) {
  Say(6, OpinionKind::kConfirm);
  client_.take_feedback = 0;
  ASSERT_FALSE(Send());
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSending));
  client_.take_feedback = -1;
  client_.asked.clear();
  for (std::uint64_t number = 3; number < 6; ++number) Say(number, OpinionKind::kConfirm);
  Say(5, OpinionKind::kDispute);
  client_.on_feedback = [&](const Feedback& feedback) {
    if (feedback.source_id != "item-3") return;
    ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(4), OpinionKind::kConfirm));
    ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(5), OpinionKind::kDispute));
    ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(6), OpinionKind::kConfirm));
  };
  FeedbackTurn turn;
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_FALSE(turn.more);
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-5", "item-6"))
      << "of 4 nothing is to be said any more";
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kAffirm, FeedbackKind::kAffirm, FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent, FeedbackState::kSent));
}

TEST_F(FeedbackTest, WhatMayHaveArrivedAndIsTakenBackDuringATurnIsNotSentAgain) {
  Say(4, OpinionKind::kConfirm);
  client_.take_feedback = 0;
  ASSERT_FALSE(Send());
  client_.take_feedback = -1;
  Say(3, OpinionKind::kConfirm);
  client_.on_feedback = [&](const Feedback& feedback) {
    if (feedback.source_id != "item-3") return;
    ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(4), OpinionKind::kConfirm));
  };
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kAffirm, FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent));
}

TEST_F(FeedbackTest, WhatIsTakenBackOnItsWayIsTakenBackThere) {
  Say(3, OpinionKind::kConfirm);
  client_.on_feedback = [&](const Feedback& feedback) {
    if (feedback.kind != FeedbackKind::kAffirm) return;
    ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm));
  };
  ASSERT_TRUE(Send());
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kWithdrawing));
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kAffirm, FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), SizeIs(0));
}

TEST_F(FeedbackTest, GivenAnewForTwoPeopleItIsToldAgainOnceTheyAgree) {
  Say(3, OpinionKind::kSuppress);
  ASSERT_TRUE(Send());
  Say(3, OpinionKind::kSuppress, true);
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kDispute, FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kQueued));
  Restart();
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(2)) << "it waits";
  ASSERT_TRUE(catalog_->AgreeToOpinion("npo", EntryOf(3), OpinionKind::kSuppress, "Bob"));
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kDispute, FeedbackKind::kWithdraw, FeedbackKind::kDispute));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent));
}

TEST_F(FeedbackTest, GivenAnewForTwoPeopleWithoutFeedbackItIsOnlyTakenBack) {
  Say(3, OpinionKind::kSuppress);
  ASSERT_TRUE(Send());
  ASSERT_TRUE(catalog_->SetOpinion({.list = "npo",
                                    .entry = EntryOf(3),
                                    .kind = OpinionKind::kSuppress,
                                    .author = "Ann",
                                    .reason = "r",
                                    .needs_second = true}));
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kDispute, FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kNone));
}

TEST_F(FeedbackTest, WhatWasToldOfAnEntryIsTakenBackWhenItChanges) {
  for (std::uint64_t number = 3; number < 6; ++number) Say(number, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  ChangeEntry(4);
  ASSERT_TRUE(catalog_->DeleteEntry("npo", EntryOf(5)));
  client_.told.clear();
  ASSERT_TRUE(Send());
  ASSERT_THAT(Told(), ElementsAre(FeedbackKind::kWithdraw)) << "what is gone has no name any more";
  EXPECT_EQ(client_.told[0].source_id, "item-4");
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent, FeedbackState::kNone, FeedbackState::kNone));
  Restart();
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(1));
}

TEST_F(FeedbackTest, ARefusalLeavesWhatTheSourceHasHeardBefore) {
  Say(3, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  client_.refused_kinds = {FeedbackKind::kDispute};
  Say(3, OpinionKind::kDispute);
  ASSERT_TRUE(Send());
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent, FeedbackState::kRefused));
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kAffirm, FeedbackKind::kDispute)) << "it rests";
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm));
  ASSERT_TRUE(Send());
  EXPECT_EQ(client_.told.back().kind, FeedbackKind::kWithdraw);
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kRefused));
}

TEST_F(FeedbackTest, ARefusalLeavesWhatIsStillToBeTakenBack) {
  Say(3, OpinionKind::kConfirm);
  Say(4, OpinionKind::kConfirm);
  ASSERT_TRUE(Send());
  client_.refused_kinds = {FeedbackKind::kDispute};
  Say(3, OpinionKind::kDispute);
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kConfirm));
  ChangeEntry(4);
  Say(4, OpinionKind::kDispute);
  client_.told.clear();
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kDispute, FeedbackKind::kDispute));
  Restart();
  ASSERT_TRUE(Send());
  EXPECT_THAT(Told(), ElementsAre(FeedbackKind::kDispute, FeedbackKind::kDispute, FeedbackKind::kWithdraw,
                                  FeedbackKind::kWithdraw));
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kRefused, FeedbackState::kNone, FeedbackState::kRefused));
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(4));
}

TEST_F(FeedbackTest, ARefusalOfWhatMayHaveArrivedLeavesItToBeTakenBack) {
  Say(3, OpinionKind::kDispute);
  ASSERT_TRUE(Send());
  Say(3, OpinionKind::kDispute);
  client_.feedback_outcome = FeedbackAnswer::Outcome::kRefused;
  ASSERT_TRUE(Send());
  EXPECT_THAT(States(), ElementsAre(FeedbackState::kSent)) << "the source has what was said first";
  ASSERT_TRUE(Send());
  EXPECT_THAT(client_.told, SizeIs(2));
  ASSERT_TRUE(catalog_->RemoveOpinion("npo", EntryOf(3), OpinionKind::kDispute));
  ASSERT_TRUE(Send());
  EXPECT_EQ(client_.told.back().kind, FeedbackKind::kWithdraw);
  EXPECT_THAT(States(), SizeIs(0)) << "it does not take that either: there is nothing more to say";
}

TEST_F(FeedbackTest, ATurnThatTakesLongEndsWithItsEntry) {
  for (std::uint64_t number = 3; number < 6; ++number) Say(number, OpinionKind::kConfirm);
  client_.on_feedback = [&](const Feedback&) { clock_.Advance(kLongestFeedbackTurn); };
  FeedbackTurn turn;
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3"));
  EXPECT_TRUE(turn.more);
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-4"));
  client_.on_feedback = {};
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-4", "item-5"));
  EXPECT_FALSE(turn.more);
}

TEST_F(FeedbackTest, EachTurnTellsOfOneEntryAtLeast) {
  for (std::uint64_t number = 3; number < 6; ++number) Say(number, OpinionKind::kConfirm);
  clock_.on_nth_reading = [&] { clock_.Advance(kLongestFeedbackTurn); };
  FeedbackTurn turn;
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3"));
  ASSERT_TRUE(SendQueuedFeedback(*catalog_, "npo", client_, clock_, {}, turn));
  EXPECT_THAT(client_.asked, ElementsAre("item-3", "item-4"));
}

}  // namespace
}  // namespace hashgate::exchange
