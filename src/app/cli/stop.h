// Ctrl-C and SIGTERM: work stops at the next safe place; a second signal, half a second later or more, ends
// at once.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace hashgate::cli {

/// A request to stop. Threads: thread-safe.
class Stop {
 public:
  [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_relaxed); }
  /// Asks everybody to stop: wakes sleepers and runs the handler.
  void Request();
  /// Waits; true where it was cut short by a request.
  bool SleepFor(std::chrono::milliseconds duration);
  /// Runs `handler` on a request (at once where there was one). One at a time; empty takes it away and waits
  /// for one that runs.
  void SetHandler(std::function<void()> handler);

 private:
  std::atomic<bool> requested_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::mutex handler_mutex_;
  std::function<void()> handler_;
};

/// Turns SIGINT and SIGTERM into requests while it lives. One at a time. Starts a thread.
class SignalWatch {
 public:
  explicit SignalWatch(Stop& stop);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  int pipe_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace hashgate::cli
