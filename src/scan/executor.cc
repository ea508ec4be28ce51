#include "scan/executor.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace hashgate::scan {
namespace {

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

void NameThread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

Executor::Executor(int threads, std::size_t max_queued, const std::string& name) : max_queued_(max_queued) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      NameThread(name);
      Run();
    });
  }
  watcher_ = std::jthread([this, name] {
    NameThread(name + "-late");
    WatchDeadlines();
  });
}

Executor::~Executor() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
    deadline_changed_.NotifyAll();
  }
  threads_.clear();
}

bool Executor::Submit(Job job) {
  bool sooner = false;
  {
    const MutexLock lock(mutex_);
    if (ending_ || Waiting() >= max_queued_) return false;
    sooner = job.start_by < next_deadline_;
    if (sooner) next_deadline_ = job.start_by;
    lanes_[static_cast<std::size_t>(job.lane)].push_back(std::move(job));
  }
  // Without the mutex: who is woken would only have to wait for it.
  if (sooner) deadline_changed_.NotifyOne();
  wake_.NotifyOne();
  return true;
}

std::size_t Executor::queued() const {
  const MutexLock lock(mutex_);
  return Waiting();
}

void Executor::Run() {
  while (true) {
    Job job;
    {
      const MutexLock lock(mutex_);
      while (Waiting() == 0 && !ending_) wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
      if (Waiting() == 0) return;
      std::deque<Job>& lane = lanes_[0].empty() ? lanes_[1] : lanes_[0];
      job = std::move(lane.front());
      lane.pop_front();
    }
    job.work();
  }
}

void Executor::WatchDeadlines() {
  while (true) {
    std::vector<Job> late;
    {
      const MutexLock lock(mutex_);
      const SteadyTime now = std::chrono::steady_clock::now();
      if (!ending_ && now < next_deadline_) {
        deadline_changed_.WaitUntil(mutex_, std::min(next_deadline_, now + kSlice));
      }
      if (ending_) return;
      const SteadyTime then = std::chrono::steady_clock::now();
      if (then < next_deadline_) continue;
      next_deadline_ = SteadyTime::max();
      for (std::deque<Job>& lane : lanes_) {
        const auto first_late = std::stable_partition(lane.begin(), lane.end(),
                                                      [then](const Job& job) { return job.start_by > then; });
        late.insert(late.end(), std::make_move_iterator(first_late), std::make_move_iterator(lane.end()));
        lane.erase(first_late, lane.end());
        for (const Job& job : lane) next_deadline_ = std::min(next_deadline_, job.start_by);
      }
    }
    for (const Job& job : late) {
      if (job.late) job.late();
    }
  }
}

}  // namespace hashgate::scan
