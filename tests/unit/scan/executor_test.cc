#include "scan/executor.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <latch>

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

TEST(Executor, BulkJobsGiveWay) {
  const auto nice_of_a_job = [](bool bulk) {
    std::atomic<int> nice = -100;
    {
      Executor executor(1, 1, "test", bulk);
      EXPECT_TRUE(executor.Submit([&] { nice = ::getpriority(PRIO_PROCESS, 0); }));
    }
    return nice.load();
  };
  const int own = ::getpriority(PRIO_PROCESS, 0);
  EXPECT_EQ(nice_of_a_job(false), own);
  EXPECT_EQ(nice_of_a_job(true), std::max(own, 10));
}

TEST(Executor, UsesAllItsThreads) {
  std::latch both(2);
  Executor executor(2, 4, "test");
  // Each job waits for the other: one thread alone would never end.
  ASSERT_TRUE(executor.Submit([&] { both.arrive_and_wait(); }));
  ASSERT_TRUE(executor.Submit([&] { both.arrive_and_wait(); }));
}

}  // namespace
}  // namespace hashgate::scan
