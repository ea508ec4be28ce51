#include "exchange/file/threatexchange_update.h"

#include <algorithm>

#include "exchange/file/shallow_json.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

using nlohmann::json;

constexpr std::string_view kMalicious = "MALICIOUS";
constexpr std::string_view kSuspicious = "SUSPICIOUS";
constexpr std::string_view kUnknown = "UNKNOWN";
constexpr std::string_view kNonMalicious = "NON_MALICIOUS";
constexpr std::string_view kStatuses[] = {kMalicious, kSuspicious, kUnknown, kNonMalicious};
/// Not the exchange's own word: some say harmful, and some disagree.
constexpr std::string_view kDisputed = "DISPUTED";

constexpr const char* kVideoTag = "media_type_video";
constexpr const char* kDisagreement = "DISAGREE_WITH_TAGS";

bool Says(const ThreatExchangeUpdate& update, std::string_view word) {
  return std::ranges::any_of(update.statuses,
                             [word](const std::string& status) { return EqualsIgnoringCase(status, word); });
}

/// A word that is none of the exchange's may mean anything, also harmless.
bool HasStrangeStatus(const ThreatExchangeUpdate& update) {
  return !std::ranges::all_of(update.statuses, [](const std::string& status) {
    return status.empty() || std::ranges::any_of(kStatuses, [&status](std::string_view word) {
             return EqualsIgnoringCase(status, word);
           });
  });
}

/// What all opinions come to; empty where none has a known status.
std::string_view MergedStatus(const ThreatExchangeUpdate& update) {
  const bool harmless = Says(update, kNonMalicious);
  for (const std::string_view word : {kMalicious, kSuspicious, kUnknown}) {
    if (Says(update, word)) return harmless || update.disagreed ? kDisputed : word;
  }
  return harmless ? kNonMalicious : std::string_view();
}

void CollectTags(const json& object, std::set<std::string>& tags) {
  const json* const array = ThreatExchangeArray(object, "tags");
  if (array == nullptr) return;
  for (const json& tag : *array) {
    std::string text = tag.is_object() ? JsonTextOf(tag, "text") : std::string();
    if (tag.is_string()) text = tag.get<std::string>();
    if (!text.empty()) tags.insert(std::move(text));
  }
}

/// Reactions are {"key": name, "value": apps} or {name: apps}.
bool Disagrees(const json& descriptor) {
  const json* const reactions = ThreatExchangeArray(descriptor, "reactions");
  if (reactions == nullptr) return false;
  return std::ranges::any_of(*reactions, [](const json& reaction) {
    return reaction == kDisagreement ||
           (reaction.is_object() &&
            (JsonTextOf(reaction, "key") == kDisagreement || reaction.contains(kDisagreement)));
  });
}

}  // namespace

Algorithm ThreatExchangeAlgorithm(std::string_view type) {
  if (EqualsIgnoringCase(type, "HASH_PDQ")) return Algorithm::kPdq;
  if (EqualsIgnoringCase(type, "HASH_MD5")) return Algorithm::kMd5;
  if (EqualsIgnoringCase(type, "HASH_SHA1")) return Algorithm::kSha1;
  if (EqualsIgnoringCase(type, "HASH_SHA256")) return Algorithm::kSha256;
  return Algorithm::kUnspecified;
}

const json* ThreatExchangeArray(const json& object, const char* name) {
  auto at = object.find(name);
  if (at == object.end()) return nullptr;
  const json* array = &*at;
  if (array->is_object()) {
    at = array->find("data");
    if (at == array->end()) return nullptr;
    array = &*at;
  }
  return array->is_array() ? array : nullptr;
}

bool ParseThreatExchangeUpdate(const json& item, ThreatExchangeUpdate& update, std::string& problem) {
  if (!item.is_object()) {
    problem = item.is_discarded() ? "the item is not valid JSON" : "the item is not a JSON object";
    return false;
  }
  update.id = JsonTextOf(item, "id");
  update.indicator = JsonTextOf(item, "indicator");
  update.type = JsonTextOf(item, "type");
  if (update.type.empty()) {
    problem = "the item has no type";
    return false;
  }
  CollectTags(item, update.tags);
  const json* const descriptors = ThreatExchangeArray(item, "descriptors");
  if (descriptors != nullptr) {
    for (const json& descriptor : *descriptors) {
      if (!descriptor.is_object()) continue;
      update.statuses.emplace_back(Trim(JsonTextOf(descriptor, "status")));
      CollectTags(descriptor, update.tags);
      update.disagreed = update.disagreed || Disagrees(descriptor);
    }
  }
  // The indicator's own status sums up its descriptors', so it counts only where they give none.
  if (MergedStatus(update).empty()) update.statuses.emplace_back(Trim(JsonTextOf(item, "status")));
  const auto deleted = item.find("should_delete");
  if (deleted != item.end() && !deleted->is_null() && !deleted->is_boolean()) {
    problem = "should_delete is neither true nor false";
    return false;
  }
  // Without an opinion an indicator is withdrawn: nobody stands for it any more.
  const bool stated = deleted != item.end() && *deleted == true;
  const bool without_opinion = descriptors == nullptr || descriptors->empty();
  const bool without_status =
      std::ranges::all_of(update.statuses, [](const std::string& status) { return status.empty(); });
  update.deleted = stated || (without_opinion && without_status);
  return true;
}

ThreatExchangeMeaning ReadThreatExchangeUpdate(const ThreatExchangeUpdate& update, Algorithm algorithm,
                                               std::string& problem) {
  using enum ThreatExchangeMeaning;
  if (algorithm == Algorithm::kUnspecified || update.tags.contains(kVideoTag)) return kLeftOut;
  if (update.deleted) return kWithdrawn;
  if (HasStrangeStatus(update)) {
    problem = "a status is none of MALICIOUS, SUSPICIOUS, UNKNOWN and NON_MALICIOUS";
    return kProblem;
  }
  const std::string_view status = MergedStatus(update);
  if (status.empty()) {
    // Without it nobody can tell the item from a harmless one.
    problem = "the item has no status";
    return kProblem;
  }
  if (status == kNonMalicious) return kHarmless;
  if (update.indicator.empty()) {
    problem = "the item has no indicator";
    return kProblem;
  }
  return kEntry;
}

std::uint64_t FillThreatExchangeRecord(const ThreatExchangeUpdate& update, Algorithm algorithm,
                                       RecordBuilder& record) {
  record.SetText(FieldName::kClassification, "threatexchange:" + std::string(MergedStatus(update)));
  record.AddHash(algorithm, update.indicator);
  std::size_t labels = 0;
  std::uint64_t left_out = 0;
  for (const std::string& tag : update.tags) {
    if (tag.size() > lists::kMaxLabelBytes || labels == lists::kMaxLabels) {
      ++left_out;
      continue;
    }
    record.AddLabel(tag);
    ++labels;
  }
  return left_out;
}

}  // namespace hashgate::exchange
