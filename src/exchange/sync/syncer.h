// Syncs one exchange: fetches what has changed, asks the gates, puts it in force with its checkpoint.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "exchange/sync/client.h"
#include "exchange/sync/exchange_state.h"
#include "exchange/sync/gates.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

struct SyncerOptions {
  std::string exchange;  ///< its name: the key of its state
  std::string list;      ///< must exist
  /// What is fetched, and from where: a checkpoint of another one is not gone on from.
  std::string source;
  GateLimits gates;
  const Clock* clock = &Clock::System();
};

/// How far a sync is; counts are of what came into force, and of what was fetched beyond it.
struct SyncProgress {
  SyncCounts counts;
  std::uint64_t fetched = 0;  ///< records of the delta that is being read
  std::int64_t generation = 0;
};

/// Puts each delta in force as one generation with its checkpoint, or not at all; scans go on as before
/// meanwhile. A failure, a closed gate or a crash at any point leaves the last delta in force, and the next
/// sync goes on from there. Threads: confined; one for each exchange.
class Syncer {
 public:
  /// What is pointed at outlives it.
  Syncer(lists::Catalog& catalog, ExchangeClient& client, SyncerOptions options);

  /// Fetches deltas until the source has nothing newer. `progress` (may be empty) is called now and then. The
  /// result is what became of it, stored too; errors are the store's where that could not be stored. Blocks
  /// for as long as it takes; ends soon after `stop`. `from_the_beginning`: all of the source's list is read
  /// again, in case something of it went missing.
  Result<SyncRecord> Sync(const std::stop_token& stop,
                          const std::function<void(const SyncProgress&)>& progress,
                          bool from_the_beginning = false);

 private:
  struct Run;

  Status SyncAll(Run& run);
  /// Takes over what the client has seen, if anything.
  void KeepFloor(StoredExchange& state) const;
  /// One delta. Without an error it is in force, or was abandoned and has to be begun anew.
  Status SyncDelta(Run& run);
  Result<std::unique_ptr<Delta>> BeginDelta(const Run& run);
  Result<std::unique_ptr<lists::Import>> StartImport(Run& run, bool whole);
  /// Whether what the delta's entries are of is what the list is of now.
  Status CheckPurpose(const Run& run) const;
  static Status Add(lists::Import& import, std::span<const lists::ImportRecord> records);
  /// Numbers the page's records, counts what gates ask of them, and takes out what would match harmless
  /// pictures.
  void LookAt(Run& run) const;
  Status PutInForce(Run& run, lists::Import& import);
  /// What is to be stored with the change. Errors: kGateClosed.
  Result<lists::ExchangeState> AskGates(Run& run, const lists::PlannedChange& change) const;
  /// Takes away the overrides without which the sync would not pass now.
  void UseOverrides(Run& run, const SyncCounts& counts, WallTime now) const;
  static void Tell(const Run& run);

  lists::Catalog& catalog_;
  ExchangeClient& client_;
  const SyncerOptions options_;
};

/// The stored state of an exchange; of one that has none yet a fresh one. Errors: the store's, kStoreCorrupt.
Result<StoredExchange> LoadStoredExchange(const lists::Catalog& catalog, std::string_view exchange);
Status SaveStoredExchange(lists::Catalog& catalog, std::string_view exchange, const StoredExchange& state);

}  // namespace hashgate::exchange
