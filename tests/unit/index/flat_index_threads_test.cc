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
#include "index/hash_index.h"
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

TEST(FlatIndexThreads, ReadersSeeWholeGenerationsWhileTheWriterPublishes) {
  std::mt19937_64 random(testing::Seed());
  PdqHash centre;
  for (auto& word : centre.words) word = random();
  Sha256 digest{};
  const auto builder = NewFlatIndexBuilder();
  Published published;
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
        const auto [index, count] = published.Get();
        const std::size_t expected = std::min(count, kLive);
        const SearchBounds bounds{.per_group = 1'000, .total = 1'000};
        const auto near = index->SearchPdq(std::span(&query, 1), std::span(&radius, 1), bounds);
        const auto exact = index->SearchDigests({.sha256 = &digest}, std::span(&list, 1), bounds);
        const bool right = near && near->candidates.size() == expected && exact &&
                           exact->candidates.size() == expected &&
                           (expected == 0 || (exact->candidates.front().entry == count - expected &&
                                              exact->candidates.back().entry == count - 1));
        if (!right) wrong.fetch_add(1);
        own_reads.fetch_add(1);
      }
    });
  }
  const auto reads_done = [&] {
    return std::ranges::all_of(reads, [](const auto& count) { return count.load() >= kReadsEach; });
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  EntryId count = 0;
  while (count < kEntries || !reads_done()) {
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
    if (!builder->Add(rows)) break;
    if (count >= kLive) builder->Withdraw(1, count - kLive);
    ++count;
    published.Set({builder->Snapshot(), count});
  }
  done.store(true);
  readers.clear();
  EXPECT_GE(count, kEntries);
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace hashgate::index
