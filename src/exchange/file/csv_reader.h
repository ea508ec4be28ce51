// CSV records as fields: lines joined where a quoted field spans them, and nothing lost where a quote is
// never closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "exchange/file/csv_record.h"
#include "exchange/file/input.h"

namespace hashgate::exchange {

/// One record of a CSV file.
struct CsvRow {
  std::uint64_t line = 0;           ///< its first line, from 1
  std::vector<std::string> fields;  ///< as many as the header has; unspecified where there is a problem
  std::string problem;              ///< why it cannot be read; empty where it can
};

/// Threads: confined. Memory: at most one record and 64 KiB of lines read ahead. Cost: each byte is looked at
/// four times at most, however many quotes are opened and never closed.
class CsvReader {
 public:
  /// `separator` 0 finds it out from the header. `max_bytes` of one line. `whole`: a last line that has no
  /// line end and cannot be read is an error and not a row with a problem.
  CsvReader(char separator, std::size_t max_bytes, bool whole)
      : separator_(separator), max_bytes_(max_bytes), whole_(whole) {}

  /// Takes the first line that is not blank as the header. Errors: kFileUnreadable; kRequestInvalid where the
  /// file is empty or the line is no header.
  Status ReadHeader(Input& input);
  /// For files without a header line: names its columns. `separator` 0 is a comma.
  void SetHeader(std::vector<std::string> names);
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }

  /// The next record; blank lines are passed over. False at the end. Errors: kFileUnreadable;
  /// kRequestInvalid where the file breaks off and must be whole.
  Result<bool> Next(Input& input, CsvRow& row);

 private:
  /// A line read ahead in a quoted field.
  struct Ahead {
    Line line;
    /// What it makes of a record that goes on in it within quotes, wherever that began; empty: not known yet.
    std::optional<CsvState> continued;
  };

  Result<bool> TakeLine(Input& input, Line& line);
  Status Split(Input& input, CsvRow& row);
  /// Lines of `pending_` that end the record which `first_` begins and leaves within quotes; 0: it has no end
  /// that counts.
  Result<std::size_t> FindEnd(Input& input);

  char separator_;
  std::size_t max_bytes_;
  bool whole_;
  Line first_;
  std::deque<Ahead> pending_;
  // The lines in front of `pending_` through which a quoted field is known to go on: another record that
  // begins with a quote goes on through them too, and need not look again.
  std::size_t open_lines_ = 0;
  std::size_t open_bytes_ = 0;  // of them, with their line ends
  std::vector<std::string> scratch_;
  std::vector<std::string> header_;
};

}  // namespace hashgate::exchange
