// What lists find: in numbers, and in a sentence that cannot be read as more.
#pragma once

#include <cstdint>
#include <string>

#include "lists/catalog.h"

namespace hashgate::lists {

/// Counts the entries of rows that stand entry by entry, as AppendIndexed leaves them.
KindCounts CountKinds(const index::IndexedRows& rows);

/// By what entries are found, of one list or of several together.
struct Protection {
  std::uint64_t lists = 0;
  std::uint64_t entries = 0;
  KindCounts kinds;               ///< of them
  std::uint64_t identifying = 0;  ///< of kinds.img_hash: by a hash that IdentifiesAlone
  /// Entries with nothing but a PhotoDNA vector: so many at least, and at most. Lists count by kind, not by
  /// entry; where a list's entries have all the same kinds it is one number.
  std::uint64_t least_photodna_alone = 0;
  std::uint64_t most_photodna_alone = 0;

  /// Whether something that is made of an upload may say which entry it is of: a digest, or a perceptual
  /// hash.
  [[nodiscard]] bool FindsExact() const { return kinds.digest > 0; }
  [[nodiscard]] bool FindsEdited(bool photodna_is_made) const {
    return kinds.pdq > 0 || identifying > 0 || (photodna_is_made && kinds.photodna > 0);
  }
  Protection& operator+=(const Protection& other);
};

/// `index` holds the list.
Protection ProtectionOf(const HashList& list, const index::HashIndex& index);

/// "3,200,000 entries: exact copies of 100 % are found; edited copies of none: the list has no PDQ." Of a
/// disabled list what would be found.
std::string DescribeProtection(const HashList& list, const Protection& protection);

/// The same of all enabled lists. `photodna_is_made`: a plug-in makes such vectors of uploads.
std::string DescribeProtection(const Protection& protection, bool photodna_is_made);

}  // namespace hashgate::lists
