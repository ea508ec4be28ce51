#include "exchange/file/mapped_record.h"

#include <algorithm>

namespace hashgate::exchange {
namespace {

/// Asks for values and turns what is of the wrong kind into the record's problem.
class Reader {
 public:
  Reader(MappedValues& values, RecordBuilder& record) : values_(values), record_(record) {}

  const std::vector<std::string>& Texts(const Mapping::Place& place) {
    if (!values_.Texts(place, texts_)) {
      texts_.clear();
      record_.SetProblem(place + " has a value of the wrong kind");
    }
    return texts_;
  }
  /// The one text there; empty where there is none.
  std::string Text(const Mapping::Place& place) {
    const std::vector<std::string>& texts = Texts(place);
    if (texts.size() > 1) record_.SetProblem(place + " has several values where one is wanted");
    return texts.empty() ? std::string() : texts.front();
  }
  bool Holds(const Mapping::Condition& condition) {
    const std::vector<std::string>& texts = Texts(condition.at);
    if (!record_.ok()) return false;
    const auto wanted = [&condition](std::string_view text) {
      return std::ranges::any_of(condition.values, [text](const std::string& value) {
        return EqualsIgnoringCase(Trim(text), value);
      });
    };
    return texts.empty() ? wanted("") : std::ranges::any_of(texts, wanted);
  }
  bool AnyHolds(const std::vector<Mapping::Condition>& conditions) {
    return std::ranges::any_of(conditions, [this](const auto& condition) { return Holds(condition); });
  }

 private:
  MappedValues& values_;
  RecordBuilder& record_;
  std::vector<std::string> texts_;
};

void AddHash(const Mapping::Hash& hash, Reader& reader, RecordBuilder& record) {
  if (hash.when && !reader.Holds(*hash.when)) return;
  std::string text;
  for (const std::string& part : reader.Texts(hash.at)) {
    // Several are the numbers of one value.
    if (!text.empty()) text += ',';
    text += part;
  }
  record.AddHash(hash.algorithm, text, hash.pipeline, hash.encoding);
  if (hash.quality.empty()) return;
  const bool nn512 = hash.pipeline == Pipeline::kNn512;
  record.SetText(nn512 ? FieldName::kPdqNn512Quality : FieldName::kPdqQuality, reader.Text(hash.quality));
}

void AddLabels(const Mapping::Text& labels, Reader& reader, RecordBuilder& record) {
  for (const std::string& text : reader.Texts(labels.at)) {
    std::size_t at = 0;
    while (at <= text.size()) {
      const std::size_t end =
          labels.separator.empty() ? text.size() : std::min(text.find(labels.separator, at), text.size());
      const std::string_view label = Trim(std::string_view(text).substr(at, end - at));
      if (!label.empty()) record.AddLabel(labels.prefix + std::string(label));
      at = end + std::max<std::size_t>(labels.separator.size(), 1);
    }
  }
}

}  // namespace

MappedFate FillMapped(const Mapping& mapping, MappedValues& values, RecordBuilder& record) {
  Reader reader(values, record);
  if (reader.AnyHolds(mapping.skip)) return MappedFate::kSkipped;
  if (reader.AnyHolds(mapping.removed)) return MappedFate::kRemoved;
  if (!record.ok()) return MappedFate::kEntry;
  if (!mapping.source_id.empty()) record.SetText(FieldName::kSourceId, reader.Text(mapping.source_id));
  for (const Mapping::Hash& hash : mapping.hashes) AddHash(hash, reader, record);
  if (mapping.classification) {
    const std::string text = reader.Text(mapping.classification->at);
    if (!Trim(text).empty()) {
      record.SetText(FieldName::kClassification, mapping.classification->prefix + std::string(Trim(text)));
    }
  }
  for (const Mapping::Text& labels : mapping.labels) AddLabels(labels, reader, record);
  return MappedFate::kEntry;
}

}  // namespace hashgate::exchange
