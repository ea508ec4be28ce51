// An exchange that does what a test says, and a list that it feeds.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exchange/sync/client.h"
#include "exchange/sync/syncer.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"
#include "testing/quiet_catalog.h"

namespace hashgate::exchange {

using testing::MakeImport;
using testing::MakeRecord;

/// A delta as a test writes it: pages, and an error in place of the one after them.
struct ScriptedDelta {
  std::vector<DeltaPage> pages;
  std::optional<Error> error;
  bool whole = false;
};

inline DeltaPage Page(std::vector<lists::ImportRecord> records) {
  return {.records = std::move(records)};
}
inline DeltaPage LastPage(std::vector<lists::ImportRecord> records, std::string checkpoint,
                          bool caught_up = true) {
  return {.records = std::move(records),
          .next = DeltaPage::Next::kEnd,
          .checkpoint = std::move(checkpoint),
          .caught_up = caught_up};
}
inline lists::ImportRecord Withdrawal(std::uint64_t number) {
  return {.record = lists::EntryRecord{.source_id = "item-" + std::to_string(number)}, .withdrawn = true};
}

/// Gives one delta after another; once they are used up, empty ones that are caught up.
class ScriptedClient final : public ExchangeClient {
 public:
  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    begun.emplace_back(checkpoint);
    ScriptedDelta next;
    next.pages = {LastPage({}, std::string(checkpoint))};
    if (!deltas.empty()) {
      next = deltas.front();
      deltas.pop_front();
    }
    return std::make_unique<Run>(std::move(next));
  }
  Result<std::string> Test(const std::stop_token&) override { return std::string("we are scripted"); }

  std::vector<Feedback> told;
  FeedbackAnswer::Outcome feedback_outcome = FeedbackAnswer::Outcome::kTaken;
  std::string feedback_detail = "told to";
  int take_feedback = -1;  // so many, then an error; below zero: all
  Error feedback_error{Reason::kExchangeUnreachable, "told to fail", {}, {}};
  std::map<std::string, Reason> bad_entries;         // by source id: those that fail whatever else
  std::set<FeedbackKind> refused_kinds;              // refused, whatever the outcome of others
  std::vector<std::string> asked;                    // source ids of all that was sent, in vain or not
  std::function<void(const Feedback&)> on_feedback;  // while it is on its way
  std::deque<ScriptedDelta> deltas;
  std::vector<std::string> begun;  // checkpoints

 private:
  Result<FeedbackAnswer> SendOne(const Feedback& one, const std::stop_token&) override {
    asked.push_back(one.source_id);
    if (on_feedback) on_feedback(one);
    const auto bad = bad_entries.find(one.source_id);
    if (bad != bad_entries.end()) return Fail(bad->second, "told to fail for this one");
    if (take_feedback == 0) return std::unexpected(feedback_error);
    if (take_feedback > 0) --take_feedback;
    told.push_back(one);
    if (refused_kinds.contains(one.kind)) return FeedbackAnswer{FeedbackAnswer::Outcome::kRefused, "not so"};
    return FeedbackAnswer{feedback_outcome, feedback_detail};
  }

  class Run final : public Delta {
   public:
    explicit Run(ScriptedDelta script) : script_(std::move(script)) {}
    [[nodiscard]] bool IsWhole() const override { return script_.whole; }
    Result<DeltaPage> Next(const std::stop_token& stop) override {
      if (stop.stop_requested()) return Fail(Reason::kCancelled, "stopped");
      if (at_ < script_.pages.size()) return script_.pages[at_++];
      if (script_.error) return std::unexpected(*script_.error);
      return Fail(Reason::kInvariantBroken, "the script has no such page");
    }

   private:
    ScriptedDelta script_;
    std::size_t at_ = 0;
  };
};

/// A list named "npo" over a store in memory.
class SyncTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Restart();
    auto list = catalog_->CreateList(testing::MakeConfig("npo"));
    ASSERT_TRUE(list) << list.error().message;
    list_ = list->id;
  }

  void Restart() {
    catalog_.reset();
    catalog_ = testing::OpenQuietCatalog(store_);
    ASSERT_NE(catalog_, nullptr);
  }

  Result<SyncRecord> TrySync(const std::stop_token& stop = {}) {
    Syncer syncer(*catalog_, client_,
                  {.exchange = "npo", .list = "npo", .source = source_, .gates = gates_, .clock = &clock_});
    clock_.Advance(std::chrono::minutes(1));
    return syncer.Sync(stop, {});
  }
  SyncRecord Sync() {
    const auto record = TrySync();
    EXPECT_TRUE(record) << record.error().message;
    return record.value_or(SyncRecord());
  }
  [[nodiscard]] StoredExchange Stored() const { return LoadStoredExchange(*catalog_, "npo").value(); }
  [[nodiscard]] std::size_t Hits(std::uint64_t number) const {
    return testing::FindBySha1(*catalog_->Current(), list_, number).size();
  }
  [[nodiscard]] std::uint64_t Entries() const { return catalog_->GetList("npo")->entry_count; }
  [[nodiscard]] std::int64_t Number() const { return catalog_->Current()->number; }

  /// Has the list filled once, so that the growth gate looks.
  void Fill(std::uint64_t entries) {
    client_.deltas.push_back({.pages = {LastPage(MakeImport(0, entries), "filled")}});
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  }
  void Override(Gate gate, std::uint64_t up_to = 1'000) {
    StoredExchange state = Stored();
    const WallTime now = clock_.Wall();
    state.overrides.push_back(
        {gate, "ada", "checked with the source", up_to, now, now + std::chrono::hours(24)});
    ASSERT_TRUE(SaveStoredExchange(*catalog_, "npo", state));
  }

  testing::FakeStore store_;
  testing::FakeClock clock_;
  GateLimits gates_;
  std::string source_ = "scripted";
  ScriptedClient client_;
  std::unique_ptr<lists::Catalog> catalog_;
  lists::ListId list_ = 0;
};

}  // namespace hashgate::exchange
