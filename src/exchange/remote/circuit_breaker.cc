#include "exchange/remote/circuit_breaker.h"

#include <algorithm>

namespace hashgate::exchange {
namespace {

/// However long the service asks for: a false header must not switch the list off for good.
constexpr std::chrono::milliseconds kLongestPause = std::chrono::hours(1);

}  // namespace

bool CircuitBreaker::IsOpen(SteadyTime now) const {
  const MutexLock lock(mutex_);
  return state_ == State::kTrying || (state_ == State::kOpen && now < until_);
}

std::optional<CircuitBreaker::Ticket> CircuitBreaker::Begin(SteadyTime now) {
  const MutexLock lock(mutex_);
  if (state_ == State::kTrying || (state_ == State::kOpen && now < until_)) return std::nullopt;
  if (state_ == State::kOpen) {
    state_ = State::kTrying;
    ++ticket_;
  }
  return ticket_;
}

bool CircuitBreaker::Succeed(Ticket ticket, SteadyTime now, std::chrono::milliseconds pause) {
  const MutexLock lock(mutex_);
  if (ticket != ticket_) return false;
  failures_ = 0;
  const State before = state_;
  if (pause > std::chrono::milliseconds(0)) {
    Open(now, pause);
  } else {
    state_ = State::kClosed;
  }
  return state_ != before;
}

bool CircuitBreaker::FailWith(Ticket ticket, SteadyTime now, bool at_once, std::chrono::milliseconds pause) {
  const MutexLock lock(mutex_);
  if (ticket != ticket_) return false;
  ++failures_;
  const bool asked = pause > std::chrono::milliseconds(0);
  if (state_ == State::kClosed && !at_once && !asked && failures_ < options_.failures) return false;
  Open(now, std::max(pause, options_.pause));
  return true;
}

void CircuitBreaker::Open(SteadyTime now, std::chrono::milliseconds pause) {
  state_ = State::kOpen;
  ++ticket_;
  until_ = now + std::min(pause, kLongestPause);
}

CircuitBreaker::State CircuitBreaker::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

SteadyTime CircuitBreaker::open_until() const {
  const MutexLock lock(mutex_);
  return until_;
}

}  // namespace hashgate::exchange
