#include "base/clock.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace hashgate {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime Wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

std::int64_t ToUnixMillis(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime FromUnixMillis(std::int64_t millis) {
  // The clock counts nanoseconds: a number of milliseconds out of a damaged record may not fit.
  constexpr auto kFirst = std::chrono::ceil<std::chrono::milliseconds>(WallTime::min().time_since_epoch());
  constexpr auto kLast = std::chrono::floor<std::chrono::milliseconds>(WallTime::max().time_since_epoch());
  return WallTime(std::clamp(std::chrono::milliseconds(millis), kFirst, kLast));
}

std::string FormatTime(WallTime time) {
  const std::int64_t millis = ToUnixMillis(time);
  // Floor division, so that times before 1970 keep a positive fraction.
  std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::int64_t fraction = millis % 1000;
  if (fraction < 0) {
    fraction += 1000;
    --seconds;
  }
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(fraction));
  return text;
}

}  // namespace hashgate
