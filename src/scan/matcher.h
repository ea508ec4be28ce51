// From an upload's hashes to matches: looks up one pinned generation and gathers what agrees on each entry.
#pragma once

#include <vector>

#include "lists/catalog.h"
#include "scan/types.h"

namespace hashgate::scan {

/// The hashes of one file, wherever they were computed.
struct FileHashes {
  std::optional<Md5> md5;
  std::optional<Sha1> sha1;
  std::optional<Sha256> sha256;
  /// Views as the decoder made them. For hashes computed elsewhere: a view for each PDQ hash, whose eight
  /// forms are left out (`turned` false), because turning needs the pixels.
  std::vector<decode::ViewHashes> views;
  /// Of the algorithms in index/flat.h, each of its algorithm's length; only from elsewhere. Those that a
  /// decoder made are in its views.
  std::vector<HashValue> vectors;
  bool turned = true;
};

struct Matches {
  std::vector<MatchDetail> found;  ///< nearest first; `verdict` not yet set
  bool truncated = false;
  /// Matched entries that were changed or withdrawn after the generation: look again in a newer one.
  int changed = 0;
  /// Matched entries that the store could not read; they count, but report nothing.
  int unreadable = 0;
  /// Entries that would match, but are suppressed.
  int suppressed = 0;
};

/// Reads entries for their details. lists::Catalog::GetEntry, or a fake.
using EntryReader = std::function<Result<lists::Entry>(lists::ListId, lists::EntryId)>;

/// A digest hit whose entry's PDQ lies farther than this from every form of the upload contradicts itself.
inline constexpr int kDigestConflictBits = 90;
/// A match by the nn512 pipeline alone counts fully only where the upload's full hash is at least this near
/// to the entry: nn512 looks at few pixels of a large picture, and whoever chooses those chooses its hash.
inline constexpr int kNn512TrustBits = 63;
/// Where the flood brake holds an entry's matches: a picture this near to the entry itself, or to a copy of
/// it that was identified, is a copy and not one of the flood.
inline constexpr int kCopyBits = 16;

/// Looks the hashes of several files up in `lists` of `generation`, all in one search; one result a file, the
/// same as if it were alone. Details come from the entries' records as the generation knows them; an entry
/// whose record cannot be had still matches, since the generation says that it was there, but leads to BLOCK
/// at most. Errors: the index's.
Result<std::vector<Matches>> FindMatchesOfEach(const lists::Generation& generation,
                                               std::span<const lists::HashList* const> lists,
                                               std::span<const FileHashes* const> files,
                                               const EntryReader& read_entry);
/// The same for one file.
Result<Matches> FindMatches(const lists::Generation& generation,
                            std::span<const lists::HashList* const> lists, const FileHashes& hashes,
                            const EntryReader& read_entry);

}  // namespace hashgate::scan
