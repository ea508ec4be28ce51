// Says when a stream has been silent for too long.
#pragma once

#include <grpcpp/alarm.h>

#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace hashgate::rpc {

/// Calls back, on a thread of gRPC, when Restart was not called for as long as it said. The callback says
/// whether that was the end; else the timer goes on as if restarted. It may end its call; it must neither
/// destroy the timer nor call it. Threads: thread-safe.
class StreamTimer {
 public:
  explicit StreamTimer(std::function<bool()> on_silence) : state_(std::make_shared<State>()) {
    state_->on_silence = std::move(on_silence);
  }
  /// Waits for a callback that runs.
  ~StreamTimer() { Stop(); }
  StreamTimer(const StreamTimer&) = delete;
  StreamTimer& operator=(const StreamTimer&) = delete;

  /// The stream is not silent: it may be so from now on for `longest`.
  void Restart(std::chrono::milliseconds longest) {
    const MutexLock lock(state_->mutex);
    state_->longest = longest;
    state_->due = std::chrono::steady_clock::now() + longest;
    if (state_->over) return;
    if (!state_->armed) return Arm(state_);
    // An alarm that is cancelled fires, and is set anew then.
    if (state_->due < state_->fires) state_->alarm->Cancel();
  }
  /// Silence is as it should be until the next Restart.
  void Pause() {
    const MutexLock lock(state_->mutex);
    state_->due = SteadyTime::max();
  }
  /// It will not call back any more.
  void Stop() {
    const MutexLock lock(state_->mutex);
    state_->over = true;
    if (state_->alarm) state_->alarm->Cancel();
  }

 private:
  // Outlives the timer while an alarm is set: gRPC calls back for a cancelled one too.
  struct State {
    Mutex mutex;
    std::function<bool()> on_silence;
    std::chrono::milliseconds longest{};
    SteadyTime due = SteadyTime::max();
    SteadyTime fires{};  // the alarm, where armed
    bool armed = false;
    bool over = false;
    // An alarm cannot be set again, nor destroyed, in its own callback: the last one is kept beside.
    std::unique_ptr<grpc::Alarm> alarm;
    std::unique_ptr<grpc::Alarm> fired;
  };

  static void Arm(const std::shared_ptr<State>& state) {
    state->armed = true;
    state->fires = state->due;
    state->fired = std::move(state->alarm);
    state->alarm = std::make_unique<grpc::Alarm>();
    const auto left = state->due - std::chrono::steady_clock::now();
    state->alarm->Set(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::system_clock::duration>(left),
                      // gRPC keeps the function as long as the alarm: it must not keep the alarm's owner.
                      [owner = state](bool) mutable { OnAlarm(std::exchange(owner, nullptr)); });
  }

  static void OnAlarm(const std::shared_ptr<State>& state) {
    const MutexLock lock(state->mutex);
    state->armed = false;
    if (state->over || state->due == SteadyTime::max()) return;
    if (std::chrono::steady_clock::now() < state->due) return Arm(state);
    // Under the mutex, so that Stop waits for it. gRPC ends calls on other threads than those that ask.
    state->over = state->on_silence();
    if (state->over) return;
    state->due = std::chrono::steady_clock::now() + state->longest;
    Arm(state);
  }

  std::shared_ptr<State> state_;
};

}  // namespace hashgate::rpc
