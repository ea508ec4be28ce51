#include "app/cli/stop.h"

#include <gtest/gtest.h>

#include <csignal>

namespace hashgate::cli {
namespace {

TEST(StopTest, WakesSleepersAndRunsTheHandlerOnceThere) {
  Stop stop;
  int calls = 0;
  stop.SetHandler([&calls] { ++calls; });
  EXPECT_FALSE(stop.SleepFor(std::chrono::milliseconds(1)));
  stop.Request();
  EXPECT_TRUE(stop.SleepFor(std::chrono::hours(1)));
  EXPECT_EQ(calls, 1);
  stop.SetHandler({});
  stop.SetHandler([&calls] { ++calls; });
  EXPECT_EQ(calls, 2) << "a late handler hears of an earlier request";
}

TEST(StopTest, SignalsAreRequests) {
  Stop stop;
  {
    const SignalWatch watch(stop);
    // Sent twice, as `timeout` does: still one wish, and the process lives.
    ASSERT_EQ(::raise(SIGINT), 0);
    ASSERT_EQ(::raise(SIGINT), 0);
    EXPECT_TRUE(stop.SleepFor(std::chrono::seconds(30)));
  }
  Stop other;
  {
    const SignalWatch watch(other);
    ASSERT_EQ(::raise(SIGTERM), 0);
    EXPECT_TRUE(other.SleepFor(std::chrono::seconds(30)));
  }
}

}  // namespace
}  // namespace hashgate::cli
