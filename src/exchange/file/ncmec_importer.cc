// What NCMEC's hash sharing API v2 answers to `entries`, saved as a file. Source: the fixtures of
// github.com/facebook/ThreatExchange (python-threatexchange, ncmec) and NCMEC's public documentation.
#include "exchange/file/given_ids.h"
#include "exchange/file/importers.h"
#include "exchange/file/ncmec_element.h"
#include "exchange/file/record_builder.h"
#include "exchange/file/xml_splitter.h"

namespace hashgate::exchange {
namespace {

using Piece = XmlSplitter::Piece;

class NcmecImporter : public FileImporter {
 public:
  NcmecImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kNcmec),
        splitter_(input_, "queryResult", kNcmecElements, options.max_record_bytes),
        whole_(options.replaces) {}

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
      ++count_;
      if (piece == Piece::kElement) {
        HASHGATE_ASSIGN_OR_RETURN(auto record, ReadElement(count_));
        out.push_back(std::move(record));
      } else if (piece == Piece::kOverlong) {
        out.push_back({count_, std::nullopt, "the element is too long or too deeply nested"});
      } else {
        if (whole_) return BreaksOff("element " + std::to_string(count_));
        out.push_back({count_, std::nullopt, "the file breaks off or is not XML from this element on"});
        done_ = true;
      }
    }
    return !done_;
  }

 private:
  Result<lists::ImportRecord> ReadElement(std::uint64_t line) {
    pugi::xml_document document;
    if (!document.load_buffer(text_.data(), text_.size())) {
      return lists::ImportRecord{line, std::nullopt, "the element is not well-formed XML"};
    }
    NcmecElement element = ReadNcmecElement(document.document_element(), line);
    notes_.values_left_out += element.values_left_out;
    if (!element.record.withdrawn) {
      if (whole_ && element.record.record) given_.Give(element.record.record->source_id);
      return std::move(element.record);
    }
    if (whole_) {
      HASHGATE_RETURN_IF_ERROR(
          given_.TakeBack(element.record.record->source_id, "element " + std::to_string(line)));
    }
    const bool tombstone = LocalName(document.document_element().name()).starts_with("deleted");
    return lists::ImportRecord{
        line, std::nullopt,
        tombstone ? "a deletion: importing a file never removes entries" : "no hash that can be matched"};
  }

  XmlSplitter splitter_;
  std::string text_;
  std::uint64_t count_ = 0;
  GivenIds given_;  // where the file replaces a list
  bool whole_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<Importer>> OpenNcmec(Input input, const ImporterOptions& options) {
  return std::make_unique<NcmecImporter>(std::move(input), options);
}

}  // namespace hashgate::exchange
