// A mutex that clang's thread-safety analysis understands (clang-tidy runs it; g++ ignores the attributes).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define HASHGATE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define HASHGATE_THREAD_ATTRIBUTE(x)
#endif
#define HASHGATE_GUARDED_BY(x) HASHGATE_THREAD_ATTRIBUTE(guarded_by(x))
#define HASHGATE_REQUIRES(...) HASHGATE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define HASHGATE_EXCLUDES(...) HASHGATE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace hashgate {

class HASHGATE_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() HASHGATE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() HASHGATE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  bool try_lock() HASHGATE_THREAD_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class HASHGATE_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) HASHGATE_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() HASHGATE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A mutex that is given to those who wait in the order in which they came, so that a holder who takes it
/// again and again starves nobody. Dearer than Mutex: for locks that are held for milliseconds.
class HASHGATE_THREAD_ATTRIBUTE(capability("mutex")) TurnMutex {
 public:
  void lock() HASHGATE_THREAD_ATTRIBUTE(acquire_capability()) {
    std::unique_lock<std::mutex> lock(mutex_);
    const unsigned long long own = next_++;
    changed_.wait(lock, [&] { return turn_ == own; });
  }
  void unlock() HASHGATE_THREAD_ATTRIBUTE(release_capability()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++turn_;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned long long next_ = 0;
  unsigned long long turn_ = 0;  // whose it is, or will be
};

class HASHGATE_THREAD_ATTRIBUTE(scoped_lockable) TurnLock {
 public:
  explicit TurnLock(TurnMutex& mutex) HASHGATE_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~TurnLock() HASHGATE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  TurnLock(const TurnLock&) = delete;
  TurnLock& operator=(const TurnLock&) = delete;

 private:
  TurnMutex& mutex_;
};

/// Waits with a deadline only; `Mutex` must be held by the caller.
class CondVar {
 public:
  /// False where the deadline passed. Spurious wake-ups happen: test the condition in a loop.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline) HASHGATE_REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline) == std::cv_status::no_timeout;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace hashgate
