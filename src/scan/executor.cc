#include "scan/executor.h"

#include <pthread.h>

#include <utility>

namespace hashgate::scan {

Executor::Executor(int threads, std::size_t max_queued, std::string name) : max_queued_(max_queued) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
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

bool Executor::Submit(std::function<void()> job) {
  const MutexLock lock(mutex_);
  if (ending_ || jobs_.size() >= max_queued_) return false;
  jobs_.push_back(std::move(job));
  wake_.NotifyOne();
  return true;
}

std::size_t Executor::queued() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

void Executor::Run() {
  while (true) {
    std::function<void()> job;
    {
      const MutexLock lock(mutex_);
      while (jobs_.empty() && !ending_) {
        wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::seconds(1));
      }
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace hashgate::scan
