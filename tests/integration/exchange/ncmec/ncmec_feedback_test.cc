// Feedback to NCMEC: each fingerprint's own, by the source's own reasons, and what becomes of it.
#include <gmock/gmock.h>

#include <atomic>

#include "exchange/ncmec/entries_page.h"
#include "ncmec_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Outcome = FeedbackAnswer::Outcome;

class NcmecFeedbackTest : public NcmecTest {
 protected:
  void SetUp() override {
    NcmecTest::SetUp();
    NcmecEntry entry = Entry(1, Ago(hours(1)));
    entry.id = "e/1 \"&";  // ids are the members' own
    server().Put(entry);
    MakeClient();
  }
  static Feedback Opinion(FeedbackKind kind, const std::string& reason = "") {
    return {.source_id = "77-e/1 \"&",
            .kind = kind,
            .reason = reason,
            .hashes = {testing::MakeHash(Algorithm::kMd5, 1), testing::MakeHash(Algorithm::kSha1, 1)}};
  }
  FeedbackAnswer Send(const Feedback& feedback) {
    const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
    EXPECT_FALSE(sent.error) << sent.error->message;
    EXPECT_THAT(sent.answers, SizeIs(1));
    return sent.answers.empty() ? FeedbackAnswer() : sent.answers.front();
  }
};

TEST_F(NcmecFeedbackTest, AnOpinionGoesToEachFingerprint) {
  EXPECT_EQ(Send(Opinion(FeedbackKind::kAffirm)).outcome, Outcome::kTaken);
  auto sent = server().feedback();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].member, 77);
  EXPECT_EQ(sent[0].id, "e/1 \"&");
  EXPECT_EQ(sent[0].feedback.type, "MD5");
  EXPECT_TRUE(sent[0].feedback.is_affirmative);
  EXPECT_EQ(sent[1].feedback.type, "SHA1");

  EXPECT_EQ(Send(Opinion(FeedbackKind::kDispute)).outcome, Outcome::kTaken);
  sent = server().feedback();
  ASSERT_THAT(sent, SizeIs(4));
  EXPECT_FALSE(sent[2].feedback.is_affirmative);
  EXPECT_THAT(sent[2].feedback.reasons, ElementsAre("00000000-1111-2222-3333-000000000001"));
  EXPECT_THAT(sent[3].feedback.reasons, ElementsAre("00000000-1111-2222-3333-000000000002"));
  // All readers see it, and it changes nothing of the entry.
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(1));
}

TEST_F(NcmecFeedbackTest, OfSeveralReasonsOneMustBeNamed) {
  server().AddReason({"00000000-1111-2222-3333-00000000000a", "A second reason", "MD5"});
  server().AddReason({"00000000-1111-2222-3333-00000000000b", "A second reason", "SHA1"});
  const FeedbackAnswer answer = Send(Opinion(FeedbackKind::kDispute, "looks wrong to me"));
  EXPECT_EQ(answer.outcome, Outcome::kNoPlace);
  EXPECT_THAT(answer.detail, HasSubstr("'A second reason'"));
  EXPECT_THAT(server().feedback(), IsEmpty());
  const std::size_t calls = server_.http().call_count();
  EXPECT_EQ(Send(Opinion(FeedbackKind::kDispute, " a SECOND reason")).outcome, Outcome::kTaken);
  EXPECT_EQ(server_.http().call_count(), calls + 2) << "reasons are asked for once";
  ASSERT_THAT(server().feedback(), SizeIs(2));
  EXPECT_THAT(server().feedback()[0].feedback.reasons, ElementsAre("00000000-1111-2222-3333-00000000000a"));
}

TEST_F(NcmecFeedbackTest, ReasonsAreReadInEachOfTheirForms) {
  for (const testing::NcmecXmlSwitches& xml :
       {testing::NcmecXmlSwitches{.reason_as_root = true}, {.unknown_elements = true}, {.prefixed = true}}) {
    server().SetSwitches({.xml = xml});
    MakeClient();
    EXPECT_EQ(Send(Opinion(FeedbackKind::kDispute)).outcome, Outcome::kTaken);
  }
}

TEST_F(NcmecFeedbackTest, WhatNcmecHasNoPlaceForIsNotSent) {
  EXPECT_EQ(Send(Opinion(FeedbackKind::kWithdraw)).outcome, Outcome::kNoPlace);
  Feedback feedback = Opinion(FeedbackKind::kAffirm);
  feedback.hashes = {testing::MakeHash(Algorithm::kSha256, 1)};
  EXPECT_EQ(Send(feedback).outcome, Outcome::kNoPlace);
  for (const char* id : {"", "no-number", "77", "77-", "-e1", "7/7-e1", "77-.."}) {
    feedback = Opinion(FeedbackKind::kAffirm);
    feedback.source_id = id;
    EXPECT_EQ(Send(feedback).outcome, Outcome::kNoPlace) << id;
  }
  EXPECT_EQ(server_.http().call_count(), 0U);
}

TEST_F(NcmecFeedbackTest, AnEntryThatIsGoneRefusesIt) {
  server().Delete(77, "e/1 \"&", Ago(hours(0)));
  const FeedbackAnswer answer = Send(Opinion(FeedbackKind::kAffirm));
  EXPECT_EQ(answer.outcome, Outcome::kRefused);
  EXPECT_THAT(answer.detail, HasSubstr("404"));
}

TEST_F(NcmecFeedbackTest, WhatWasNotAnsweredMayBeSentAgain) {
  const std::vector<Feedback> feedback = {Opinion(FeedbackKind::kAffirm), Opinion(FeedbackKind::kDispute)};
  server_.http().FailNext({{}, {}, {.status = 503}, {.status = 503}});
  FeedbackSent sent = client_->SendFeedback(feedback, {});
  EXPECT_THAT(sent.answers, SizeIs(1));
  ASSERT_TRUE(sent.error);
  EXPECT_EQ(sent.error->reason, Reason::kExchangeUnreachable);
  for (const int status : {401, 403}) {
    server_.http().FailNext({{.status = status}});
    sent = client_->SendFeedback(feedback, {});
    EXPECT_THAT(sent.answers, IsEmpty());
    EXPECT_EQ(sent.error->reason, Reason::kExchangeRefused);
  }
  server_.http().FailNext({{.status = 429, .retry_after = "3600"}});
  EXPECT_EQ(client_->SendFeedback(feedback, {}).error->retry_after, hours(1));
  // A lost reply: it is sent again and is the same as once.
  server_.http().FailNext({{.drop = Fault::Drop::kAfterEffect}});
  sent = client_->SendFeedback(feedback, {});
  EXPECT_FALSE(sent.error);
  EXPECT_THAT(sent.answers, SizeIs(2));
}

// Plans `status` for requests whose path ends with `end`, `times` times.
std::function<std::optional<Fault>(const testing::FakeRequest&)> Refusing(const std::string& end, int status,
                                                                          int times = 1'000) {
  // Shared: the server asks a copy of its plan.
  return [=, left = std::make_shared<std::atomic<int>>(times)](
             const testing::FakeRequest& request) -> std::optional<Fault> {
    if (!request.path.ends_with(end) || (*left)-- <= 0) return std::nullopt;
    return Fault{.status = status};
  };
}

TEST_F(NcmecFeedbackTest, ATypeWithoutReasonsHasNoPlaceAndHoldsUpNoOther) {
  for (const int status : {404, 400, 410}) {
    server_.http().SetPlan(Refusing("/feedback/MD5/reasons", status));
    const FeedbackAnswer answer = Send(Opinion(FeedbackKind::kDispute));
    EXPECT_EQ(answer.outcome, Outcome::kTaken) << status;
    EXPECT_THAT(answer.detail, HasSubstr("taken of SHA1"));
    EXPECT_THAT(answer.detail, HasSubstr("no reasons for a dispute of MD5"));
    ASSERT_THAT(server().feedback(), Not(IsEmpty()));
    EXPECT_EQ(server().feedback().back().feedback.type, "SHA1");
  }
  MakeClient();
  server_.http().SetPlan(Refusing("/reasons", 404));
  const FeedbackAnswer none = Send(Opinion(FeedbackKind::kDispute));
  EXPECT_EQ(none.outcome, Outcome::kNoPlace);
  EXPECT_THAT(none.detail, HasSubstr("of MD5"));
  EXPECT_THAT(none.detail, HasSubstr("of SHA1"));
}

TEST_F(NcmecFeedbackTest, WhatIsTakenInPartIsToldInDetail) {
  server_.http().SetPlan(Refusing("/SHA1/feedback", 409));
  const FeedbackAnswer answer = Send(Opinion(FeedbackKind::kAffirm));
  EXPECT_EQ(answer.outcome, Outcome::kTaken);
  EXPECT_THAT(answer.detail, HasSubstr("taken of MD5"));
  EXPECT_THAT(answer.detail, HasSubstr("409 to feedback on SHA1"));
  server_.http().SetPlan({});
  EXPECT_THAT(Send(Opinion(FeedbackKind::kAffirm)).detail, IsEmpty());
}

TEST_F(NcmecFeedbackTest, ReasonsAreAskedForAnewAfterARefusal) {
  ASSERT_EQ(Send(Opinion(FeedbackKind::kDispute)).outcome, Outcome::kTaken);
  server_.http().SetPlan(Refusing("/MD5/feedback", 400, 1));
  const std::size_t calls = server_.http().call_count();
  const FeedbackAnswer answer = Send(Opinion(FeedbackKind::kDispute));
  EXPECT_EQ(answer.outcome, Outcome::kTaken);
  EXPECT_THAT(answer.detail, IsEmpty()) << answer.detail;
  EXPECT_EQ(server_.http().call_count(), calls + 4) << "MD5, its reasons, MD5 again, SHA1";
  // Not without end.
  server_.http().SetPlan(Refusing("/feedback", 400));
  EXPECT_EQ(Send(Opinion(FeedbackKind::kDispute)).outcome, Outcome::kRefused);
  EXPECT_EQ(server_.http().call_count(), calls + 4 + 6);
}

TEST_F(NcmecFeedbackTest, AFailureThatMayPassIsNoRefusal) {
  const Feedback feedback = Opinion(FeedbackKind::kDispute);
  for (const int status : {408, 425, 500, 501, 505, 507}) {
    for (const char* end : {"/reasons", "/feedback"}) {
      MakeClient();
      server_.http().SetPlan(Refusing(end, status));
      const FeedbackSent sent = client_->SendFeedback(std::span(&feedback, 1), {});
      EXPECT_THAT(sent.answers, IsEmpty()) << status << end;
      ASSERT_TRUE(sent.error) << status << end;
      // That the server cannot do it says something of the message, and not of the server.
      const bool lasts = status == 501 || status == 505;
      EXPECT_EQ(sent.error->reason, lasts ? Reason::kExchangeProtocol : Reason::kExchangeUnreachable)
          << status << end;
    }
  }
}

TEST_F(NcmecFeedbackTest, ReasonsThatAreNotAsAgreedAreRefused) {
  const char* const bad[] = {"",
                             "<a/>",
                             "<availableFeedbackReasons",
                             "<!DOCTYPE x><availableFeedbackReasons/>",
                             "<availableFeedbackReasons xmlns=\"other\"/>",
                             "<availableFeedbackReasons><reason name=\"x\"/></availableFeedbackReasons>",
                             "<availableFeedbackReasons><reason guid=\"&lt;x\"/></availableFeedbackReasons>"};
  for (const char* xml : bad) {
    const auto reasons = ParseFeedbackReasons(xml, "MD5");
    ASSERT_FALSE(reasons) << xml;
    EXPECT_EQ(reasons.error().reason, Reason::kExchangeProtocol);
  }
  const auto inside = ParseFeedbackReasons(
      "<x><availableFeedbackReasons><reason guid=\"1\" type=\"Tmk_Pdqf\"/><reason guid=\"2\" "
      "type=\"Md5\"/></availableFeedbackReasons></x>",
      "TMK_PDQF");
  ASSERT_TRUE(inside) << inside.error().message;
  ASSERT_THAT(*inside, SizeIs(1));
  EXPECT_EQ(inside->front().guid, "1");
}

}  // namespace
}  // namespace hashgate::exchange
