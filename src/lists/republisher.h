// Publishes again when the index has merged something, on a thread of its own.
#pragma once

#include <functional>
#include <thread>

#include "base/mutex.h"

namespace hashgate::lists {

/// Keeps the index's merger free of the catalogue's locks: it only leaves word here. Threads: thread-safe.
class Republisher {
 public:
  /// `publish` is called once for any number of words left since it was called last.
  explicit Republisher(std::function<void()> publish);
  /// Waits for a call under way.
  ~Republisher();
  Republisher(const Republisher&) = delete;
  Republisher& operator=(const Republisher&) = delete;

  /// Returns at once.
  void LeaveWord() HASHGATE_EXCLUDES(mutex_);

 private:
  void Run() HASHGATE_EXCLUDES(mutex_);

  const std::function<void()> publish_;
  Mutex mutex_;
  CondVar wake_;
  bool word_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool stop_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace hashgate::lists
