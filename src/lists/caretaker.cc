#include "lists/caretaker.h"

#include <pthread.h>

#include <utility>

#include "base/process.h"

namespace hashgate::lists {

Caretaker::Caretaker(std::chrono::milliseconds interval, std::function<void()> work)
    : interval_(interval), work_(std::move(work)), thread_([this] {
        ::pthread_setname_np(::pthread_self(), "lists-care");
        LowerThreadPriority();
        Run();
      }) {}

Caretaker::~Caretaker() {
  const MutexLock lock(mutex_);
  stop_ = true;
  wake_.NotifyAll();
}

void Caretaker::Run() {
  while (true) {
    {
      const auto next = std::chrono::steady_clock::now() + interval_;
      const MutexLock lock(mutex_);
      while (!stop_ && std::chrono::steady_clock::now() < next) wake_.WaitUntil(mutex_, next);
      if (stop_) return;
    }
    work_();
  }
}

}  // namespace hashgate::lists
