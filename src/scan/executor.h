// A bounded pool of threads for administration; scans have one of their own (scan_executor.h).
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace hashgate::scan {

/// Runs jobs on its own threads, first come first served. Threads: thread-safe.
class Executor {
 public:
  /// `max_queued` jobs may wait beyond those that run. `bulk`: the threads give way to those that answer
  /// scans.
  Executor(int threads, std::size_t max_queued, const std::string& name, bool bulk = false);
  /// Runs what is queued, then ends.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// False where the queue is full or the executor is ending: the job was not taken and will not run.
  [[nodiscard]] bool Submit(std::function<void()> work);
  [[nodiscard]] std::size_t queued() const;

 private:
  void Run();

  const std::size_t max_queued_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> jobs_ HASHGATE_GUARDED_BY(mutex_);
  bool ending_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

}  // namespace hashgate::scan
