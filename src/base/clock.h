// Time as a parameter, so that tests can move it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace hashgate {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// Source of time. Threads: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// For deadlines and durations.
  [[nodiscard]] virtual SteadyTime Steady() const = 0;
  /// For records and people.
  [[nodiscard]] virtual WallTime Wall() const = 0;

  /// The machine's own clock; lives for the whole process.
  static const Clock& System();
};

/// RFC 3339 in UTC with milliseconds, e.g. "2026-11-22T17:09:40.123Z".
std::string FormatTime(WallTime time);
/// Milliseconds since the Unix epoch, and back; cut to what WallTime can hold (years 1677 to 2262).
std::int64_t ToUnixMillis(WallTime time);
WallTime FromUnixMillis(std::int64_t millis);

}  // namespace hashgate
