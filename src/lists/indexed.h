// From an entry's stored hashes to what the index keeps of them. Private to this module.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "index/flat.h"
#include "index/hash_index.h"
#include "lists/action_classes.h"
#include "lists/record_codec.h"

namespace hashgate::lists {

/// A row of the index for an entry's hash of HashSize(algorithm) bytes.
template <typename Row, typename Hash>
Row ToRow(const ListRecord& record, EntryId entry, const Hash& hash) {
  Row out;
  out.list = record.list.id;
  out.entry = entry;
  out.algorithm = hash.algorithm;
  std::copy(hash.bytes.begin(), hash.bytes.end(), out.bytes.begin());
  return out;
}

/// What an entry's digest or PDQ hash says to the index.
template <typename Hash>
index::IndexedHash ToIndexed(const ListRecord& record, EntryId entry, const Hash& hash) {
  auto out = ToRow<index::IndexedHash>(record, entry, hash);
  if (hash.algorithm == Algorithm::kPdq) {
    out.pipeline = hash.pipeline != Pipeline::kUnspecified ? hash.pipeline : record.list.config.pdq_pipeline;
  }
  return out;
}

/// Appends an entry's hashes as the index takes them, with their classes numbered by `classes`. Algorithms
/// that it does not hold are left out.
template <typename Hash>
void AppendIndexed(const ListRecord& record, EntryId entry, std::string_view classification,
                   std::span<const Hash> hashes, ActionClasses& classes, index::IndexedRows& out) {
  // Flags are of the hash, not of the entry: a poor PDQ hash must not weaken the entry's digests.
  for (const Hash& hash : hashes) {
    if (index::FindFlat(hash.algorithm) != nullptr) {
      auto& vector = out.vectors.emplace_back(ToRow<index::IndexedVector>(record, entry, hash));
      vector.action_class = classes.NumberOf(classification, IsDegenerate(hash.algorithm, hash.bytes), false);
      continue;
    }
    if (hash.algorithm < Algorithm::kMd5 || hash.algorithm > Algorithm::kPdq) continue;
    index::IndexedHash& indexed = out.hashes.emplace_back(ToIndexed(record, entry, hash));
    const bool is_pdq = hash.algorithm == Algorithm::kPdq;
    const bool degenerate = is_pdq && IsDegenerate(PdqHash::FromBytes(indexed.bytes));
    const bool low_quality = is_pdq && hash.quality != kQualityUnknown && hash.quality < kMinUsablePdqQuality;
    indexed.action_class = classes.NumberOf(classification, degenerate, low_quality);
  }
}

}  // namespace hashgate::lists
