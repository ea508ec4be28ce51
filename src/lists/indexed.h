// From an entry's stored hashes to what the index keeps of them. Private to this module.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "index/hash_index.h"
#include "lists/action_classes.h"
#include "lists/record_codec.h"

namespace hashgate::lists {

/// What an entry's hash says to the index; empty for algorithms that it does not hold.
template <typename Hash>
std::optional<index::IndexedHash> ToIndexed(const ListRecord& record, EntryId entry, const Hash& hash) {
  if (hash.algorithm < Algorithm::kMd5 || hash.algorithm > Algorithm::kPdq) return std::nullopt;
  index::IndexedHash out;
  out.list = record.list.id;
  out.entry = entry;
  out.algorithm = hash.algorithm;
  if (hash.algorithm == Algorithm::kPdq) {
    out.pipeline = hash.pipeline != Pipeline::kUnspecified ? hash.pipeline : record.list.config.pdq_pipeline;
  }
  std::copy(hash.bytes.begin(), hash.bytes.end(), out.bytes.begin());
  return out;
}

/// Appends an entry's hashes as the index takes them, with their classes numbered by `classes`.
template <typename Hash>
void AppendIndexed(const ListRecord& record, EntryId entry, std::string_view classification,
                   std::span<const Hash> hashes, ActionClasses& classes,
                   std::vector<index::IndexedHash>& out) {
  for (const Hash& hash : hashes) {
    std::optional<index::IndexedHash> indexed = ToIndexed(record, entry, hash);
    if (!indexed) continue;
    // Flags are of the hash, not of the entry: a poor PDQ hash must not weaken the entry's digests.
    const bool is_pdq = hash.algorithm == Algorithm::kPdq;
    const bool degenerate = is_pdq && IsDegenerate(PdqHash::FromBytes(indexed->bytes));
    const bool low_quality = is_pdq && hash.quality != kQualityUnknown && hash.quality < kMinUsablePdqQuality;
    indexed->action_class = classes.NumberOf(classification, degenerate, low_quality);
    out.push_back(*indexed);
  }
}

}  // namespace hashgate::lists
