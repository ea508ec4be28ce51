// What has to be done for a catalogue now and then, on a thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace hashgate::lists {

/// Calls `work` every `interval` until it goes. Threads: thread-safe.
class Caretaker {
 public:
  Caretaker(std::chrono::milliseconds interval, std::function<void()> work);
  /// Waits for a call under way.
  ~Caretaker();
  Caretaker(const Caretaker&) = delete;
  Caretaker& operator=(const Caretaker&) = delete;

 private:
  void Run() HASHGATE_EXCLUDES(mutex_);

  const std::chrono::milliseconds interval_;
  const std::function<void()> work_;
  Mutex mutex_;
  CondVar wake_;
  bool stop_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace hashgate::lists
