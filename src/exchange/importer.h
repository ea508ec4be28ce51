// Files of hashes in, records of entries out, one batch at a time: memory stays flat for files of gigabytes.
// The formats are described in docs/lists.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/byte_source.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

enum class FileFormat : std::uint8_t { kAuto, kLines, kCsv, kJsonl, kVics, kNcmec };
/// "auto", "lines", "csv", "jsonl", "vics", "ncmec".
std::string_view FileFormatName(FileFormat format);
/// Inverse of FileFormatName. Errors: kRequestInvalid listing the names.
Result<FileFormat> ParseFileFormat(std::string_view name);

struct ImporterOptions {
  FileFormat format = FileFormat::kAuto;
  /// What plain lines of 64 digits are: kPdq or kSha256. Such a file without it is refused.
  Algorithm algorithm = Algorithm::kUnspecified;
  /// CSV: one of our names ("sourceId", "md5" ..., any case) to the file's column.
  std::map<std::string, std::string> columns;
  /// CSV: what separates fields; 0 finds it out from the header (comma, semicolon or tab).
  char separator = 0;
  /// Of one line, or of one element of VICS or NCMEC. Longer ones are problem records.
  std::size_t max_record_bytes = 1 << 20;
};

/// What an import has to say beside its records.
struct ImportNotes {
  /// Known harmless items (VICS category 0): never entries, and not problems either.
  std::uint64_t skipped_harmless = 0;
  /// Values left out of records that were taken, e.g. PhotoDNA of an unknown length in VICS.
  std::uint64_t values_left_out = 0;
  /// Column or key names that were not understood; at most 16.
  std::set<std::string> ignored_names;
};

/// Reads one file. Threads: confined.
class Importer {
 public:
  virtual ~Importer() = default;
  /// Appends at most `limit` records in file order; fewer, even none, do not mean the end. Returns false at
  /// the end of the file. What cannot be read as an entry is a record with a problem and without the value.
  /// Errors: kFileUnreadable; kRequestInvalid where the file as a whole is not of the format. Blocks on
  /// the file.
  virtual Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) = 0;
  /// For progress: bytes taken from the file so far.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
  [[nodiscard]] virtual FileFormat format() const = 0;
  [[nodiscard]] virtual const ImportNotes& notes() const = 0;
};

/// Opens an importer over `source`; kAuto looks at the first 64 KiB. Errors: kFileUnreadable; kRequestInvalid
/// where the format cannot be told or the header does not fit it.
Result<std::unique_ptr<Importer>> OpenImporter(std::unique_ptr<ByteSource> source,
                                               const ImporterOptions& options);

}  // namespace hashgate::exchange
