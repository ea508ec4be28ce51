// The record of verdicts by the entries that led to them: written before an answer leaves, read by undo.
#pragma once

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
#include "casework/verdicts/verdict_record.h"
#include "hashgate/error.h"
#include "obs/metrics.h"
#include "scan/verdict_recorder.h"
#include "store/store.h"

namespace hashgate::casework {

struct VerdictLogOptions {
  std::chrono::hours keep{24 * 400};
  std::size_t max_waiting = 1'024;            ///< answers whose records wait to be written
  std::chrono::milliseconds max_wait{5'000};  ///< of an answer without a deadline
  const Clock* clock = &Clock::System();
  obs::Metrics* metrics = nullptr;  ///< may be null
};

/// Records of answers that wait are written together, by a thread of the log's own: one synced write for as
/// many as came during the last one. An answer waits for its record at most until its deadline; then the
/// record is written all the same. What the store refuses is counted and logged, and its answer leaves. A
/// stored record that cannot be read is logged, and a later answer to its request gets a record of its own.
/// Threads: thread-safe.
class VerdictLog : public scan::VerdictRecorder {
 public:
  /// `store_key` is the store's secret: request ids do not stand in keys. Errors: the store's.
  static Result<std::unique_ptr<VerdictLog>> Open(store::Store& store,
                                                  std::span<const std::uint8_t> store_key,
                                                  const VerdictLogOptions& options);
  /// Writes what waits.
  ~VerdictLog() override = default;

  /// Records that are asked for. Ones that are gone are left out; ones that are damaged are counted and
  /// logged.
  struct Found {
    std::vector<VerdictRecord> records;
    std::uint64_t damaged = 0;
  };
  struct Page : Found {
    std::optional<VerdictId> last;  ///< that was looked at; empty at the end
  };
  /// Verdicts of an entry, by tenant and oldest first, at most `max`, those after `after`. Errors: the
  /// store's, kSchemaTooNew.
  [[nodiscard]] virtual Result<Page> OfEntry(const EntryRef& entry, const std::optional<VerdictId>& after,
                                             std::size_t max) const = 0;

  /// Those of them that are there, in their order. Errors: as OfEntry.
  [[nodiscard]] virtual Result<Found> Get(std::span<const VerdictId> ids) const = 0;

  /// Runs `work`, which may read and write records, while nobody else writes any. Answers wait meanwhile: be
  /// quick.
  virtual Status Alone(const std::function<Status()>& work) = 0;

  /// Lists of that name that some record names, in the order in which they were made.
  [[nodiscard]] virtual std::vector<lists::ListId> ListsNamed(std::string_view name) const = 0;

  /// Removes records that are too old; some thousands at most, so call it now and then: each call goes on
  /// where the last one ended, with any number of tenants. Errors: the store's.
  virtual Status Prune() = 0;
};

}  // namespace hashgate::casework
