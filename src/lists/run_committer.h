// The thread that commits the runs of large imports, beside those who receive their records.
#pragma once

#include <thread>
#include <vector>

#include "base/mutex.h"

namespace hashgate::lists {

/// What has runs to be committed.
class RunSource {
 public:
  virtual ~RunSource() = default;
  /// Commits a run that was handed over, or whose records have waited for long enough; often there is none.
  virtual void CommitWhatIsDue() = 0;
};

/// Asks its sources in turn, at once after a wake-up and a few times a second otherwise. One run at a time:
/// two would make each other's plans void. Threads: thread-safe.
class RunCommitter {
 public:
  RunCommitter();
  /// REQUIRES: no source is registered.
  ~RunCommitter();
  RunCommitter(const RunCommitter&) = delete;
  RunCommitter& operator=(const RunCommitter&) = delete;

  void Register(RunSource& source) HASHGATE_EXCLUDES(mutex_);
  /// Waits for a commit of the source that is under way; it is not asked again.
  void Unregister(RunSource& source) HASHGATE_EXCLUDES(mutex_);
  void Wake() HASHGATE_EXCLUDES(mutex_);

 private:
  void Run() HASHGATE_EXCLUDES(mutex_);
  /// The next source to ask, marked as being asked: once all have been asked, after a wait. Null where there
  /// is none, or at the end.
  RunSource* Next() HASHGATE_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::vector<RunSource*> sources_ HASHGATE_GUARDED_BY(mutex_);
  std::size_t next_ HASHGATE_GUARDED_BY(mutex_) = 0;
  RunSource* asked_ HASHGATE_GUARDED_BY(mutex_) = nullptr;
  bool woken_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool stop_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace hashgate::lists
