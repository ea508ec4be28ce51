#include "scan/executor.h"

#include <pthread.h>

#include <utility>

#include "base/process.h"

namespace hashgate::scan {
namespace {

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

}  // namespace

Executor::Executor(int threads, std::size_t max_queued, const std::string& name, bool bulk)
    : max_queued_(max_queued) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name, bulk] {
      ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
      if (bulk) LowerThreadPriority();
      Run();
    });
  }
}

Executor::~Executor() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
  }
  threads_.clear();
}

bool Executor::Submit(std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    if (ending_ || jobs_.size() >= max_queued_) return false;
    jobs_.push_back(std::move(work));
  }
  // Without the mutex: who is woken would only have to wait for it.
  wake_.NotifyOne();
  return true;
}

std::size_t Executor::queued() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

void Executor::Run() {
  while (true) {
    std::function<void()> work;
    {
      const MutexLock lock(mutex_);
      while (jobs_.empty() && !ending_) wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
      if (jobs_.empty()) return;
      work = std::move(jobs_.front());
      jobs_.pop_front();
    }
    work();
  }
}

}  // namespace hashgate::scan
