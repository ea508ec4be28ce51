// Merges segments and makes their band index, on a thread of its own where that is wanted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "index/bands/band_index.h"
#include "index/segment.h"

namespace hashgate::index {

/// What is to become one segment.
struct MergeJob {
  std::vector<LiveSegment>
      sources;  ///< at least one, all of one algorithm; as they stood when the job was given
  const Kernel* band_kernel = nullptr;  ///< makes a band index as well; null: none is made
  int threads = 1;                      ///< that make it
};

/// What became of it.
struct MergedSegment {
  std::shared_ptr<const Segment> segment;  ///< null where every row was withdrawn
  std::shared_ptr<const BandIndex> bands;
  bool failed = false;  ///< cancelled, or no memory: the sources stay in force
};

/// Bytes that a job needs at its peak beside its sources.
std::size_t MergeBytes(const MergeJob& job);

/// Does the job on the calling thread. Cost: that of the band index, where there is one, is most of it.
MergedSegment Merge(const MergeJob& job, const std::shared_ptr<const BitPermutation>& permutation,
                    const std::shared_ptr<MemoryLedger>& ledger, const std::function<bool()>& cancelled = {});

/// A thread, of low priority, that does one job at a time. Threads: its methods are confined to one thread.
class Merger {
 public:
  /// `on_done` is called on the merger's thread when a job is done, with no lock held.
  Merger(std::shared_ptr<const BitPermutation> permutation, std::shared_ptr<MemoryLedger> ledger,
         std::function<void()> on_done);
  /// Gives up the job under way and waits for the thread.
  ~Merger();
  Merger(const Merger&) = delete;
  Merger& operator=(const Merger&) = delete;

  /// Hands over a job. REQUIRES: none is under way, and the last one's result was taken.
  void Start(MergeJob job);
  /// The result of the job given last, once.
  std::optional<MergedSegment> Take();

 private:
  void Run();

  const std::shared_ptr<const BitPermutation> permutation_;
  const std::shared_ptr<MemoryLedger> ledger_;
  const std::function<void()> on_done_;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  CondVar wake_;
  std::optional<MergeJob> job_ HASHGATE_GUARDED_BY(mutex_);
  std::optional<MergedSegment> done_ HASHGATE_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace hashgate::index
