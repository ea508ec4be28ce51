// System calls that fail on request, whoever makes them: this process's threads, or processes below it. The
// kernel asks for each call that a thread under a seccomp filter makes (seccomp_unotify), so nothing is left
// out, be it deep in a library or before main of a program that was started.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace hashgate::testing {

/// Runs a function on a thread of its own whose calls, and those of every thread and process that it starts,
/// can be made to fail. Calls that cannot fail in ordinary life (exit, futex, munmap, close) are left alone.
/// Threads: Arm and Disarm from the function's thread.
class FailingCalls {
 public:
  enum class Who : std::uint8_t { kThisProcess, kOthers };
  enum class How : std::uint8_t {
    kHard,        ///< out of memory, out of descriptors, input or output error, as fits the call
    kInterrupted  ///< EINTR, where the call can give it; other calls are not counted
  };

  /// Returns when `body` has. False where the kernel does not let a process be supervised: then `body` did
  /// not run.
  bool Run(const std::function<void()>& body);

  /// From now on counts the calls of `who`, and fails the nth, from 1.
  void Arm(Who who, How how, std::uint64_t nth);
  /// Stops counting. True where a call was failed.
  bool Disarm();
  /// Number of the system call that was failed last.
  [[nodiscard]] int last() const { return last_; }

 private:
  void Supervise(int listener);
  int Judge(std::uint32_t thread, int number);

  std::atomic<bool> stop_ = false;
  std::atomic<bool> armed_ = false;
  std::atomic<bool> fired_ = false;
  std::atomic<Who> who_ = Who::kThisProcess;
  std::atomic<How> how_ = How::kHard;
  std::atomic<std::uint64_t> left_ = 0;
  std::atomic<int> last_ = -1;
};

}  // namespace hashgate::testing
