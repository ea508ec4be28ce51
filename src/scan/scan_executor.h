// The threads that scan, behind an admission queue.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "scan/admission.h"

namespace hashgate::scan {

/// Runs scans on its own threads, in the order that an AdmissionQueue says. Threads: thread-safe.
class ScanExecutor {
 public:
  explicit ScanExecutor(const AdmissionOptions& options);
  /// Runs the uploads that are queued and answers the rest as late, then ends.
  ~ScanExecutor();
  ScanExecutor(const ScanExecutor&) = delete;
  ScanExecutor& operator=(const ScanExecutor&) = delete;

  /// Takes the job, or says why not; then neither of its functions will run. Cost: some microseconds, so
  /// that a refusal is quick.
  [[nodiscard]] std::optional<Refused> Submit(ScanJob job);
  /// Takes back what waits of an owner: `late` of each runs on this thread, before this returns.
  void TakeBack(const void* owner);
  [[nodiscard]] std::size_t queued() const;
  /// Time of one core that the queued jobs of a lane are expected to take.
  [[nodiscard]] Cost queued_cost(Lane lane) const;
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }

 private:
  void Run();
  void WatchDeadlines();

  mutable Mutex mutex_;
  CondVar wake_;
  CondVar deadline_changed_;
  AdmissionQueue queue_ HASHGATE_GUARDED_BY(mutex_);
  bool ending_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
  std::jthread watcher_;
};

}  // namespace hashgate::scan
