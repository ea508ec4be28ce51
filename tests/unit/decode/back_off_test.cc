#include "decode/back_off.h"

#include <gtest/gtest.h>

namespace hashgate::decode {
namespace {

using std::chrono::milliseconds;

TEST(BackOff, DoublesUpToItsBoundAndStartsAnew) {
  BackOff back_off(milliseconds(10), milliseconds(1'000));
  SteadyTime now{std::chrono::hours(1)};
  EXPECT_LE(back_off.next(), now);
  for (const int wait : {10, 20, 40, 80, 160, 320, 640, 1'000, 1'000}) {
    ASSERT_TRUE(back_off.Fail(now));
    EXPECT_EQ(back_off.wait(), milliseconds(wait));
    EXPECT_EQ(back_off.next(), now + milliseconds(wait));
    now = back_off.next();
  }
  back_off.Succeed();
  ASSERT_TRUE(back_off.Fail(now));
  EXPECT_EQ(back_off.wait(), milliseconds(10));
}

TEST(BackOff, FailuresDuringTheWaitAreTheSameFailure) {
  BackOff back_off(milliseconds(10), milliseconds(1'000));
  const SteadyTime now{std::chrono::hours(1)};
  EXPECT_TRUE(back_off.Fail(now));
  EXPECT_FALSE(back_off.Fail(now + milliseconds(9)));
  EXPECT_EQ(back_off.next(), now + milliseconds(10));
  EXPECT_TRUE(back_off.Fail(now + milliseconds(10)));
  EXPECT_EQ(back_off.wait(), milliseconds(20));
}

TEST(BackOff, ACrashLoopStartsFewProcesses) {
  BackOff back_off(milliseconds(10), milliseconds(1'000));
  SteadyTime now{std::chrono::hours(1)};
  const SteadyTime end = now + std::chrono::minutes(1);
  int starts = 0;
  for (; now < end; now = std::max(now + milliseconds(1), back_off.next()), ++starts) back_off.Fail(now);
  EXPECT_LE(starts, 70);
}

}  // namespace
}  // namespace hashgate::decode
