// When a stream counts as silent.
#include "rpc/stream_timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "testing/poll.h"

namespace hashgate::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::PollUntil;

TEST(StreamTimer, CallsBackWhenItIsSilentForTooLong) {
  std::atomic<int> calls = 0;
  StreamTimer timer([&] { return ++calls == 2; });
  timer.Restart(milliseconds(30));
  EXPECT_TRUE(PollUntil([&] { return calls == 2; }, seconds(10))) << "the first time was not the end";
  timer.Restart(milliseconds(1));
  EXPECT_FALSE(PollUntil([&] { return calls > 2; }, milliseconds(100))) << "the second was";
}

TEST(StreamTimer, AShorterTimeCountsAtOnce) {
  std::atomic<int> calls = 0;
  StreamTimer timer([&] { return ++calls > 0; });
  timer.Restart(seconds(300));
  timer.Pause();
  timer.Restart(milliseconds(30));
  EXPECT_TRUE(PollUntil([&] { return calls == 1; }, seconds(10)));
}

TEST(StreamTimer, ALongerTimeIsWaitedFor) {
  std::atomic<int> calls = 0;
  StreamTimer timer([&] { return ++calls > 0; });
  timer.Restart(seconds(2));
  timer.Restart(seconds(300));
  EXPECT_FALSE(PollUntil([&] { return calls > 0; }, milliseconds(2'500)));
}

TEST(StreamTimer, PausedItIsQuiet) {
  std::atomic<int> calls = 0;
  StreamTimer timer([&] { return ++calls > 0; });
  timer.Restart(seconds(2));
  timer.Pause();
  const bool called = PollUntil([&] { return calls > 0; }, milliseconds(2'500));
  timer.Stop();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace hashgate::rpc
