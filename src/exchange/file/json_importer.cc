#include <nlohmann/json.hpp>

#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

class JsonlImporter : public FileImporter {
 public:
  JsonlImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kJsonl), max_bytes_(options.max_record_bytes) {}

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, input_.ReadLine(max_bytes_, line_));
      if (!more) return false;
      if (!line_.overlong && Trim(line_.text).empty()) continue;
      RecordBuilder record(line_.number);
      Read(record);
      out.push_back(record.Finish());
    }
    return true;
  }

 private:
  void Read(RecordBuilder& record) {
    if (line_.overlong) {
      record.SetProblem("the line is longer than " + std::to_string(max_bytes_) + " bytes");
      return;
    }
    const auto json = nlohmann::json::parse(line_.text, nullptr, false);
    if (json.is_discarded()) {
      record.SetProblem("the line is not valid JSON");
      return;
    }
    if (!json.is_object()) {
      record.SetProblem("the line is not a JSON object");
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

  std::size_t max_bytes_;
  Line line_;
};

}  // namespace

Result<std::unique_ptr<Importer>> OpenJsonl(Input input, const ImporterOptions& options) {
  return std::make_unique<JsonlImporter>(std::move(input), options);
}

}  // namespace hashgate::exchange
