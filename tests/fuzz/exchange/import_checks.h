// What holds for any bytes through any importer: it ends, its records are whole or have a reason, and reading
// byte by byte gives the same as reading at once.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "exchange/exporter.h"
#include "exchange/importer.h"

namespace hashgate::exchange {

inline void Require(bool condition) {
  if (!condition) std::abort();
}

struct Finding {
  bool opened = false;
  bool failed = false;
  std::vector<lists::ImportRecord> records;
};

inline Finding ReadPieces(const std::string& text, const ImporterOptions& options, std::size_t piece) {
  Finding finding;
  auto importer = OpenImporter(MemorySource(text, piece), options);
  finding.opened = importer.has_value();
  if (!finding.opened) return finding;
  while (true) {
    // Records that are passed over do not end it, so the number of calls is bounded by the text only.
    const auto more = (*importer)->Next(7, finding.records);
    finding.failed = !more;
    if (!more || !*more) break;
  }
  Require((*importer)->bytes_read() <= text.size());
  return finding;
}

inline void CheckImport(const std::string& text, const ImporterOptions& options) {
  const Finding whole = ReadPieces(text, options, 1 << 16);
  const Finding pieces = ReadPieces(text, options, 1);
  Require(whole.opened == pieces.opened && whole.failed == pieces.failed);
  Require(whole.records.size() == pieces.records.size());
  Require(whole.records.size() <= text.size() + 1);
  std::string exported;
  auto exporter = Exporter::Create(FileFormat::kJsonl);
  for (std::size_t i = 0; i < whole.records.size(); ++i) {
    const lists::ImportRecord& record = whole.records[i];
    Require(record.line > 0 && record.line == pieces.records[i].line);
    Require(record.record.has_value() == record.problem.empty());
    Require(record.problem.size() <= 512);
    Require(record.problem == pieces.records[i].problem);
    if (!record.record) continue;
    Require(!record.record->hashes.empty());
    for (const HashValue& hash : record.record->hashes) {
      Require(hash.bytes.size() == HashSize(hash.algorithm));
      Require(hash.quality >= kQualityUnknown && hash.quality <= 100);
    }
    exporter->Append(*record.record, exported);
  }
}

}  // namespace hashgate::exchange
