// Request ids: the same id with the same bytes has its effects once; with other bytes it is refused.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "store/store.h"

namespace hashgate::scan {

/// What is remembered of an answered request.
struct RememberedAnswer {
  Verdict verdict = Verdict::kUnspecified;  ///< the strictest so far
  HarmClass harm_class = HarmClass::kUnspecified;
  std::string rule_id;
};

struct IdempotencyOptions {
  std::chrono::hours keep{24};
  std::size_t max_records = 1'000'000;  ///< the oldest go first
  /// Calls that wait for another with the same id, at most: each holds a thread. The next is not made to
  /// wait.
  int max_waiting = 1;
};

/// What a request id belongs to. Two ids are the same only where all of it is.
struct RequestKey {
  std::string tenant;
  std::string caller;
  std::string request_id;
  int file = -1;  ///< index of the file in a call with several; -1 for a call with one
};

/// Remembers requests durably, for a bounded time and number. Threads: thread-safe.
class IdempotencyTable {
 public:
  /// Counts what the store remembers. `key` is the store's secret: neither ids nor digests are stored
  /// plainly. Errors: the store's.
  static Result<std::unique_ptr<IdempotencyTable>> Open(store::Store& store,
                                                        std::span<const std::uint8_t> key, const Clock& clock,
                                                        IdempotencyOptions options);
  virtual ~IdempotencyTable() = default;

  /// Holds the request ids of one call while it is worked on: one, or one for each of its files, in their
  /// order. They are free again once the ticket is gone.
  class Ticket {
   public:
    virtual ~Ticket() = default;
    /// Whether these bytes were seen under each id before, and with which verdict. `content_digests` has one
    /// for each id. Errors: kRequestIdReused where one was used with other bytes; the store's.
    virtual Result<std::vector<std::optional<RememberedAnswer>>> SeenEach(
        std::span<const ByteSpan> content_digests) = 0;
    /// Remembers the answers durably, in one write; a laxer verdict never replaces a stricter one. Ids
    /// without an answer stay as they are. REQUIRES: SeenEach succeeded. Errors: the store's; then none is
    /// remembered.
    virtual Status RememberEach(std::span<const ByteSpan> content_digests,
                                std::span<const std::optional<RememberedAnswer>> answers) = 0;
  };

  /// Takes the ids, which differ, waiting for other calls that have one of them, until `deadline` or until
  /// `cancelled` (may be empty). Calls with ids in common name them in the same order. Errors:
  /// kDeadlineExceeded, also where too many wait already; kCancelled. Then none is taken.
  virtual Result<std::unique_ptr<Ticket>> Take(std::span<const RequestKey> keys, SteadyTime deadline,
                                               const std::function<bool()>& cancelled) = 0;

  /// The answer that is remembered for the id, whatever its content was. Errors: the store's.
  virtual Result<std::optional<RememberedAnswer>> Peek(const RequestKey& key) const = 0;

  /// Makes answers laxer whose verdicts are reversed. Holds the ids that it took until it is gone: keep it
  /// until the batch is written. Threads: confined; it never waits for a call.
  class Relaxing {
   public:
    virtual ~Relaxing() = default;
    /// Adds to `batch` what makes the answer that is remembered for the id no stricter than `verdict`, where
    /// it is. `keep_class`: what is left of the answer still is of its class. False where a call works on the
    /// id; then nothing was added. Errors: the store's.
    virtual Result<bool> Relax(const RequestKey& key, Verdict verdict, bool keep_class,
                               store::Batch& batch) = 0;
  };
  virtual std::unique_ptr<Relaxing> StartRelaxing() = 0;

  /// Forgets what is older than it may be, or beyond the bound. Errors: the store's.
  virtual Status Prune() = 0;
  [[nodiscard]] virtual std::size_t Count() const = 0;
};

}  // namespace hashgate::scan
