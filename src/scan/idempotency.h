// Request ids: the same id with the same bytes has its effects once; with other bytes it is refused.
#pragma once

#include <array>
#include <cstdint>
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

  /// Takes the id for (tenant, caller), waiting for another call that has it, until `deadline`.
  /// Errors: kDeadlineExceeded.
  virtual Result<std::unique_ptr<Ticket>> Take(std::string_view tenant, std::string_view caller,
                                               std::string_view request_id, SteadyTime deadline) = 0;

  /// Forgets what is older than it may be, or beyond the bound; at most some thousands a call. Errors: the
  /// store's.
  virtual Status Prune() = 0;
  [[nodiscard]] virtual std::size_t Count() const = 0;
};

}  // namespace hashgate::scan
