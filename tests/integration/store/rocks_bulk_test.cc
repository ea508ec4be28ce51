// Large batches: written as table files, they do what small ones do.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "integration/store/temp_folder.h"
#include "store/store.h"
#include "testing/seed.h"

namespace hashgate::store {
namespace {

using testing::TempFolder;

using Rows = std::map<std::string, std::string>;

std::unique_ptr<Store> MustOpen(const std::string& path, std::size_t bulk_changes,
                                std::shared_ptr<const Sealer> sealer = nullptr) {
  StoreOptions options;
  options.path = path;
  options.bulk_changes = bulk_changes;
  options.sealer = std::move(sealer);
  auto store = OpenRocksStore(options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

Rows All(const Store& store, Family family) {
  Rows rows;
  EXPECT_TRUE(store.Scan(family, "", "", [&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  }));
  return rows;
}

std::uintmax_t LogBytes(const std::string& path) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    if (file.path().extension() == ".log") bytes += file.file_size();
  }
  return bytes;
}

TEST(RocksBulk, ALargeBatchIsAppliedAndStays) {
  const TempFolder folder;
  const std::string path = folder / "data";
  std::uintmax_t log_bytes = 0;
  {
    const auto store = MustOpen(path, 5);
    Batch small;
    small.Put(Family::kEntries, "b", "old b");
    small.Put(Family::kEntries, "d", "old d");
    small.Put(Family::kMeta, "state", "1");
    ASSERT_TRUE(store->Write(small));
    log_bytes = LogBytes(path);
    Batch large;
    large.Put(Family::kEntries, "c", "first c");
    large.Put(Family::kEntries, "a", "new a");
    large.Put(Family::kEntries, "b", "new b");
    large.Put(Family::kEntryKeys, std::string("\xff\0\x01", 3), "");
    large.Delete(Family::kEntries, "d");
    large.Delete(Family::kEntries, "never there");
    large.Put(Family::kEntries, "c", "last c");
    large.Put(Family::kMeta, "state", "2");
    ASSERT_TRUE(store->Write(large));
    EXPECT_LE(LogBytes(path), log_bytes) << "large batches do not pass the log";
    EXPECT_EQ(All(*store, Family::kEntries), (Rows{{"a", "new a"}, {"b", "new b"}, {"c", "last c"}}));
    // What comes after it wins.
    Batch after;
    after.Put(Family::kEntries, "a", "newest a");
    ASSERT_TRUE(store->Write(after));
    EXPECT_FALSE(std::filesystem::exists(path + "/bulk"));
  }
  const auto store = MustOpen(path, 5);
  EXPECT_EQ(All(*store, Family::kEntries), (Rows{{"a", "newest a"}, {"b", "new b"}, {"c", "last c"}}));
  EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "2");
  EXPECT_EQ(store->Get(Family::kEntryKeys, std::string("\xff\0\x01", 3)).value(), "");
}

// Large and small batches, removals of prefixes and restarts in any order, against a map.
TEST(RocksBulk, AnyMixtureOfBatchesIsAsItsOrderSays) {
  const TempFolder folder;
  const std::string path = folder / "data";
  std::mt19937_64 random(testing::Seed());
  const std::vector<Family> families = {Family::kMeta, Family::kEntries, Family::kEntryKeys};
  std::map<Family, Rows> expected;
  for (const Family family : families) expected[family];
  auto store = MustOpen(path, 30);
  for (int round = 0; round < 60; ++round) {
    if (random() % 8 == 0) {
      store.reset();
      store = MustOpen(path, 30);
    }
    if (random() % 6 == 0) {
      const std::string prefix(1, static_cast<char>('a' + random() % 8));
      ASSERT_TRUE(store->DeletePrefix(Family::kEntries, prefix));
      std::erase_if(expected[Family::kEntries],
                    [&](const auto& row) { return row.first.starts_with(prefix); });
    }
    Batch batch;
    const std::size_t changes = random() % 2 == 0 ? 1 + random() % 10 : 30 + random() % 200;
    for (std::size_t i = 0; i < changes; ++i) {
      const Family family = families[random() % families.size()];
      // Keys of many lengths, some of which begin others.
      std::string key(1 + random() % 3, 'a');
      for (char& c : key) c = static_cast<char>('a' + random() % 8);
      if (random() % 3 == 0) key += "-and-a-rest-longer-than-the-part-that-is-sorted-by";
      if (random() % 4 == 0) {
        batch.Delete(family, key);
        expected[family].erase(key);
      } else {
        const std::string value = std::to_string(round) + "." + std::to_string(i);
        batch.Put(family, key, value);
        expected[family][key] = value;
      }
    }
    ASSERT_TRUE(store->Write(batch));
    for (const Family family : families)
      ASSERT_EQ(All(*store, family), expected[family]) << "round " << round;
  }
}

class NotingSealer final : public Sealer {
 public:
  [[nodiscard]] std::string_view Name() const override { return "noting"; }
  [[nodiscard]] std::string Seal(std::string_view plain, std::string_view context) const override {
    std::string out(plain);
    for (char& c : out) c = static_cast<char>(~c);
    return std::string(context) + "|" + out;
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view context) const override {
    if (!sealed.starts_with(std::string(context) + "|")) return Fail(Reason::kStoreCorrupt, "not for here");
    std::string out(sealed.substr(context.size() + 1));
    for (char& c : out) c = static_cast<char>(~c);
    return out;
  }
};

TEST(RocksBulk, ValuesPassTheSealer) {
  const TempFolder folder;
  const std::string path = folder / "data";
  const auto store = MustOpen(path, 2, std::make_shared<const NotingSealer>());
  Batch batch;
  batch.Put(Family::kEntries, "key", "a plain value");
  batch.Put(Family::kLists, "key", "another plain value");
  ASSERT_TRUE(store->Write(batch));
  EXPECT_EQ(store->Get(Family::kEntries, "key").value(), "a plain value");
  EXPECT_EQ(store->Get(Family::kLists, "key").value(), "another plain value");
  int tables = 0;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find("plain value"), std::string::npos) << file.path();
    if (file.path().extension() == ".sst") ++tables;
  }
  EXPECT_GE(tables, 2);
}

TEST(RocksBulk, WhatAnEarlierRunLeftIsRemoved) {
  const TempFolder folder;
  const std::string path = folder / "data";
  MustOpen(path, 2).reset();
  std::filesystem::create_directory(path + "/bulk");
  std::ofstream(path + "/bulk/2.sst") << "half a table";
  const auto store = MustOpen(path, 2);
  EXPECT_FALSE(std::filesystem::exists(path + "/bulk"));
  Batch batch;
  batch.Put(Family::kEntries, "a", "1");
  batch.Put(Family::kEntries, "b", "2");
  EXPECT_TRUE(store->Write(batch));
}

TEST(RocksBulk, AFullDiskRefusesAllOfItAndLosesNothing) {
  const TempFolder folder;
  const std::string path = folder / "data";
  // The signal would end the process before write() could fail.
  ::signal(SIGXFSZ, SIG_IGN);
  auto store = MustOpen(path, 100);
  Batch first;
  first.Put(Family::kMeta, "state", "1");
  ASSERT_TRUE(store->Write(first));
  Batch large;
  for (int number = 1'000; number < 3'000; ++number) {
    large.Put(Family::kEntries, std::to_string(number), std::string(1'000, 'v'));
  }
  large.Put(Family::kMeta, "state", "2");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{rlim_t{1} << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status refused = store->Write(large);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kStoreFull) << refused.error().message;
  EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "1");
  EXPECT_TRUE(All(*store, Family::kEntries).empty());
  EXPECT_FALSE(std::filesystem::exists(path + "/bulk"));
  EXPECT_TRUE(store->Probe()) << "small writes go on";
  EXPECT_TRUE(store->Write(large)) << "and once there is room, the same batch";
  store.reset();
  store = MustOpen(path, 100);
  EXPECT_EQ(store->Get(Family::kMeta, "state").value(), "2");
  EXPECT_EQ(All(*store, Family::kEntries).size(), 2'000U);
}

}  // namespace
}  // namespace hashgate::store
