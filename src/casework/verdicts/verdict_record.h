// What is kept of a verdict that matches led to, and what becomes of it without one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "lists/catalog.h"
#include "scan/types.h"

namespace hashgate::casework {

/// An entry, whether or not it is still there: numbers are never given out twice.
struct EntryRef {
  lists::ListId list = 0;
  lists::EntryId entry = 0;

  bool operator==(const EntryRef&) const = default;
};

/// Where a verdict's record stands.
struct VerdictId {
  std::string tenant;
  std::string scan_id;  ///< 26 characters; sorts by time

  auto operator<=>(const VerdictId&) const = default;
};

/// One entry that matched.
struct RecordedMatch {
  EntryRef entry;
  std::string list;  ///< its name then
  std::vector<Algorithm> algorithms;
  Verdict verdict = Verdict::kUnspecified;  ///< that it alone led to
  bool undone = false;                      ///< it does not count any more

  bool operator==(const RecordedMatch&) const = default;
};

/// One verdict. Holds no hash value, account or file name, and nothing of the upload's bytes.
struct VerdictRecord {
  VerdictId id;
  WallTime time{};     ///< of the first answer
  std::string caller;  ///< as the server knows it: without identities the address that called, or "local"
  std::string request_id;
  int file = -1;  ///< index in a call with several, else -1
  std::string content_id;
  std::string surface;
  Verdict given = Verdict::kUnspecified;     ///< the strictest that left
  Verdict standing = Verdict::kUnspecified;  ///< `given`, until matches are undone
  /// What the look itself leads to, whatever matches: the verdict never falls below.
  Verdict without_matches = Verdict::kUnspecified;
  /// The picture has not been looked at, since digests decided: what it would have shown is not known.
  bool unseen = false;
  Outcome outcome = Outcome::kUnspecified;
  std::string rule_id;
  std::string policy_digest;
  std::int64_t generation = 0;
  std::vector<RecordedMatch> matches;  ///< each entry once; of each remote list one

  bool operator==(const VerdictRecord&) const = default;
};

/// More matches than one look can give.
inline constexpr std::size_t kMaxRecordedMatches = 4'096;

inline constexpr std::size_t kNoMatch = static_cast<std::size_t>(-1);

/// What stands if an entry does not count.
struct Remaining {
  Verdict verdict = Verdict::kUnspecified;
  /// Index of the strictest other match where it is what keeps the verdict up; kNoMatch where the look itself
  /// does.
  std::size_t stands_by = kNoMatch;
};

/// What one answer says; `file` as in scan::NumberedAnswer, `now` its time. It becomes a record with
/// HoldUnexplained, or part of one with TakeLater.
VerdictRecord RecordOf(const scan::ScanRequest& request, int file, const scan::ScanAnswer& answer,
                       WallTime now);

/// A verdict that no match of the record explains, such as one taken over from an answer that left no record,
/// stands whatever is undone.
void HoldUnexplained(VerdictRecord& record);

/// Takes a later answer to the same request in: its matches beside those that are there, and the stricter
/// verdict. A match that was undone and is there again counts anew. True where that changes the record.
bool TakeLater(const VerdictRecord& later, VerdictRecord& record);

/// Takes in what a look at the picture says that came after the answer; of `look` only the matches and what
/// it leads to without them count. True where that changes the record.
bool TakeLook(const VerdictRecord& look, VerdictRecord& record);

/// The match of an entry; null where it is none of the record's.
RecordedMatch* FindMatch(VerdictRecord& record, const EntryRef& entry);

/// The strictest of the look itself and of what each match that counts, but this entry's, led to.
Remaining Without(const VerdictRecord& record, const EntryRef& entry);

}  // namespace hashgate::casework
