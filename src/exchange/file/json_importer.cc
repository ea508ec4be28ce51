// JSON objects with our own names: one a line, or the elements of an array.
#include <nlohmann/json.hpp>

#include "exchange/file/importers.h"
#include "exchange/file/json_items.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

class JsonImporter : public FileImporter {
 public:
  JsonImporter(Input input, const ImporterOptions& options, FileFormat format)
      : FileImporter(std::move(input), format),
        items_({.lines = format == FileFormat::kJsonl, .path = {}, .whole = options.replaces},
               options.max_record_bytes),
        thing_(format == FileFormat::kJsonl ? "the line" : "the item") {}

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, items_.Next(input_, item_));
      if (!more) return false;
      RecordBuilder record(item_.number);
      Read(record);
      out.push_back(record.Finish());
    }
    return true;
  }

 private:
  void Read(RecordBuilder& record) {
    if (!item_.problem.empty()) {
      record.SetProblem(item_.problem);
      return;
    }
    const auto json = nlohmann::json::parse(item_.text, nullptr, false);
    if (!json.is_object()) {
      record.SetProblem(thing_ + (json.is_discarded() ? " is not valid JSON" : " is not a JSON object"));
      return;
    }
    for (const auto& [key, value] : json.items()) {
      const int field = FindField(key);
      if (field < 0) {
        Ignored(key);
      } else if (!value.is_null()) {
        SetField(static_cast<FieldName>(field), value, record);
      }
    }
  }

  static void SetField(FieldName field, const nlohmann::json& value, RecordBuilder& record) {
    const bool is_quality = field == FieldName::kPdqQuality || field == FieldName::kPdqNn512Quality;
    if (value.is_string()) {
      record.SetText(field, value.get_ref<const std::string&>());
    } else if (value.is_number_integer() && (is_quality || field == FieldName::kSourceId)) {
      record.SetText(field, value.dump());
    } else if (value.is_array() && field == FieldName::kLabels) {
      for (const auto& label : value) {
        if (!label.is_string()) {
          record.SetProblem("labels holds something that is not text");
          return;
        }
        record.AddLabel(label.get_ref<const std::string&>());
      }
    } else {
      record.SetProblem(std::string(FieldText(field)) + " has a value of the wrong kind");
    }
  }

  JsonItems items_;
  JsonItem item_;
  std::string thing_;  // what a record is called in problems
};

}  // namespace

Result<std::unique_ptr<Importer>> OpenJsonl(Input input, const ImporterOptions& options) {
  return std::make_unique<JsonImporter>(std::move(input), options, FileFormat::kJsonl);
}

Result<std::unique_ptr<Importer>> OpenJson(Input input, const ImporterOptions& options) {
  return std::make_unique<JsonImporter>(std::move(input), options, FileFormat::kJson);
}

}  // namespace hashgate::exchange
