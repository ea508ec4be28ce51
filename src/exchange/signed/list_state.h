// One byte form of an entry and one digest of a list's content, the same for everybody who holds the same
// entries: what signed snapshots carry, and what a receiver of changes compares after applying them.
// The bytes are described in FORMAT.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hashgate/error.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// No entry within the bounds of lists/limits.h is longer.
inline constexpr std::size_t kMaxEntryBytes = 16 * 1024;

/// Appends the entry: what its source gave, hashes in order of algorithm and pipeline. Two entries have the
/// same bytes exactly where all of that is equal. The record must be valid (lists::ValidateRecord).
void AppendEntryBytes(const lists::EntryRecord& record, std::string& out);

/// Inverse. Errors: kRequestInvalid where the bytes are not what AppendEntryBytes writes, or no valid entry.
Result<lists::EntryRecord> ParseEntryBytes(std::string_view bytes);

using ListDigest = std::array<std::uint8_t, 32>;

/// What an entry with these bytes adds to the digest of its list.
ListDigest EntryDigest(std::string_view entry_bytes);

/// Count and digest of a set of entries, kept up as entries come and go, in any order and in constant memory:
/// the sum modulo 2^256 of each entry's SHA-256.
/// Source: AdHash of Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", EUROCRYPT 1997.
/// It finds what goes astray: an entry lost, doubled, changed or left over, a delta skipped or applied twice.
/// It is no proof against somebody who can choose the entries of both sets: with this modulus, generalised
/// birthday attacks (Wagner, CRYPTO 2002) are within reach. That nobody does is what signatures are for.
/// Threads: confined. Cost: one SHA-256 an entry, 0.3 us for 150 bytes.
class ListState {
 public:
  ListState() = default;
  /// As it was when it had this count and digest.
  ListState(std::uint64_t count, const ListDigest& digest);

  void Add(std::string_view entry_bytes) { Add(EntryDigest(entry_bytes)); }
  /// What was not added must not be removed: the result then stands for no set.
  void Remove(std::string_view entry_bytes) { Remove(EntryDigest(entry_bytes)); }
  void Add(const ListDigest& entry);
  void Remove(const ListDigest& entry);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The sum, little-endian.
  [[nodiscard]] ListDigest digest() const;

  bool operator==(const ListState&) const = default;

 private:
  std::array<std::uint64_t, 4> sum_{};  // the lowest first
  std::uint64_t count_ = 0;
};

}  // namespace hashgate::exchange
