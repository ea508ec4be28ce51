// Damage and a full disk: an error each time, never silence, and writing goes on once there is room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>

#include "integration/store/temp_folder.h"
#include "store/store.h"
#include "testing/seed.h"

namespace hashgate::store {
namespace {

using testing::TempFolder;

constexpr int kRecords = 400;

std::string KeyOf(int number) {
  return "key-" + std::to_string(100'000 + number);
}
std::string ValueOf(int number) {
  std::mt19937_64 random(static_cast<std::uint64_t>(number));
  std::string value(200, '\0');
  for (char& c : value) c = static_cast<char>(random());
  return value;
}

void Fill(const std::string& path) {
  auto store = OpenRocksStore({.path = path});
  ASSERT_TRUE(store) << store.error().message;
  for (int number = 0; number < kRecords; number += 10) {
    Batch batch;
    for (int i = number; i < number + 10; ++i) batch.Put(Family::kEntries, KeyOf(i), ValueOf(i));
    ASSERT_TRUE((*store)->Write(batch));
  }
}

// True where everything is read as written; false where an error says that it cannot be. Anything else is a
// failure of the test.
bool ReadsWholeOrSaysSo(const std::string& path, const std::string& what) {
  const auto store = OpenRocksStore({.path = path});
  if (!store) return false;
  int seen = 0;
  bool right = true;
  const Status status =
      (*store)->Scan(Family::kEntries, "", "", [&](std::string_view key, std::string_view value) {
        right = right && key == KeyOf(seen) && value == ValueOf(seen);
        ++seen;
        return true;
      });
  if (!status) return false;
  EXPECT_TRUE(right && seen == kRecords) << what << ": read " << seen << " records without an error";
  return true;
}

std::vector<std::string> FilesEndingIn(const std::string& path, const std::string& suffix) {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    if (file.path().string().ends_with(suffix) && file.file_size() > 1'000) out.push_back(file.path());
  }
  return out;
}

void FlipBit(const std::string& file, std::uintmax_t byte, int bit) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(byte));
  const int value = stream.get();
  stream.seekp(static_cast<std::streamoff>(byte));
  stream.put(static_cast<char>(value ^ 1 << bit));
}

// Flips single bits, one at a time in a copy, over the files that end in `suffix`.
void FlipsAreNoticed(const std::string& source, const std::string& suffix, int flips) {
  std::mt19937_64 random(testing::Seed());
  const std::string copy = source + "-copy";
  int errors = 0;
  for (int i = 0; i < flips; ++i) {
    std::filesystem::remove_all(copy);
    std::filesystem::copy(source, copy);
    const std::vector<std::string> files = FilesEndingIn(copy, suffix);
    ASSERT_FALSE(files.empty());
    const std::string& file = files[random() % files.size()];
    const std::uintmax_t byte = random() % std::filesystem::file_size(file);
    FlipBit(file, byte, static_cast<int>(random() % 8));
    if (!ReadsWholeOrSaysSo(copy, file + " byte " + std::to_string(byte))) ++errors;
  }
  std::filesystem::remove_all(copy);
  // Some bits matter to nothing that is read; most must have been noticed.
  EXPECT_GT(errors, flips / 2);
}

TEST(RocksStoreDamage, FlippedBitsInTheLogOfRecentWrites) {
  const TempFolder folder;
  Fill(folder / "data");
  ASSERT_TRUE(ReadsWholeOrSaysSo(folder / "data", "as written"));
  // That reading has moved the records to a table file: fill afresh for a log.
  Fill(folder / "log");
  FlipsAreNoticed(folder / "log", ".log", 40);
}

TEST(RocksStoreDamage, FlippedBitsInTables) {
  const TempFolder folder;
  Fill(folder / "data");
  ASSERT_TRUE(ReadsWholeOrSaysSo(folder / "data", "as written"));
  FlipsAreNoticed(folder / "data", ".sst", 40);
}

TEST(RocksStoreDamage, APersonMayDropADamagedTail) {
  const TempFolder folder;
  const std::string path = folder / "data";
  Fill(path);
  const std::vector<std::string> logs = FilesEndingIn(path, ".log");
  ASSERT_EQ(logs.size(), 1U);
  FlipBit(logs[0], std::filesystem::file_size(logs[0]) / 2, 3);
  const auto refused = OpenRocksStore({.path = path});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kStoreCorrupt);
  const auto store = OpenRocksStore({.path = path, .drop_damaged_tail = true});
  ASSERT_TRUE(store) << store.error().message;
  int seen = 0;
  ASSERT_TRUE((*store)->Scan(Family::kEntries, "", "", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(key, KeyOf(seen));
    EXPECT_EQ(value, ValueOf(seen));
    ++seen;
    return true;
  }));
  EXPECT_GT(seen, 0);
  EXPECT_LT(seen, kRecords);
  EXPECT_EQ(seen % 10, 0) << "batches are whole";
}

// Writes until the store says that it is full; returns the records acknowledged.
int WriteUntilFull(Store& store, int from, std::size_t value_bytes) {
  for (int number = from; number < from + 10'000; ++number) {
    Batch batch;
    batch.Put(Family::kEntries, KeyOf(number), std::string(value_bytes, 'v'));
    if (const Status status = store.Write(batch); !status) {
      EXPECT_EQ(status.error().reason, Reason::kStoreFull) << status.error().message;
      return number;
    }
  }
  ADD_FAILURE() << "never full";
  return from;
}

// Takes a mounted file system away however the test ends; a store on it must be closed first.
struct Unmount {
  std::string at;
  ~Unmount() { ::umount2(at.c_str(), MNT_DETACH); }
};

TEST(RocksStoreFull, WritingGoesOnOnceThereIsRoom) {
  const TempFolder folder;
  const std::string mount_point = folder / "disk";
  ASSERT_TRUE(std::filesystem::create_directory(mount_point));
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=24m") != 0) {
    GTEST_SKIP() << "this user may not mount; RocksStoreFull.AFileAtItsSizeLimit stands in";
  }
  const Unmount unmount{mount_point};
  {
    const std::string path = mount_point + "/data";
    auto store = OpenRocksStore({.path = path, .write_buffer_bytes = std::size_t{4} << 20});
    ASSERT_TRUE(store) << store.error().message;
    {
      // Space that can be given back.
      std::ofstream ballast(mount_point + "/ballast", std::ios::binary);
      ballast << std::string(std::size_t{8} << 20, 'b');
    }
    const int acknowledged = WriteUntilFull(**store, 0, 20'000);
    EXPECT_GT(acknowledged, 0);
    EXPECT_EQ((*store)->Probe().error().reason, Reason::kStoreFull);
    EXPECT_TRUE((*store)->Get(Family::kEntries, KeyOf(0)).value().has_value()) << "still read";
    std::filesystem::remove(mount_point + "/ballast");
    // RocksDB looks for space every five seconds.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    Status probe = (*store)->Probe();
    while (!probe && std::chrono::steady_clock::now() < deadline) {
      ::poll(nullptr, 0, 50);
      probe = (*store)->Probe();
    }
    EXPECT_TRUE(probe) << probe.error().message;
    Batch batch;
    batch.Put(Family::kEntries, KeyOf(acknowledged), "after");
    EXPECT_TRUE((*store)->Write(batch));
    store->reset();
    store = OpenRocksStore({.path = path});
    EXPECT_TRUE(store);
    for (int number = 0; store && number <= acknowledged; ++number) {
      const auto value = (*store)->Get(Family::kEntries, KeyOf(number)).value();
      EXPECT_EQ(value, number == acknowledged ? "after" : std::string(20'000, 'v')) << number;
    }
  }
}

TEST(RocksStoreFull, AFileAtItsSizeLimit) {
  const TempFolder folder;
  const std::string path = folder / "data";
  // The signal would end the process before write() could fail.
  ::signal(SIGXFSZ, SIG_IGN);
  auto store = OpenRocksStore({.path = path});
  ASSERT_TRUE(store) << store.error().message;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{rlim_t{1} << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const int acknowledged = WriteUntilFull(**store, 0, 20'000);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_GT(acknowledged, 0);
  EXPECT_TRUE((*store)->Get(Family::kEntries, KeyOf(0)).value().has_value()) << "still read";
  store->reset();
  store = OpenRocksStore({.path = path});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->Probe());
  for (int number = 0; number < acknowledged; ++number) {
    EXPECT_TRUE((*store)->Get(Family::kEntries, KeyOf(number)).value().has_value()) << number;
  }
}

}  // namespace
}  // namespace hashgate::store
