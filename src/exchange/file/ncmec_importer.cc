// What NCMEC's hash sharing API v2 answers to `entries`, saved as a file. Source: the fixtures of
// github.com/facebook/ThreatExchange (python-threatexchange, ncmec) and NCMEC's public documentation.
#include <pugixml.hpp>

#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"
#include "exchange/file/xml_splitter.h"

namespace hashgate::exchange {
namespace {

using Piece = XmlSplitter::Piece;

constexpr std::string_view kNames[] = {"image", "video", "deletedImage", "deletedVideo"};

// Children are found by name, in any order and with any prefix.
pugi::xml_node Child(pugi::xml_node node, std::string_view name) {
  for (const pugi::xml_node child : node.children()) {
    if (LocalName(child.name()) == name) return child;
  }
  return {};
}

Algorithm AlgorithmOf(std::string_view name) {
  if (EqualsIgnoringCase(name, "md5")) return Algorithm::kMd5;
  if (EqualsIgnoringCase(name, "sha1")) return Algorithm::kSha1;
  if (EqualsIgnoringCase(name, "sha256")) return Algorithm::kSha256;
  if (EqualsIgnoringCase(name, "pdq")) return Algorithm::kPdq;
  if (EqualsIgnoringCase(name, "pdna") || EqualsIgnoringCase(name, "photodna")) return Algorithm::kPhotoDna;
  return Algorithm::kUnspecified;
}

class NcmecImporter : public FileImporter {
 public:
  NcmecImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kNcmec),
        splitter_(input_, "queryResult", kNames, options.max_record_bytes) {}

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit && !done_; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const Piece piece, splitter_.Next(text_));
      if (piece == Piece::kEnd) {
        done_ = true;
        break;
      }
      if (piece == Piece::kForbidden) {
        return Fail(Reason::kRequestInvalid,
                    "the XML declares a document type or an entity: such files are refused");
      }
      if (piece == Piece::kWrongRoot) {
        return Fail(Reason::kRequestInvalid,
                    "the XML's root is not queryResult: this is not an answer of NCMEC's hash sharing");
      }
      RecordBuilder record(++count_);
      if (piece == Piece::kElement) {
        ReadElement(record);
      } else if (piece == Piece::kOverlong) {
        record.SetProblem("the element is too long or too deeply nested");
      } else {
        record.SetProblem("the file breaks off or is not XML from this element on");
        done_ = true;
      }
      out.push_back(record.Finish());
    }
    return !done_;
  }

 private:
  void ReadElement(RecordBuilder& record) {
    pugi::xml_document document;
    if (!document.load_buffer(text_.data(), text_.size())) {
      record.SetProblem("the element is not well-formed XML");
      return;
    }
    const pugi::xml_node element = document.document_element();
    if (LocalName(element.name()).starts_with("deleted")) {
      record.SetProblem("a deletion: importing a file never removes entries");
      return;
    }
    const std::string id = Child(element, "id").text().get();
    if (id.empty()) {
      record.SetProblem("the element has no id");
      return;
    }
    // An id is unique per member only.
    const std::string member = Child(element, "member").attribute("id").value();
    record.SetText(FieldName::kSourceId, member.empty() ? id : member + "-" + id);
    record.SetText(FieldName::kClassification, Child(element, "classification").text().get());
    for (const pugi::xml_node fingerprint : Child(element, "fingerprints").children()) {
      const Algorithm algorithm = AlgorithmOf(LocalName(fingerprint.name()));
      const char* const value = fingerprint.text().get();
      if (algorithm == Algorithm::kUnspecified || *value == '\0') {
        // Of a kind that is not matched, or given by reference only.
        ++notes_.values_left_out;
      } else {
        record.AddHash(algorithm, value);
      }
    }
    if (LocalName(element.name()) == "video") record.AddLabel("video");
  }

  XmlSplitter splitter_;
  std::string text_;
  std::uint64_t count_ = 0;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<Importer>> OpenNcmec(Input input, const ImporterOptions& options) {
  return std::make_unique<NcmecImporter>(std::move(input), options);
}

}  // namespace hashgate::exchange
