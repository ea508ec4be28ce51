// The threads that sync: when they do, what they say meanwhile, and how they are stopped.
#include "exchange/sync/runner.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "scripted_client.h"
#include "testing/poll.h"

namespace hashgate::exchange {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Passes on to a scripted client that the test keeps, and can be held up in the middle of a delta.
class Gatekeeper final : public ExchangeClient {
 public:
  explicit Gatekeeper(ScriptedClient& client, std::atomic<bool>& hold) : client_(client), hold_(hold) {}
  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    HASHGATE_ASSIGN_OR_RETURN(auto delta, client_.Begin(checkpoint));
    return std::make_unique<Held>(std::move(delta), hold_);
  }
  Result<std::string> Test(const std::stop_token& stop) override { return client_.Test(stop); }

 private:
  Result<FeedbackAnswer> SendOne(const Feedback& feedback, const std::stop_token& stop) override {
    const FeedbackSent sent = client_.SendFeedback({&feedback, 1}, stop);
    if (sent.error) return std::unexpected(*sent.error);
    return sent.answers.at(0);
  }

  class Held final : public Delta {
   public:
    Held(std::unique_ptr<Delta> delta, std::atomic<bool>& hold) : delta_(std::move(delta)), hold_(hold) {}
    [[nodiscard]] bool IsWhole() const override { return delta_->IsWhole(); }
    Result<DeltaPage> Next(const std::stop_token& stop) override {
      while (hold_ && !stop.stop_requested()) std::this_thread::yield();
      return delta_->Next(stop);
    }

   private:
    std::unique_ptr<Delta> delta_;
    std::atomic<bool>& hold_;
  };
  ScriptedClient& client_;
  std::atomic<bool>& hold_;
};

bool WaitUntil(const std::function<bool()>& condition) {
  return testing::PollUntil(condition, std::chrono::seconds(30));
}

class RunnerTest : public SyncTest {
 protected:
  void Start() {
    ExchangeSettings settings;
    settings.name = "npo";
    settings.kind = "scripted";
    settings.list = "npo";
    settings.interval = std::chrono::hours(1);
    settings.gates = gates_;
    settings.stale_after = std::chrono::hours(2);
    settings.feedback = feedback_;
    settings.make_client = [this](Patience) -> Result<std::unique_ptr<ExchangeClient>> {
      ++made_;
      if (refuse_) return Fail(Reason::kFileUnreadable, "no credentials");
      return std::make_unique<Gatekeeper>(client_, hold_);
    };
    runner_ = ExchangeRunner::Start(
        *catalog_, {settings},
        {.clock = &clock_,
         .on_end =
             [this](const ExchangeSettings&, const SyncRecord& record) {
               const MutexLock lock(mutex_);
               ended_.push_back(record.outcome);
             },
         .on_override = [this](const ExchangeSettings& of, const GateOverride& made) -> hashgate::Status {
           if (!keep_overrides_) return Fail(Reason::kStoreFull, "cannot be kept");
           told_ += of.name + " " + std::string(GateName(made.gate)) + " " + made.author + " " + made.reason +
                    " " + std::to_string(made.up_to) + ";";
           return {};
         }});
  }
  void TearDown() override {
    hold_ = false;
    runner_.reset();
  }
  [[nodiscard]] ExchangeStatus Status() const { return runner_->Get("npo").value(); }
  [[nodiscard]] bool Ended(std::uint64_t number) const {
    return WaitUntil([&] { return Status().syncs_ended >= number; });
  }

  std::atomic<bool> hold_ = false;
  std::atomic<bool> refuse_ = false;
  std::atomic<int> made_ = 0;
  Mutex mutex_;
  std::vector<SyncOutcome> ended_ HASHGATE_GUARDED_BY(mutex_);
  bool feedback_ = false;
  bool keep_overrides_ = true;
  std::string told_;  // of overrides
  std::unique_ptr<ExchangeRunner> runner_;
};

TEST_F(RunnerTest, SyncsAtOnceAtItsIntervalAndWhenAsked) {
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 3), "one")}});
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_EQ(Status().health, ExchangeHealth::kWell);
  EXPECT_EQ(Hits(2), 1U);
  EXPECT_FALSE(Status().syncing);
  EXPECT_GT(Status().next_sync, clock_.Wall() + std::chrono::minutes(50));
  EXPECT_EQ(runner_->RequestSync("npo", false), 2U);
  ASSERT_TRUE(Ended(2));
  clock_.Advance(std::chrono::minutes(70));
  ASSERT_TRUE(Ended(3));
  EXPECT_EQ(made_, 1) << "one client as long as all goes well";
}

TEST_F(RunnerTest, FailuresAreTriedAgainSoonerAndWithAnotherClient) {
  refuse_ = true;
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_EQ(Status().health, ExchangeHealth::kFailing);
  EXPECT_THAT(Status().sentence, HasSubstr("no credentials"));
  EXPECT_EQ(Status().stored.failure_reason, "FILE_UNREADABLE");
  EXPECT_LT(Status().next_sync, clock_.Wall() + std::chrono::minutes(1));
  clock_.Advance(std::chrono::minutes(1));
  ASSERT_TRUE(Ended(2));
  EXPECT_GT(Status().next_sync, clock_.Wall() + std::chrono::seconds(50)) << "doubled";
  refuse_ = false;
  client_.deltas.push_back({.error = Error{Reason::kExchangeRefused, "credentials", {}, {}}});
  client_.deltas.push_back({.error = Error{Reason::kExchangeUnreachable, "gone", {}, {}}});
  clock_.Advance(std::chrono::minutes(2));
  ASSERT_TRUE(Ended(3));
  EXPECT_EQ(Status().stored.failure_reason, "EXCHANGE_REFUSED");
  clock_.Advance(std::chrono::minutes(5));
  ASSERT_TRUE(Ended(4));
  EXPECT_EQ(Status().stored.failure_reason, "EXCHANGE_UNREACHABLE");
  EXPECT_EQ(made_, 4) << "a refused client is made anew";
  clock_.Advance(std::chrono::minutes(10));
  ASSERT_TRUE(Ended(5));
  EXPECT_EQ(Status().health, ExchangeHealth::kWell);
  EXPECT_EQ(made_, 4) << "what a client has learned of its server is kept";
}

TEST_F(RunnerTest, ASourceIsNotAskedBeforeItSaidSo) {
  Error later{Reason::kExchangeUnreachable, "come back later", {}, std::chrono::minutes(40)};
  client_.deltas.push_back({.error = later});
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_GE(Status().next_sync, clock_.Wall() + std::chrono::minutes(40));
}

TEST_F(RunnerTest, WhatIsHeldWaitsForItsInterval) {
  gates_.limits.fill({.percent = 0, .floor = 0});
  client_.deltas.push_back({.pages = {LastPage({lists::ImportRecord{.problem = "bad"}}, "one")}});
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_EQ(Status().health, ExchangeHealth::kHeld);
  EXPECT_GT(Status().next_sync, clock_.Wall() + std::chrono::minutes(50));
}

TEST_F(RunnerTest, ShowsASyncUnderWayAndIsStoppedInIt) {
  hold_ = true;
  Start();
  ASSERT_TRUE(WaitUntil([&] { return Status().syncing.has_value(); }));
  EXPECT_EQ(runner_->RequestSync("npo", false), 1U) << "joined";
  EXPECT_EQ(runner_->OverrideGate("npo", Gate::kShrink, "ada", "why").error().reason, Reason::kStoreBusy);
  runner_.reset();
  EXPECT_EQ(Stored().failures, 0U);
}

TEST_F(RunnerTest, ReadsEverythingAgainWhenAsked) {
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 3), "one")}});
  Start();
  ASSERT_TRUE(Ended(1));
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 4), "all")}});
  hold_ = true;
  EXPECT_EQ(runner_->RequestSync("npo", true), 2U);
  ASSERT_TRUE(WaitUntil([&] { return Status().syncing.has_value(); }));
  EXPECT_EQ(runner_->RequestSync("npo", true), 3U) << "the one under way may be past what went missing";
  hold_ = false;
  ASSERT_TRUE(Ended(3));
  EXPECT_EQ(Hits(3), 1U);
  EXPECT_EQ(client_.begun, (std::vector<std::string>{"", "", ""}));
}

TEST_F(RunnerTest, TakesAPersonsWord) {
  gates_.limits.fill({.percent = 0, .floor = 0});
  client_.deltas.push_back({.pages = {LastPage({lists::ImportRecord{.problem = "bad"}}, "one")}});
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_EQ(runner_->OverrideGate("npo", Gate::kShrink, "ada", "why").error().reason, Reason::kRequestInvalid)
      << "that gate holds nothing";
  keep_overrides_ = false;
  EXPECT_EQ(runner_->OverrideGate("npo", Gate::kMalformed, "ada", "why").error().reason, Reason::kStoreFull);
  EXPECT_THAT(Status().stored.overrides, SizeIs(0)) << "who opened it would not be known";
  keep_overrides_ = true;
  EXPECT_FALSE(runner_->OverrideGate("npo", Gate::kMalformed, "", "why"));
  EXPECT_FALSE(runner_->OverrideGate("npo", Gate::kMalformed, "ada", ""));
  EXPECT_FALSE(runner_->OverrideGate("npo", Gate::kMalformed, "ada", std::string(2'000, 'x')));
  ASSERT_TRUE(runner_->OverrideGate("npo", Gate::kMalformed, "ada", "why"));
  ASSERT_TRUE(runner_->OverrideGate("npo", Gate::kMalformed, "bob", "still"));
  ASSERT_THAT(Status().stored.overrides, SizeIs(1)) << "one for each gate";
  EXPECT_EQ(Status().stored.overrides[0].author, "bob");
  EXPECT_EQ(Status().stored.overrides[0].up_to, 1U);
  EXPECT_EQ(told_, "npo malformed ada why 1;npo malformed bob still 1;") << "and nothing of what was refused";
  EXPECT_EQ(runner_->Test("npo", {}), "we are scripted");
}

TEST_F(RunnerTest, WhatCannotBeWrittenDownDoesNotLookWell) {
  Start();
  ASSERT_TRUE(Ended(1));
  ASSERT_EQ(Status().health, ExchangeHealth::kWell);
  store_.FailWritesFrom(1, Reason::kStoreFull);
  ASSERT_TRUE(runner_->RequestSync("npo", false));
  ASSERT_TRUE(Ended(2));
  EXPECT_EQ(Status().health, ExchangeHealth::kFailing);
  EXPECT_THAT(Status().sentence, HasSubstr("cannot be kept"));
  store_.Heal();
  ASSERT_TRUE(runner_->RequestSync("npo", false));
  ASSERT_TRUE(Ended(3));
  EXPECT_EQ(Status().health, ExchangeHealth::kWell);
}

TEST_F(RunnerTest, StoppedItCanStillBeAsked) {
  hold_ = true;
  Start();
  ASSERT_TRUE(WaitUntil([&] { return Status().syncing.has_value(); }));
  runner_->Stop();
  EXPECT_EQ(runner_->All()->size(), 1U);
  ASSERT_TRUE(runner_->RequestSync("npo", false));
}

TEST_F(RunnerTest, TellsTheSourceOfOpinionsSoonWhereItMay) {
  client_.deltas.push_back({{LastPage(MakeImport(0, 10), "1")}});
  for (const bool feedback : {false, true}) {
    feedback_ = feedback;
    runner_.reset();
    Start();
    ASSERT_TRUE(WaitUntil([&] { return runner_->Get("npo")->syncs_ended > 0; }));
    const auto entry = testing::FindBySha1(*catalog_->Current(), list_, 3).at(0);
    ASSERT_TRUE(catalog_->SetOpinion({.list = "npo",
                                      .entry = entry,
                                      .kind = lists::OpinionKind::kConfirm,
                                      .author = "a",
                                      .reason = "r",
                                      .feedback = true}));
    runner_->SendFeedbackSoon("npo");
    runner_->SendFeedbackSoon("another");
    const auto state = [&] { return catalog_->Opinions("npo")->at(0).feedback; };
    if (feedback) {
      EXPECT_TRUE(WaitUntil([&] { return state() == lists::FeedbackState::kSent; }));
    } else {
      runner_->Stop();
      EXPECT_EQ(state(), lists::FeedbackState::kQueued);
    }
  }
}

TEST_F(RunnerTest, ASyncThatIsDueComesBeforeMoreFeedback) {
  Fill(10);
  for (std::uint64_t number = 3; number < 6; ++number) {
    const auto entry = testing::FindBySha1(*catalog_->Current(), list_, number).at(0);
    ASSERT_TRUE(catalog_->SetOpinion({.list = "npo",
                                      .entry = entry,
                                      .kind = lists::OpinionKind::kConfirm,
                                      .author = "a",
                                      .reason = "r",
                                      .feedback = true}));
  }
  feedback_ = true;
  std::vector<std::size_t> syncs_before;  // each entry
  client_.on_feedback = [&](const Feedback&) {
    syncs_before.push_back(client_.begun.size());
    clock_.Advance(std::chrono::minutes(70));
  };
  const std::size_t filled = client_.begun.size();
  Start();
  EXPECT_TRUE(WaitUntil([&] {
    return std::ranges::count(*catalog_->Opinions("npo"), lists::FeedbackState::kSent,
                              &lists::Opinion::feedback) == 3;
  }));
  runner_->Stop();
  EXPECT_THAT(syncs_before, ElementsAre(filled + 1, filled + 2, filled + 3));
}

TEST_F(RunnerTest, NamesThatAreNotConfiguredAreRefused) {
  Start();
  EXPECT_EQ(runner_->Get("nobody").error().reason, Reason::kExchangeNotFound);
  EXPECT_EQ(runner_->RequestSync("nobody", false).error().reason, Reason::kExchangeNotFound);
  EXPECT_EQ(runner_->Test("nobody", {}).error().reason, Reason::kExchangeNotFound);
  EXPECT_EQ(runner_->OverrideGate("nobody", Gate::kShrink, "a", "b").error().reason,
            Reason::kExchangeNotFound);
  EXPECT_EQ(runner_->FeederOf("npo")->name, "npo");
  EXPECT_EQ(runner_->FeederOf("other"), nullptr);
}

TEST_F(RunnerTest, AListGrowsStaleWithoutASync) {
  Start();
  ASSERT_TRUE(Ended(1));
  EXPECT_FALSE(runner_->IsStale("npo"));
  EXPECT_FALSE(runner_->IsStale("other"));
  hold_ = true;
  clock_.Advance(std::chrono::hours(3));
  EXPECT_TRUE(runner_->IsStale("npo"));
  EXPECT_TRUE(Status().stale);
  hold_ = false;
  ASSERT_TRUE(Ended(2));
  EXPECT_TRUE(WaitUntil([&] { return !runner_->IsStale("npo"); }));
}

}  // namespace
}  // namespace hashgate::exchange
