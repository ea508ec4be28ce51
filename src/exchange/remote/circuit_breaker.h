// Leaves a service alone that does not answer, or that asks for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"

namespace hashgate::exchange {

struct BreakerOptions {
  int failures = 5;                         ///< in a row that open it, at least 1
  std::chrono::milliseconds pause{30'000};  ///< while it is open
};

/// Closed: requests go out. Open: none does, until the pause is over. Then one is tried: it closes the
/// breaker or opens it anew. Threads: thread-safe.
class CircuitBreaker {
 public:
  enum class State : std::uint8_t { kClosed, kOpen, kTrying };
  /// A request that may be sent. Its end is told by it; the end of one that was begun before the breaker
  /// changed counts no more.
  using Ticket = std::uint64_t;

  explicit CircuitBreaker(const BreakerOptions& options) : options_(options) {}

  /// Whether Begin would refuse now.
  [[nodiscard]] bool IsOpen(SteadyTime now) const;
  /// Empty: not now. Each ticket has to be ended by one of the next two.
  std::optional<Ticket> Begin(SteadyTime now);
  /// `pause` is how long the service wants to be left alone; zero: not at all. True where that changed the
  /// state.
  bool Succeed(Ticket ticket, SteadyTime now, std::chrono::milliseconds pause);
  /// `at_once`: another request would fail like this one. `pause`: as above. True where that opened it.
  bool FailWith(Ticket ticket, SteadyTime now, bool at_once, std::chrono::milliseconds pause);

  [[nodiscard]] State state() const;
  /// Until when nothing is sent; the past where the breaker is not open.
  [[nodiscard]] SteadyTime open_until() const;

 private:
  void Open(SteadyTime now, std::chrono::milliseconds pause) HASHGATE_REQUIRES(mutex_);

  const BreakerOptions options_;
  mutable Mutex mutex_;
  State state_ HASHGATE_GUARDED_BY(mutex_) = State::kClosed;
  Ticket ticket_ HASHGATE_GUARDED_BY(mutex_) = 0;  // of what counts now
  int failures_ HASHGATE_GUARDED_BY(mutex_) = 0;   // in a row
  SteadyTime until_ HASHGATE_GUARDED_BY(mutex_){};
};

}  // namespace hashgate::exchange
