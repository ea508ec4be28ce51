#include "scan/scan_executor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace hashgate::scan {
namespace {

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

SteadyTime Now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

ScanExecutor::ScanExecutor(const AdmissionOptions& options) : queue_(options) {
  threads_.reserve(static_cast<std::size_t>(options.threads));
  for (int i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this] {
      ::pthread_setname_np(::pthread_self(), "scan");
      Run();
    });
  }
  watcher_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "scan-late");
    WatchDeadlines();
  });
}

ScanExecutor::~ScanExecutor() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
    deadline_changed_.NotifyAll();
  }
  threads_.clear();
  watcher_.join();
  // What no thread was allowed to start.
  TakeBack(nullptr);
}

void ScanExecutor::TakeBack(const void* owner) {
  std::vector<ScanJob> back;
  {
    const MutexLock lock(mutex_);
    back = queue_.TakeBack(owner);
  }
  for (const ScanJob& job : back) {
    if (job.late) job.late();
  }
}

std::optional<Refused> ScanExecutor::Submit(ScanJob job) {
  bool sooner = false;
  {
    const MutexLock lock(mutex_);
    if (ending_) return Refused{};
    const SteadyTime before = queue_.next_late();
    if (std::optional<Refused> refused = queue_.Offer(std::move(job), Now())) return refused;
    sooner = queue_.next_late() < before;
  }
  // Without the mutex: who is woken would only have to wait for it.
  if (sooner) deadline_changed_.NotifyOne();
  wake_.NotifyOne();
  return std::nullopt;
}

std::size_t ScanExecutor::queued() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

Cost ScanExecutor::queued_cost(Lane lane) const {
  const MutexLock lock(mutex_);
  return queue_.queued(lane);
}

void ScanExecutor::Run() {
  while (true) {
    std::optional<AdmissionQueue::Running> running;
    {
      const MutexLock lock(mutex_);
      while (true) {
        const SteadyTime now = Now();
        running = queue_.Take(now);
        if (running) break;
        if (ending_) return;
        wake_.WaitUntil(mutex_, std::min(queue_.NextStart(now), now + kSlice));
      }
    }
    const Cost used = running->job.work();
    bool more = false;
    {
      const MutexLock lock(mutex_);
      queue_.Finish(*running, used, Now());
      more = queue_.size() > 0;
    }
    // What this job kept from starting may be more than this thread can take up.
    if (more) wake_.NotifyOne();
  }
}

void ScanExecutor::WatchDeadlines() {
  while (true) {
    std::vector<ScanJob> late;
    {
      const MutexLock lock(mutex_);
      const SteadyTime now = Now();
      if (!ending_ && now < queue_.next_late()) {
        deadline_changed_.WaitUntil(mutex_, std::min(queue_.next_late(), now + kSlice));
      }
      if (ending_) return;
      late = queue_.TakeLate(Now());
    }
    for (const ScanJob& job : late) {
      if (job.late) job.late();
    }
  }
}

}  // namespace hashgate::scan
