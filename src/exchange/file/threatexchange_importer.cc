// ThreatExchange, saved as files: answers of /threat_updates as JSON, and what its user interface downloads
// as CSV. Sources: developers.facebook.com/docs/threat-exchange (threat-updates, threat-descriptor,
// status-type, submitting: names of the CSV columns) and github.com/facebook/ThreatExchange
// (python-threatexchange: tombstones, opinions, both shapes of tags).
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "exchange/file/csv_reader.h"
#include "exchange/file/given_ids.h"
#include "exchange/file/importers.h"
#include "exchange/file/json_items.h"
#include "exchange/file/record_builder.h"
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

/// One indicator with what its members say of it.
struct Update {
  std::string id;
  std::string indicator;
  std::string type;
  std::vector<std::string> statuses;  ///< one an opinion; empty where it gives none
  std::set<std::string> tags;         ///< sorted: the answer's order says nothing
  bool disagreed = false;
  bool deleted = false;
};

Algorithm AlgorithmOf(std::string_view type) {
  if (EqualsIgnoringCase(type, "HASH_PDQ")) return Algorithm::kPdq;
  if (EqualsIgnoringCase(type, "HASH_MD5")) return Algorithm::kMd5;
  if (EqualsIgnoringCase(type, "HASH_SHA1")) return Algorithm::kSha1;
  if (EqualsIgnoringCase(type, "HASH_SHA256")) return Algorithm::kSha256;
  return Algorithm::kUnspecified;
}

bool Says(const Update& update, std::string_view word) {
  return std::ranges::any_of(update.statuses,
                             [word](const std::string& status) { return EqualsIgnoringCase(status, word); });
}

/// A word that is none of the exchange's may mean anything, also harmless.
bool HasStrangeStatus(const Update& update) {
  return !std::ranges::all_of(update.statuses, [](const std::string& status) {
    return status.empty() || std::ranges::any_of(kStatuses, [&status](std::string_view word) {
             return EqualsIgnoringCase(status, word);
           });
  });
}

/// What all opinions come to; empty where none has a known status.
std::string_view MergedStatus(const Update& update) {
  const bool harmless = Says(update, kNonMalicious);
  for (const std::string_view word : {kMalicious, kSuspicious, kUnknown}) {
    if (Says(update, word)) return harmless || update.disagreed ? kDisputed : word;
  }
  return harmless ? kNonMalicious : std::string_view();
}

std::string TextOf(const json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end()) return {};
  if (at->is_string()) return at->get<std::string>();
  return at->is_number_integer() ? at->dump() : std::string();
}

/// The elements of a member that is an array, or an object with the array "data"; null where it is neither.
const json* ArrayOf(const json& object, const char* name) {
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

void CollectTags(const json& object, std::set<std::string>& tags) {
  const json* const array = ArrayOf(object, "tags");
  if (array == nullptr) return;
  for (const json& tag : *array) {
    std::string text = tag.is_object() ? TextOf(tag, "text") : std::string();
    if (tag.is_string()) text = tag.get<std::string>();
    if (!text.empty()) tags.insert(std::move(text));
  }
}

/// Reactions are {"key": name, "value": apps} or {name: apps}.
bool Disagrees(const json& descriptor) {
  const json* const reactions = ArrayOf(descriptor, "reactions");
  if (reactions == nullptr) return false;
  return std::ranges::any_of(*reactions, [](const json& reaction) {
    return reaction == kDisagreement || (reaction.is_object() && (TextOf(reaction, "key") == kDisagreement ||
                                                                  reaction.contains(kDisagreement)));
  });
}

/// False where the item is no update; `problem` then says why.
bool ParseUpdate(const std::string& text, Update& update, std::string& problem) {
  const json item = json::parse(text, nullptr, false);
  if (!item.is_object()) {
    problem = item.is_discarded() ? "the item is not valid JSON" : "the item is not a JSON object";
    return false;
  }
  update.id = TextOf(item, "id");
  update.indicator = TextOf(item, "indicator");
  update.type = TextOf(item, "type");
  if (update.type.empty()) {
    problem = "the item has no type";
    return false;
  }
  CollectTags(item, update.tags);
  const json* const descriptors = ArrayOf(item, "descriptors");
  if (descriptors != nullptr) {
    for (const json& descriptor : *descriptors) {
      if (!descriptor.is_object()) continue;
      update.statuses.emplace_back(Trim(TextOf(descriptor, "status")));
      CollectTags(descriptor, update.tags);
      update.disagreed = update.disagreed || Disagrees(descriptor);
    }
  }
  // The indicator's own status sums up its descriptors', so it counts only where they give none.
  if (MergedStatus(update).empty()) update.statuses.emplace_back(Trim(TextOf(item, "status")));
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

class ThreatExchangeImporter : public FileImporter {
 public:
  ThreatExchangeImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kThreatExchange),
        algorithm_(options.algorithm),
        replaces_(options.replaces),
        items_({.path = {"data"}, .loose = true, .whole = options.replaces}, options.max_record_bytes),
        rows_(options.separator, options.max_record_bytes, options.replaces) {}

  /// Tells JSON from CSV and reads the header of the latter.
  Status Open();

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      Update update;
      std::string problem;
      std::uint64_t number = 0;
      HASHGATE_ASSIGN_OR_RETURN(
          const bool more, is_csv_ ? NextRow(update, number, problem) : NextItem(update, number, problem));
      if (!more) return false;
      RecordBuilder record(number);
      if (!problem.empty()) {
        record.SetProblem(std::move(problem));
      } else {
        HASHGATE_ASSIGN_OR_RETURN(const bool taken, Fill(update, number, record));
        if (!taken) continue;
      }
      out.push_back(record.Finish());
      if (replaces_ && out.back().record) given_.Give(Identity(update));
    }
    return true;
  }

 private:
  enum Column : std::uint8_t { kIndicator, kType, kStatus, kTags, kId, kColumns };

  Result<bool> NextItem(Update& update, std::uint64_t& number, std::string& problem);
  Result<bool> NextRow(Update& update, std::uint64_t& number, std::string& problem);
  [[nodiscard]] Algorithm AlgorithmByLength(std::size_t digits) const;
  /// False where the update is passed over and counted.
  Result<bool> Fill(const Update& update, std::uint64_t number, RecordBuilder& record);
  /// What says that two updates are about the same thing.
  static std::string Identity(const Update& update);
  Status TakeBack(const Update& update, std::uint64_t number) const;

  Algorithm algorithm_;
  bool replaces_;
  GivenIds given_;  // where the file replaces a list
  bool is_csv_ = false;
  JsonItems items_;
  JsonItem item_;
  CsvReader rows_;
  CsvRow row_;
  std::array<int, kColumns> columns_{};  // column of each, or -1
};

Status ThreatExchangeImporter::Open() {
  // The first is the download's name for it, which wins where a file has several.
  static constexpr std::array<std::string_view, kColumns> kNames[] = {
      {"td_raw_indicator", "td_indicator_type", "td_status", "td_subjective_tags", "td_id"},
      {"indicator", "type", "status", "tags", "id"}};
  HASHGATE_ASSIGN_OR_RETURN(const std::string_view front, input_.Peek(Input::kBlock));
  const std::size_t start = front.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || front[start] == '{' || front[start] == '[') return {};
  is_csv_ = true;
  HASHGATE_RETURN_IF_ERROR(rows_.ReadHeader(input_));
  columns_.fill(-1);
  for (const auto& names : kNames) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      const auto found = std::ranges::find_if(
          rows_.header(), [&](const std::string& text) { return EqualsIgnoringCase(Trim(text), names[i]); });
      if (columns_[i] < 0 && found != rows_.header().end()) {
        columns_[i] = static_cast<int>(found - rows_.header().begin());
      }
    }
  }
  if (columns_[kIndicator] < 0 || columns_[kStatus] < 0) {
    return Fail(
        Reason::kRequestInvalid,
        "the header has no column td_raw_indicator and td_status (or indicator and status): without a "
        "status nobody could tell a record from a harmless one");
  }
  return {};
}

Result<bool> ThreatExchangeImporter::NextItem(Update& update, std::uint64_t& number, std::string& problem) {
  HASHGATE_ASSIGN_OR_RETURN(const bool more, items_.Next(input_, item_));
  if (!more) return false;
  number = item_.number;
  problem = item_.problem;
  if (problem.empty()) ParseUpdate(item_.text, update, problem);
  return true;
}

Result<bool> ThreatExchangeImporter::NextRow(Update& update, std::uint64_t& number, std::string& problem) {
  HASHGATE_ASSIGN_OR_RETURN(const bool more, rows_.Next(input_, row_));
  if (!more) return false;
  number = row_.line;
  problem = row_.problem;
  if (!problem.empty()) return true;
  const auto text = [&](Column column) {
    return columns_[column] < 0 ? std::string()
                                : std::string(Trim(row_.fields[static_cast<std::size_t>(columns_[column])]));
  };
  update.id = text(kId);
  update.indicator = text(kIndicator);
  update.type = text(kType);
  update.statuses = {text(kStatus)};
  std::string tags = text(kTags);
  for (std::size_t at = 0; at < tags.size();) {
    const std::size_t end = std::min(tags.find(';', at), tags.size());
    if (const std::string_view tag = Trim(std::string_view(tags).substr(at, end - at)); !tag.empty()) {
      update.tags.emplace(tag);
    }
    at = end + 1;
  }
  return true;
}

// The download has no column for the type.
Algorithm ThreatExchangeImporter::AlgorithmByLength(std::size_t digits) const {
  switch (digits) {
    case 32: return Algorithm::kMd5;
    case 40: return Algorithm::kSha1;
    case 64: return algorithm_;
    default: return Algorithm::kUnspecified;
  }
}

std::string ThreatExchangeImporter::Identity(const Update& update) {
  std::string identity = update.id.empty() ? update.indicator : update.id;
  // An id may be the hash, in either case.
  for (char& c : identity) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return identity;
}

Status ThreatExchangeImporter::TakeBack(const Update& update, std::uint64_t number) const {
  if (!replaces_) return {};
  return given_.TakeBack(Identity(update), (is_csv_ ? "line " : "item ") + std::to_string(number));
}

Result<bool> ThreatExchangeImporter::Fill(const Update& update, std::uint64_t number, RecordBuilder& record) {
  const Algorithm algorithm =
      update.type.empty() ? AlgorithmByLength(update.indicator.size()) : AlgorithmOf(update.type);
  if (algorithm == Algorithm::kUnspecified && update.type.empty() && update.indicator.size() == 64) {
    record.SetProblem(
        "64 hex digits can be PDQ or SHA-256, and there is no type: say which with --algorithm");
    return true;
  }
  if (algorithm == Algorithm::kUnspecified || update.tags.contains(kVideoTag)) {
    ++notes_.values_left_out;
    return false;
  }
  if (update.deleted) {
    HASHGATE_RETURN_IF_ERROR(TakeBack(update, number));
    record.SetProblem("a deletion: importing a file never removes entries");
    return true;
  }
  if (HasStrangeStatus(update)) {
    record.SetProblem("a status is none of MALICIOUS, SUSPICIOUS, UNKNOWN and NON_MALICIOUS");
    return true;
  }
  const std::string_view status = MergedStatus(update);
  if (status.empty()) {
    // Without it nobody can tell the item from a harmless one.
    record.SetProblem("the item has no status");
    return true;
  }
  if (status == kNonMalicious) {
    HASHGATE_RETURN_IF_ERROR(TakeBack(update, number));
    ++notes_.skipped_harmless;
    return false;
  }
  // An id is shown and sent with answers, so it must not be the hash itself.
  if (!EqualsIgnoringCase(update.id, update.indicator)) record.SetText(FieldName::kSourceId, update.id);
  record.SetText(FieldName::kClassification, "threatexchange:" + std::string(status));
  if (update.indicator.empty()) record.SetProblem("the item has no indicator");
  record.AddHash(algorithm, update.indicator);
  std::size_t labels = 0;
  for (const std::string& tag : update.tags) {
    if (tag.size() > lists::kMaxLabelBytes || labels == lists::kMaxLabels) {
      ++notes_.values_left_out;
      continue;
    }
    record.AddLabel(tag);
    ++labels;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenThreatExchange(Input input, const ImporterOptions& options) {
  auto importer = std::make_unique<ThreatExchangeImporter>(std::move(input), options);
  HASHGATE_RETURN_IF_ERROR(importer->Open());
  return importer;
}

}  // namespace hashgate::exchange
