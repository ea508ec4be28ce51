// The server's side of decoding: a spawner process started before the first thread, and a pool of locked
// workers forked from it. Nothing that parses an upload runs in this process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "decode/record.h"
#include "hashgate/error.h"

namespace hashgate::decode {

/// How far a worker locked itself in; the levels add up. A worker that does not reach `minimum_lock` is not
/// used.
enum class LockLevel : std::uint8_t {
  kNone = 0,
  kBasic = 1,     ///< no-new-privs, rlimits and a seccomp filter
  kLandlock = 2,  ///< also Landlock without rules
};
std::string_view LockLevelName(LockLevel level);

/// The warmed single-threaded process that forks workers on request. Creating it before the process has
/// threads keeps start-up simple; a pool that loses its spawner starts another, which is safe with threads
/// because it is executed, not forked from this process's memory.
class Spawner {
 public:
  /// Starts `binary` (hashgate-decoder) and waits until it is warm, 10 s at most. Creates no thread. The
  /// child gets no descriptor and no environment of this process but standard error. Errors:
  /// kDecoderUnavailable with what was tried.
  static Result<std::unique_ptr<Spawner>> Start(const std::string& binary);
  /// hashgate-decoder beside the running executable; HASHGATE_DECODER overrides it.
  static std::string DefaultBinary();
  virtual ~Spawner() = default;
};

struct PoolOptions {
  int workers = 2;               ///< processes; 1..64
  int images_per_worker = 1024;  ///< a worker is replaced after this many jobs; at least 1
  Limits limits;
  LockLevel minimum_lock = LockLevel::kBasic;
  std::chrono::milliseconds job_timeout{
      10'000};  ///< wall-clock backstop of one job, under the caller's deadline
};

/// Counters since the start. Read by metrics.
struct PoolStats {
  std::uint64_t jobs = 0;             ///< handed to a worker, second tries not counted
  std::uint64_t crashes = 0;          ///< workers that died with a job
  std::uint64_t timeouts = 0;         ///< workers killed at a deadline
  std::uint64_t cancelled = 0;        ///< workers killed because the caller went away
  std::uint64_t protocol_errors = 0;  ///< workers killed for an answer that did not pass its checks
  std::uint64_t retries = 0;          ///< jobs tried again in a fresh worker
  std::uint64_t started = 0;          ///< workers forked
  std::uint64_t recycled = 0;         ///< workers replaced in good order, see StartDecoderPool
  std::uint64_t spawner_starts = 0;   ///< spawners started beyond the first
  int workers_alive = 0;
  int workers_busy = 0;
  LockLevel lock = LockLevel::kNone;  ///< the least level of any live worker
};

/// Decodes and hashes uploads, abstract so that the scan pipeline is tested without processes.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Waits for a free worker and for its answer, both until `deadline`. A worker that dies or answers
  /// nonsense is replaced and its image tried once more in a fresh one; the second time the result is
  /// DECODER_CRASHED. What needs no worker is answered without one: EMPTY, TOO_LARGE, and for formats that
  /// are not decoded UNSUPPORTED_FORMAT, or NOT_AN_IMAGE where `format` is video, audio, archive, document or
  /// text. `cancelled` (may be empty) is called about every 50 ms and must not block. Errors:
  /// kDeadlineExceeded (by the caller's deadline or the pool's job_timeout; a worker at work was killed),
  /// kCancelled (likewise), kDecoderUnavailable (no worker could be had before the deadline). Threads:
  /// thread-safe; blocks. The upload's bytes are wiped from shared memory before this returns.
  virtual Result<DecodeResult> Decode(ByteSpan upload, Format format, const Wanted& wanted,
                                      SteadyTime deadline, const std::function<bool()>& cancelled) = 0;
  [[nodiscard]] virtual PoolStats Stats() const = 0;
};

/// A Decoder over real workers; all of them run when this returns. It has one thread that replaces workers
/// (and the spawner, should it die). A worker is replaced after `images_per_worker` jobs, after an upload so
/// large that its shared memory would stay big (8 MiB; so a pool holds at most workers * 8 MiB between jobs),
/// after TOO_COSTLY, and when it comes near its life's processor time. Workers that fail to start, or die
/// without a job, are replaced with a back-off of up to 1 s; workers that an upload killed are replaced at
/// once, else one hostile upload would hold up everyone's. No Decode call may be running when the pool is
/// destroyed. Errors: kDecoderUnavailable, naming the lock level reached where that is too low;
/// kConfigInvalid.
Result<std::unique_ptr<Decoder>> StartDecoderPool(std::unique_ptr<Spawner> spawner, PoolOptions options);

}  // namespace hashgate::decode
