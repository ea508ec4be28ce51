// When a request is sent again. Sources: RFC 9110, 10.2.3 (Retry-After); "Exponential Backoff And Jitter",
// AWS Architecture Blog, 2015 (full jitter).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <stop_token>
#include <string_view>

#include "base/clock.h"

namespace hashgate::exchange {

/// True for statuses after which the same request may work later: 408, 425, 429, and from 500 but 501 and
/// 505, which say that the server cannot do it.
bool IsTransientStatus(int status);

/// What `Retry-After` asks for at `now`: seconds, or an HTTP date; at most 30 days. Zero where `value` is
/// empty, in the past or neither.
std::chrono::milliseconds ParseRetryAfter(std::string_view value, WallTime now);

/// The time of an HTTP `Date`; nothing where `value` is none. Source: RFC 9110, 5.6.7.
std::optional<WallTime> ParseHttpDate(std::string_view value);

/// Pauses between attempts. Threads: confined.
class Jitter {
 public:
  /// `seed` 0: a random one.
  Jitter(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed);
  /// After `attempt` (from 1): random between zero and min(most, first * 2^(attempt-1)).
  std::chrono::milliseconds After(int attempt);

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::mt19937_64 random_;
};

/// Waits for `duration` and returns true; false as soon as `stop` asks for it.
bool WaitUnlessStopped(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace hashgate::exchange
