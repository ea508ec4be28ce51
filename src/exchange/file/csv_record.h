// Fields of one CSV record. Source: RFC 4180; a quote inside an unquoted field is taken as it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hashgate::exchange {

enum class CsvState : std::uint8_t {
  kComplete,   ///< `fields` holds the record
  kOpenQuote,  ///< a quoted field goes on in the next line
  kBroken,     ///< something stands between a closing quote and the separator
};

/// Splits `text` (a line, or several joined by "\n") at `separator`. `fields` is reused.
CsvState SplitCsv(std::string_view text, char separator, std::vector<std::string>& fields);

/// What `text`, a line, makes of a record that goes on in it within a quoted field: kComplete where the
/// record ends with it. `scratch` is overwritten.
CsvState ContinueCsv(std::string_view text, char separator, std::vector<std::string>& scratch);

/// Appends `field`, quoted where it has to be.
void AppendCsvField(std::string_view field, char separator, std::string& out);

}  // namespace hashgate::exchange
