// Collects the values of one record and says in words what is wrong with it. Shared by all file formats.
#pragma once

#include <string>
#include <string_view>

#include "exchange/importer.h"
#include "hash/core/hash_text.h"

namespace hashgate::exchange {

/// The names that CSV headers and JSONL keys share, in export order.
enum class FieldName : std::uint8_t {
  kSourceId,
  kMd5,
  kSha1,
  kSha256,
  kPdq,
  kPdqQuality,
  kPhotoDna,
  kClassification,
  kLabels,
  kPdqNn512,         ///< JSONL export and all imports: PDQ of the second pipeline
  kPdqNn512Quality,  ///< its quality
  kPHash,            ///< this and the next: JSONL export and all imports
  kBlockMean,
  kMarrHildreth,
  kAverage,
};
inline constexpr int kFieldCount = 15;
/// The first nine are the columns of an exported CSV file.
inline constexpr int kCsvColumnCount = 9;
std::string_view FieldText(FieldName field);
/// Compares without regard to ASCII case; -1 where `text` is none.
int FindField(std::string_view text);

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends.
std::string_view Trim(std::string_view text);

/// Why a file that breaks off replaces no list: what is missing would be removed. kRequestInvalid. `what` is
/// what was being read, such as "line 7".
std::unexpected<Error> BreaksOff(const std::string& what);

/// One record in the making, within the bounds of an entry (lists/limits.h). The first problem is kept; later
/// values are then ignored. Problems never hold a value.
class RecordBuilder {
 public:
  explicit RecordBuilder(std::uint64_t line);

  void SetProblem(std::string problem);
  [[nodiscard]] bool ok() const { return record_.problem.empty(); }
  [[nodiscard]] bool has_hash() const { return !entry_.hashes.empty(); }

  /// Parses `text` as a value of `algorithm`; empty text is no value.
  void AddHash(Algorithm algorithm, std::string_view text, Pipeline pipeline = Pipeline::kUnspecified);
  /// The same of a value that is known to be written so.
  void AddHash(Algorithm algorithm, std::string_view text, Pipeline pipeline, HashEncoding encoding);
  /// Any field by its name, as text. Labels are separated by ";", a backslash takes the next character as it
  /// is.
  void SetText(FieldName field, std::string_view text);
  void AddLabel(std::string_view label);

  /// Ends the record: quality goes to its PDQ, and a record without a hash is a problem.
  lists::ImportRecord Finish();

 private:
  void AddValue(HashValue hash);
  void SetQuality(Pipeline pipeline, std::string_view text);
  bool CheckText(std::string_view name, std::string_view text, std::size_t max_bytes);

  lists::ImportRecord record_;  // its record comes with the end
  lists::EntryRecord entry_;
  int quality_ = kQualityUnknown;
  int nn512_quality_ = kQualityUnknown;
};

}  // namespace hashgate::exchange
