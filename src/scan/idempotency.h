// Request ids: the same id with the same bytes has its effects once; with other bytes it is refused.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "hashgate/error.h"
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

  /// Holds a request id while its call is worked on. The id is free again once the ticket is gone.
  class Ticket {
   public:
    virtual ~Ticket() = default;
    /// Whether these bytes were seen under this id before, and with which verdict. Errors: kRequestIdReused
    /// where it was used with other bytes; the store's.
    virtual Result<std::optional<RememberedAnswer>> Seen(std::span<const std::uint8_t> content_digest) = 0;
    /// Remembers the answer durably; a laxer verdict never replaces a stricter one. Errors: the store's.
    virtual Status Remember(std::span<const std::uint8_t> content_digest, const RememberedAnswer& answer) = 0;
  };

  /// Takes the id, waiting for another call that has it, until `deadline` or until `cancelled` (may be
  /// empty). Errors: kDeadlineExceeded, also where too many wait already; kCancelled.
  virtual Result<std::unique_ptr<Ticket>> Take(const RequestKey& key, SteadyTime deadline,
                                               const std::function<bool()>& cancelled) = 0;

  /// The answer that is remembered for the id, whatever its content was. Errors: the store's.
  virtual Result<std::optional<RememberedAnswer>> Peek(const RequestKey& key) const = 0;

  /// Forgets what is older than it may be, or beyond the bound. Errors: the store's.
  virtual Status Prune() = 0;
  [[nodiscard]] virtual std::size_t Count() const = 0;
};

}  // namespace hashgate::scan
