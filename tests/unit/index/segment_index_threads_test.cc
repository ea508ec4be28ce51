// Readers search the snapshots that a writer keeps publishing. Meant for the thread sanitizer, and right
// without it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "base/mutex.h"
#include "index/segment_index.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

// What readers and the writer share, as the server does it.
class Published {
 public:
  struct Generation {
    std::shared_ptr<const HashIndex> index;
    EntryId count = 0;  ///< entries [count - kLive, count) are there
  };
  Generation Get() {
    MutexLock lock(mutex_);
    return generation_;
  }
  void Set(Generation generation) {
    MutexLock lock(mutex_);
    generation_ = std::move(generation);
  }

 private:
  Mutex mutex_;
  Generation generation_ HASHGATE_GUARDED_BY(mutex_);
};

constexpr EntryId kLive = 200;
constexpr EntryId kEntries = 4'000;
constexpr std::uint64_t kReadsEach = 300;

// `merging`: segments are merged, with bands, on the builder's own thread, and each result is published from
// there.
void ReadersSeeWholeGenerations(bool merging) {
  std::mt19937_64 random(testing::Seed());
  PdqHash centre;
  for (auto& word : centre.words) word = random();
  Sha256 digest{};
  Published published;
  Mutex writing;  // the builder and the count belong together
  EntryId count = 0;
  bool closing = false;  // the builder goes
  std::atomic<int> merges = 0;
  std::unique_ptr<IndexBuilder> builder;
  SegmentIndexOptions options;
  if (merging) {
    options.band_rows = 32;
    options.small_rows = 16;
    options.band_work_percent = 1'000'000;
    options.on_merged = [&] {
      merges.fetch_add(1);
      const MutexLock lock(writing);
      if (!closing) published.Set({builder->Snapshot(), count});
    };
  }
  builder = NewIndexBuilder(options);
  published.Set({builder->Snapshot(), 0});

  std::atomic<bool> done = false;
  std::array<std::atomic<std::uint64_t>, 3> reads{};
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  for (auto& own_reads : reads) {
    readers.emplace_back([&] {
      const PdqQuery query{centre, Pipeline::kFull, 0};
      const ListRadius radius{.list = 1, .max_distance_bits = 31};
      const ListId list = 1;
      while (!done.load()) {
        const auto [index, there] = published.Get();
        const std::size_t expected = std::min(there, kLive);
        const SearchBounds bounds{.per_group = 1'000, .total = 1'000};
        const auto near = index->SearchPdq(std::span(&query, 1), std::span(&radius, 1), bounds);
        const auto exact = index->SearchDigests({.sha256 = &digest}, std::span(&list, 1), bounds);
        const bool right = near && near->candidates.size() == expected && exact &&
                           exact->candidates.size() == expected &&
                           (expected == 0 || (exact->candidates.front().entry == there - expected &&
                                              exact->candidates.back().entry == there - 1));
        if (!right) wrong.fetch_add(1);
        own_reads.fetch_add(1);
      }
    });
  }
  const auto reads_done = [&] {
    return std::ranges::all_of(reads, [](const auto& own) { return own.load() >= kReadsEach; });
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (count < kEntries || !reads_done() || (merging && merges.load() < 10)) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "readers or writer did not get on";
      break;
    }
    PdqHash near = centre;
    near.words[count % 4] ^= std::uint64_t{1} << (count % 64);
    const std::array rows = {
        IndexedHash{1, count, 0, Algorithm::kPdq, Pipeline::kFull, near.bytes()},
        IndexedHash{1, count, 0, Algorithm::kSha256, Pipeline::kUnspecified, digest},
    };
    const MutexLock lock(writing);
    if (!builder->Add(rows)) break;
    if (count >= kLive) builder->Withdraw(1, count - kLive);
    ++count;
    published.Set({builder->Snapshot(), count});
  }
  done.store(true);
  readers.clear();
  EXPECT_GE(count, kEntries);
  EXPECT_EQ(wrong.load(), 0);
  {
    const MutexLock lock(writing);
    closing = true;
  }
  builder.reset();
}

TEST(SegmentIndexThreads, ReadersSeeWholeGenerationsWhileTheWriterPublishes) {
  ReadersSeeWholeGenerations(false);
}

TEST(SegmentIndexThreads, ReadersSeeWholeGenerationsWhileSegmentsAreMerged) {
  ReadersSeeWholeGenerations(true);
}

}  // namespace
}  // namespace hashgate::index
