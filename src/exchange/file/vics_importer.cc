// Project VIC's JSON, models 1.3 and 2.0: the first member of the root names the model, "value" is the array
// of items. Source: the importer of github.com/sepinf-inc/IPED (HashDBTool), read for the names of the
// members.
#include <nlohmann/json.hpp>

#include "exchange/file/importers.h"
#include "exchange/file/json_splitter.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

using Piece = JsonSplitter::Piece;
using nlohmann::json;

constexpr std::size_t kPhotoDnaBase64Chars = 192;
// A name or a model is short; a longer one is not of this format.
constexpr std::size_t kMaxNameBytes = 4096;

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  for (std::size_t i = 0; i + part.size() <= text.size(); ++i) {
    if (EqualsIgnoringCase(text.substr(i, part.size()), part)) return true;
  }
  return false;
}

const json* FindMember(const json& object, std::string_view name) {
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (EqualsIgnoringCase(it.key(), name)) return &*it;
  }
  return nullptr;
}

class VicsImporter : public FileImporter {
 public:
  VicsImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kVics),
        items_(input_, options.max_record_bytes),
        whole_(options.replaces) {}

  /// Reads up to the first element of "value".
  Status ReadHead();

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit && !done_; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const Piece piece, items_.NextElement(count_ == 0, ']', text_));
      if (piece == Piece::kEnd) {
        done_ = true;
        HASHGATE_ASSIGN_OR_RETURN(const bool sound, ReadTail());
        if (sound) break;
        RecordBuilder record(++count_);
        if (whole_) return BreaksOff("item " + std::to_string(count_));
        record.SetProblem("something else than the end of the file follows the items");
        out.push_back(record.Finish());
        break;
      }
      RecordBuilder record(++count_);
      if (piece == Piece::kValue) {
        if (!ReadItem(record)) continue;
      } else if (piece == Piece::kOverlong) {
        record.SetProblem("the item is too long or too deeply nested");
      } else {
        if (whole_) return BreaksOff("item " + std::to_string(count_));
        record.SetProblem("the file breaks off or is not JSON from this item on");
        done_ = true;
      }
      out.push_back(record.Finish());
    }
    return !done_;
  }

 private:
  /// What follows the items: other members and the end of the root. False where it is anything else.
  Result<bool> ReadTail();
  /// False where the item is known to be harmless.
  bool ReadItem(RecordBuilder& record);
  void AddPhotoDna(const json& value, RecordBuilder& record);
  void AddAlternatives(const json& list, RecordBuilder& record);

  JsonSplitter items_;
  std::string text_;
  std::uint64_t count_ = 0;
  bool whole_;
  bool done_ = false;
};

Status VicsImporter::ReadHead() {
  const auto broken = [] {
    return Fail(Reason::kRequestInvalid,
                "the file is not VICS JSON: an object whose first member names the model and whose member "
                "\"value\" is an array");
  };
  JsonSplitter head(input_, kMaxNameBytes);
  HASHGATE_ASSIGN_OR_RETURN(const bool object, head.Expect('{'));
  if (!object) return broken();
  for (bool first = true;; first = false) {
    std::string name;
    HASHGATE_ASSIGN_OR_RETURN(const Piece key, head.NextKey(first, name));
    if (key != Piece::kValue) return broken();
    if (first) {
      HASHGATE_ASSIGN_OR_RETURN(const Piece model_piece, head.TakeValue(text_));
      const json model = model_piece == Piece::kValue ? json::parse(text_, nullptr, false) : json();
      if (!ContainsIgnoringCase(name, "odata") || !model.is_string()) return broken();
      const auto& model_text = model.get_ref<const std::string&>();
      if (ContainsIgnoringCase(model_text, "DataModels/1.2")) {
        return Fail(Reason::kRequestInvalid,
                    "the file is a set of known harmless files (CAID model 1.2): it must not become a list");
      }
      if (!ContainsIgnoringCase(model_text, "DataModels/1.3") &&
          !ContainsIgnoringCase(model_text, "DataModels/2.0")) {
        return Fail(Reason::kRequestInvalid, "the file's VICS model is not 1.3 or 2.0");
      }
      continue;
    }
    if (EqualsIgnoringCase(name, "value")) {
      HASHGATE_ASSIGN_OR_RETURN(const bool array, head.Expect('['));
      if (!array) return broken();
      return {};
    }
    HASHGATE_ASSIGN_OR_RETURN(const Piece other, head.TakeValue(text_));
    if (other == Piece::kBroken) return broken();
    Ignored(name);
  }
}

Result<bool> VicsImporter::ReadTail() {
  JsonSplitter tail(input_, kMaxNameBytes);
  // A second array of items would be lost if it were passed over.
  HASHGATE_ASSIGN_OR_RETURN(const bool sound, tail.SkipRest([](std::string_view name) {
    return EqualsIgnoringCase(name, "value");
  }));
  if (!sound) return false;
  HASHGATE_ASSIGN_OR_RETURN(const int next, tail.PeekChar());
  return next < 0;
}

void VicsImporter::AddPhotoDna(const json& value, RecordBuilder& record) {
  if (!value.is_string()) return;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return;
  // Other lengths are other editions of the algorithm, which must not be mixed with this one.
  if (text.size() != kPhotoDnaBase64Chars) {
    ++notes_.values_left_out;
    return;
  }
  record.AddHash(Algorithm::kPhotoDna, text);
}

void VicsImporter::AddAlternatives(const json& list, RecordBuilder& record) {
  for (const json& item : list) {
    if (!item.is_object()) continue;
    const json* const name = FindMember(item, "HashName");
    const json* const value = FindMember(item, "HashValue");
    if (name == nullptr || value == nullptr || !name->is_string() || !value->is_string()) continue;
    const auto& text = value->get_ref<const std::string&>();
    const auto& algorithm = name->get_ref<const std::string&>();
    if (EqualsIgnoringCase(algorithm, "PhotoDNA")) {
      AddPhotoDna(*value, record);
    } else if (EqualsIgnoringCase(algorithm, "SHA256")) {
      record.AddHash(Algorithm::kSha256, text);
    } else if (EqualsIgnoringCase(algorithm, "PDQ")) {
      record.AddHash(Algorithm::kPdq, text);
    } else {
      ++notes_.values_left_out;
    }
  }
}

bool VicsImporter::ReadItem(RecordBuilder& record) {
  const json item = json::parse(text_, nullptr, false);
  if (!item.is_object()) {
    record.SetProblem(item.is_discarded() ? "the item is not valid JSON" : "the item is not a JSON object");
    return true;
  }
  const json* const category = FindMember(item, "Category");
  if (category == nullptr || !category->is_number_integer()) {
    // Without it nobody can tell the item from a harmless one.
    record.SetProblem("Category is missing or not a whole number");
    return true;
  }
  if (*category == 0) {
    ++notes_.skipped_harmless;
    return false;
  }
  record.SetText(FieldName::kClassification, "vics:" + category->dump());
  for (auto it = item.begin(); it != item.end(); ++it) {
    const json& value = *it;
    if (EqualsIgnoringCase(it.key(), "MD5") || EqualsIgnoringCase(it.key(), "SHA1")) {
      const Algorithm algorithm = EqualsIgnoringCase(it.key(), "MD5") ? Algorithm::kMd5 : Algorithm::kSha1;
      if (value.is_string()) {
        record.AddHash(algorithm, value.get_ref<const std::string&>());
      } else if (!value.is_null()) {
        record.SetProblem(std::string(AlgorithmName(algorithm)) + " is not text");
      }
    } else if (EqualsIgnoringCase(it.key(), "PhotoDNA")) {
      AddPhotoDna(value, record);
    } else if (EqualsIgnoringCase(it.key(), "Tags")) {
      // Texts or truth values; only texts say something by themselves.
      if (value.is_string()) record.AddLabel(value.get_ref<const std::string&>());
      if (!value.is_array()) continue;
      for (const json& tag : value) {
        if (tag.is_string()) record.AddLabel(tag.get_ref<const std::string&>());
      }
    } else if (value.is_array()) {
      AddAlternatives(value, record);
    }
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenVics(Input input, const ImporterOptions& options) {
  auto importer = std::make_unique<VicsImporter>(std::move(input), options);
  HASHGATE_RETURN_IF_ERROR(importer->ReadHead());
  return importer;
}

}  // namespace hashgate::exchange
