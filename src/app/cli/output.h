// What commands print: tables and sentences for people, JSON lines for programs, progress on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/arguments.h"
#include "app/cli/environment.h"
#include "hashgate/error.h"

namespace hashgate::cli {

/// `text` with control characters and what is not UTF-8 as "?": names of files and lists must not steer a
/// terminal.
std::string Printable(std::string_view text);

/// Rows in aligned columns, two spaces apart, without trailing spaces.
class Table {
 public:
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Prints the rows and forgets them. Columns stay at least as wide for the next rows.
  void Print(std::ostream& out);

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

/// One JSON object, members in the order they are added.
class JsonObject {
 public:
  JsonObject& Text(std::string_view key, std::string_view value);
  JsonObject& Number(std::string_view key, std::int64_t value);
  JsonObject& Bool(std::string_view key, bool value);
  /// `json` is a JSON value already.
  JsonObject& Raw(std::string_view key, std::string_view json);
  /// "file"; where the name is not UTF-8 also "fileBytes", its bytes in hex: "file" then has a replacement
  /// character for each byte that is not, so that two names may read alike.
  JsonObject& File(std::string_view name);
  /// Takes over the members of `object`, a JSON object as text.
  JsonObject& Members(std::string_view object);
  [[nodiscard]] std::string Line() const { return "{" + members_ + "}"; }

 private:
  void Key(std::string_view key);
  std::string members_;
};

/// A JSON array of texts.
std::string JsonTexts(const std::vector<std::string>& texts);

/// "1 file", "3 files"; "1 entry", "2 entries".
std::string Count(std::uint64_t count, std::string_view one, std::string_view many);

/// A line on standard error that is written over, at most ten times a second, on a terminal only. Threads:
/// confined.
class Progress {
 public:
  explicit Progress(Environment& environment) : environment_(environment) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A bar where `total` is known, else only the text.
  void Show(std::uint64_t done, std::uint64_t total, std::string_view text);
  /// Takes the line away, before something else is printed.
  void Clear();

 private:
  Environment& environment_;
  std::chrono::steady_clock::time_point next_{};
  bool shown_ = false;
};

/// Says `error` on standard error, with --json also as {"error", "reason", "field"} on standard output, and
/// returns kFailed.
int ReportError(Environment& environment, const GlobalOptions& options, const Error& error);
/// Says on standard error what is wrong with the command line and returns kUsage.
int ReportUsage(Environment& environment, std::string_view message);

}  // namespace hashgate::cli
