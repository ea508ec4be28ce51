// When and how often a request is sent again.
#include "exchange/http/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Retry, TransientStatuses) {
  for (int status = 100; status < 600; ++status) {
    const bool wanted =
        status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
    EXPECT_EQ(IsTransientStatus(status), wanted) << status;
  }
}

TEST(Retry, ReadsRetryAfter) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 2 / 3) + hours(4);
  EXPECT_EQ(ParseRetryAfter("7", now), seconds(7));
  EXPECT_EQ(ParseRetryAfter("Tue, 03 Feb 2026 04:01:30 GMT", now), seconds(90));
  EXPECT_EQ(ParseRetryAfter("Tue, 03 Feb 2026 04:01:30 GMT", now + milliseconds(500)), seconds(90))
      << "never too early";
  EXPECT_EQ(ParseRetryAfter("Tue, 03 Feb 2026 03:59:59 GMT", now), seconds(0));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", now), hours(24 * 30));
  EXPECT_EQ(ParseRetryAfter("4000000000", now), hours(24 * 30));
  for (const char* text : {"", "-5", "soon", "7 apples", "0"}) {
    EXPECT_EQ(ParseRetryAfter(text, now), seconds(0)) << text;
  }
}

TEST(Retry, PausesGrowToTheirBoundAndSpread) {
  Jitter jitter(milliseconds(100), milliseconds(1'000), testing::Seed());
  for (const auto& [attempt, bound] :
       {std::pair{1, 100}, {2, 200}, {3, 400}, {4, 800}, {5, 1'000}, {40, 1'000}}) {
    milliseconds least = hours(1);
    milliseconds most{0};
    for (int i = 0; i < 2'000; ++i) {
      const milliseconds pause = jitter.After(attempt);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    EXPECT_LE(most.count(), bound) << attempt;
    EXPECT_GE(most.count(), bound * 9 / 10) << attempt;
    EXPECT_LE(least.count(), bound / 10) << attempt;
  }
}

TEST(Retry, PausesRepeatWithTheirSeed) {
  Jitter one(milliseconds(1'000), milliseconds(60'000), 7);
  Jitter same(milliseconds(1'000), milliseconds(60'000), 7);
  Jitter other(milliseconds(1'000), milliseconds(60'000), 8);
  bool differs = false;
  for (int attempt = 1; attempt < 20; ++attempt) {
    const milliseconds pause = one.After(attempt);
    EXPECT_EQ(pause, same.After(attempt));
    differs = differs || pause != other.After(attempt);
  }
  EXPECT_TRUE(differs);
}

TEST(Retry, WaitsAreStopped) {
  std::stop_source stop;
  EXPECT_TRUE(WaitUnlessStopped(milliseconds(1), stop.get_token()));
  std::jthread stopper([&] { stop.request_stop(); });
  // Only the stop ends it within the test's time limit.
  EXPECT_FALSE(WaitUnlessStopped(hours(1), stop.get_token()));
  EXPECT_FALSE(WaitUnlessStopped(hours(1), stop.get_token())) << "stopped before it began";
}

}  // namespace
}  // namespace hashgate::exchange
