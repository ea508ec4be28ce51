// Entries to text, in the formats that importers read back.
#pragma once

#include <string>

#include "exchange/importer.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Threads: confined.
class Exporter {
 public:
  /// `format` is kCsv or kJsonl. Errors: kRequestInvalid for another one.
  static Result<Exporter> Create(FileFormat format);

  /// What stands before the first entry; empty for JSONL.
  [[nodiscard]] std::string Header() const;
  /// Appends one line.
  void Append(const lists::EntryRecord& record, std::string& out);
  /// What stands behind the last entry: nothing. Signed snapshots have something there (SnapshotWriter).
  [[nodiscard]] static std::string Footer() { return {}; }
  /// Values that the format has no place for: CSV holds one PDQ hash an entry. JSONL holds all.
  [[nodiscard]] std::uint64_t values_left_out() const { return values_left_out_; }

 private:
  explicit Exporter(FileFormat format) : format_(format) {}

  FileFormat format_;
  std::uint64_t values_left_out_ = 0;
};

}  // namespace hashgate::exchange
