// What a list finds: in numbers, and in a sentence that says it without them being read wrongly.
#pragma once

#include <cstdint>
#include <string>

#include "lists/catalog.h"

namespace hashgate::lists {

/// Entries by what is found of them. Counted by hashes: an entry with PDQ hashes of both pipelines counts
/// twice, up to the number of entries.
struct Protection {
  std::uint64_t entries = 0;
  std::uint64_t exact = 0;       ///< by a digest: exact copies
  std::uint64_t by_strong = 0;   ///< of these, by SHA-256
  std::uint64_t by_pdq = 0;      ///< edited copies, too
  std::uint64_t by_photodna = 0; ///< likewise, where something makes such vectors
};

/// Cost: next to none.
Protection ProtectionOf(const Generation& generation, const HashList& list);

/// "3,200,000 entries: exact copies of 100 % are found; edited copies of none: the list has no PDQ."
std::string Describe(const Protection& protection, bool enabled);

}  // namespace hashgate::lists
