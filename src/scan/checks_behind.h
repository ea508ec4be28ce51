// What is looked at after the answer: pictures of uploads that their digests alone decided.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "decode/record.h"
#include "obs/metrics.h"
#include "scan/scan_executor.h"
#include "scan/types.h"

namespace hashgate::scan {

/// The caller whose share of the server they take.
inline constexpr std::string_view kChecksBehindShare = "checks behind answers";

struct ChecksBehindOptions {
  std::size_t max_waiting = 64;                   ///< that wait or run
  std::size_t max_bytes = std::size_t{64} << 20;  ///< of uploads that these keep
  std::chrono::milliseconds max_wait{600'000};    ///< of one for its turn, with its upload's bytes in memory
  std::chrono::milliseconds max_time{10'000};     ///< of one, once it has begun
  decode::Limits decode_limits;                   ///< what its cost is estimated by
};

/// What the checks work with; everything outlives them, and the executor's threads end before they do.
struct ChecksBehindParts {
  ScanExecutor* executor = nullptr;
  obs::Metrics* metrics = nullptr;  ///< may be null
  /// Takes memory for bytes of uploads out of the server's bound, and gives it back. False: none is left.
  std::function<bool(std::size_t)> take_bytes;
  std::function<void(std::size_t)> give_bytes;
};

/// Runs checks in the background lane, as a caller of its own: they never come before uploads and have a
/// fair share beside other background work. Each keeps a copy of its upload until it is done; how many and
/// how many bytes is bounded. What has no room, waits too long or is left at the end is dropped and counted.
/// Threads: thread-safe.
class ChecksBehind {
 public:
  /// When a check must give up.
  struct Until {
    SteadyTime deadline;
    std::function<bool()> stopped;
  };
  struct Finding {
    bool compared = false;  ///< else there was nothing to compare
    StageTimings timings;   ///< for what it cost
  };
  using Check = std::function<Finding(ByteSpan content, const Until& until)>;

  ChecksBehind(ChecksBehindParts parts, const ChecksBehindOptions& options);
  ~ChecksBehind() = default;
  ChecksBehind(const ChecksBehind&) = delete;
  ChecksBehind& operator=(const ChecksBehind&) = delete;

  /// Copies `content` and has `check` run on it later, or drops it. Cost: the copy.
  void Add(ByteSpan content, Check check);
  /// Drops what waits, tells what runs to give up, and takes nothing more. Does not wait.
  void Stop();
  /// That wait or run.
  [[nodiscard]] std::size_t waiting() const;

 private:
  class Kept;

  bool Enter(std::size_t bytes);
  void Leave(std::size_t bytes);
  [[nodiscard]] bool stopped() const;
  Cost Run(Kept& kept, const Check& check);
  void Count(std::string_view result);
  bool Submit(ByteSpan content, Check check);

  const ChecksBehindParts parts_;
  const ChecksBehindOptions options_;
  mutable Mutex mutex_;
  std::size_t waiting_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::size_t bytes_ HASHGATE_GUARDED_BY(mutex_) = 0;
  bool stopped_ HASHGATE_GUARDED_BY(mutex_) = false;
};

}  // namespace hashgate::scan
