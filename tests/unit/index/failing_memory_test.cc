// What the builder does when memory for a merge cannot be had: nothing is lost, and nothing is tried for
// ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <random>

#include "base/mutex.h"
#include "index/segment_index.h"
#include "testing/poll.h"
#include "testing/seed.h"

namespace {

// Arrays of the index from this size on cannot be had; 0: all can. They are what asks for alignment.
std::atomic<std::size_t> fails_from = 0;
std::atomic<int> failures = 0;

}  // namespace

void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (const std::size_t least = fails_from.load(); least != 0 && bytes >= least) {
    failures.fetch_add(1);
    throw std::bad_alloc();
  }
  const auto align = static_cast<std::size_t>(alignment);
  void* const data = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}

namespace hashgate::index {
namespace {

std::vector<IndexedHash> RandomRows(std::mt19937_64& random, std::size_t count, EntryId first) {
  std::vector<IndexedHash> rows;
  for (std::size_t i = 0; i < count; ++i) {
    PdqHash hash;
    for (auto& word : hash.words) word = random();
    rows.push_back({.list = 1, .entry = first + i, .algorithm = Algorithm::kPdq, .bytes = hash.bytes()});
  }
  return rows;
}

class FailingMemoryTest : public ::testing::Test {
 protected:
  void TearDown() override { fails_from.store(0); }
  std::mt19937_64 random_{testing::Seed()};
};

TEST_F(FailingMemoryTest, ASmallMergeThatFailsLosesNothing) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  ASSERT_TRUE(builder->Add(RandomRows(random_, 8'000, 0)));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 8'000U);
  // A third withdrawn: the segment would be written anew.
  for (EntryId entry = 0; entry < 2'500; ++entry) builder->Withdraw(1, entry);
  fails_from.store(100'000);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 5'500U);
  EXPECT_GT(failures.load(), 0);
  fails_from.store(0);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 5'500U);
}

// Where snapshots do the merges themselves, each would try again, and every try takes the time of a merge.
TEST_F(FailingMemoryTest, ALargeMergeThatFailedIsNotTriedAgainUntilSomethingChanges) {
  SegmentIndexOptions options;
  options.small_rows = 1'000;
  const auto builder = NewIndexBuilder(options);
  // Segments of 4,000 rows; what they become cannot be had.
  for (EntryId first = 0; first < 40'000; first += 4'000) {
    ASSERT_TRUE(builder->Add(RandomRows(random_, 4'000, first)));
    fails_from.store(250'000);
    EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), first + 4'000);
  }
  const int before = failures.load();
  EXPECT_GT(before, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 40'000U);
  EXPECT_EQ(failures.load(), before);
  // Each change is worth a try of each lane, and no more.
  builder->Withdraw(1, 17);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 39'999U);
  EXPECT_GT(failures.load(), before);
  EXPECT_LE(failures.load(), before + 2);
  fails_from.store(0);
  ASSERT_TRUE(builder->Add(RandomRows(random_, 10, 40'000)));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 40'009U);
}

TEST_F(FailingMemoryTest, ALargeMergeThatFailsIsTriedAgainAfterTheNextChange) {
  Mutex mutex;
  bool closing = false;
  int merged = 0;
  std::unique_ptr<IndexBuilder> builder;
  SegmentIndexOptions options;
  options.small_rows = 1'000;
  options.on_merged = [&] {
    const MutexLock lock(mutex);
    ++merged;
    if (!closing) static_cast<void>(builder->Snapshot());
  };
  builder = NewIndexBuilder(options);
  const auto snapshot = [&] {
    const MutexLock lock(mutex);
    return builder->Snapshot();
  };
  for (EntryId first = 0; first < 40'000; first += 4'000) {
    const MutexLock lock(mutex);
    ASSERT_TRUE(builder->Add(RandomRows(random_, 4'000, first)));
    // Segments of 4,000 rows; what they become cannot be had.
    fails_from.store(250'000);
    EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), first + 4'000);
  }
  const int before = failures.load();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(snapshot()->Count(Algorithm::kPdq), 40'000U);
  // A merge may have been under way, and each lane may have failed once since the last change.
  EXPECT_LE(failures.load(), before + 4);
  fails_from.store(0);
  {
    const MutexLock lock(mutex);
    ASSERT_TRUE(builder->Add(RandomRows(random_, 10, 40'000)));
  }
  ASSERT_TRUE(testing::PollUntil(
      [&] {
        static_cast<void>(snapshot());
        const MutexLock lock(mutex);
        return merged > 0;
      },
      std::chrono::seconds(30)));
  EXPECT_EQ(snapshot()->Count(Algorithm::kPdq), 40'010U);
  {
    const MutexLock lock(mutex);
    closing = true;
  }
  builder.reset();
}

}  // namespace
}  // namespace hashgate::index
