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

/// The warmed single-threaded process that forks workers on request. Create it before the process has
/// threads.
class Spawner {
 public:
  /// Starts `binary` (hashgate-decoder). Errors: kDecoderUnavailable with what was tried.
  static Result<std::unique_ptr<Spawner>> Start(const std::string& binary);
  /// hashgate-decoder beside the running executable; HASHGATE_DECODER overrides it.
  static std::string DefaultBinary();
  virtual ~Spawner() = default;
};

struct PoolOptions {
  int workers = 2;               ///< processes; 1..64
  int images_per_worker = 1024;  ///< a worker is replaced after this many jobs
  Limits limits;
  LockLevel minimum_lock = LockLevel::kBasic;
  std::chrono::milliseconds job_timeout{
      10'000};  ///< wall-clock backstop of one job, under the caller's deadline
};

/// Counters since the start. Read by metrics.
struct PoolStats {
  std::uint64_t jobs = 0;
  std::uint64_t crashes = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t protocol_errors = 0;
  std::uint64_t retries = 0;  ///< jobs tried again in a fresh worker
  std::uint64_t started = 0;  ///< workers forked
  int workers_alive = 0;
  int workers_busy = 0;
  LockLevel lock = LockLevel::kNone;  ///< the least level of any live worker
};

/// Decodes and hashes uploads, abstract so that the scan pipeline is tested without processes.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Waits for a free worker and for its answer, both until `deadline`. A worker that dies is replaced and
  /// its image tried once more in a fresh one; a second death is the result DECODER_CRASHED. An unsupported
  /// format is a result, not an error. `cancelled` (may be empty) is polled about every 50 ms. Errors:
  /// kDeadlineExceeded (the worker was killed), kCancelled, kDecoderUnavailable, kDecoderProtocol never
  /// leaves (it counts as a crash). Threads: thread-safe; blocks. The upload's bytes are wiped from shared
  /// memory.
  virtual Result<DecodeResult> Decode(ByteSpan upload, Format format, const Wanted& wanted,
                                      SteadyTime deadline, const std::function<bool()>& cancelled) = 0;
  [[nodiscard]] virtual PoolStats Stats() const = 0;
};

/// A Decoder over real workers. Errors: kDecoderUnavailable, and the lock level reached where it is too low.
Result<std::unique_ptr<Decoder>> StartDecoderPool(std::unique_ptr<Spawner> spawner, PoolOptions options);

}  // namespace hashgate::decode
