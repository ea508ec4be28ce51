// Reads a text through an importer, whole and byte by byte, and checks that both give the same.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exchange/importer.h"

namespace hashgate::exchange {

struct Read {
  std::vector<lists::ImportRecord> records;
  ImportNotes notes;
  FileFormat format = FileFormat::kAuto;
  std::uint64_t bytes = 0;
  std::optional<Error> error;

  /// "line: problem" of every problem record, one a line.
  [[nodiscard]] std::string Problems() const {
    std::string out;
    for (const auto& record : records) {
      if (!record.record) out += std::to_string(record.line) + ": " + record.problem + "\n";
    }
    return out;
  }
};

inline Read ReadOnce(const std::string& text, const ImporterOptions& options, std::size_t piece,
                     std::size_t batch) {
  Read read;
  auto importer = OpenImporter(MemorySource(text, piece), options);
  if (!importer) {
    read.error = importer.error();
    return read;
  }
  while (true) {
    const std::size_t before = read.records.size();
    const auto more = (*importer)->Next(batch, read.records);
    EXPECT_LE(read.records.size() - before, batch);
    if (!more) {
      read.error = more.error();
      break;
    }
    if (!*more) break;
  }
  read.notes = (*importer)->notes();
  read.format = (*importer)->format();
  read.bytes = (*importer)->bytes_read();
  return read;
}

inline Read ReadAll(const std::string& text, const ImporterOptions& options = {}) {
  Read read = ReadOnce(text, options, 1 << 16, 1000);
  const Read other = ReadOnce(text, options, 1, 1);
  EXPECT_EQ(read.records.size(), other.records.size());
  EXPECT_EQ(read.Problems(), other.Problems());
  EXPECT_EQ(read.error.has_value(), other.error.has_value());
  if (!read.error) {
    EXPECT_EQ(read.bytes, text.size());
  }
  return read;
}

/// What a file gives that is to replace a list: the reason and sentence of its error, or "".
inline std::string RefusalOfReplacing(const std::string& text, ImporterOptions options = {}) {
  options.replaces = true;
  for (const std::size_t piece : {std::size_t{1} << 16, std::size_t{1}}) {
    const Read read = ReadOnce(text, options, piece, piece);
    if (!read.error) return "";
    EXPECT_EQ(read.error->reason, Reason::kRequestInvalid);
    if (piece == 1) return read.error->message;
  }
  return "";
}

inline std::string Hex(std::size_t digits, char digit) {
  return std::string(digits, digit);
}

}  // namespace hashgate::exchange
