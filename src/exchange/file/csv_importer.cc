#include <algorithm>
#include <array>

#include "exchange/file/csv_reader.h"
#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

// The header of INTERPOL's ICSE files; its columns are known, so no mapping is needed.
constexpr std::string_view kIcse[] = {"MD5", "SHA1", "PhotoDNA", "Image ID"};

class CsvImporter : public FileImporter {
 public:
  CsvImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kCsv),
        reader_(options.separator, options.max_record_bytes, options.replaces) {
    columns_.fill(-1);
  }

  Status ReadHeader(const ImporterOptions& options) {
    HASHGATE_RETURN_IF_ERROR(reader_.ReadHeader(input_));
    return MapColumns(options);
  }

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, reader_.Next(input_, row_));
      if (!more) return false;
      RecordBuilder record(row_.line);
      if (row_.problem.empty()) {
        FillRecord(record);
      } else {
        record.SetProblem(row_.problem);
      }
      out.push_back(record.Finish());
    }
    return true;
  }

 private:
  void FillRecord(RecordBuilder& record);
  Status MapColumns(const ImporterOptions& options);

  CsvReader reader_;
  CsvRow row_;
  std::array<int, kFieldCount> columns_{};  // column of each field, or -1
  int baseline_column_ = -1;                // ICSE only
};

void CsvImporter::FillRecord(RecordBuilder& record) {
  for (int field = 0; field < kFieldCount; ++field) {
    const int column = columns_[static_cast<std::size_t>(field)];
    if (column >= 0) {
      record.SetText(static_cast<FieldName>(field), row_.fields[static_cast<std::size_t>(column)]);
    }
  }
  if (baseline_column_ >= 0) {
    const std::string_view value = Trim(row_.fields[static_cast<std::size_t>(baseline_column_)]);
    if (!value.empty()) {
      record.SetText(FieldName::kClassification, "icse:baseline=" + std::string(value));
    }
  }
}

Status CsvImporter::MapColumns(const ImporterOptions& options) {
  const std::vector<std::string>& header = reader_.header();
  // Fields that --map names are taken from its column and not from one of their own name.
  std::array<bool, kFieldCount> mapped{};
  for (const auto& [name, column] : options.columns) {
    const int field = FindField(name);
    if (field < 0) {
      return Fail(Reason::kRequestInvalid, "--map: '" + name.substr(0, 64) + "' is not a field", "map");
    }
    const auto found = std::ranges::find_if(
        header, [&](const std::string& text) { return EqualsIgnoringCase(Trim(text), column); });
    if (found == header.end()) {
      return Fail(Reason::kRequestInvalid, "--map: the header has no column '" + column.substr(0, 64) + "'",
                  "map");
    }
    mapped[static_cast<std::size_t>(field)] = true;
    columns_[static_cast<std::size_t>(field)] = static_cast<int>(found - header.begin());
  }
  const bool is_icse =
      header.size() >= std::size(kIcse) &&
      std::equal(std::begin(kIcse), std::end(kIcse), header.begin(),
                 [](std::string_view a, const std::string& b) { return EqualsIgnoringCase(a, Trim(b)); });
  for (std::size_t column = 0; column < header.size(); ++column) {
    const std::string_view name = Trim(header[column]);
    int field = FindField(name);
    if (is_icse && EqualsIgnoringCase(name, "Image ID")) field = static_cast<int>(FieldName::kSourceId);
    if (is_icse && EqualsIgnoringCase(name, "Baseline")) {
      baseline_column_ = static_cast<int>(column);
      continue;
    }
    if (field < 0) {
      if (std::ranges::find(columns_, static_cast<int>(column)) == columns_.end()) Ignored(name);
      continue;
    }
    int& target = columns_[static_cast<std::size_t>(field)];
    if (mapped[static_cast<std::size_t>(field)]) continue;
    if (target >= 0) {
      return Fail(Reason::kRequestInvalid,
                  "the header names '" + std::string(FieldText(static_cast<FieldName>(field))) + "' twice");
    }
    target = static_cast<int>(column);
  }
  for (const FieldName hash : {FieldName::kMd5, FieldName::kSha1, FieldName::kSha256, FieldName::kPdq,
                               FieldName::kPhotoDna, FieldName::kPdqNn512, FieldName::kPHash,
                               FieldName::kBlockMean, FieldName::kMarrHildreth, FieldName::kAverage}) {
    if (columns_[static_cast<std::size_t>(hash)] >= 0) return {};
  }
  return Fail(Reason::kRequestInvalid,
              "no column of the header is a hash (md5, sha1, sha256, pdq, photodna, marr_hildreth, phash, "
              "block_mean, average): say which one is with "
              "--map md5=COLUMN");
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenCsv(Input input, const ImporterOptions& options) {
  auto importer = std::make_unique<CsvImporter>(std::move(input), options);
  HASHGATE_RETURN_IF_ERROR(importer->ReadHeader(options));
  return importer;
}

}  // namespace hashgate::exchange
