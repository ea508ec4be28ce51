#include "exchange/file/csv_reader.h"

#include <algorithm>

#include "exchange/file/csv_record.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

// A quoted field may span lines. A quote that is never closed must not swallow the file, so a record of
// several lines ends here at the latest, and reading goes on with the line after the first one.
constexpr std::size_t kMaxSpanningBytes = 64 * 1024;

// The separator that the header holds most of.
char FindSeparator(std::string_view header) {
  char best = ',';
  for (const char candidate : {';', '\t'}) {
    if (std::ranges::count(header, candidate) > std::ranges::count(header, best)) best = candidate;
  }
  return best;
}

}  // namespace

Status CsvReader::ReadHeader(Input& input) {
  do {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, input.ReadLine(max_bytes_, first_));
    if (!more) return Fail(Reason::kRequestInvalid, "the file is empty: a CSV file starts with a header");
  } while (!first_.overlong && Trim(first_.text).empty());
  if (separator_ == 0) separator_ = FindSeparator(first_.text);
  if (first_.overlong || SplitCsv(first_.text, separator_, header_) != CsvState::kComplete) {
    return Fail(Reason::kRequestInvalid, "the first line is not a CSV header");
  }
  return {};
}

void CsvReader::SetHeader(std::vector<std::string> names) {
  header_ = std::move(names);
  if (separator_ == 0) separator_ = ',';
}

Result<bool> CsvReader::TakeLine(Input& input, Line& line) {
  if (pending_.empty()) return input.ReadLine(max_bytes_, line);
  line = std::move(pending_.front().line);
  pending_.pop_front();
  if (open_lines_ > 0) {
    --open_lines_;
    open_bytes_ -= line.text.size() + 1;
  }
  return true;
}

Result<bool> CsvReader::Next(Input& input, CsvRow& row) {
  do {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, TakeLine(input, first_));
    if (!more) return false;
  } while (!first_.overlong && Trim(first_.text).empty());
  row.line = first_.number;
  row.problem.clear();
  HASHGATE_RETURN_IF_ERROR(Split(input, row));
  if (row.problem.empty() && row.fields.size() != header_.size()) {
    row.problem = "the line has " + std::to_string(row.fields.size()) + " fields, the header " +
                  std::to_string(header_.size());
  }
  if (whole_ && !first_.ended && !row.problem.empty()) return BreaksOff("line " + std::to_string(row.line));
  return true;
}

Result<std::size_t> CsvReader::FindEnd(Input& input) {
  std::size_t bytes = first_.text.size() + open_bytes_;
  for (std::size_t at = open_lines_; bytes < kMaxSpanningBytes; ++at) {
    if (at == pending_.size()) {
      Line line;
      HASHGATE_ASSIGN_OR_RETURN(const bool more, input.ReadLine(max_bytes_, line));
      if (!more) return 0;
      pending_.push_back({std::move(line), std::nullopt});
    }
    Ahead& next = pending_[at];
    bytes += next.line.text.size() + 1;
    if (next.line.overlong || bytes > kMaxSpanningBytes) return 0;
    if (!next.continued) next.continued = ContinueCsv(next.line.text, separator_, scratch_);
    if (*next.continued == CsvState::kComplete) return at + 1;
    if (*next.continued == CsvState::kBroken) return 0;
    open_lines_ = at + 1;
    open_bytes_ += next.line.text.size() + 1;
  }
  return 0;
}

Status CsvReader::Split(Input& input, CsvRow& row) {
  if (first_.overlong) {
    row.problem = "the line is longer than " + std::to_string(max_bytes_) + " bytes";
    return {};
  }
  CsvState state = SplitCsv(first_.text, separator_, row.fields);
  if (state == CsvState::kOpenQuote) {
    HASHGATE_ASSIGN_OR_RETURN(std::size_t lines, FindEnd(input));
    if (lines > 0) {
      std::string joined = first_.text;
      for (Line line; lines > 0; --lines) {
        HASHGATE_RETURN_IF_ERROR(TakeLine(input, line));
        joined += '\n';
        joined += line.text;
      }
      state = SplitCsv(joined, separator_, row.fields);
    }
  }
  switch (state) {
    case CsvState::kComplete: break;
    case CsvState::kOpenQuote: row.problem = "a quote is opened and not closed"; break;
    case CsvState::kBroken: row.problem = "text follows a closing quote"; break;
  }
  return {};
}

}  // namespace hashgate::exchange
