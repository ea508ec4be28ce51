// A bounded pool of threads for accepted calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace hashgate::scan {

/// Which queue a job waits in. A background job starts only when no other waits.
enum class Lane : std::uint8_t { kUpload, kBackground };

/// One job.
struct Job {
  std::function<void()> work;
  Lane lane = Lane::kUpload;
  /// If `work` has not started by then, `late` runs instead of it, and soon: an accepted call is always
  /// answered, even one that no thread had time for. `late` must be quick.
  SteadyTime start_by = SteadyTime::max();
  std::function<void()> late;
};

/// Runs jobs on its own threads, first come first served within a lane. Threads: thread-safe.
class Executor {
 public:
  /// `max_queued` jobs may wait beyond those that run.
  Executor(int threads, std::size_t max_queued, const std::string& name);
  /// Runs what is queued, then ends.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// False where the queue is full or the executor is ending: the job was not taken, neither function will
  /// run.
  [[nodiscard]] bool Submit(Job job);
  [[nodiscard]] bool Submit(std::function<void()> work) { return Submit(Job{.work = std::move(work)}); }
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }

 private:
  void Run();
  void WatchDeadlines();
  [[nodiscard]] std::size_t Waiting() const HASHGATE_REQUIRES(mutex_) {
    return lanes_[0].size() + lanes_[1].size();
  }

  const std::size_t max_queued_;
  mutable Mutex mutex_;
  CondVar wake_;
  CondVar deadline_changed_;
  std::array<std::deque<Job>, 2> lanes_ HASHGATE_GUARDED_BY(mutex_);
  SteadyTime next_deadline_ HASHGATE_GUARDED_BY(mutex_) = SteadyTime::max();
  bool ending_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
  std::jthread watcher_;
};

}  // namespace hashgate::scan
