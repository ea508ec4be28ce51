// Checks that run after an answer: bounded, counted, and no reason for a server to go on.
#include "scan/checks_behind.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <vector>

#include "testing/poll.h"

namespace hashgate::scan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChecksBehindTest : public ::testing::Test {
 protected:
  // Ends the threads first, as a server does.
  void TearDown() override { executor_.reset(); }

  ChecksBehind& Use(const ChecksBehindOptions& options) {
    checks_ = std::make_unique<ChecksBehind>(
        ChecksBehindParts{.executor = executor_.get(),
                          .metrics = metrics_.get(),
                          .take_bytes = [this](std::size_t bytes) { return Take(bytes); },
                          .give_bytes = [this](std::size_t bytes) { taken_ -= bytes; }},
        options);
    return *checks_;
  }
  bool Take(std::size_t bytes) {
    if (taken_ + bytes > budget_) return false;
    taken_ += bytes;
    return true;
  }
  // A check that has begun and lasts until it is let go.
  void AddHeld(ChecksBehind& checks) {
    checks.Add(bytes_, [this](ByteSpan, const ChecksBehind::Until& until) {
      begun_.count_down();
      testing::PollUntil([&] { return let_go_ || until.stopped(); }, seconds(20));
      return ChecksBehind::Finding{.compared = let_go_.load()};
    });
    begun_.wait();
  }
  void LetGo() { let_go_ = true; }
  void AddQuick(ChecksBehind& checks) {
    checks.Add(bytes_,
               [](ByteSpan, const ChecksBehind::Until&) { return ChecksBehind::Finding{.compared = true}; });
  }
  bool Counted(const std::string& result, int count) const {
    const std::string line =
        "hashgate_checks_behind_total{result=\"" + result + "\"} " + std::to_string(count) + "\n";
    return metrics_->Exposition().find(line) != std::string::npos;
  }
  bool Becomes(const std::string& result, int count) const {
    return testing::PollUntil([&] { return Counted(result, count); }, seconds(10));
  }

  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(100, 0x5a);
  std::atomic<std::size_t> taken_ = 0;
  std::size_t budget_ = 1'000;
  std::latch begun_{1};
  std::atomic<bool> let_go_ = false;
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  std::unique_ptr<ScanExecutor> executor_ =
      std::make_unique<ScanExecutor>(AdmissionOptions{.threads = 1, .workers = 1});
  std::unique_ptr<ChecksBehind> checks_;
};

TEST_F(ChecksBehindTest, ACheckSeesItsUploadAfterTheUploadIsGone) {
  ChecksBehind& checks = Use({.max_time = seconds(7)});
  std::vector<std::uint8_t> seen;
  SteadyTime deadline;
  const SteadyTime before = std::chrono::steady_clock::now();
  checks.Add(bytes_, [&](ByteSpan content, const ChecksBehind::Until& until) {
    seen.assign(content.begin(), content.end());
    deadline = until.deadline;
    EXPECT_FALSE(until.stopped());
    return ChecksBehind::Finding{.compared = true};
  });
  const std::vector<std::uint8_t> sent = std::exchange(bytes_, {});
  ASSERT_TRUE(Becomes("done", 1));
  EXPECT_EQ(seen, sent);
  EXPECT_GE(deadline, before + seconds(7));
  EXPECT_TRUE(testing::PollUntil([&] { return taken_ == 0 && checks.waiting() == 0; }, seconds(10)));
}

TEST_F(ChecksBehindTest, NothingToCompareOrNoMemoryIsAFailure) {
  ChecksBehind& checks = Use({});
  checks.Add(bytes_, [](ByteSpan, const ChecksBehind::Until&) { return ChecksBehind::Finding{}; });
  EXPECT_TRUE(Becomes("failed", 1));
  checks.Add(bytes_,
             [](ByteSpan, const ChecksBehind::Until&) -> ChecksBehind::Finding { throw std::bad_alloc(); });
  EXPECT_TRUE(Becomes("failed", 2));
}

TEST_F(ChecksBehindTest, WhatHasNoRoomIsDropped) {
  ChecksBehind& checks = Use({.max_waiting = 2});
  AddHeld(checks);
  AddQuick(checks);
  EXPECT_EQ(checks.waiting(), 2U);
  EXPECT_EQ(taken_, 200U);
  AddQuick(checks);
  EXPECT_TRUE(Counted("dropped", 1));
  EXPECT_EQ(taken_, 200U);
  LetGo();
  EXPECT_TRUE(Becomes("done", 2));
  EXPECT_TRUE(testing::PollUntil([&] { return taken_ == 0; }, seconds(10)));
}

TEST_F(ChecksBehindTest, BytesAreBoundedByTheirOwnLimitAndByTheServers) {
  ChecksBehind& checks = Use({.max_bytes = 250});
  AddHeld(checks);
  AddQuick(checks);
  AddQuick(checks);
  EXPECT_TRUE(Counted("dropped", 1));
  budget_ = 200;
  bytes_.resize(50);
  AddQuick(checks);
  EXPECT_TRUE(Counted("dropped", 2)) << "the server has no more";
  EXPECT_EQ(checks.waiting(), 2U);
  LetGo();
  EXPECT_TRUE(Becomes("done", 2));
}

TEST_F(ChecksBehindTest, WhatWaitsTooLongIsDropped) {
  ChecksBehind& checks = Use({.max_wait = milliseconds(20)});
  AddHeld(checks);
  AddQuick(checks);
  EXPECT_TRUE(Becomes("dropped", 1));
  EXPECT_TRUE(testing::PollUntil([&] { return taken_ == 100; }, seconds(10)));
  LetGo();
  EXPECT_TRUE(Becomes("done", 1));
}

TEST_F(ChecksBehindTest, AStopDropsWhatWaitsAndEndsWhatRuns) {
  ChecksBehind& checks = Use({});
  AddHeld(checks);
  AddQuick(checks);
  AddQuick(checks);
  checks.Stop();
  EXPECT_TRUE(Counted("dropped", 2));
  EXPECT_EQ(taken_, 100U) << "only what runs is left";
  AddQuick(checks);
  EXPECT_TRUE(Counted("dropped", 3) || Counted("dropped", 4)) << "nothing is taken any more";
  // The held one was told, and was never let go.
  executor_.reset();
  EXPECT_TRUE(Counted("dropped", 4));
  EXPECT_EQ(taken_, 0U);
}

}  // namespace
}  // namespace hashgate::scan
