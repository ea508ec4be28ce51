#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "exchange/file/csv_record.h"
#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

// A quoted field may span lines. A quote that is never closed must not swallow the file, so a record of
// several lines ends here at the latest, and reading goes on with the line after the first one.
constexpr std::size_t kMaxSpanningBytes = 64 * 1024;

// The header of INTERPOL's ICSE files; its columns are known, so no mapping is needed.
constexpr std::string_view kIcse[] = {"MD5", "SHA1", "PhotoDNA", "Image ID"};

class CsvImporter : public FileImporter {
 public:
  CsvImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kCsv),
        separator_(options.separator),
        max_bytes_(options.max_record_bytes) {
    columns_.fill(-1);
  }

  Status ReadHeader(const ImporterOptions& options);

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, TakeLine(first_));
      if (!more) return false;
      if (!first_.overlong && Trim(first_.text).empty()) continue;
      RecordBuilder record(first_.number);
      HASHGATE_RETURN_IF_ERROR(ReadRecord(record));
      out.push_back(record.Finish());
    }
    return true;
  }

 private:
  Result<bool> TakeLine(Line& line) {
    if (pending_.empty()) return input_.ReadLine(max_bytes_, line);
    line = std::move(pending_.front());
    pending_.pop_front();
    return true;
  }

  Status ReadRecord(RecordBuilder& record);
  void FillRecord(RecordBuilder& record);
  Status MapColumns(const ImporterOptions& options);

  char separator_;
  std::size_t max_bytes_;
  Line first_;
  std::vector<std::string> fields_;
  std::deque<Line> pending_;  // lines read ahead in a quoted field that turned out not to end
  std::vector<std::string> header_;
  std::array<int, kFieldCount> columns_{};  // column of each field, or -1
  int baseline_column_ = -1;                // ICSE only
};

Status CsvImporter::ReadRecord(RecordBuilder& record) {
  if (first_.overlong) {
    record.SetProblem("the line is longer than " + std::to_string(max_bytes_) + " bytes");
    return {};
  }
  CsvState state = SplitCsv(first_.text, separator_, fields_);
  if (state == CsvState::kOpenQuote) {
    std::deque<Line> taken;
    std::string joined = first_.text;
    while (state == CsvState::kOpenQuote) {
      Line line;
      HASHGATE_ASSIGN_OR_RETURN(const bool more, TakeLine(line));
      if (!more) break;
      const bool too_long = line.overlong || joined.size() + line.text.size() >= kMaxSpanningBytes;
      joined += '\n';
      if (!too_long) joined += line.text;
      taken.push_back(std::move(line));
      if (too_long) break;
      // Only a line with a quote can end the field.
      if (taken.back().text.find('"') != std::string::npos) state = SplitCsv(joined, separator_, fields_);
    }
    if (state != CsvState::kComplete) {
      pending_.insert(pending_.begin(), std::make_move_iterator(taken.begin()),
                      std::make_move_iterator(taken.end()));
      state = CsvState::kOpenQuote;
    }
  }
  switch (state) {
    case CsvState::kComplete: FillRecord(record); break;
    case CsvState::kOpenQuote: record.SetProblem("a quote is opened and not closed"); break;
    case CsvState::kBroken: record.SetProblem("text follows a closing quote"); break;
  }
  return {};
}

void CsvImporter::FillRecord(RecordBuilder& record) {
  if (fields_.size() != header_.size()) {
    record.SetProblem("the line has " + std::to_string(fields_.size()) + " fields, the header " +
                      std::to_string(header_.size()));
    return;
  }
  for (int field = 0; field < kFieldCount; ++field) {
    const int column = columns_[static_cast<std::size_t>(field)];
    if (column >= 0) {
      record.SetText(static_cast<FieldName>(field), fields_[static_cast<std::size_t>(column)]);
    }
  }
  if (baseline_column_ >= 0) {
    const std::string_view value = Trim(fields_[static_cast<std::size_t>(baseline_column_)]);
    if (!value.empty()) {
      record.SetText(FieldName::kClassification, "icse:baseline=" + std::string(value));
    }
  }
}

// The separator that the header holds most of.
char FindSeparator(std::string_view header) {
  char best = ',';
  for (const char candidate : {';', '\t'}) {
    if (std::ranges::count(header, candidate) > std::ranges::count(header, best)) best = candidate;
  }
  return best;
}

Status CsvImporter::ReadHeader(const ImporterOptions& options) {
  do {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, input_.ReadLine(max_bytes_, first_));
    if (!more) return Fail(Reason::kRequestInvalid, "the file is empty: a CSV file starts with a header");
  } while (!first_.overlong && Trim(first_.text).empty());
  if (separator_ == 0) separator_ = FindSeparator(first_.text);
  if (first_.overlong || SplitCsv(first_.text, separator_, header_) != CsvState::kComplete) {
    return Fail(Reason::kRequestInvalid, "the first line is not a CSV header");
  }
  return MapColumns(options);
}

Status CsvImporter::MapColumns(const ImporterOptions& options) {
  // Fields that --map names are taken from its column and not from one of their own name.
  std::array<bool, kFieldCount> mapped{};
  for (const auto& [name, column] : options.columns) {
    const int field = FindField(name);
    if (field < 0) {
      return Fail(Reason::kRequestInvalid, "--map: '" + name.substr(0, 64) + "' is not a field", "map");
    }
    const auto found = std::ranges::find_if(
        header_, [&](const std::string& text) { return EqualsIgnoringCase(Trim(text), column); });
    if (found == header_.end()) {
      return Fail(Reason::kRequestInvalid, "--map: the header has no column '" + column.substr(0, 64) + "'",
                  "map");
    }
    mapped[static_cast<std::size_t>(field)] = true;
    columns_[static_cast<std::size_t>(field)] = static_cast<int>(found - header_.begin());
  }
  const bool is_icse =
      header_.size() >= std::size(kIcse) &&
      std::equal(std::begin(kIcse), std::end(kIcse), header_.begin(),
                 [](std::string_view a, const std::string& b) { return EqualsIgnoringCase(a, Trim(b)); });
  for (std::size_t column = 0; column < header_.size(); ++column) {
    const std::string_view name = Trim(header_[column]);
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
                               FieldName::kPhotoDna, FieldName::kPdqNn512}) {
    if (columns_[static_cast<std::size_t>(hash)] >= 0) return {};
  }
  return Fail(Reason::kRequestInvalid,
              "no column of the header is a hash (md5, sha1, sha256, pdq, photodna): say which one is with "
              "--map md5=COLUMN");
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenCsv(Input input, const ImporterOptions& options) {
  auto importer = std::make_unique<CsvImporter>(std::move(input), options);
  HASHGATE_RETURN_IF_ERROR(importer->ReadHeader(options));
  return importer;
}

}  // namespace hashgate::exchange
