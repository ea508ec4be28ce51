// How long to wait after something failed: twice as long each time, up to a bound.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace hashgate::decode {

/// Threads: confined.
class BackOff {
 public:
  BackOff(std::chrono::milliseconds first, std::chrono::milliseconds most) : first_(first), most_(most) {}

  /// Something failed at `now`. Returns false, and counts it as the same failure, where the wait for the one
  /// before is not over: several workers that die together fail once.
  bool Fail(SteadyTime now) {
    if (now < next_) return false;
    wait_ = wait_.count() == 0 ? first_ : std::min(wait_ * 2, most_);
    next_ = now + wait_;
    return true;
  }
  /// Something worked: the next failure waits the shortest time again.
  void Succeed() { wait_ = std::chrono::milliseconds(0); }

  /// When to try again; in the past where nothing failed.
  [[nodiscard]] SteadyTime next() const { return next_; }
  [[nodiscard]] std::chrono::milliseconds wait() const { return wait_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::chrono::milliseconds wait_{0};
  SteadyTime next_;
};

}  // namespace hashgate::decode
