// ThreatExchange, saved as files: answers of /threat_updates as JSON, and what its user interface downloads
// as CSV. Source: developers.facebook.com/docs/threat-exchange (submitting: names of the CSV columns).
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "exchange/file/csv_reader.h"
#include "exchange/file/given_ids.h"
#include "exchange/file/importers.h"
#include "exchange/file/json_items.h"
#include "exchange/file/record_builder.h"
#include "exchange/file/threatexchange_update.h"

namespace hashgate::exchange {
namespace {

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
      ThreatExchangeUpdate update;
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

  Result<bool> NextItem(ThreatExchangeUpdate& update, std::uint64_t& number, std::string& problem);
  Result<bool> NextRow(ThreatExchangeUpdate& update, std::uint64_t& number, std::string& problem);
  [[nodiscard]] Algorithm AlgorithmByLength(std::size_t digits) const;
  /// False where the update is passed over and counted.
  Result<bool> Fill(const ThreatExchangeUpdate& update, std::uint64_t number, RecordBuilder& record);
  /// What says that two updates are about the same thing.
  static std::string Identity(const ThreatExchangeUpdate& update);
  Status TakeBack(const ThreatExchangeUpdate& update, std::uint64_t number) const;

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

Result<bool> ThreatExchangeImporter::NextItem(ThreatExchangeUpdate& update, std::uint64_t& number,
                                              std::string& problem) {
  HASHGATE_ASSIGN_OR_RETURN(const bool more, items_.Next(input_, item_));
  if (!more) return false;
  number = item_.number;
  problem = item_.problem;
  if (problem.empty()) {
    ParseThreatExchangeUpdate(nlohmann::json::parse(item_.text, nullptr, false), update, problem);
  }
  return true;
}

Result<bool> ThreatExchangeImporter::NextRow(ThreatExchangeUpdate& update, std::uint64_t& number,
                                             std::string& problem) {
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

std::string ThreatExchangeImporter::Identity(const ThreatExchangeUpdate& update) {
  std::string identity = update.id.empty() ? update.indicator : update.id;
  // An id may be the hash, in either case.
  for (char& c : identity) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return identity;
}

Status ThreatExchangeImporter::TakeBack(const ThreatExchangeUpdate& update, std::uint64_t number) const {
  if (!replaces_) return {};
  return given_.TakeBack(Identity(update), (is_csv_ ? "line " : "item ") + std::to_string(number));
}

Result<bool> ThreatExchangeImporter::Fill(const ThreatExchangeUpdate& update, std::uint64_t number,
                                          RecordBuilder& record) {
  const Algorithm algorithm =
      update.type.empty() ? AlgorithmByLength(update.indicator.size()) : ThreatExchangeAlgorithm(update.type);
  if (algorithm == Algorithm::kUnspecified && update.type.empty() && update.indicator.size() == 64) {
    record.SetProblem(
        "64 hex digits can be PDQ or SHA-256, and there is no type: say which with --algorithm");
    return true;
  }
  std::string problem;
  switch (ReadThreatExchangeUpdate(update, algorithm, problem)) {
    case ThreatExchangeMeaning::kLeftOut: ++notes_.values_left_out; return false;
    case ThreatExchangeMeaning::kWithdrawn:
      HASHGATE_RETURN_IF_ERROR(TakeBack(update, number));
      record.SetProblem("a deletion: importing a file never removes entries");
      return true;
    case ThreatExchangeMeaning::kProblem: record.SetProblem(std::move(problem)); return true;
    case ThreatExchangeMeaning::kHarmless:
      HASHGATE_RETURN_IF_ERROR(TakeBack(update, number));
      ++notes_.skipped_harmless;
      return false;
    case ThreatExchangeMeaning::kEntry: break;
  }
  // An id is shown and sent with answers, so it must not be the hash itself.
  if (!EqualsIgnoringCase(update.id, update.indicator)) record.SetText(FieldName::kSourceId, update.id);
  notes_.values_left_out += FillThreatExchangeRecord(update, algorithm, record);
  return true;
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenThreatExchange(Input input, const ImporterOptions& options) {
  auto importer = std::make_unique<ThreatExchangeImporter>(std::move(input), options);
  HASHGATE_RETURN_IF_ERROR(importer->Open());
  return importer;
}

}  // namespace hashgate::exchange
