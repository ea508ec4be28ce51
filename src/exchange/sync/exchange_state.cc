#include "exchange/sync/exchange_state.h"

#include <nlohmann/json.hpp>

namespace hashgate::exchange {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

// The counts by their names on disk, once for both directions.
template <typename Counts, typename Visit>
void ForEachCount(Counts& counts, const Visit& visit) {
  visit("entriesBefore", counts.entries_before);
  visit("received", counts.received);
  visit("added", counts.added);
  visit("updated", counts.updated);
  visit("unchanged", counts.unchanged);
  visit("weakened", counts.weakened);
  visit("removed", counts.removed);
  visit("quarantined", counts.quarantined);
  visit("valuesLeftOut", counts.values_left_out);
  visit("malformedValues", counts.malformed_values);
  visit("benign", counts.benign);
  visit("degenerate", counts.degenerate);
}

Json ToJson(const SyncCounts& counts) {
  Json json = {{"first", counts.first}};
  ForEachCount(counts, [&](const char* name, std::uint64_t count) { json[name] = count; });
  return json;
}

SyncCounts CountsFrom(const Json& json) {
  SyncCounts counts;
  counts.first = json.at("first").get<bool>();
  ForEachCount(counts, [&](const char* name, std::uint64_t& count) { count = json.at(name); });
  return counts;
}

Json ToJson(const SyncRecord& record) {
  return {{"began", ToUnixMillis(record.began)},
          {"ended", ToUnixMillis(record.ended)},
          {"outcome", static_cast<int>(record.outcome)},
          {"generation", record.generation},
          {"counts", ToJson(record.counts)},
          {"detail", record.detail},
          {"overridden", record.overridden}};
}

WallTime TimeAt(const Json& json, const char* key) {
  return FromUnixMillis(json.at(key).get<std::int64_t>());
}

// `json.at` and `get` throw where something is missing or of another kind.
SyncRecord SyncRecordFrom(const Json& json) {
  SyncRecord record;
  record.began = TimeAt(json, "began");
  record.ended = TimeAt(json, "ended");
  record.outcome = static_cast<SyncOutcome>(json.at("outcome").get<std::uint8_t>());
  record.generation = json.at("generation").get<std::int64_t>();
  record.counts = CountsFrom(json.at("counts"));
  record.detail = json.at("detail").get<std::string>();
  record.overridden = json.at("overridden").get<std::string>();
  return record;
}

Json ToJson(const GateOverride& made) {
  return {{"gate", GateName(made.gate)},     {"author", made.author},
          {"reason", made.reason},           {"upTo", made.up_to},
          {"made", ToUnixMillis(made.made)}, {"expires", ToUnixMillis(made.expires)}};
}

Gate GateFrom(const Json& json) {
  const Result<Gate> gate = ParseGate(json.get<std::string>());
  if (!gate) throw std::invalid_argument("gate");
  return *gate;
}

GateOverride OverrideFrom(const Json& json) {
  return {GateFrom(json.at("gate")),
          json.at("author").get<std::string>(),
          json.at("reason").get<std::string>(),
          json.at("upTo").get<std::uint64_t>(),
          TimeAt(json, "made"),
          TimeAt(json, "expires")};
}

StoredExchange StoredExchangeFrom(const Json& json) {
  StoredExchange state;
  state.checkpoint = json.at("checkpoint").get<std::string>();
  state.floor = json.value("floor", std::string());  // versions before did not write it
  state.source = json.at("source").get<std::string>();
  state.list = json.at("list").get<lists::ListId>();
  state.records_seen = json.at("recordsSeen").get<std::uint64_t>();
  state.whole_once = json.at("wholeOnce").get<bool>();
  state.last_success = TimeAt(json, "lastSuccess");
  state.first_began = TimeAt(json, "firstBegan");
  if (const Json& counts = json.at("unfinished"); !counts.is_null()) state.unfinished = CountsFrom(counts);
  state.last_change = TimeAt(json, "lastChange");
  state.failing_since = TimeAt(json, "failingSince");
  state.failures = json.at("failures").get<std::uint32_t>();
  state.failure_reason = json.at("failureReason").get<std::string>();
  state.failure_detail = json.at("failureDetail").get<std::string>();
  if (const Json& held = json.at("held"); !held.is_null()) state.held = GateFrom(held);
  state.held_count = json.at("heldCount").get<std::uint64_t>();
  for (const Json& made : json.at("overrides")) state.overrides.push_back(OverrideFrom(made));
  for (const Json& sync : json.at("syncs")) state.syncs.push_back(SyncRecordFrom(sync));
  return state;
}

}  // namespace

std::string_view SyncOutcomeName(SyncOutcome outcome) {
  switch (outcome) {
    case SyncOutcome::kUnspecified: break;
    case SyncOutcome::kDone: return "done";
    case SyncOutcome::kFailed: return "failed";
    case SyncOutcome::kHeld: return "held";
    case SyncOutcome::kCancelled: return "cancelled";
  }
  return "unspecified";
}

void StoredExchange::Put(SyncRecord record) {
  if (!syncs.empty() && syncs.back().began == record.began) syncs.pop_back();
  if (syncs.size() >= kSyncsKept) syncs.erase(syncs.begin());
  syncs.push_back(std::move(record));
}

void StoredExchange::End(SyncRecord& record, const Status& status, const std::optional<Closed>& closed,
                         WallTime now) {
  record.ended = now;
  if (status) {
    record.outcome = SyncOutcome::kDone;
    held.reset();
    unfinished.reset();
    last_success = now;
    failing_since = {};
    failures = 0;
    failure_reason.clear();
    failure_detail.clear();
  } else if (status.error().reason == Reason::kCancelled) {
    // By us: that says nothing of the exchange.
    record.outcome = SyncOutcome::kCancelled;
  } else {
    record.outcome = closed ? SyncOutcome::kHeld : SyncOutcome::kFailed;
    record.detail = status.error().message;
    record.retry_after = status.error().retry_after;
    record.refused = status.error().reason == Reason::kExchangeRefused;
    held.reset();
    if (closed) held = closed->gate;
    held_count = closed ? closed->count : 0;
    if (failures++ == 0) failing_since = now;
    failure_reason = ReasonName(status.error().reason);
    failure_detail = status.error().message;
  }
  Put(record);
}

std::string EncodeStoredExchange(const StoredExchange& state) {
  Json json = {{"v", kVersion},
               {"checkpoint", state.checkpoint},
               {"floor", state.floor},
               {"source", state.source},
               {"list", state.list},
               {"recordsSeen", state.records_seen},
               {"wholeOnce", state.whole_once},
               {"lastSuccess", ToUnixMillis(state.last_success)},
               {"firstBegan", ToUnixMillis(state.first_began)},
               {"unfinished", nullptr},
               {"lastChange", ToUnixMillis(state.last_change)},
               {"failingSince", ToUnixMillis(state.failing_since)},
               {"failures", state.failures},
               {"failureReason", state.failure_reason},
               {"failureDetail", state.failure_detail},
               {"held", nullptr},
               {"heldCount", state.held_count},
               {"overrides", Json::array()},
               {"syncs", Json::array()}};
  if (state.unfinished) json["unfinished"] = ToJson(*state.unfinished);
  if (state.held) json["held"] = GateName(*state.held);
  for (const GateOverride& made : state.overrides) json["overrides"].push_back(ToJson(made));
  for (const SyncRecord& sync : state.syncs) json["syncs"].push_back(ToJson(sync));
  // Sentences may quote what a server said: what is no UTF-8 is replaced, for JSON takes nothing else.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<StoredExchange> DecodeStoredExchange(std::string_view bytes) {
  const auto corrupt = [] {
    return Fail(Reason::kStoreCorrupt, "the state of an exchange cannot be read: restore a backup");
  };
  const Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object() || !json.contains("v") || !json["v"].is_number_integer()) return corrupt();
  if (json["v"].get<std::int64_t>() > kVersion) {
    return Fail(Reason::kSchemaTooNew, "the state of an exchange was written by a newer version");
  }
  try {
    return StoredExchangeFrom(json);
  } catch (const std::exception&) {
    return corrupt();
  }
}

}  // namespace hashgate::exchange
