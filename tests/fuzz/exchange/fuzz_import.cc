// Any bytes through an importer: it ends, its records are whole or have a reason, and reading byte by byte
// gives the same as reading at once.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "exchange/exporter.h"
#include "exchange/importer.h"

namespace {

namespace lists = hashgate::lists;
using hashgate::Algorithm;
using hashgate::HashValue;
using namespace hashgate::exchange;

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Finding {
  bool opened = false;
  bool failed = false;
  std::vector<lists::ImportRecord> records;
};

Finding Read(const std::string& text, std::size_t piece) {
  ImporterOptions options;
  options.format = *ParseFileFormat(HASHGATE_IMPORT_FORMAT);
  options.algorithm = Algorithm::kPdq;
  options.max_record_bytes = 4096;
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Finding whole = Read(text, 1 << 16);
  const Finding pieces = Read(text, 1);
  Require(whole.opened == pieces.opened && whole.failed == pieces.failed);
  Require(whole.records.size() == pieces.records.size());
  Require(whole.records.size() <= size + 1);
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
      Require(hash.bytes.size() == hashgate::HashSize(hash.algorithm));
      Require(hash.quality >= hashgate::kQualityUnknown && hash.quality <= 100);
    }
    exporter->Append(*record.record, exported);
  }
  return 0;
}
