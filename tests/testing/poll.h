// Waiting for a condition with a deadline, instead of sleeping for a time that is hoped to be enough.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace hashgate::testing {

/// Asks again every 10 ms until `condition` holds. False where it still does not at the end of `timeout`.
inline bool PollUntil(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace hashgate::testing
