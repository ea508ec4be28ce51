// Hashes and rows that index tests are made of.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "index/hash_index.h"

namespace hashgate::index {

inline PdqHash RandomHash(std::mt19937_64& random) {
  PdqHash hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

/// `hash` with exactly `bits` bits turned over, all of them in [first_bit, last_bit).
inline PdqHash AtDistance(PdqHash hash, int bits, std::mt19937_64& random, int first_bit = 0,
                          int last_bit = 256) {
  std::vector<int> positions(static_cast<std::size_t>(last_bit - first_bit));
  std::iota(positions.begin(), positions.end(), first_bit);
  std::ranges::shuffle(positions, random);
  for (int i = 0; i < bits; ++i) {
    const int k = positions[static_cast<std::size_t>(i)];
    hash.words[static_cast<std::size_t>(k) / 64] ^= std::uint64_t{1} << (k % 64);
  }
  return hash;
}

inline IndexedHash PdqRow(ListId list, EntryId entry, const PdqHash& hash, ActionClass action_class = 0,
                          Pipeline pipeline = Pipeline::kFull) {
  return {list, entry, action_class, Algorithm::kPdq, pipeline, hash.bytes()};
}

template <std::size_t N>
IndexedHash DigestRow(ListId list, EntryId entry, Algorithm algorithm,
                      const std::array<std::uint8_t, N>& digest, ActionClass action_class = 0) {
  IndexedHash row{list, entry, action_class, algorithm, Pipeline::kUnspecified, {}};
  std::ranges::copy(digest, row.bytes.begin());
  return row;
}

template <typename Digest>
Digest RandomDigest(std::mt19937_64& random) {
  Digest digest{};
  for (auto& byte : digest) byte = static_cast<std::uint8_t>(random());
  return digest;
}

/// Lines of numbers and ids, for comparing results in one assertion. Holds no hash values.
inline std::string Text(const Result<SearchResult>& result) {
  if (!result) return "error: " + std::string(ReasonName(result.error().reason));
  std::string text = result->truncated ? "truncated\n" : "complete\n";
  for (const Candidate& c : result->candidates) {
    text += std::to_string(c.distance) + " list " + std::to_string(c.list) + " entry " +
            std::to_string(c.entry) + " tag " + std::to_string(c.tag) + " class " +
            std::to_string(c.action_class) + " " + std::string(AlgorithmName(c.algorithm)) + "\n";
  }
  return text;
}

}  // namespace hashgate::index
