// Files of hashes in, records of entries out, one batch at a time: memory stays flat for files of gigabytes.
// The formats are described in docs/lists.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/signature.h"
#include "exchange/byte_source.h"
#include "exchange/mapping.h"
#include "exchange/signed/snapshot_header.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

enum class FileFormat : std::uint8_t {
  kAuto,
  kLines,
  kCsv,
  kJsonl,
  kJson,
  kVics,
  kNcmec,
  kThreatExchange,
  kSnapshot,
};
inline constexpr int kFileFormatCount = 9;
/// "auto", "lines", "csv", "jsonl", "json", "vics", "ncmec", "threatexchange", "snapshot".
std::string_view FileFormatName(FileFormat format);
/// Inverse of FileFormatName. Errors: kRequestInvalid listing the names.
Result<FileFormat> ParseFileFormat(std::string_view name);

struct ImporterOptions {
  FileFormat format = FileFormat::kAuto;
  /// What plain lines of 64 digits are: kPdq or kSha256. Such a file without it is refused. In
  /// ThreatExchange's CSV the same of indicators without a type.
  Algorithm algorithm = Algorithm::kUnspecified;
  /// CSV: one of our names ("sourceId", "md5" ..., any case) to the file's column.
  std::map<std::string, std::string> columns;
  /// CSV: what separates fields; 0 finds it out from the header (comma, semicolon or tab).
  char separator = 0;
  /// A file of a layout of its own. It says the format, so `format`, `columns` and `separator` are left
  /// alone.
  std::optional<Mapping> mapping;
  /// The file takes the place of all entries of a list. So one that breaks off is refused as far as that can
  /// be told, and rows that a mapping calls removed are left out; otherwise both are problem records.
  bool replaces = false;
  /// Snapshots: whose signature they must bear. Without it they are refused.
  std::optional<VerifyingKey> public_key;
  /// Tells whether a snapshot has expired. Must outlive the call that opens it.
  const Clock* clock = &Clock::System();
  /// Of one line, or of one element of VICS or NCMEC. Longer ones are problem records.
  std::size_t max_record_bytes = 1 << 20;
};

/// What an import has to say beside its records.
struct ImportNotes {
  /// Known harmless items (VICS category 0, what a mapping skips): never entries, and not problems either.
  std::uint64_t skipped_harmless = 0;
  /// Rows that a mapping calls removed, where the file replaces all entries.
  std::uint64_t removals_left_out = 0;
  /// Values left out of records that were taken, e.g. PhotoDNA of an unknown length in VICS; in
  /// ThreatExchange also indicators of kinds that are not matched.
  std::uint64_t values_left_out = 0;
  /// Column or key names that were not understood; at most 16.
  std::set<std::string> ignored_names;
  /// What a snapshot that passed its checks says of itself.
  std::optional<SnapshotHeader> snapshot;
};

/// Reads one file. Threads: confined.
class Importer {
 public:
  virtual ~Importer() = default;
  /// Appends at most `limit` records in file order; fewer, even none, do not mean the end. Returns false at
  /// the end of the file. What cannot be read as an entry is a record with a problem and without the value.
  /// Errors: kFileUnreadable; kRequestInvalid where the file as a whole is not of the format, or replaces a
  /// list and breaks off. Blocks on the file.
  virtual Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) = 0;
  /// For progress: bytes taken from the file so far.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
  [[nodiscard]] virtual FileFormat format() const = 0;
  [[nodiscard]] virtual const ImportNotes& notes() const = 0;
};

/// Opens an importer over `source`; kAuto looks at the first 64 KiB. A snapshot is read to its end and
/// checked before this returns, so nothing of one that is not right is ever handed out. Errors:
/// kFileUnreadable; kUnsupported (a snapshot from a pipe, which cannot be read twice); kRequestInvalid where
/// the format cannot be told, the header does not fit it, or a snapshot is not whole, not signed by the key,
/// or expired.
Result<std::unique_ptr<Importer>> OpenImporter(std::unique_ptr<ByteSource> source,
                                               const ImporterOptions& options);

}  // namespace hashgate::exchange
