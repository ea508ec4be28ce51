// The server's side of decoding: a spawner process started before the first thread, and a pool of locked
// workers forked from it. Nothing that parses an upload runs in this process.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "decode/plugin_setup.h"
#include "decode/record.h"
#include "decode/worker_class.h"
#include "hashgate/error.h"

namespace hashgate::decode {

/// How far a worker locked itself in; the levels add up (lock.h). A worker that does not reach `minimum_lock`
/// is not used.
enum class LockLevel : std::uint8_t {
  kNone = 0,
  kBasic = 1,       ///< no-new-privs, rlimits and a seccomp filter
  kLandlock = 2,    ///< also Landlock without rules
  kNamespaces = 3,  ///< also network, IPC and host-name namespaces of its own
};
std::string_view LockLevelName(LockLevel level);

/// An algorithm that a plug-in makes vectors of in the workers, and what makes them. Those of img_hash every
/// worker makes.
struct VectorMaker {
  Algorithm algorithm = Algorithm::kUnspecified;
  std::string name;     ///< of the plug-in, printable
  std::string version;  ///< likewise

  bool operator==(const VectorMaker&) const = default;
};

/// The warmed single-threaded process that forks workers on request. Creating it before the process has
/// threads keeps start-up simple; a pool that loses its spawner starts another, which is safe with threads
/// because it is executed, not forked from this process's memory.
class Spawner {
 public:
  /// Starts `binary` (hashgate-decoder) and waits until it is warm, 10 s at most. Creates no thread. The
  /// child gets no descriptor and no environment of this process but standard error. It loads `plugins`.
  /// Errors: kDecoderUnavailable with what was tried.
  static Result<std::unique_ptr<Spawner>> Start(const std::string& binary,
                                                std::span<const PluginSetup> plugins = {});
  /// The spawners of `core_binary` and of those of `others` whose binary lies beside it; an absent binary is
  /// a class that was not built. The core class comes first. Errors: as Start's.
  static Result<std::vector<std::unique_ptr<Spawner>>> StartClasses(
      const std::string& core_binary, std::span<const WorkerClass> others,
      std::span<const PluginSetup> plugins = {});
  /// hashgate-decoder beside the running executable; HASHGATE_DECODER overrides it.
  static std::string DefaultBinary();
  /// Which codecs its workers have, as it says itself.
  [[nodiscard]] virtual WorkerClass worker_class() const = 0;
  /// The plug-ins that it has loaded.
  [[nodiscard]] virtual std::span<const VectorMaker> vector_makers() const = 0;
  virtual ~Spawner() = default;
};

/// Why a worker was replaced.
enum class Restart : std::uint8_t {
  kImages,         ///< it had served its share of jobs
  kOutcome,        ///< its last answer was anything but a whole picture
  kMemory,         ///< an upload was so large that its shared memory would stay big
  kAge,            ///< it had lived its time
  kProcessorTime,  ///< it came near its life's processor time
  kCrash,          ///< it died with an upload
  kProtocol,       ///< its answer did not pass the checks
  kTimeout,        ///< it was killed at a deadline
  kCancelled,      ///< it was killed because the caller went away
  kLost,           ///< it died, or spoke, without a job
};
inline constexpr std::size_t kRestarts = 10;
/// For metrics: "images", "outcome", "memory", "age", "processor_time", "crash", "protocol", "timeout",
/// "cancelled", "lost".
std::string_view RestartName(Restart reason);

struct PoolOptions {
  int workers = 2;  ///< processes; 1..64
  /// A worker is replaced after this many jobs; at least 1. 1 gives every upload a process of its own: no
  /// upload then meets memory that another one's codec wrote.
  int images_per_worker = 64;
  std::chrono::milliseconds max_worker_age{600'000};  ///< an idle worker this old is replaced; at least 1 ms
  Limits limits;
  LockLevel minimum_lock = LockLevel::kBasic;
  std::chrono::milliseconds job_timeout{
      10'000};                            ///< wall-clock backstop of one job, under the caller's deadline
  const Clock* clock = &Clock::System();  ///< tells workers' age; outlives the pool
};

/// One class's workers.
struct ClassStats {
  WorkerClass worker_class = WorkerClass::kCore;
  int workers = 0;  ///< as configured
  int workers_alive = 0;
  int workers_busy = 0;
  LockLevel lock = LockLevel::kNone;  ///< the least of any live worker; while there is none, of the last one
  int landlock_abi = 0;               ///< of the worker that started last; 0: none
  bool in_namespaces = false;         ///< of the worker that started last
  std::array<std::uint64_t, kRestarts> restarts{};  ///< by Restart
  std::uint64_t start_failures = 0;                 ///< workers that could not be started or locked
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
  std::uint64_t recycled = 0;         ///< workers replaced in good order: images to processor time
  std::uint64_t spawner_starts = 0;   ///< spawners started beyond the first
  int workers_alive = 0;
  int workers_busy = 0;
  LockLevel lock = LockLevel::kNone;  ///< the least of any live worker; while there is none, of the last one
  std::vector<ClassStats> classes;    ///< one for each class that is there, the core class first
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
  /// What Wanted::vectors may ask for besides img_hash: the same as long as it lives. All classes have the
  /// same.
  [[nodiscard]] virtual std::span<const VectorMaker> vector_makers() const { return {}; }
};

/// A Decoder over real workers; all of them run when this returns. It has one thread that replaces workers
/// (and the spawner, should it die). A worker is replaced after `images_per_worker` jobs, after any answer
/// but a whole picture, after an upload so large that its shared memory would stay big (8 MiB; so a pool
/// holds at most workers * 8 MiB between jobs), when it has lived for `max_worker_age`, and when it comes
/// near its life's processor time. Workers that fail to start, or die without a job, are replaced with a
/// back-off of up to 1 s; workers that an upload killed are replaced at once, else one hostile upload would
/// hold up everyone's: each such restart takes an upload, of which none is tried more than twice. No Decode
/// call may be running when the pool is destroyed. Errors: kDecoderUnavailable, naming the lock level reached
/// where that is too low; kConfigInvalid.
Result<std::unique_ptr<Decoder>> StartDecoderPool(std::unique_ptr<Spawner> spawner, PoolOptions options);

/// The workers of one class.
struct ClassPool {
  std::unique_ptr<Spawner> spawner;
  PoolOptions options;
};

/// A Decoder that gives each upload to the pool of its format's class; formats whose class is not there are
/// UNSUPPORTED_FORMAT. Classes share nothing: uploads of one cannot use up another's workers. `pools` has at
/// least the core class. Errors: as StartDecoderPool's.
Result<std::unique_ptr<Decoder>> StartDecoder(std::vector<ClassPool> pools);

}  // namespace hashgate::decode
