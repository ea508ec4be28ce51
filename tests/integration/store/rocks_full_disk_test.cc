// A disk that fills up at any point of a large batch. The program's own write() and its like stand in front
// of libc's for RocksDB, too, and say ENOSPC from a chosen call on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <limits>

#include "integration/store/temp_folder.h"
#include "store/store.h"
#include "testing/poll.h"

namespace {

constexpr int kNeverFull = std::numeric_limits<int>::max();
// Calls that may still succeed; each thread of RocksDB counts.
std::atomic<int> calls_left = kNeverFull;

bool IsFull() {
  int left = calls_left;
  while (left != kNeverFull && left > 0 && !calls_left.compare_exchange_weak(left, left - 1)) {
  }
  if (left > 0) return false;
  errno = ENOSPC;
  return true;
}

}  // namespace

extern "C" {
ssize_t write(int file, const void* bytes, std::size_t count) {
  return IsFull() ? -1 : ::syscall(SYS_write, file, bytes, count);
}
ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) {
  return IsFull() ? -1 : ::syscall(SYS_pwrite64, file, bytes, count, offset);
}
int fallocate(int file, int mode, off_t offset, off_t length) {
  return IsFull() ? -1 : static_cast<int>(::syscall(SYS_fallocate, file, mode, offset, length));
}
int link(const char* from, const char* to) noexcept {
  return IsFull() ? -1 : static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
}

namespace hashgate::store {
namespace {

using testing::TempFolder;

constexpr int kRows = 3'000;

std::unique_ptr<Store> MustOpen(const std::string& path) {
  auto store =
      OpenRocksStore({.path = path, .write_buffer_bytes = std::size_t{1} << 20, .bulk_changes = 100});
  EXPECT_TRUE(store) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

int CountRows(const Store& store, Family family) {
  int rows = 0;
  EXPECT_TRUE(store.Scan(family, "", "", [&](std::string_view, std::string_view) { return ++rows > 0; }));
  return rows;
}

TEST(RocksFullDisk, WhereverItFillsUpAllOfABatchIsThereOrNothing) {
  Batch large;
  for (int number = 0; number < kRows; ++number) {
    const std::string key = std::to_string(100'000 + number);
    large.Put(Family::kEntries, key, std::string(500, 'v'));
    large.Put(Family::kEntryKeys, std::string(key.rbegin(), key.rend()), std::string(100, 'w'));
  }
  Batch rest;
  rest.Put(Family::kMeta, "state", "2");
  bool applied = false;
  int refused = 0;
  for (int calls = 0; !applied; ++calls) {
    SCOPED_TRACE("full after " + std::to_string(calls) + " calls");
    ASSERT_LT(calls, 200);
    const TempFolder folder;
    const std::string path = folder / "data";
    auto store = MustOpen(path);
    ASSERT_NE(store, nullptr);
    // In memory tables, which have to leave it before table files of the same keys come.
    Batch first;
    first.Put(Family::kMeta, "state", "1");
    first.Put(Family::kEntryKeys, "5", "of before");
    ASSERT_TRUE(store->Write(first));

    const auto write = [&]() -> Status {
      HASHGATE_ASSIGN_OR_RETURN(const auto prepared, store->Prepare(large));
      EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "1") << "what is prepared is not in force";
      return prepared->Apply(rest);
    };
    calls_left = calls;
    const Status written = write();
    applied = written.has_value();
    calls_left = kNeverFull;
    if (!applied) {
      ++refused;
      EXPECT_EQ(written.error().reason, Reason::kStoreFull) << written.error().message;
      EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "1");
      EXPECT_EQ(CountRows(*store, Family::kEntries), 0);
      EXPECT_EQ(CountRows(*store, Family::kEntryKeys), 1);
      EXPECT_FALSE(std::filesystem::exists(path + "/bulk")) << "files are left behind";
      // Once there is room again the store goes on by itself; it may look for room a few seconds apart.
      EXPECT_TRUE(testing::PollUntil([&] { return write().has_value(); }, std::chrono::seconds(60)));
    }
    store.reset();
    store = MustOpen(path);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "2");
    EXPECT_EQ(CountRows(*store, Family::kEntries), kRows);
    EXPECT_EQ(CountRows(*store, Family::kEntryKeys), kRows + 1);
    EXPECT_FALSE(std::filesystem::exists(path + "/bulk"));
  }
  // Tables, their links and the manifest: it must have filled up in each of them.
  EXPECT_GT(refused, 10);
}

// Also where memory was empty. RocksDB itself bounds its memory no more once it has had to stop
// (rocks_health.h).
TEST(RocksFullDisk, SmallBatchesGoOnAndMemoryStaysBounded) {
  const TempFolder folder;
  const std::string path = folder / "data";
  const auto store = MustOpen(path);
  ASSERT_NE(store, nullptr);
  const auto write = [&](int number) {
    Batch batch;
    batch.Put(Family::kEntries, std::to_string(number), std::string(std::size_t{256} << 10, 'v'));
    return store->Write(batch);
  };
  // More than once: what helps against the first must be there for the second.
  for (int calls = 0; calls < 4; ++calls) {
    calls_left = calls;
    Status last;
    for (int i = 0; i <= calls && last; ++i) last = write(0);
    calls_left = kNeverFull;
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().reason, Reason::kStoreFull) << last.error().message;
    EXPECT_TRUE(testing::PollUntil([&] { return (last = write(0)).has_value(); }, std::chrono::seconds(60)))
        << last.error().message;
  }
  const auto tables = [&] {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      count += file.path().extension() == ".sst" ? 1 : 0;
    }
    return count;
  };
  const int before = tables();
  for (int number = 1; number < 32; ++number) ASSERT_TRUE(write(number));
  EXPECT_GE(tables(), before + 4) << "8 MiB, of which memory may hold one";
  EXPECT_EQ(CountRows(*store, Family::kEntries), 32);
}

}  // namespace
}  // namespace hashgate::store
