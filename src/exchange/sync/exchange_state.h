// What the store keeps of an exchange: how far it has come and how it went. src/exchange/FORMAT.md gives the
// bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "exchange/sync/gates.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// How a sync ended. Values reach disk and wire: never renumber.
enum class SyncOutcome : std::uint8_t { kUnspecified = 0, kDone = 1, kFailed = 2, kHeld = 3, kCancelled = 4 };
/// "done", "failed", "held", "cancelled"; "unspecified" for zero.
std::string_view SyncOutcomeName(SyncOutcome outcome);

/// One sync, for people.
struct SyncRecord {
  WallTime began{};
  WallTime ended{};
  SyncOutcome outcome = SyncOutcome::kUnspecified;
  std::int64_t generation = 0;               ///< that holds what it changed last; 0 where it changed nothing
  SyncCounts counts;                         ///< of what came into force
  std::string detail;                        ///< of a failure or a closed gate: a sentence; else empty
  std::chrono::milliseconds retry_after{0};  ///< the source asked not to be asked before; not stored
  bool refused = false;                      ///< our credentials were, or could not be read; not stored
  std::string overridden;                    ///< "GATE by AUTHOR: REASON" for each gate that a person opened
};

/// A person's word that a gate may be passed once.
struct GateOverride {
  Gate gate = Gate::kGrowth;
  std::string author;       ///< 1..128 bytes
  std::string reason;       ///< 1..1,024 bytes
  std::uint64_t up_to = 0;  ///< the count that it lets pass, a tenth more than what was held
  WallTime made{};
  WallTime expires{};
};

/// Syncs kept of each exchange: the newest ones.
inline constexpr std::size_t kSyncsKept = 32;
inline constexpr std::size_t kMaxAuthorBytes = 128;
inline constexpr std::size_t kMaxOverrideReasonBytes = 1'024;

struct StoredExchange {
  std::string checkpoint;  ///< empty: nothing is in force yet
  /// The client's floor. It outlives checkpoints: neither a reading from the beginning nor another address,
  /// list or client takes it away, only another exchange name.
  std::string floor;
  /// What the checkpoint is good for: that source and no other, into that list and no other of its name.
  std::string source;
  lists::ListId list = 0;
  std::uint64_t records_seen = 0;  ///< numbers records through all deltas, for the quarantine
  /// Counts since the list was last whole, over all syncs: absent while it is. Gates ask these, so that
  /// neither a failure nor a hold in between lets anything past them.
  std::optional<SyncCounts> unfinished;
  bool whole_once = false;  ///< a sync has reached the end at least once
  WallTime last_success{};  ///< end of the last sync that reached the end; zero: none did
  WallTime first_began{};   ///< of the first sync into this list
  WallTime last_change{};   ///< of the list, by this exchange; zero: never
  // While it does not work; zero and empty while it does.
  WallTime failing_since{};
  std::uint32_t failures = 0;  ///< in a row
  std::string failure_reason;  ///< ReasonName
  std::string failure_detail;
  std::optional<Gate> held;      ///< the gate that the next delta does not pass
  std::uint64_t held_count = 0;  ///< what it counted
  std::vector<GateOverride> overrides;
  std::vector<SyncRecord> syncs;  ///< oldest first

  /// Takes a sync in, in place of what was said of the same one before.
  void Put(SyncRecord record);
  /// Ends a sync: well, held by `closed`, stopped (kCancelled), or failed. Fills in the record and takes it
  /// in.
  void End(SyncRecord& record, const Status& status, const std::optional<Closed>& closed, WallTime now);
};

std::string EncodeStoredExchange(const StoredExchange& state);
/// Errors: kStoreCorrupt, kSchemaTooNew.
Result<StoredExchange> DecodeStoredExchange(std::string_view bytes);

}  // namespace hashgate::exchange
