#include "lists/republisher.h"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace hashgate::lists {
namespace {

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

}  // namespace

Republisher::Republisher(std::function<void()> publish)
    : publish_(std::move(publish)), thread_([this] {
        ::pthread_setname_np(::pthread_self(), "lists-publish");
        Run();
      }) {}

Republisher::~Republisher() {
  const MutexLock lock(mutex_);
  stop_ = true;
  wake_.NotifyAll();
}

void Republisher::LeaveWord() {
  const MutexLock lock(mutex_);
  word_ = true;
  wake_.NotifyOne();
}

void Republisher::Run() {
  while (true) {
    {
      const MutexLock lock(mutex_);
      while (!word_ && !stop_) wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
      if (stop_) return;
      word_ = false;
    }
    publish_();
  }
}

}  // namespace hashgate::lists
