#include "lists/run_committer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "base/process.h"

namespace hashgate::lists {
namespace {

/// How late a run may be that is due by time, and how long a wake-up that is missed can last.
constexpr std::chrono::milliseconds kSlice{200};
constexpr std::chrono::seconds kIdleSlice{1};

}  // namespace

RunCommitter::RunCommitter()
    : thread_([this] {
        ::pthread_setname_np(::pthread_self(), "lists-runs");
        LowerThreadPriority();
        Run();
      }) {}

RunCommitter::~RunCommitter() {
  const MutexLock lock(mutex_);
  stop_ = true;
  changed_.NotifyAll();
}

void RunCommitter::Register(RunSource& source) {
  const MutexLock lock(mutex_);
  sources_.push_back(&source);
  changed_.NotifyAll();
}

void RunCommitter::Unregister(RunSource& source) {
  const MutexLock lock(mutex_);
  std::erase(sources_, &source);
  while (asked_ == &source) changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kIdleSlice);
}

void RunCommitter::Wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

RunSource* RunCommitter::Next() {
  const MutexLock lock(mutex_);
  asked_ = nullptr;
  changed_.NotifyAll();
  if (next_ >= sources_.size()) {
    next_ = 0;
    if (!woken_ && !stop_) {
      const std::chrono::milliseconds slice = sources_.empty() ? kIdleSlice : kSlice;
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + slice);
    }
    woken_ = false;
  }
  if (stop_ || sources_.empty()) return nullptr;
  asked_ = sources_[next_++];
  return asked_;
}

void RunCommitter::Run() {
  while (true) {
    if (RunSource* const source = Next()) {
      source->CommitWhatIsDue();
      continue;
    }
    const MutexLock lock(mutex_);
    if (stop_) return;
  }
}

}  // namespace hashgate::lists
