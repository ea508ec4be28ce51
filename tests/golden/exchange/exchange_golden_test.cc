// What becomes of a small file of every format, record by record. Where a change is meant,
// HASHGATE_UPDATE_GOLDEN=1 writes the expected texts anew; the difference is then for a person to read.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "testing/list_files.h"

namespace hashgate::exchange {
namespace {

std::string Describe(const lists::ImportRecord& record) {
  std::string out = std::to_string(record.line) + ":";
  if (!record.record) return out + " problem: " + record.problem + "\n";
  const lists::EntryRecord& entry = *record.record;
  out += " id '" + entry.source_id + "' class '" + entry.classification + "' labels";
  for (const std::string& label : entry.labels) out += " '" + label + "'";
  out += "\n";
  for (const HashValue& hash : entry.hashes) {
    out += "  " + std::string(AlgorithmName(hash.algorithm)) + " " +
           std::string(PipelineName(hash.pipeline)) + " " + std::to_string(hash.quality) + " " +
           HexEncode(hash.bytes) + "\n";
  }
  return out;
}

std::string ReadAndDescribe(const testing::ListFile& file) {
  auto source = OpenFileSource(testing::ListFilePath(file.name));
  if (!source) return source.error().message;
  const auto importer = OpenImporter(*std::move(source), file.options);
  if (!importer) return importer.error().message;
  std::vector<lists::ImportRecord> records;
  Result<bool> more = true;
  while (more && *more) more = (*importer)->Next(100, records);
  if (!more) return more.error().message;
  std::string out = "format " + std::string(FileFormatName((*importer)->format())) + "\n";
  for (const lists::ImportRecord& record : records) out += Describe(record);
  const ImportNotes& notes = (*importer)->notes();
  out += "harmless " + std::to_string(notes.skipped_harmless) + " removals " +
         std::to_string(notes.removals_left_out) + " values left out " +
         std::to_string(notes.values_left_out) + " ignored";
  for (const std::string& name : notes.ignored_names) out += " " + name;
  return out + "\n";
}

TEST(ExchangeGolden, EveryFormat) {
  for (const testing::ListFile& file : testing::ListFiles()) {
    const std::string text = ReadAndDescribe(file);
    const std::string name = file.name + ".expected";
    if (std::getenv("HASHGATE_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(testing::ListFilePath(name), std::ios::binary) << text;
    }
    EXPECT_EQ(text, testing::ReadListFile(name)) << file.name;
  }
}

}  // namespace
}  // namespace hashgate::exchange
