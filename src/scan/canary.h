// The server checks itself: a harmless built-in picture goes through the whole path and must match its
// built-in entry, and a few stored entries of each list, as stored and with bits flipped, must be found.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "scan/scanner.h"

namespace hashgate::scan {

/// The built-in picture and what its entry holds.
struct CanaryPicture {
  ByteSpan file;
  PdqHash pdq;
  int pdq_quality = 100;
  Sha256 sha256{};
};

struct CanaryOptions {
  int misses_until_unready = 3;  ///< in a row
  int entries_per_list = 3;      ///< looked up in each run
  std::chrono::milliseconds picture_deadline{5'000};
};

/// Name of the system list that holds the canary's entry.
inline constexpr std::string_view kCanaryList = "hashgate-canary";

/// Makes sure the canary's list is there. Errors: the catalog's.
Status EnsureCanaryList(lists::Catalog& catalog, const CanaryPicture& picture);

/// Runs the checks when told to. Makes no case, report, event or scan count. Threads: Run is confined to one
/// thread; the rest is thread-safe.
class Canary {
 public:
  Canary(Scanner& scanner, lists::Catalog& catalog, obs::Metrics& metrics, CanaryPicture picture,
         CanaryOptions options);

  /// One run. True where everything was found.
  bool Run();

  /// False before the first run that was well, and after `misses_until_unready` bad ones in a row.
  [[nodiscard]] bool ok() const { return ok_.load(); }
  /// What the last run found, one sentence.
  [[nodiscard]] std::string detail() const;

 private:
  bool PictureMatches(std::string& detail);
  bool EntriesAreFound(std::string& detail);
  bool EntryIsFound(const lists::HashList& list, const lists::Entry& entry) const;

  Scanner& scanner_;
  lists::Catalog& catalog_;
  obs::Metrics& metrics_;
  const CanaryPicture picture_;
  const CanaryOptions options_;
  std::map<lists::ListId, std::string> cursors_;  // page token of each list's next entries
  std::uint32_t round_ = 0;
  int misses_ = 0;
  std::atomic<bool> ok_ = false;
  mutable Mutex detail_mutex_;
  std::string detail_ HASHGATE_GUARDED_BY(detail_mutex_) = "the canary has not run yet";
};

}  // namespace hashgate::scan
