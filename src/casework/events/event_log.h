// The outbox of events: durable, numbered without gaps, bounded, and readable again from any number.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "casework/events/event.h"
#include "hashgate/error.h"
#include "obs/metrics.h"
#include "store/store.h"

namespace hashgate::casework {

struct EventLogOptions {
  std::chrono::hours keep{24 * 90};
  std::uint64_t max_events = 1'000'000;  ///< the oldest go first
  const Clock* clock = &Clock::System();
  obs::Metrics* metrics = nullptr;  ///< may be null
};

/// Which events can be read: [oldest, next). Equal: none.
struct EventRange {
  Sequence oldest = 1;
  Sequence next = 1;
};

/// Threads: thread-safe.
class EventLog {
 public:
  /// Errors: the store's.
  static Result<std::unique_ptr<EventLog>> Open(store::Store& store, const EventLogOptions& options);
  virtual ~EventLog() = default;

  /// Events that stand in a batch which is not written yet. Nobody else can append while one lives, so write
  /// the batch at once. Threads: confined to the thread that made it.
  class Pending {
   public:
    virtual ~Pending() = default;
    /// The batch is durable: readers see the events. Without this call they were never there.
    virtual void Written() = 0;
  };

  /// Gives the events their numbers and adds them to `batch`, so that they become durable with whatever else
  /// it holds or not at all. `event.time` is set here. Waits for others that append. Errors: kRequestInvalid
  /// where a text is over its bound; then the batch is as it was.
  virtual Result<std::unique_ptr<Pending>> AddTo(store::Batch& batch, std::span<const Event> events) = 0;

  /// The same as a batch of their own. Durable on return. Cost: one synced write. Errors: as AddTo, and the
  /// store's; then none of them is there.
  virtual Status Append(std::span<const Event> events) = 0;

  [[nodiscard]] virtual EventRange Range() const = 0;

  /// Events from `from` on, at most `max` of them; empty where `from` is the next one to be written. Errors:
  /// kRequestInvalid where it lies outside of Range() and is not its end; the store's.
  [[nodiscard]] virtual Result<std::vector<NumberedEvent>> Read(Sequence from, std::size_t max) const = 0;

  /// Has `ring` called after events were appended, on the thread that did and under a lock of the log: it
  /// must be quick and must not call the log. It is not called any more once the result is gone.
  class Listening {
   public:
    virtual ~Listening() = default;
  };
  virtual std::unique_ptr<Listening> Listen(std::function<void()> ring) = 0;

  /// Removes events that are too old, or too many; some thousands at most, so call it now and then. Errors:
  /// the store's.
  virtual Status Prune() = 0;
};

}  // namespace hashgate::casework
