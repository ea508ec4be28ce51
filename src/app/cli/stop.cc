#include "app/cli/stop.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace hashgate::cli {
namespace {

// The writing end for the signal handler; -1 outside of a SignalWatch.
std::atomic<int> g_signal_pipe = -1;
static_assert(std::atomic<int>::is_always_lock_free);

constexpr char kEnd = 0;
// `timeout` and some supervisors send one signal twice, to the process and to its group: that is one wish.
constexpr std::chrono::milliseconds kSameWish{500};

extern "C" void OnSignal(int number) {
  const int saved = errno;
  const char byte = static_cast<char>(number);
  const ssize_t ignored = ::write(g_signal_pipe.load(), &byte, 1);
  static_cast<void>(ignored);
  errno = saved;
}

void Watch(Stop& stop, int pipe) {
  std::chrono::steady_clock::time_point first{};
  while (true) {
    char byte = kEnd;
    const ssize_t count = ::read(pipe, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count != 1 || byte == kEnd) return;
    const auto now = std::chrono::steady_clock::now();
    if (!stop.requested()) {
      first = now;
      stop.Request();
    } else if (now - first > kSameWish) {
      std::signal(byte, SIG_DFL);
      std::raise(byte);
    }
  }
}

}  // namespace

void Stop::Request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  changed_.notify_all();
  const std::lock_guard lock(handler_mutex_);
  if (handler_) handler_();
}

bool Stop::SleepFor(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, duration, [this] { return requested(); });
}

void Stop::SetHandler(std::function<void()> handler) {
  const std::lock_guard lock(handler_mutex_);
  handler_ = std::move(handler);
  if (handler_ && requested()) handler_();
}

SignalWatch::SignalWatch(Stop& stop) {
  if (::pipe2(pipe_, O_CLOEXEC) != 0) return;
  g_signal_pipe = pipe_[1];
  thread_ = std::thread([&stop, fd = pipe_[0]] { Watch(stop, fd); });
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  g_signal_pipe = -1;
  const char byte = kEnd;
  const ssize_t ignored = ::write(pipe_[1], &byte, 1);
  static_cast<void>(ignored);
  thread_.join();
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

}  // namespace hashgate::cli
