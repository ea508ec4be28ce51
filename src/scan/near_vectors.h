// From a file's vectors to what they say of entries. Private to this module.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "decode/record.h"
#include "index/hash_index.h"
#include "lists/catalog.h"
#include "policy/policy.h"

namespace hashgate::scan {

struct FileHashes;

/// A vector of a file within its list's threshold of an entry's.
struct NearVector {
  Algorithm algorithm = Algorithm::kUnspecified;
  int distance = 0;
  bool upload_degenerate = false;
  bool entry_degenerate = false;
  const decode::ViewHashes* view = nullptr;  ///< of the file that it is of; null: from elsewhere
  Dihedral form = Dihedral::kOriginal;

  /// Neither identifies nor corroborates.
  [[nodiscard]] bool SaysLittle() const { return upload_degenerate || entry_degenerate; }
  /// Says by itself which picture it is.
  [[nodiscard]] bool Identifies() const { return !SaysLittle() && IdentifiesAlone(algorithm); }
};

/// Those of one entry: of each algorithm the one that says most. Threads: confined.
class NearVectors {
 public:
  /// One that says something comes before one that says little, then the nearer.
  void Take(const NearVector& near);
  /// Compares the file's vectors with the entry's own: a search that was truncated may have left some out.
  void TakeFrom(const FileHashes& hashes, const lists::HashList& list, const lists::EntryRecord& record);
  /// Whether any says by itself which picture it is.
  [[nodiscard]] bool Identify() const;
  /// The one that says most; null where there is none.
  [[nodiscard]] const NearVector* Best() const;
  void DropThoseThatSayLittle();
  [[nodiscard]] std::span<const NearVector> all() const { return all_; }

 private:
  std::vector<NearVector> all_;
};

/// What a search found: `file` is an index into the files.
using TakeNearVector =
    std::function<void(std::size_t file, const index::Candidate& candidate, const NearVector& near)>;

/// Looks the files' vectors up in `lists`, all of an algorithm in one search with bounds of their own for
/// each file. `truncated(file)` is called where more lay within the thresholds. Errors: the index's.
Status SearchNearVectors(const lists::Generation& generation, std::span<const lists::HashList* const> lists,
                         std::span<const FileHashes* const> files, const index::SearchBounds& bounds,
                         const TakeNearVector& take, const std::function<void(std::size_t file)>& truncated);

}  // namespace hashgate::scan
