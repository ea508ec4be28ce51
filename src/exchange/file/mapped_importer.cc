// CSV and JSON files of any layout, by a mapping. Source of the pointers: RFC 6901.
#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "exchange/file/csv_reader.h"
#include "exchange/file/given_ids.h"
#include "exchange/file/importers.h"
#include "exchange/file/json_items.h"
#include "exchange/file/mapped_record.h"

namespace hashgate::exchange {
namespace {

using nlohmann::json;

/// Every place that a mapping names.
std::vector<Mapping::Place> PlacesOf(const Mapping& mapping) {
  std::vector<Mapping::Place> places;
  const auto add = [&places](const Mapping::Place& place) {
    if (!place.empty()) places.push_back(place);
  };
  add(mapping.source_id);
  for (const Mapping::Hash& hash : mapping.hashes) {
    add(hash.at);
    add(hash.quality);
    if (hash.when) add(hash.when->at);
  }
  if (mapping.classification) add(mapping.classification->at);
  for (const Mapping::Text& text : mapping.labels) add(text.at);
  for (const auto* conditions : {&mapping.removed, &mapping.skip}) {
    for (const Mapping::Condition& condition : *conditions) add(condition.at);
  }
  return places;
}

/// What both layouts share: the mapping, and what becomes of a record.
class MappedImporter : public FileImporter, protected MappedValues {
 public:
  MappedImporter(Input input, FileFormat format, const Mapping& mapping, bool replaces)
      : FileImporter(std::move(input), format), mapping_(mapping), replaces_(replaces) {}

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, Advance());
      if (!more) return false;
      RecordBuilder record(number_);
      if (!problem_.empty()) {
        record.SetProblem(problem_);
      } else {
        HASHGATE_ASSIGN_OR_RETURN(const bool taken, Fill(record));
        if (!taken) continue;
      }
      out.push_back(record.Finish());
      if (replaces_ && out.back().record) given_.Give(out.back().record->source_id);
    }
    return true;
  }

 protected:
  /// Reads the next record; false at the end. Sets number and problem.
  virtual Result<bool> Advance() = 0;

  Mapping mapping_;
  std::uint64_t number_ = 0;
  std::string problem_;

 private:
  /// False where the record is left out and counted.
  Result<bool> Fill(RecordBuilder& record) {
    const MappedFate fate = FillMapped(mapping_, *this, record);
    if (fate == MappedFate::kEntry) return true;
    if (replaces_) HASHGATE_RETURN_IF_ERROR(TakeBack(record));
    if (!record.ok()) return true;
    if (fate == MappedFate::kSkipped) {
      ++notes_.skipped_harmless;
      return false;
    }
    if (!replaces_) {
      record.SetProblem("a deletion: importing a file never removes entries");
      return true;
    }
    ++notes_.removals_left_out;
    return false;
  }

  Status TakeBack(RecordBuilder& record) {
    if (mapping_.source_id.empty()) return {};
    std::vector<std::string> ids;
    if (!Texts(mapping_.source_id, ids)) {
      record.SetProblem(mapping_.source_id + " has a value of the wrong kind");
      return {};
    }
    const std::string what = (format() == FileFormat::kJson ? "item " : "line ") + std::to_string(number_);
    for (const std::string& id : ids) HASHGATE_RETURN_IF_ERROR(given_.TakeBack(Trim(id), what));
    return {};
  }

  bool replaces_;
  GivenIds given_;  // where the file replaces a list
};

class MappedCsv final : public MappedImporter {
 public:
  MappedCsv(Input input, const Mapping& mapping, const ImporterOptions& options)
      : MappedImporter(std::move(input), FileFormat::kCsv, mapping, options.replaces),
        reader_(mapping.separator, options.max_record_bytes, options.replaces) {}

  Status Open() {
    if (mapping_.header.empty()) {
      HASHGATE_RETURN_IF_ERROR(reader_.ReadHeader(input_));
    } else {
      reader_.SetHeader(mapping_.header);
    }
    const std::vector<std::string>& header = reader_.header();
    std::vector<bool> used(header.size());
    for (const Mapping::Place& place : PlacesOf(mapping_)) {
      const auto is_named = [&](const std::string& text) { return EqualsIgnoringCase(Trim(text), place); };
      const auto found = std::ranges::find_if(header, is_named);
      if (found == header.end()) {
        return Fail(Reason::kRequestInvalid, "the header has no column '" + place.substr(0, 64) + "'",
                    "mapping");
      }
      if (std::find_if(found + 1, header.end(), is_named) != header.end()) {
        return Fail(Reason::kRequestInvalid, "the header names '" + place.substr(0, 64) + "' twice",
                    "mapping");
      }
      columns_[place] = static_cast<std::size_t>(found - header.begin());
      used[columns_[place]] = true;
    }
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (!used[i]) Ignored(Trim(header[i]));
    }
    return {};
  }

 protected:
  Result<bool> Advance() override {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, reader_.Next(input_, row_));
    number_ = row_.line;
    problem_ = row_.problem;
    return more;
  }

  bool Texts(const Mapping::Place& place, std::vector<std::string>& out) override {
    out.clear();
    const std::string& field = row_.fields[columns_.find(place)->second];
    if (!field.empty()) out.push_back(field);
    return true;
  }

 private:
  CsvReader reader_;
  CsvRow row_;
  std::map<Mapping::Place, std::size_t> columns_;
};

class MappedJson final : public MappedImporter {
 public:
  MappedJson(Input input, const Mapping& mapping, const ImporterOptions& options, JsonLayout layout)
      : MappedImporter(std::move(input), layout.lines ? FileFormat::kJsonl : FileFormat::kJson, mapping,
                       options.replaces),
        items_(std::move(layout), options.max_record_bytes) {}

  Status Open() {
    for (const Mapping::Place& place : PlacesOf(mapping_)) {
      HASHGATE_ASSIGN_OR_RETURN(paths_[place], ParseJsonPointer(place));
    }
    return {};
  }

 protected:
  Result<bool> Advance() override {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, items_.Next(input_, item_));
    number_ = item_.number;
    problem_ = item_.problem;
    if (!more || !problem_.empty()) return more;
    value_ = json::parse(item_.text, nullptr, false);
    if (value_.is_discarded()) {
      problem_ = "the item is not valid JSON";
    } else if (!value_.is_object()) {
      problem_ = "the item is not a JSON object";
    }
    return true;
  }

  bool Texts(const Mapping::Place& place, std::vector<std::string>& out) override {
    out.clear();
    const json* const value = Find(paths_.find(place)->second);
    if (value == nullptr || value->is_null()) return true;
    // Such a number has lost digits, and other ids could have become the same.
    const auto is_inexact = [](const json& element) { return element.is_number_float(); };
    if (place == mapping_.source_id &&
        (is_inexact(*value) || (value->is_array() && std::ranges::any_of(*value, is_inexact)))) {
      return false;
    }
    if (!value->is_array()) return AddText(*value, out);
    return std::ranges::all_of(*value, [&out](const json& element) { return AddText(element, out); });
  }

 private:
  static bool AddText(const json& value, std::vector<std::string>& out) {
    if (value.is_string()) {
      if (!value.get_ref<const std::string&>().empty()) out.push_back(value.get<std::string>());
      return true;
    }
    if (!value.is_number() && !value.is_boolean()) return false;
    out.push_back(value.dump());
    return true;
  }

  /// Null where the path leads nowhere.
  [[nodiscard]] const json* Find(const std::vector<std::string>& path) const {
    const json* value = &value_;
    for (const std::string& step : path) {
      if (value->is_object()) {
        const auto at = value->find(step);
        if (at == value->end()) return nullptr;
        value = &*at;
        continue;
      }
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      const bool is_index = error == std::errc() && end == step.data() + step.size() &&
                            (step.size() == 1 || step.front() != '0');
      if (!value->is_array() || !is_index || index >= value->size()) return nullptr;
      value = &(*value)[index];
    }
    return value;
  }

  JsonItems items_;
  JsonItem item_;
  json value_;
  std::map<Mapping::Place, std::vector<std::string>> paths_;
};

}  // namespace

Result<std::vector<std::string>> ParseJsonPointer(std::string_view pointer) {
  std::vector<std::string> path;
  if (pointer.empty()) return path;
  const auto broken = [&pointer] {
    return Fail(Reason::kRequestInvalid,
                "'" + std::string(pointer.substr(0, 64)) +
                    "' is not a JSON pointer: it starts with / and writes ~ as ~0 and / in a name as ~1",
                "mapping");
  };
  if (pointer.front() != '/') return broken();
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      path.emplace_back();
    } else if (pointer[i] != '~') {
      path.back() += pointer[i];
    } else {
      ++i;
      if (i == pointer.size() || (pointer[i] != '0' && pointer[i] != '1')) return broken();
      path.back() += pointer[i] == '0' ? '~' : '/';
    }
  }
  return path;
}

Result<std::unique_ptr<Importer>> OpenMapped(Input input, const Mapping& mapping,
                                             const ImporterOptions& options) {
  if (mapping.hashes.empty()) return Fail(Reason::kRequestInvalid, "the mapping names no hash", "mapping");
  if (mapping.layout == Mapping::Layout::kCsv) {
    auto importer = std::make_unique<MappedCsv>(std::move(input), mapping, options);
    HASHGATE_RETURN_IF_ERROR(importer->Open());
    return importer;
  }
  JsonLayout layout{
      .lines = mapping.layout == Mapping::Layout::kJsonl, .path = {}, .whole = options.replaces};
  HASHGATE_ASSIGN_OR_RETURN(layout.path, ParseJsonPointer(mapping.items));
  auto importer = std::make_unique<MappedJson>(std::move(input), mapping, options, std::move(layout));
  HASHGATE_RETURN_IF_ERROR(importer->Open());
  return importer;
}

}  // namespace hashgate::exchange
