#include "exchange/file/csv_record.h"

namespace hashgate::exchange {

CsvState SplitCsv(std::string_view text, char separator, std::vector<std::string>& fields) {
  std::size_t count = 0;
  const auto next_field = [&]() -> std::string& {
    if (count == fields.size()) fields.emplace_back();
    fields[count].clear();
    return fields[count++];
  };
  std::size_t at = 0;
  while (true) {
    std::string& field = next_field();
    if (at < text.size() && text[at] == '"') {
      ++at;
      while (true) {
        const std::size_t quote = text.find('"', at);
        if (quote == std::string_view::npos) return CsvState::kOpenQuote;
        field += text.substr(at, quote - at);
        at = quote + 1;
        if (at >= text.size() || text[at] != '"') break;
        field += '"';
        ++at;
      }
      if (at < text.size() && text[at] != separator) return CsvState::kBroken;
    } else {
      const std::size_t end = std::min(text.find(separator, at), text.size());
      field = text.substr(at, end - at);
      at = end;
    }
    if (at >= text.size()) break;
    ++at;
  }
  fields.resize(count);
  return CsvState::kComplete;
}

CsvState ContinueCsv(std::string_view text, char separator, std::vector<std::string>& scratch) {
  std::size_t at = 0;
  while (true) {
    const std::size_t quote = text.find('"', at);
    if (quote == std::string_view::npos) return CsvState::kOpenQuote;
    at = quote + 1;
    if (at >= text.size()) return CsvState::kComplete;
    if (text[at] == separator) return SplitCsv(text.substr(at + 1), separator, scratch);
    if (text[at] != '"') return CsvState::kBroken;
    ++at;
  }
}

void AppendCsvField(std::string_view field, char separator, std::string& out) {
  const bool quoted = field.find(separator) != std::string_view::npos ||
                      field.find_first_of("\"\r\n") != std::string_view::npos;
  if (!quoted) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace hashgate::exchange
