#include "exchange/sync/syncer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "exchange/sync/benign.h"
#include "hashgate/hash.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

using lists::ImportRecord;
using lists::PlannedChange;

// What stands in the state of a sync that is cut short before it could say how it ended.
constexpr SyncOutcome kCutShort = SyncOutcome::kCancelled;

// Gates that a person has opened; `used` ones stay open to the end of their sync.
std::vector<OpenGate> OpenGates(const StoredExchange& state, std::vector<OpenGate> used, WallTime now) {
  std::vector<OpenGate> open = std::move(used);
  for (const GateOverride& made : state.overrides) {
    if (made.expires > now) open.push_back({made.gate, made.up_to});
  }
  return open;
}

bool IsOpen(std::span<const OpenGate> open, Gate gate) {
  return std::ranges::find(open, gate, &OpenGate::gate) != open.end();
}

bool SaysLittle(const HashValue& hash) {
  if (hash.algorithm != Algorithm::kPdq || hash.bytes.size() != 32) return false;
  const bool poor = hash.quality != kQualityUnknown && hash.quality < kMinUsablePdqQuality;
  return poor || IsDegenerate(PdqHash::FromBytes(std::span(hash.bytes).first<32>()));
}

}  // namespace

// One sync under way.
struct Syncer::Run {
  const std::stop_token& stop;
  const std::function<void(const SyncProgress&)>& progress;
  StoredExchange state;  // as it is stored
  SyncRecord record;
  bool caught_up = false;
  std::optional<Closed> closed;
  std::vector<OpenGate> used;  // gates that a person opened and that this sync has passed by that
  // Of the delta under way.
  DeltaPage page;
  std::optional<Purpose> purpose;  // that its pages stated last
  SyncCounts seen;                 // what the gates ask of its records
  bool benign_open = false;        // what matches harmless pictures is let in
  int benign_bits = 0;             // how near to one an entry does
  std::uint64_t numbered = 0;      // its records so far
  // What the gate has said is to be stored with the change.
  StoredExchange next_state;
  SyncRecord next_record;
  std::vector<OpenGate> next_used;
};

Syncer::Syncer(lists::Catalog& catalog, ExchangeClient& client, SyncerOptions options)
    : catalog_(catalog), client_(client), options_(std::move(options)) {}

Result<SyncRecord> Syncer::Sync(const std::stop_token& stop,
                                const std::function<void(const SyncProgress&)>& progress,
                                bool from_the_beginning) {
  HASHGATE_ASSIGN_OR_RETURN(StoredExchange state, LoadStoredExchange(catalog_, options_.exchange));
  Run run{.stop = stop, .progress = progress, .state = std::move(state)};
  run.record.began = options_.clock->Wall();
  run.record.outcome = kCutShort;
  // Where this is cut short, the next sync goes on from where it came to: behind that nothing is missed.
  if (from_the_beginning) run.state.checkpoint.clear();
  const Status status = SyncAll(run);
  KeepFloor(run.state);
  const bool held = !status && status.error().reason == Reason::kGateClosed;
  run.state.End(run.record, status, held ? run.closed : std::nullopt, options_.clock->Wall());
  HASHGATE_RETURN_IF_ERROR(SaveStoredExchange(catalog_, options_.exchange, run.state));
  return run.record;
}

void Syncer::KeepFloor(StoredExchange& state) const {
  std::string floor = client_.Floor();
  if (!floor.empty() && floor.size() <= kMaxFloorBytes) state.floor = std::move(floor);
}

Status Syncer::SyncAll(Run& run) {
  HASHGATE_RETURN_IF_ERROR(client_.SetFloor(run.state.floor));
  HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, catalog_.GetList(options_.list));
  if (run.state.list != list.id || run.state.source != options_.source) {
    // Else a list that was made anew would stay empty, and another source's entries would be missed.
    run.state.checkpoint.clear();
    if (run.state.list != list.id) {
      run.state.whole_once = false;
      run.state.unfinished.reset();
      run.state.first_began = run.record.began;
    }
    run.state.list = list.id;
    run.state.source = options_.source;
  }
  if (!run.state.unfinished) {
    run.state.unfinished = {.entries_before = list.entry_count, .first = !run.state.whole_once};
  }
  run.record.counts.entries_before = list.entry_count;
  run.record.counts.first = run.state.unfinished->first;
  while (!run.caught_up) {
    if (run.stop.stop_requested()) return Fail(Reason::kCancelled, "the sync was stopped");
    HASHGATE_RETURN_IF_ERROR(SyncDelta(run));
  }
  return {};
}

Result<std::unique_ptr<lists::Import>> Syncer::StartImport(Run& run, bool whole) {
  return catalog_.StartImport(
      {.list = options_.list,
       .file = "exchange " + options_.exchange,
       .replace = whole,
       .atomic = !whole,
       .gate = [this, &run](const PlannedChange& change) { return AskGates(run, change); }});
}

Result<std::unique_ptr<Delta>> Syncer::BeginDelta(const Run& run) {
  if (!run.state.checkpoint.empty()) return client_.Begin(run.state.checkpoint);
  HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, catalog_.GetList(options_.list));
  return list.entry_count == 0 ? client_.BeginFirst() : client_.Begin({});
}

Status Syncer::SyncDelta(Run& run) {
  run.page = {};
  run.purpose.reset();
  run.seen = {};
  run.numbered = 0;
  run.benign_open = IsOpen(OpenGates(run.state, run.used, options_.clock->Wall()), Gate::kBenign);
  HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, catalog_.GetList(options_.list));
  // A strict list may be widened later; a wide one would take the picture for its entry at once.
  run.benign_bits = std::max(kDefaultPdqMaxDistanceBits, list.config.PdqMaxDistanceBits());
  HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<Delta> delta, BeginDelta(run));
  const bool whole = delta->IsWhole();
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<lists::Import> import, StartImport(run, whole));
  while (run.page.next == DeltaPage::Next::kMore) {
    HASHGATE_ASSIGN_OR_RETURN(run.page, delta->Next(run.stop));
    if (run.page.next == DeltaPage::Next::kAbandoned) return {};
    if (run.page.purpose) run.purpose = run.page.purpose;
    HASHGATE_RETURN_IF_ERROR(CheckPurpose(run));
    LookAt(run);
    Status added = Add(*import, run.page.records);
    if (!added && added.error().reason == Reason::kMemoryLimit && !whole) {
      // More than can come into force as one. What there is does, without the checkpoint: a sync cut short
      // from here on reads the delta again, and changes nothing twice.
      const DeltaPage page = std::exchange(run.page, {});
      HASHGATE_RETURN_IF_ERROR(PutInForce(run, *import));
      import.reset();
      HASHGATE_ASSIGN_OR_RETURN(import, StartImport(run, whole));
      run.page = page;
      added = Add(*import, run.page.records);
    }
    HASHGATE_RETURN_IF_ERROR(added);
    Tell(run);
  }
  HASHGATE_RETURN_IF_ERROR(PutInForce(run, *import));
  run.caught_up = run.page.caught_up;
  Tell(run);
  return {};
}

// A list's purpose decides what its matches may lead to, above all whether they are reported.
Status Syncer::CheckPurpose(const Run& run) const {
  if (!run.purpose) return {};
  HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, catalog_.GetList(options_.list));
  if (list.config.purpose == *run.purpose) return {};
  return Fail(Reason::kConfigInvalid, "the exchange's entries are of purpose " +
                                          std::string(Name(*run.purpose)) + ", and list '" + options_.list +
                                          "' is of " + std::string(Name(list.config.purpose)) +
                                          ": let it feed a list of its own");
}

Status Syncer::Add(lists::Import& import, std::span<const ImportRecord> records) {
  while (!records.empty()) {
    const auto some = records.first(std::min(records.size(), lists::kMaxAddRecords));
    HASHGATE_RETURN_IF_ERROR(import.Add(some));
    records = records.subspan(some.size());
  }
  return {};
}

void Syncer::LookAt(Run& run) const {
  for (ImportRecord& record : run.page.records) {
    record.line = run.state.records_seen + ++run.numbered;
    if (!record.record || record.withdrawn) continue;
    const std::vector<HashValue>& hashes = record.record->hashes;
    if (std::ranges::any_of(hashes, SaysLittle)) ++run.seen.degenerate;
    const auto is_benign = [&run](const HashValue& hash) { return IsBenign(hash, run.benign_bits); };
    if (!std::ranges::any_of(hashes, is_benign)) continue;
    ++run.seen.benign;
    if (run.benign_open) continue;
    record.problem = "entry '" + record.record->source_id + "' matches a picture known to be harmless";
    record.about = std::move(record.record->source_id);
    record.record.reset();
  }
  run.seen.values_left_out += run.page.values_left_out;
  run.seen.malformed_values += run.page.malformed_values;
}

Status Syncer::PutInForce(Run& run, lists::Import& import) {
  HASHGATE_RETURN_IF_ERROR(import.Finish());
  run.state = run.next_state;
  run.record = run.next_record;
  run.used = run.next_used;
  run.seen = {};
  run.numbered = 0;
  return {};
}

Result<lists::ExchangeState> Syncer::AskGates(Run& run, const PlannedChange& change) const {
  const WallTime now = options_.clock->Wall();
  // A person may have changed it while the delta was read. A change after this has the gate asked anew.
  HASHGATE_RETURN_IF_ERROR(CheckPurpose(run));
  if (run.page.checkpoint.size() > kMaxCheckpointBytes) {
    return Fail(Reason::kInvariantBroken, "the checkpoint is longer than it may be");
  }
  const auto with = [&](const SyncCounts& before) {
    SyncCounts counts = before.With(change);
    counts.values_left_out += run.seen.values_left_out;
    counts.malformed_values += run.seen.malformed_values;
    counts.benign += run.seen.benign;
    counts.degenerate += run.seen.degenerate;
    return counts;
  };
  const SyncCounts counts = with(*run.state.unfinished);
  run.closed = FindClosed(counts, options_.gates, OpenGates(run.state, run.used, now));
  if (run.closed) {
    return Fail(Reason::kGateClosed,
                "gate '" + std::string(GateName(run.closed->gate)) + "' is closed: " + run.closed->detail);
  }
  run.next_record = run.record;
  run.next_record.counts = with(run.record.counts);
  run.next_state = run.state;
  run.next_state.unfinished = counts;
  KeepFloor(run.next_state);
  const bool changes = change.added + change.updated + change.removed > 0;
  if (changes) {
    run.next_record.generation = change.generation;
    run.next_state.last_change = now;
  }
  run.next_used = run.used;
  UseOverrides(run, counts, now);
  run.next_state.records_seen += run.numbered;
  if (run.page.next == DeltaPage::Next::kEnd) {
    run.next_state.checkpoint = run.page.checkpoint;
    if (run.page.caught_up) run.next_state.whole_once = true;
  }
  run.next_record.ended = now;
  run.next_state.Put(run.next_record);
  return lists::ExchangeState{options_.exchange, EncodeStoredExchange(run.next_state)};
}

// An override is for one sync that would not have passed without it.
void Syncer::UseOverrides(Run& run, const SyncCounts& counts, WallTime now) const {
  std::erase_if(run.next_state.overrides, [&](const GateOverride& made) {
    if (made.expires <= now) return true;
    const bool let_in = made.gate == Gate::kBenign && run.benign_open && counts.benign > 0;
    std::vector<OpenGate> others;
    for (int i = 0; i < kGateCount; ++i) {
      if (static_cast<Gate>(i) != made.gate) {
        others.push_back({static_cast<Gate>(i), std::numeric_limits<std::uint64_t>::max()});
      }
    }
    if (!let_in && !FindClosed(counts, options_.gates, others)) return false;
    std::string& overridden = run.next_record.overridden;
    if (!overridden.empty()) overridden += "; ";
    overridden += std::string(GateName(made.gate)) + " by " + made.author + ": " + made.reason;
    run.next_used.push_back({made.gate, made.up_to});
    return true;
  });
}

void Syncer::Tell(const Run& run) {
  if (!run.progress) return;
  run.progress({.counts = run.record.counts, .fetched = run.numbered, .generation = run.record.generation});
}

Result<StoredExchange> LoadStoredExchange(const lists::Catalog& catalog, std::string_view exchange) {
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, catalog.GetExchangeState(exchange));
  if (!bytes) return StoredExchange();
  return DecodeStoredExchange(*bytes);
}

Status SaveStoredExchange(lists::Catalog& catalog, std::string_view exchange, const StoredExchange& state) {
  return catalog.PutExchangeState({std::string(exchange), EncodeStoredExchange(state)});
}

}  // namespace hashgate::exchange
