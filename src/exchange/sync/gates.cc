#include "exchange/sync/gates.h"

#include <algorithm>

namespace hashgate::exchange {
namespace {

constexpr std::array<std::string_view, kGateCount> kNames = {"growth", "shrink", "malformed", "benign",
                                                             "degenerate"};

struct Reading {
  std::uint64_t count = 0;
  std::uint64_t of = 0;
  std::string_view says;  // "COUNT SAYS"
};

Reading Read(Gate gate, const SyncCounts& counts) {
  switch (gate) {
    case Gate::kGrowth: return {counts.added, counts.entries_before, "new entries would come to a list of"};
    case Gate::kShrink:
      // A first reading that was cut short has put entries in force that the list did not begin with.
      return {counts.removed + counts.weakened, counts.entries_before + (counts.first ? counts.added : 0),
              "entries would go or lose a hash, from a list of"};
    case Gate::kMalformed:
      // What was kept out as harmless is quarantined too, and has a gate of its own.
      return {counts.quarantined - std::min(counts.quarantined, counts.benign) + counts.malformed_values,
              counts.received, "records or values could not be read of"};
    case Gate::kBenign: return {counts.benign, counts.received, "entries match harmless pictures, of"};
    case Gate::kDegenerate:
      return {counts.degenerate, counts.received, "PDQ hashes say little about their picture, of"};
  }
  return {};
}

}  // namespace

std::string_view GateName(Gate gate) {
  return kNames[static_cast<std::size_t>(gate)];
}

Result<Gate> ParseGate(std::string_view name) {
  const auto at = std::ranges::find(kNames, name);
  if (at != kNames.end()) return static_cast<Gate>(at - kNames.begin());
  return Fail(Reason::kRequestInvalid,
              "'" + std::string(name.substr(0, 64)) +
                  "' is not a gate: use growth, shrink, malformed, benign or degenerate",
              "gate");
}

SyncCounts SyncCounts::With(const lists::PlannedChange& change) const {
  SyncCounts sum = *this;
  sum.received += change.received;
  sum.added += change.added;
  sum.updated += change.updated;
  sum.unchanged += change.unchanged;
  sum.weakened += change.weakened;
  sum.removed += change.removed;
  sum.quarantined += change.quarantined;
  return sum;
}

std::optional<Closed> FindClosed(const SyncCounts& counts, const GateLimits& limits,
                                 std::span<const OpenGate> open) {
  for (int i = 0; i < kGateCount; ++i) {
    const Gate gate = static_cast<Gate>(i);
    const Reading reading = Read(gate, counts);
    const bool opened = std::ranges::any_of(
        open, [&](const OpenGate& one) { return one.gate == gate && reading.count <= one.up_to; });
    if (opened) continue;
    GateLimits::Limit limit = limits.Of(gate);
    if (gate == Gate::kGrowth && counts.first) limit = {.percent = 0, .floor = limits.first_entries};
    const double most = limit.percent / 100 * static_cast<double>(reading.of);
    if (reading.count <= limit.floor || static_cast<double>(reading.count) <= most) continue;
    return Closed{
        gate, reading.count,
        std::to_string(reading.count) + " " + std::string(reading.says) + " " + std::to_string(reading.of)};
  }
  return std::nullopt;
}

}  // namespace hashgate::exchange
