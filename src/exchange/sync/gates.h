// What stands between a delta and its list: bounds on how much it may change, and on how much of it looks
// wrong. A delta that does not pass is held, and the list stays as it is until a person says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hashgate/error.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Names reach disk and wire: never renumber.
enum class Gate : std::uint8_t {
  kGrowth = 0,      ///< more new entries than the list usually gets
  kShrink = 1,      ///< more entries withdrawn, or with a hash less, than the list usually loses
  kMalformed = 2,   ///< too many records or values that cannot be read
  kBenign = 3,      ///< entries that match pictures known to be harmless
  kDegenerate = 4,  ///< too many PDQ hashes that say little about their picture
};
inline constexpr int kGateCount = 5;
/// "growth", "shrink", "malformed", "benign", "degenerate".
std::string_view GateName(Gate gate);
/// Inverse of GateName. Errors: kRequestInvalid listing the names.
Result<Gate> ParseGate(std::string_view name);

/// Shares are of the list's entries (growth, shrink) or of the sync's records (all others). A gate is closed
/// only where its count also passes the floor, so that small lists can live.
struct GateLimits {
  struct Limit {
    double percent = 0;
    std::uint64_t floor = 0;
  };
  std::array<Limit, kGateCount> limits = {{{50, 10'000}, {5, 100}, {5, 20}, {0, 5}, {20, 100}}};
  /// New entries before the list was whole once, when its size says nothing: what growth then asks.
  std::uint64_t first_entries = 20'000'000;

  [[nodiscard]] const Limit& Of(Gate gate) const { return limits[static_cast<std::size_t>(gate)]; }
};

/// Counts of one sync, over all its deltas so far: cutting a change into parts must not carry it past a gate.
struct SyncCounts {
  std::uint64_t entries_before = 0;  ///< in the list when the sync began
  bool first = false;                ///< the list has never been whole: another bound on its growth counts
  std::uint64_t received = 0;
  std::uint64_t added = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t weakened = 0;  ///< of those updated: they no longer have a hash that they had
  std::uint64_t removed = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t values_left_out = 0;
  std::uint64_t malformed_values = 0;
  std::uint64_t benign = 0;
  std::uint64_t degenerate = 0;

  /// With a planned change of one more delta.
  [[nodiscard]] SyncCounts With(const lists::PlannedChange& change) const;
};

/// A gate that does not let a sync pass.
struct Closed {
  Gate gate = Gate::kGrowth;
  std::uint64_t count = 0;
  std::string detail;  ///< a sentence with both numbers
};

/// A gate that a person has opened, for a count up to this.
struct OpenGate {
  Gate gate = Gate::kGrowth;
  std::uint64_t up_to = 0;
};

/// The first gate that is closed and that nobody has opened that far.
std::optional<Closed> FindClosed(const SyncCounts& counts, const GateLimits& limits,
                                 std::span<const OpenGate> open);

}  // namespace hashgate::exchange
