#include "index/merger.h"

#include <pthread.h>

#include <chrono>
#include <new>
#include <utility>

#include "base/process.h"

namespace hashgate::index {
namespace {

// Nothing is due then: a wait without a deadline could not be told from one that is stuck.
constexpr std::chrono::hours kIdleWait{1};

std::size_t LiveRows(const MergeJob& job) {
  std::size_t rows = 0;
  for (const LiveSegment& source : job.sources) rows += source.live();
  return rows;
}

}  // namespace

std::size_t MergeBytes(const MergeJob& job) {
  const std::size_t rows = LiveRows(job);
  std::size_t runs = 0;
  EntryRange range;
  for (const LiveSegment& source : job.sources) {
    runs += source.segment->runs().size();
    range.Include(source.segment->entry_range());
  }
  std::size_t bytes = Segment::BytesFor(job.sources.front().segment->algorithm(), rows, runs, range.width());
  if (job.band_kernel != nullptr)
    bytes += BandIndex::BytesFor(rows) + rows * BandIndex::BuildBytesPerHash(job.threads);
  return bytes;
}

MergedSegment Merge(const MergeJob& job, const std::shared_ptr<const BitPermutation>& permutation,
                    const std::shared_ptr<MemoryLedger>& ledger, const std::function<bool()>& cancelled) {
  MergedSegment merged;
  try {
    const LiveSegment& first = job.sources.front();
    const bool as_it_is = job.sources.size() == 1 && first.live() == first.segment->size();
    merged.segment = as_it_is ? first.segment : MergeSegments(job.sources, ledger, cancelled);
    if (merged.segment != nullptr && job.band_kernel != nullptr) {
      merged.bands =
          BandIndex::Build(*merged.segment, permutation, ledger, *job.band_kernel, job.threads, cancelled);
      merged.failed = merged.bands == nullptr;
    }
    merged.failed |= merged.segment == nullptr && LiveRows(job) > 0;
  } catch (const std::bad_alloc&) {
    merged = {.segment = nullptr, .bands = nullptr, .failed = true};
  }
  return merged;
}

Merger::Merger(std::shared_ptr<const BitPermutation> permutation, std::shared_ptr<MemoryLedger> ledger,
               std::function<void()> on_done)
    : permutation_(std::move(permutation)),
      ledger_(std::move(ledger)),
      on_done_(std::move(on_done)),
      thread_([this] { Run(); }) {}

Merger::~Merger() {
  stopping_.store(true);
  {
    // Taken so that the thread is either before its look at stopping_ or waiting already.
    const MutexLock lock(mutex_);
  }
  wake_.NotifyAll();
}

void Merger::Start(MergeJob job) {
  {
    const MutexLock lock(mutex_);
    job_ = std::move(job);
  }
  wake_.NotifyAll();
}

std::optional<MergedSegment> Merger::Take() {
  const MutexLock lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

void Merger::Run() {
  ::pthread_setname_np(::pthread_self(), "index-merger");
  LowerThreadPriority();
  while (true) {
    std::optional<MergeJob> job;
    {
      const MutexLock lock(mutex_);
      while (!job_ && !stopping_.load())
        wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kIdleWait);
      if (stopping_.load()) return;
      job = std::exchange(job_, std::nullopt);
    }
    if (!job) continue;
    MergedSegment merged = Merge(*job, permutation_, ledger_, [this] { return stopping_.load(); });
    // The sources may be the last of an old generation, which is freed here rather than where the index
    // publishes.
    job.reset();
    const bool failed = merged.failed;
    {
      const MutexLock lock(mutex_);
      done_ = std::move(merged);
    }
    if (stopping_.load()) return;
    // A failure has nothing to publish: the next snapshot takes note of it.
    if (!failed && on_done_) on_done_();
  }
}

}  // namespace hashgate::index
