// The server's end of one worker: its job socket, its shared buffer and its life.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "decode/decoder_pool.h"
#include "decode/shared_buffer.h"
#include "decode/spawner.h"

namespace hashgate::decode {

/// How a job ended.
enum class JobEnd : std::uint8_t {
  kAnswered,   ///< `result` holds the checked answer
  kNotTaken,   ///< the worker was dead, or had spoken out of turn, before it got the job
  kDied,       ///< it ended without an answer
  kNonsense,   ///< its answer did not pass the checks
  kTimeout,    ///< the deadline passed
  kCancelled,  ///< the caller went away
};

struct JobOutcome {
  JobEnd end = JobEnd::kDied;
  DecodeResult result;
};

/// One worker. After any end but kAnswered it has been killed and must be dropped. Threads: confined;
/// HasDied may be called by another thread that keeps the object alive.
class WorkerProcess {
 public:
  /// Has `spawner` fork a worker and waits until it has locked itself; the spawner's first one has then also
  /// tried its plug-ins behind the lock. Errors: kDecoderUnavailable, also where the lock is below
  /// `options.minimum_lock`, and naming the plug-ins where the worker did not survive trying them.
  static Result<std::unique_ptr<WorkerProcess>> Start(SpawnerProcess& spawner, const PoolOptions& options,
                                                      SteadyTime deadline);
  /// Kills the process.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// REQUIRES: upload.size() <= limits.max_bytes. `cancelled` may be empty. The upload is wiped from shared
  /// memory before this returns; a worker that is to be killed is killed first.
  JobOutcome Run(ByteSpan upload, Format format, const Wanted& wanted, SteadyTime deadline,
                 const std::function<bool()>& cancelled);

  /// Why it should be replaced in good order, if it should.
  [[nodiscard]] std::optional<Restart> Spent() const;
  /// True where it has lived for `max_worker_age`.
  [[nodiscard]] bool IsOld() const { return clock_->Steady() - born_ >= max_age_; }
  [[nodiscard]] bool HasDied() const { return HasEnded(pidfd_); }
  [[nodiscard]] LockLevel lock() const { return lock_; }
  [[nodiscard]] int landlock_abi() const { return landlock_abi_; }
  [[nodiscard]] bool in_namespaces() const { return in_namespaces_; }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  WorkerProcess(const PoolOptions& options, SharedBuffer buffer, UniqueFd socket, SpawnedWorker process);
  /// `plugins` names those that are tried, and is empty where none are.
  Status AwaitHello(LockLevel minimum, const std::string& plugins, SteadyTime deadline);
  JobEnd AwaitReply(SteadyTime deadline, const std::function<bool()>& cancelled, std::size_t& length);

  const Limits limits_;
  const int images_;
  SharedBuffer buffer_;
  UniqueFd socket_;
  UniqueFd pidfd_;
  int pid_;
  const Clock* const clock_;
  const std::chrono::milliseconds max_age_;
  const SteadyTime born_;
  LockLevel lock_ = LockLevel::kNone;
  int landlock_abi_ = 0;
  bool in_namespaces_ = false;
  int jobs_ = 0;
  std::chrono::steady_clock::duration busy_{0};
  bool whole_ = true;                ///< its last answer was a whole picture
  std::vector<std::uint8_t> reply_;  ///< one byte more than the longest answer, so that longer ones show
};

}  // namespace hashgate::decode
