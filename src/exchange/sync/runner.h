// Runs the syncs of all configured exchanges: each on a thread of its own, at its interval and when asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "exchange/sync/client.h"
#include "exchange/sync/exchange_state.h"
#include "exchange/sync/gates.h"
#include "exchange/sync/syncer.h"

namespace hashgate::exchange {

/// For a sync, or for a person who waits for one answer.
enum class Patience : std::uint8_t { kSync, kTest };

/// What the configuration says of an exchange.
struct ExchangeSettings {
  std::string name;  ///< as lists are named
  std::string kind;  ///< "ncmec" ...
  std::string list;  ///< that it feeds
  std::string base_url;
  /// Kind, server, and which of its entries: where it changes, all is read again from the beginning.
  std::string source;
  bool production = false;    ///< the programme's real service, and not its test environment
  bool feedback = false;      ///< the source is told of opinions of its entries
  bool allow_export = false;  ///< the source's terms permit handing its list on
  std::chrono::seconds interval{3'600};
  /// Without a success for so long the list is stale.
  std::chrono::seconds stale_after{86'400};
  GateLimits gates;
  /// Makes a client, with credentials read anew: for a sync, or for a person who waits for one answer.
  /// Errors: kConfigInvalid, kFileUnreadable.
  std::function<Result<std::unique_ptr<ExchangeClient>>(Patience)> make_client;
};

enum class ExchangeHealth : std::uint8_t {
  kNew = 0,      ///< has not synced yet
  kWell = 1,     ///< the last sync reached the end
  kFailing = 2,  ///< the last sync did not
  kHeld = 3,     ///< a gate is closed, until a person opens it or the source mends its list
};

struct ExchangeStatus {
  const ExchangeSettings* settings = nullptr;
  ExchangeHealth health = ExchangeHealth::kNew;
  bool stale = false;
  std::string sentence;  ///< what is wrong and since when, or how well it goes; for a person
  StoredExchange stored;
  std::optional<SyncProgress> syncing;  ///< of the sync under way
  std::uint64_t syncs_ended = 0;        ///< since the process began
  WallTime next_sync{};
};

struct RunnerOptions {
  const Clock* clock = &Clock::System();
  std::chrono::seconds first_retry{30};  ///< after a failure, doubled with each up to the interval
  std::chrono::hours override_lasts{24};
  /// Hears of each sync that ended. Called on the exchange's thread; may be empty.
  std::function<void(const ExchangeSettings&, const SyncRecord&)> on_end;
  /// Keeps what a person says of a gate, before it counts: where that fails the gate stays closed. Called on
  /// the thread of OverrideGate(), which holds up the exchange meanwhile; may be empty.
  std::function<Status(const ExchangeSettings&, const GateOverride&)> on_override;
};

/// Threads: thread-safe.
class ExchangeRunner {
 public:
  /// Starts all of them; a first sync comes at once. `catalog` outlives it. The destructor ends syncs under
  /// way.
  static std::unique_ptr<ExchangeRunner> Start(lists::Catalog& catalog,
                                               std::vector<ExchangeSettings> settings, RunnerOptions options);
  virtual ~ExchangeRunner() = default;

  /// Ends syncs under way and begins no more; what they came to can still be asked.
  virtual void Stop() = 0;

  /// In the order of the configuration. Errors: the store's.
  virtual Result<std::vector<ExchangeStatus>> All() const = 0;
  /// Errors: kExchangeNotFound, the store's.
  virtual Result<ExchangeStatus> Get(std::string_view name) const = 0;
  /// Has it synced soon; a sync under way is joined, unless all is to be read again `from_the_beginning`. The
  /// value of `syncs_ended` from which on that is done. Errors: kExchangeNotFound.
  virtual Result<std::uint64_t> RequestSync(std::string_view name, bool from_the_beginning) = 0;
  /// Asks the source who we are, beside any sync. Blocks. Errors: kExchangeNotFound and the client's.
  virtual Result<std::string> Test(std::string_view name, const std::stop_token& stop) = 0;
  /// Opens a gate for the next sync that needs it. Errors: kExchangeNotFound, kRequestInvalid, kStoreBusy
  /// while a sync is under way, the store's and those of `on_override`.
  virtual Status OverrideGate(std::string_view name, Gate gate, std::string_view author,
                              std::string_view reason) = 0;
  /// Has the exchange that feeds the list tell its source soon what was said of the list's entries. Nothing
  /// where none does, or it does not give feedback.
  virtual void SendFeedbackSoon(std::string_view list) = 0;
  /// Whether the list is fed by an exchange that is stale.
  [[nodiscard]] virtual bool IsStale(std::string_view list) const = 0;
  /// The exchange that feeds the list; null: none.
  [[nodiscard]] virtual const ExchangeSettings* FeederOf(std::string_view list) const = 0;
};

}  // namespace hashgate::exchange
