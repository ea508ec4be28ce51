// Time that a test moves.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/clock.h"

namespace hashgate::testing {

/// Stands still until it is moved. Threads: thread-safe.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime Steady() const override {
    if (on_nth_reading) on_nth_reading();
    return SteadyTime(std::chrono::milliseconds(steady_millis_.load()));
  }
  [[nodiscard]] WallTime Wall() const override { return FromUnixMillis(wall_millis_.load()); }
  /// Called at every reading of the steady time; for tests with one thread.
  std::function<void()> on_nth_reading;

  void Advance(std::chrono::milliseconds by) {
    steady_millis_ += by.count();
    wall_millis_ += by.count();
  }

 private:
  std::atomic<std::int64_t> steady_millis_{1'000'000};
  std::atomic<std::int64_t> wall_millis_{1'795'000'000'000};
};

}  // namespace hashgate::testing
