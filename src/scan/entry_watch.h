// Watches what entries match, for those that are wrong: the flood brake, and flags on entries whose hashes
// contradict each other.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "lists/catalog.h"
#include "obs/metrics.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Author of the opinions that the watch gives.
inline constexpr std::string_view kWatchAuthor = "hashgate";

struct EntryWatchOptions {
  /// The flood brake: so many dissimilar pictures, each of another account, that match an entry by a
  /// perceptual hash alone within the window. 0: off.
  int flood_accounts = 20;
  std::chrono::seconds flood_window{3'600};
  std::size_t max_entries = 4'096;  ///< watched at once; beyond, those that matched longest ago are forgotten
  std::size_t max_waiting = 256;    ///< opinions that wait to be written
  const Clock* clock = &Clock::System();
  /// Told of each opinion once it is in force. Called on the watch's own thread; may be empty.
  std::function<void(const lists::Opinion& opinion, const std::string& list)> on_opinion;
};

/// A false entry matches pictures that have nothing to do with each other, while the many uploads of a true
/// one look alike. So pictures that match an entry by a perceptual hash alone are compared with each other:
/// those that lie more than kCopyBits from the entry, from its identified copies and from each other count,
/// one for each account (uploads that name none count as one account each). Where enough do, the entry gets
/// an opinion of kind FLOOD, which is durable, in force until a person takes it back, and limits such matches
/// to REVIEW; strong identity and what looks like an identified copy keep their verdicts, so that whoever
/// floods a true entry with colliding pictures does not free it.
///
/// Nothing is stored of what is watched but in memory: hashes, and keyed digests of account ids. Threads:
/// thread-safe. Cost of Observe: a lock and at most some hundred distances a match; writing is the own
/// thread's.
class EntryWatch {
 public:
  EntryWatch(lists::Catalog& catalog, obs::Metrics* metrics, EntryWatchOptions options);
  ~EntryWatch();
  EntryWatch(const EntryWatch&) = delete;
  EntryWatch& operator=(const EntryWatch&) = delete;

  /// Takes note of an upload's matches. Never blocks on anything but its own lock.
  void Observe(std::string_view account, std::span<const MatchDetail> matches) HASHGATE_EXCLUDES(mutex_);
  /// Writes what waits, and ends. For the end of the process and for tests.
  void Stop() HASHGATE_EXCLUDES(mutex_);

 private:
  struct Picture {
    PdqHash hash;
    std::uint64_t account = 0;
    SteadyTime seen{};
  };
  struct Watched {
    std::uint32_t version = 0;
    std::vector<Picture> pictures;  // no two alike, at most one an account
    std::deque<PdqHash> copies;     // identified ones
    std::list<lists::EntryId>::iterator recent;
  };

  Watched& WatchedOf(const MatchDetail& match) HASHGATE_REQUIRES(mutex_);
  void ObserveFlood(std::uint64_t account, const MatchDetail& match) HASHGATE_REQUIRES(mutex_);
  void ObserveConflict(const MatchDetail& match) HASHGATE_REQUIRES(mutex_);
  bool Enqueue(lists::OpinionRequest request) HASHGATE_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t DigestOf(std::string_view account);
  void Run() HASHGATE_EXCLUDES(mutex_);
  void Write(const lists::OpinionRequest& request) HASHGATE_EXCLUDES(mutex_);

  lists::Catalog& catalog_;
  obs::Metrics* const metrics_;
  const EntryWatchOptions options_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::uint64_t nameless_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::unordered_map<lists::EntryId, Watched> watched_ HASHGATE_GUARDED_BY(mutex_);
  std::list<lists::EntryId> recent_ HASHGATE_GUARDED_BY(mutex_);  // the last one matched longest ago
  // Of entries that were flagged, so that each is once.
  std::set<std::pair<lists::EntryId, std::uint32_t>> conflicts_ HASHGATE_GUARDED_BY(mutex_);
  std::deque<lists::OpinionRequest> waiting_ HASHGATE_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hashgate::scan
