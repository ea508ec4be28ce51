// Synthetic entries that are a function of their number, so that tests and child processes agree on them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "lists/catalog.h"

namespace hashgate::testing {

inline HashValue MakeHash(Algorithm algorithm, std::uint64_t number, std::int16_t quality = kQualityUnknown) {
  HashValue hash{algorithm, Pipeline::kUnspecified, quality, std::vector<std::uint8_t>(HashSize(algorithm))};
  std::mt19937_64 random(number * 31 + static_cast<std::uint64_t>(algorithm));
  for (std::uint8_t& byte : hash.bytes) byte = static_cast<std::uint8_t>(random());
  return hash;
}

/// An entry with MD5, SHA-1 and PDQ; `variant` changes its classification only.
inline lists::EntryRecord MakeRecord(std::uint64_t number, int variant = 0) {
  lists::EntryRecord record;
  record.source_id = "item-" + std::to_string(number);
  record.hashes = {MakeHash(Algorithm::kMd5, number), MakeHash(Algorithm::kSha1, number),
                   MakeHash(Algorithm::kPdq, number, 90)};
  record.classification = "class-" + std::to_string(variant);
  return record;
}

inline std::vector<lists::ImportRecord> MakeImport(std::uint64_t from, std::uint64_t to, int variant = 0) {
  std::vector<lists::ImportRecord> records;
  records.reserve(to - from);
  for (std::uint64_t number = from; number < to; ++number) {
    records.push_back({number + 1, MakeRecord(number, variant), {}});
  }
  return records;
}

inline lists::ListConfig MakeConfig(const std::string& name) {
  lists::ListConfig config;
  config.name = name;
  config.purpose = Purpose::kTest;
  config.source = "generated";
  config.legal_basis = "none needed: synthetic";
  config.trust = Trust::kTrusted;
  return config;
}

/// Entries of `list` that the generation's index finds by the SHA-1 of record `number`.
inline std::vector<lists::EntryId> FindBySha1(const lists::Generation& generation, lists::ListId list,
                                              std::uint64_t number) {
  const HashValue hash = MakeHash(Algorithm::kSha1, number);
  Sha1 sha1{};
  std::copy(hash.bytes.begin(), hash.bytes.end(), sha1.begin());
  index::DigestQuery query;
  query.sha1 = &sha1;
  const lists::ListId lists[] = {list};
  const Result<index::SearchResult> found = generation.index->SearchDigests(query, lists, {});
  std::vector<lists::EntryId> out;
  if (!found) return out;
  for (const index::Candidate& candidate : found->candidates) out.push_back(candidate.entry);
  return out;
}

}  // namespace hashgate::testing
