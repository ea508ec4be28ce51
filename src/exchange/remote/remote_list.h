// A remote list: asked while a scan waits, never for longer than it can wait, and never in a way that fails
// the scan.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "exchange/remote/circuit_breaker.h"
#include "exchange/remote/remote_client.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "obs/metrics.h"

namespace hashgate::exchange {

/// What a remote list is to those who ask it.
struct RemoteListFacts {
  std::string name;
  std::string kind;
  Purpose purpose = Purpose::kCsam;
  Trust trust = Trust::kTrusted;
  Verdict action_ceiling = Verdict::kReview;
  int min_quality = kMinUsablePdqQuality;  ///< PDQ hashes of a lower known quality are not asked
};

struct RemoteListOptions {
  RemoteListFacts facts;
  /// Makes a client for each request that is in flight at once; asked again after one whose credentials were
  /// refused. Called by the list's own threads, several at a time.
  std::function<Result<std::unique_ptr<RemoteClient>>()> make_client;
  std::chrono::milliseconds timeout{
      400};                             ///< that a scan waits at most; a request that takes longer has failed
  std::size_t batch_hashes = 32;        ///< in one request, at least 1
  std::size_t cache_entries = 100'000;  ///< 0: none
  std::chrono::seconds cache_for{900};
  BreakerOptions breaker;
  int max_in_flight = 8;                  ///< requests, each with a thread; four times as many questions wait
  std::span<const std::uint8_t> key;      ///< the store's secret, for the cache
  obs::Metrics* metrics = nullptr;        ///< may be null; outlives the list
  const Clock* clock = &Clock::System();  ///< of deadlines, cache and breaker
};

/// Why a hash has no answer. In the order of what is said where hashes of one question have different ones.
enum class RemoteMiss : std::uint8_t {
  kNone = 0,     ///< every hash has one
  kTimeout,      ///< no answer by the deadline
  kError,        ///< no connection, refused credentials, or an answer that is not what was agreed
  kOverloaded,   ///< too many questions wait already
  kBreakerOpen,  ///< it failed before, or asked for a pause
  kCancelled,    ///< the caller went away
};
/// Values of the label `result`: "timeout", "error", "overloaded", "breaker_open", "cancelled"; "" for kNone.
std::string_view RemoteMissName(RemoteMiss miss);

struct RemoteAnswers {
  std::vector<std::optional<RemoteAnswer>> answers;  ///< in the order of the hashes
  RemoteMiss miss = RemoteMiss::kNone;               ///< of those without one
};

/// Hashes that are being asked. Threads: confined.
class RemoteQuestion {
 public:
  virtual ~RemoteQuestion() = default;
  /// Waits until all hashes have an answer or cannot have one, at most until the deadline. `cancelled` may be
  /// empty; it is asked every 20 ms. What comes later is remembered for the next who asks. Call once.
  virtual RemoteAnswers Wait(const std::function<bool()>& cancelled) = 0;
};

/// How it is with a remote list.
struct RemoteHealth {
  CircuitBreaker::State state = CircuitBreaker::State::kClosed;
  std::chrono::milliseconds open_for{0};  ///< from now on, where it is open
  std::optional<WallTime> last_answer;    ///< when the service answered last
  std::string last_error;                 ///< since then, a sentence; empty: none
  std::size_t cached = 0;                 ///< answers that are remembered
};

/// Threads: thread-safe. Its questions may outlive it.
class RemoteList {
 public:
  /// Starts its threads. Nothing is sent before the first question, and credentials are not read before that.
  static std::unique_ptr<RemoteList> Start(RemoteListOptions options);
  virtual ~RemoteList() = default;

  [[nodiscard]] virtual const RemoteListFacts& facts() const = 0;
  /// Begins to ask; does not block. `deadline` is by the list's clock. Every question has its first request
  /// before others have a second one. `background`: nobody waits for it, and it comes last; all but one of
  /// the requests in flight, and at least one, may be such. Cost: an HMAC a hash.
  virtual std::unique_ptr<RemoteQuestion> Ask(std::span<const PdqHash> hashes, SteadyTime deadline,
                                              bool background) = 0;
  [[nodiscard]] virtual RemoteHealth Health() const = 0;
};

}  // namespace hashgate::exchange
