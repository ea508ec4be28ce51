// Counts accepted calls and closes the door for a drain.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "scan/fair_queue.h"

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

/// A bound on something that all calls hold together, such as bytes of uploads or open streams, with a fair
/// share for each caller (scan::FitsShare). Threads: thread-safe. Memory: one entry a caller that holds some.
class ShareBudget {
 public:
  enum class Taken : std::uint8_t { kYes, kFull, kShare };

  explicit ShareBudget(std::size_t max) : max_(max) {}
  /// Nothing is taken where `amount` more would pass the bound (kFull) or the caller's share (kShare).
  Taken Take(const std::string& caller, std::size_t amount) {
    const MutexLock lock(mutex_);
    if (amount > max_ - used_) return Taken::kFull;
    const auto found = held_.find(caller);
    const std::size_t own = found == held_.end() ? 0 : found->second;
    if (!scan::FitsShare(own, amount, used_, max_)) return Taken::kShare;
    used_ += amount;
    if (amount > 0) held_[caller] = own + amount;
    return Taken::kYes;
  }
  void Give(const std::string& caller, std::size_t amount) {
    const MutexLock lock(mutex_);
    used_ -= amount;
    const auto found = held_.find(caller);
    if (found == held_.end()) return;
    found->second -= amount;
    if (found->second == 0) held_.erase(found);
  }
  [[nodiscard]] std::size_t used() const {
    const MutexLock lock(mutex_);
    return used_;
  }
  [[nodiscard]] std::size_t max() const { return max_; }

 private:
  const std::size_t max_;
  mutable Mutex mutex_;
  std::size_t used_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> held_ HASHGATE_GUARDED_BY(mutex_);
};

}  // namespace hashgate::rpc
