#include "scan/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

namespace hashgate::scan {
namespace {

TEST(Executor, RefusesBeyondItsBoundAndRunsWhatItTook) {
  std::atomic<int> ran = 0;
  std::latch running(1);
  std::latch release(1);
  {
    Executor executor(1, 2, "test");
    ASSERT_TRUE(executor.Submit([&] {
      running.count_down();
      release.wait();
      ++ran;
    }));
    running.wait();
    EXPECT_TRUE(executor.Submit([&] { ++ran; }));
    EXPECT_TRUE(executor.Submit([&] { ++ran; }));
    EXPECT_EQ(executor.queued(), 2U);
    EXPECT_FALSE(executor.Submit([&] { ++ran; }));
    release.count_down();
  }
  EXPECT_EQ(ran.load(), 3);
}

TEST(Executor, UsesAllItsThreads) {
  std::latch both(2);
  Executor executor(2, 4, "test");
  // Each job waits for the other: one thread alone would never end.
  ASSERT_TRUE(executor.Submit([&] { both.arrive_and_wait(); }));
  ASSERT_TRUE(executor.Submit([&] { both.arrive_and_wait(); }));
}

TEST(Executor, BackgroundJobsWaitForAllOthers) {
  std::vector<int> order;
  std::latch running(1);
  std::latch release(1);
  {
    Executor executor(1, 8, "test");
    ASSERT_TRUE(executor.Submit([&] {
      running.count_down();
      release.wait();
    }));
    running.wait();
    ASSERT_TRUE(executor.Submit(Job{.work = [&] { order.push_back(3); }, .lane = Lane::kBackground}));
    ASSERT_TRUE(executor.Submit([&] { order.push_back(1); }));
    ASSERT_TRUE(executor.Submit([&] { order.push_back(2); }));
    release.count_down();
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Executor, AJobThatCannotStartInTimeIsAnsweredLateAndNotRun) {
  std::atomic<int> ran = 0;
  std::latch running(1);
  std::latch release(1);
  std::latch late(1);
  {
    Executor executor(1, 8, "test");
    ASSERT_TRUE(executor.Submit([&] {
      running.count_down();
      release.wait();
    }));
    running.wait();
    const SteadyTime soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    ASSERT_TRUE(executor.Submit([&] { ++ran; }));
    ASSERT_TRUE(executor.Submit(
        Job{.work = [&] { ran += 100; }, .start_by = soon, .late = [&] { late.count_down(); }}));
    late.wait();
    EXPECT_EQ(executor.queued(), 1U);
    release.count_down();
  }
  EXPECT_EQ(ran.load(), 1);
}

}  // namespace
}  // namespace hashgate::scan
