#include "exchange/remote/circuit_breaker.h"

#include <gtest/gtest.h>

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;

class BreakerTest : public ::testing::Test {
 protected:
  bool FailOnce(bool at_once = false, milliseconds pause = {}) {
    const auto ticket = breaker_.Begin(now_);
    EXPECT_TRUE(ticket.has_value());
    return ticket && breaker_.FailWith(*ticket, now_, at_once, pause);
  }
  void OpenIt() {
    EXPECT_FALSE(FailOnce());
    EXPECT_FALSE(FailOnce());
    EXPECT_TRUE(FailOnce());
  }

  CircuitBreaker breaker_{{.failures = 3, .pause = seconds(30)}};
  SteadyTime now_ = SteadyTime() + hours(5);
};

TEST_F(BreakerTest, OpensAfterFailuresInARowOnly) {
  FailOnce();
  FailOnce();
  EXPECT_FALSE(breaker_.Succeed(*breaker_.Begin(now_), now_, {})) << "it was closed all the time";
  OpenIt();
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_TRUE(breaker_.IsOpen(now_));
  EXPECT_FALSE(breaker_.Begin(now_).has_value());
  EXPECT_EQ(breaker_.open_until(), now_ + seconds(30));
}

TEST_F(BreakerTest, AfterThePauseOneIsTriedAndItDecides) {
  OpenIt();
  now_ += seconds(29);
  EXPECT_FALSE(breaker_.Begin(now_).has_value());
  now_ += seconds(1);
  EXPECT_FALSE(breaker_.IsOpen(now_));
  const auto tried = breaker_.Begin(now_);
  ASSERT_TRUE(tried.has_value());
  EXPECT_EQ(breaker_.state(), State::kTrying);
  EXPECT_TRUE(breaker_.IsOpen(now_)) << "one at a time";
  EXPECT_FALSE(breaker_.Begin(now_).has_value());
  EXPECT_TRUE(breaker_.FailWith(*tried, now_, false, {})) << "one failure is enough now";
  EXPECT_EQ(breaker_.open_until(), now_ + seconds(30));
  now_ += seconds(30);
  EXPECT_TRUE(breaker_.Succeed(*breaker_.Begin(now_), now_, {}));
  EXPECT_EQ(breaker_.state(), State::kClosed);
  FailOnce();
  FailOnce();
  EXPECT_EQ(breaker_.state(), State::kClosed) << "it counts from the beginning";
}

TEST_F(BreakerTest, WhatWasBegunBeforeDoesNotCount) {
  const auto early = breaker_.Begin(now_);
  OpenIt();
  EXPECT_FALSE(breaker_.Succeed(*early, now_, {}));
  EXPECT_EQ(breaker_.state(), State::kOpen);
  now_ += seconds(30);
  const auto tried = breaker_.Begin(now_);
  EXPECT_FALSE(breaker_.FailWith(*early, now_, true, {}));
  EXPECT_EQ(breaker_.state(), State::kTrying);
  EXPECT_TRUE(breaker_.Succeed(*tried, now_, {}));
}

TEST_F(BreakerTest, OpensAtOnceWhereItIsAskedToOrMust) {
  EXPECT_TRUE(FailOnce(true));
  EXPECT_EQ(breaker_.open_until(), now_ + seconds(30));
  now_ += seconds(30);
  EXPECT_TRUE(FailOnce(false, seconds(90)));
  EXPECT_EQ(breaker_.open_until(), now_ + seconds(90)) << "the longer pause counts";
  now_ += seconds(90);
  EXPECT_TRUE(breaker_.Succeed(*breaker_.Begin(now_), now_, hours(48))) << "an answer may ask for it, too";
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(breaker_.open_until(), now_ + hours(1)) << "and not for ever";
}

}  // namespace
}  // namespace hashgate::exchange
