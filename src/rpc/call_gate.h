// Counts accepted calls and closes the door for a drain.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace hashgate::rpc {

/// Threads: thread-safe.
class CallGate {
 public:
  /// One accepted call; its end is the call's end.
  class Ticket {
   public:
    explicit Ticket(CallGate* gate) : gate_(gate) {}
    ~Ticket() {
      if (gate_ != nullptr) gate_->Leave();
    }
    Ticket(Ticket&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Ticket& operator=(Ticket&&) = delete;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    CallGate* gate_;
  };

  /// Empty once closed.
  std::optional<Ticket> Enter() {
    const MutexLock lock(mutex_);
    if (closed_) return std::nullopt;
    ++inside_;
    return Ticket(this);
  }
  void Close() {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  [[nodiscard]] bool closed() const {
    const MutexLock lock(mutex_);
    return closed_;
  }
  [[nodiscard]] int inside() const {
    const MutexLock lock(mutex_);
    return inside_;
  }
  /// False where calls are still inside at `deadline`.
  bool WaitUntilEmpty(std::chrono::steady_clock::time_point deadline) {
    const MutexLock lock(mutex_);
    while (inside_ > 0) {
      if (!empty_.WaitUntil(mutex_, deadline) && std::chrono::steady_clock::now() >= deadline)
        return inside_ == 0;
    }
    return true;
  }

 private:
  void Leave() {
    const MutexLock lock(mutex_);
    if (--inside_ == 0) empty_.NotifyAll();
  }

  mutable Mutex mutex_;
  CondVar empty_;
  int inside_ HASHGATE_GUARDED_BY(mutex_) = 0;
  bool closed_ HASHGATE_GUARDED_BY(mutex_) = false;
};

/// A bound on bytes of uploads held at once. Threads: thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t max) : max_(max) {}
  /// False, and nothing taken, where `bytes` more would pass the bound.
  bool Take(std::size_t bytes) {
    const MutexLock lock(mutex_);
    if (bytes > max_ - used_) return false;
    used_ += bytes;
    return true;
  }
  void Give(std::size_t bytes) {
    const MutexLock lock(mutex_);
    used_ -= bytes;
  }
  [[nodiscard]] std::size_t used() const {
    const MutexLock lock(mutex_);
    return used_;
  }

 private:
  const std::size_t max_;
  mutable Mutex mutex_;
  std::size_t used_ HASHGATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace hashgate::rpc
