#include "scan/scan_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

#include "testing/poll.h"

namespace hashgate::scan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ScanJob Work(std::function<void()> work, Lane lane = Lane::kUpload) {
  return {.work =
              [work = std::move(work)] {
                work();
                return Cost(100);
              },
          .late = [] {},
          .caller = "test",
          .lane = lane,
          .cost = Cost(100)};
}

TEST(ScanExecutor, RunsWhatItTookBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    ScanExecutor executor({.threads = 2, .workers = 2});
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(executor.Submit(Work([&] { ++ran; })));
  }
  EXPECT_EQ(ran.load(), 20);
}

TEST(ScanExecutor, UsesAllItsThreads) {
  std::latch both(2);
  ScanExecutor executor({.threads = 2, .workers = 2});
  // Each job waits for the other: one thread alone would never end.
  ASSERT_FALSE(executor.Submit(Work([&] { both.arrive_and_wait(); })));
  ASSERT_FALSE(executor.Submit(Work([&] { both.arrive_and_wait(); })));
}

TEST(ScanExecutor, BackgroundJobsWaitForUploads) {
  std::vector<int> order;
  std::latch running(1);
  std::latch release(1);
  std::latch done(1);
  {
    ScanExecutor executor({.threads = 1, .workers = 1});
    ASSERT_FALSE(executor.Submit(Work([&] {
      running.count_down();
      release.wait();
    })));
    running.wait();
    ASSERT_FALSE(executor.Submit(Work(
        [&] {
          order.push_back(3);
          done.count_down();
        },
        Lane::kBackground)));
    ASSERT_FALSE(executor.Submit(Work([&] { order.push_back(1); })));
    ASSERT_FALSE(executor.Submit(Work([&] { order.push_back(2); })));
    release.count_down();
    done.wait();
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(ScanExecutor, AJobThatCannotStartInTimeIsAnsweredLateAndNotRun) {
  std::atomic<int> ran = 0;
  std::latch running(1);
  std::latch release(1);
  std::latch late(1);
  {
    ScanExecutor executor({.threads = 1, .workers = 1});
    ASSERT_FALSE(executor.Submit(Work([&] {
      running.count_down();
      release.wait();
    })));
    running.wait();
    ASSERT_FALSE(executor.Submit(Work([&] { ++ran; })));
    ScanJob job = Work([&] { ran += 100; });
    job.late = [&] { late.count_down(); };
    job.finish_by = std::chrono::steady_clock::now() + milliseconds(60);
    ASSERT_FALSE(executor.Submit(std::move(job)));
    late.wait();
    EXPECT_EQ(executor.queued(), 1U);
    release.count_down();
  }
  EXPECT_EQ(ran.load(), 1);
}

TEST(ScanExecutor, WhatIsTakenBackIsAnsweredLate) {
  std::latch running(1);
  std::latch release(1);
  std::atomic<int> late = 0;
  const int owner = 0;
  ScanExecutor executor({.threads = 1, .workers = 1});
  ASSERT_FALSE(executor.Submit(Work([&] {
    running.count_down();
    release.wait();
  })));
  running.wait();
  for (int i = 0; i < 3; ++i) {
    ScanJob job = Work([] { ADD_FAILURE() << "it was taken back"; }, Lane::kBackground);
    job.late = [&] { ++late; };
    job.owner = &owner;
    ASSERT_FALSE(executor.Submit(std::move(job)));
  }
  executor.TakeBack(&owner);
  EXPECT_EQ(late.load(), 3);
  EXPECT_EQ(executor.queued(), 0U);
  release.count_down();
}

// A heavy job that had to wait for its turn starts although nothing else happens.
TEST(ScanExecutor, HeavyJobsStartWhenItIsTheirTurn) {
  std::atomic<int> heavy = 0;
  ScanExecutor executor({.threads = 2, .workers = 2});
  const auto bomb = [&] {
    return ScanJob{.work =
                       [&] {
                         ++heavy;
                         return Cost(milliseconds(150));
                       },
                   .late = [] {},
                   .caller = "bomber",
                   .cost = Cost(milliseconds(150))};
  };
  ASSERT_FALSE(executor.Submit(Work([] {})));
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(executor.Submit(bomb()));
  EXPECT_TRUE(testing::PollUntil([&] { return heavy == 3; }, seconds(10)));
}

TEST(ScanExecutor, ManyThreadsSubmit) {
  std::atomic<int> ran = 0;
  std::atomic<int> taken = 0;
  {
    ScanExecutor executor({.threads = 4, .workers = 4});
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&, i] {
        for (int call = 0; call < 500; ++call) {
          ScanJob job = Work([&] { ++ran; }, call % 3 == 0 ? Lane::kBackground : Lane::kUpload);
          job.late = [&] { ++ran; };
          job.caller = std::to_string(i);
          if (!executor.Submit(std::move(job))) ++taken;
        }
      });
    }
  }
  EXPECT_EQ(ran.load(), taken.load());
}

}  // namespace
}  // namespace hashgate::scan
