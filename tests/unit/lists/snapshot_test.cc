// Starting from the index snapshot: only what has changed since is read from the store, and a snapshot that
// does not stand for the store's lists is not used. The store is the truth in every case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "index/segment_index.h"
#include "lists/catalog.h"
#include "lists/record_codec.h"
#include "testing/fake_store.h"
#include "testing/forwarding_builder.h"
#include "testing/list_records.h"
#include "testing/seed.h"

namespace hashgate::lists {
namespace {

using testing::FindBySha1;
using testing::MakeConfig;
using testing::MakeImport;

// What a builder was asked to do.
struct Asked {
  std::size_t added = 0;
  int restored = 0;
  int built = 0;
  bool lose_rows = false;  // an index that forgets what it is given
};

class WatchedIndex final : public testing::ForwardingBuilder {
 public:
  WatchedIndex(Asked* asked, const index::IndexOptions& options) : ForwardingBuilder(options), asked_(asked) {
    ++asked_->built;
  }
  Status Add(std::span<const index::IndexedHash> hashes,
             std::span<const index::IndexedVector> vectors) override {
    asked_->added += hashes.size() + vectors.size();
    return ForwardingBuilder::Add(asked_->lose_rows ? hashes.first(hashes.size() - 1) : hashes, vectors);
  }
  Status Restore(index::SnapshotReader& in) override {
    ++asked_->restored;
    return ForwardingBuilder::Restore(in);
  }

 private:
  Asked* asked_;
};

constexpr std::size_t kHashesEach = 3;  // MD5, SHA-1, PDQ

// What the index says of record `number`: its entries and what policy tells them apart by.
std::string Said(const Generation& generation, ListId list, std::uint64_t number) {
  const HashValue hash = testing::MakeHash(Algorithm::kSha1, number);
  Sha1 sha1{};
  std::ranges::copy(hash.bytes, sha1.begin());
  const auto found = generation.index->SearchDigests({.sha1 = &sha1}, {&list, 1}, {});
  if (!found) return "failed";
  std::string said;
  for (const index::Candidate& candidate : found->candidates) {
    said += std::to_string(candidate.entry) + " " +
            generation.action_classes.at(candidate.action_class).classification + "; ";
  }
  return said;
}

class ListsSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove(path_);
    Restart();
    for (const char* name : {"one", "two"}) {
      ASSERT_TRUE(catalog_->CreateList(MakeConfig(name)));
      Add(name, 0, 100);
    }
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove(path_);
  }

  Result<std::unique_ptr<Catalog>> Open(testing::FakeStore& store, bool with_snapshot = true) {
    asked_ = {};
    CatalogOptions options;
    if (with_snapshot) options.snapshot_path = path_.string();
    options.merge_in_background = false;
    options.remove_in_background = false;
    options.take_care = false;
    options.max_marked_changes = 20;
    options.make_index = [this](const index::IndexOptions& index) {
      return std::make_unique<WatchedIndex>(&asked_, index);
    };
    return Catalog::Open(store, options);
  }
  void Restart(bool with_snapshot = true) {
    catalog_.reset();
    auto opened = Open(store_, with_snapshot);
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = *std::move(opened);
  }
  // The index of the restarted catalogue holds what one that is built from the store alone holds.
  void RestartAndCompare() {
    Restart();
    const auto from_file = catalog_->Current();
    catalog_.reset();
    Asked asked = asked_;
    // A store of its own, so that opening it without a snapshot changes nothing here.
    testing::FakeStore copy;
    copy.Restore(store_.contents());
    auto rebuilt = Open(copy, false);
    ASSERT_TRUE(rebuilt) << rebuilt.error().message;
    const auto from_store = (*rebuilt)->Current();
    ASSERT_EQ(from_file->lists.size(), from_store->lists.size());
    for (const auto& [id, list] : from_store->lists) {
      EXPECT_EQ(from_file->index->TallyOf(id), from_store->index->TallyOf(id)) << list.config.name;
      EXPECT_EQ(from_file->lists.at(id).entry_count, list.entry_count);
      for (std::uint64_t number = 0; number < 260; ++number) {
        ASSERT_EQ(Said(*from_file, id, number), Said(*from_store, id, number))
            << list.config.name << " record " << number;
      }
      for (const Pipeline pipeline : {Pipeline::kUnspecified, Pipeline::kFull, Pipeline::kNn512}) {
        EXPECT_EQ(from_file->index->HoldsPdqOf(id, pipeline), from_store->index->HoldsPdqOf(id, pipeline));
      }
    }
    rebuilt->reset();
    Restart();
    asked_ = asked;
  }

  void Add(const std::string& list, std::uint64_t from, std::uint64_t to, int variant = 0,
           bool replace = false) {
    const auto import = catalog_->StartImport({.list = list, .file = "f", .replace = replace}).value();
    const auto added = import->Add(MakeImport(from, to, variant));
    ASSERT_TRUE(added) << added.error().message;
    ASSERT_TRUE(import->Finish());
  }
  // The same entries with another pipeline and class: hashes and entries stay as they were.
  void ChangePipelines(const std::string& list, std::uint64_t from, std::uint64_t to) {
    const auto import = catalog_->StartImport({.list = list, .file = "f"}).value();
    std::vector<ImportRecord> records = MakeImport(from, to, 7);
    for (ImportRecord& record : records) record.record->hashes.back().pipeline = Pipeline::kNn512;
    ASSERT_TRUE(import->Add(records));
    ASSERT_TRUE(import->Finish());
  }
  [[nodiscard]] ListId Id(const std::string& name) const { return catalog_->GetList(name)->id; }
  void Delete(const std::string& list, std::uint64_t number) {
    const auto found = FindBySha1(*catalog_->Current(), Id(list), number);
    ASSERT_EQ(found.size(), 1U);
    ASSERT_TRUE(catalog_->DeleteEntry(list, found[0]));
  }
  [[nodiscard]] std::size_t Marks() const {
    std::size_t marks = 0;
    EXPECT_TRUE(store_.Scan(store::Family::kMeta, kChangedPrefix, kChangedPrefix,
                            [&](std::string_view, std::string_view) {
                              ++marks;
                              return true;
                            }));
    return marks;
  }

  [[nodiscard]] std::string ReadFile() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void WriteFile(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  const std::filesystem::path path_ = std::filesystem::current_path() / "lists.snapshot";
  testing::FakeStore store_;
  Asked asked_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(ListsSnapshotTest, AStartReadsNothingElse) {
  catalog_->SaveSnapshot();
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 1);
  EXPECT_EQ(asked_.added, 0U);
  EXPECT_EQ(catalog_->Health().snapshot_generation, catalog_->Current()->number);
}

TEST_F(ListsSnapshotTest, WithoutASnapshotEverythingIsReadFromTheStore) {
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
  EXPECT_EQ(asked_.added, 200 * kHashesEach);
}

TEST_F(ListsSnapshotTest, WhatCameSinceIsReadFromTheStore) {
  catalog_->SaveSnapshot();
  Add("one", 100, 130);     // new
  Add("one", 10, 15, 1);    // changed
  Add("one", 110, 112, 1);  // new, then changed
  Delete("one", 20);
  Delete("one", 120);
  Delete("one", 11);
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("three")));
  Add("three", 200, 210);
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 1);
  // New ones of both lists less the withdrawn, and the changed that are left.
  EXPECT_EQ(asked_.added, (29 + 10 + 4) * kHashesEach);
  // What the class of changed entries says is in force in the index.
  EXPECT_THAT(Said(*catalog_->Current(), Id("one"), 12), ::testing::HasSubstr("class-1"));
}

TEST_F(ListsSnapshotTest, ReplacedDeletedAndReconfiguredListsAreReadAnew) {
  catalog_->SaveSnapshot();
  Add("one", 50, 160, 0, true);
  ListConfig config = catalog_->GetList("two")->config;
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->UpdateList(config, ""));
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 1);
  EXPECT_EQ(asked_.added, (110 + 100) * kHashesEach);
  EXPECT_TRUE(catalog_->Current()->index->HoldsPdqOf(Id("two"), Pipeline::kNn512));
  EXPECT_FALSE(catalog_->Current()->index->HoldsPdqOf(Id("two"), Pipeline::kUnspecified));

  const ListId gone = Id("one");
  catalog_->SaveSnapshot();
  ASSERT_TRUE(catalog_->DeleteList("one", ""));
  RestartAndCompare();
  EXPECT_EQ(asked_.added, 0U);
  EXPECT_FALSE(catalog_->Current()->index->HoldsAny(gone, Algorithm::kPdq));
}

TEST_F(ListsSnapshotTest, MarksGoOnceASnapshotHoldsThem) {
  catalog_->SaveSnapshot();
  Restart();
  Add("one", 0, 30, 1);
  Delete("two", 5);
  EXPECT_EQ(Marks(), 31U);
  catalog_->SaveSnapshot();
  EXPECT_EQ(Marks(), 0U);
  RestartAndCompare();
  EXPECT_EQ(asked_.added, 0U);
}

TEST_F(ListsSnapshotTest, MoreMarksThanOneWriteDropsGoToo) {
  Add("one", 0, 12'000);
  catalog_->SaveSnapshot();
  Restart();
  Add("one", 0, 12'000, 1);
  EXPECT_EQ(Marks(), 12'000U);
  catalog_->SaveSnapshot();
  EXPECT_EQ(Marks(), 0U);
}

// An older store in place of the one that the snapshot is of. What it does since may leave count and sum of
// its hashes as they are in the file.
TEST_F(ListsSnapshotTest, ASnapshotOfAnotherPastIsNotUsed) {
  catalog_->SaveSnapshot();
  Restart();
  const testing::FakeStore::Contents backup = store_.contents();
  Add("one", 0, 3, 2);
  catalog_->SaveSnapshot();
  catalog_.reset();
  store_.Restore(backup);
  const auto later = ReadFile();
  Restart();
  EXPECT_EQ(asked_.restored, 0);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "what is not used holds hashes for nothing";
  for (int i = 0; i < 4; ++i) ChangePipelines("one", 10, 20 + static_cast<std::uint64_t>(i));
  WriteFile(later);
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
}

// An older snapshot in place of the one that is there, whose marks are gone.
TEST_F(ListsSnapshotTest, AnOlderSnapshotIsNotUsed) {
  catalog_->SaveSnapshot();
  const auto older = ReadFile();
  Restart();
  ChangePipelines("one", 10, 20);
  catalog_->SaveSnapshot();
  EXPECT_EQ(Marks(), 0U);
  WriteFile(older);
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
}

TEST_F(ListsSnapshotTest, ChangesMadeWithoutMarksAreNotMissed) {
  catalog_->SaveSnapshot();
  Restart();
  Add("one", 0, 2, 1);
  EXPECT_EQ(Marks(), 2U);
  Restart(false);
  EXPECT_EQ(Marks(), 0U);
  ChangePipelines("one", 10, 20);
  EXPECT_EQ(Marks(), 0U);
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
  EXPECT_EQ(asked_.added, 200 * kHashesEach);
}

// Killed between naming the new file and putting it in its place, and between that and what follows: either
// file serves.
TEST_F(ListsSnapshotTest, WritesThatFailWhileASnapshotIsSavedLeaveOneThatServes) {
  catalog_->SaveSnapshot();
  for (const std::uint64_t nth : {1U, 2U, 3U}) {
    Restart();
    ChangePipelines("one", 10 * nth, 10 * nth + 5);
    const auto before = ReadFile();
    store_.FailWritesFrom(nth, Reason::kStoreFailed);
    catalog_->SaveSnapshot();
    store_.Heal();
    const auto after = ReadFile();
    EXPECT_EQ(before == after, nth == 1) << "the first write comes before the file";
    RestartAndCompare();
    EXPECT_EQ(asked_.restored, 1) << nth;
    if (nth == 2) {
      // As if the new file had not reached its place.
      WriteFile(before);
      RestartAndCompare();
      EXPECT_EQ(asked_.restored, 1);
    }
    catalog_->SaveSnapshot();
  }
}

TEST_F(ListsSnapshotTest, DamagedAndForeignFilesAreNotUsed) {
  catalog_->SaveSnapshot();
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  RestartAndCompare();
  EXPECT_EQ(asked_.added, 200 * kHashesEach);

  // Written by another store, whose lists have the same numbers.
  testing::FakeStore other;
  {
    CatalogOptions options;
    options.snapshot_path = path_.string();
    options.take_care = false;
    const auto catalog = Catalog::Open(other, options).value();
    for (const char* name : {"one", "two"}) ASSERT_TRUE(catalog->CreateList(MakeConfig(name)));
    catalog->SaveSnapshot();
  }
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
  EXPECT_EQ(asked_.added, 200 * kHashesEach);
}

// What the index holds is compared with the store's record after every publication.
TEST_F(ListsSnapshotTest, AnIndexThatLosesRowsIsNoticedAtOnceAndBuiltAnew) {
  asked_.lose_rows = true;
  const auto import = catalog_->StartImport({.list = "one", .file = "f"}).value();
  // The rebuilt index loses rows as well: it is published all the same, and not built anew at once again.
  const int built = asked_.built;
  ASSERT_TRUE(import->Add(MakeImport(100, 110)));
  EXPECT_EQ(catalog_->Health().differences, 1U);
  EXPECT_EQ(asked_.built, built + 1);
  // What was not mended stays out of it for two publications, unless something else differs.
  asked_.lose_rows = false;
  ASSERT_TRUE(import->Add(MakeImport(110, 120)));
  EXPECT_EQ(catalog_->Health().differences, 2U);
  EXPECT_EQ(asked_.built, built + 1);
  ASSERT_TRUE(import->Add(MakeImport(120, 130)));
  EXPECT_EQ(asked_.built, built + 2);
  for (std::uint64_t number = 0; number < 130; ++number) {
    ASSERT_EQ(FindBySha1(*catalog_->Current(), Id("one"), number).size(), 1U) << number;
  }
  EXPECT_EQ(catalog_->Health().differences, 3U);
  ASSERT_TRUE(import->Add(MakeImport(130, 140)));
  EXPECT_EQ(catalog_->Health().differences, 3U);
}

TEST_F(ListsSnapshotTest, ADifferenceThatStandsHidesNoOther) {
  asked_.lose_rows = true;
  const auto import = catalog_->StartImport({.list = "one", .file = "f"}).value();
  ASSERT_TRUE(import->Add(MakeImport(100, 110)));
  const int built = asked_.built;
  ASSERT_TRUE(import->Add(MakeImport(110, 120)));  // loses another row
  EXPECT_EQ(asked_.built, built + 1);
}

// A write that fails leaves the old snapshot and the marks that it needs; but where it fails for too long,
// both go, so that marks do not pile up for ever.
TEST_F(ListsSnapshotTest, AFailedWriteLeavesTheOldSnapshotInUse) {
  catalog_->SaveSnapshot();
  Restart();
  Add("one", 100, 110);
  Add("one", 0, 5, 1);
  // Its neighbour cannot be made where a folder stands.
  std::filesystem::create_directories(path_.string() + ".new/full");
  catalog_->SaveSnapshot();
  EXPECT_EQ(Marks(), 5U);
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 1);
  EXPECT_EQ(asked_.added, 15 * kHashesEach);
  Add("one", 0, 30, 2);
  catalog_->SaveSnapshot();
  EXPECT_EQ(Marks(), 0U);
  EXPECT_FALSE(std::filesystem::exists(path_));
  RestartAndCompare();
  EXPECT_EQ(asked_.restored, 0);
  std::filesystem::remove_all(path_.string() + ".new");
}

// Random histories, with snapshots at random points: the restarted index is always the store's.
TEST_F(ListsSnapshotTest, RandomHistoriesComeBackWhole) {
  std::mt19937_64 random(testing::Seed());
  for (int round = 0; round < 12; ++round) {
    if (random() % 3 == 0) {
      catalog_->SaveSnapshot();
      Restart();
    }
    for (int step = 0; step < 6; ++step) {
      const std::string list = random() % 2 == 0 ? "one" : "two";
      const std::uint64_t from = random() % 200;
      switch (random() % 5) {
        case 0: Add(list, from, from + 1 + random() % 40, static_cast<int>(random() % 3), true); break;
        case 1:
        case 2: Add(list, from, from + 1 + random() % 40, static_cast<int>(random() % 3)); break;
        case 3:
          if (!FindBySha1(*catalog_->Current(), Id(list), from).empty()) Delete(list, from);
          break;
        default:
          ASSERT_TRUE(catalog_->DeleteList(list, ""));
          ASSERT_TRUE(catalog_->CreateList(MakeConfig(list)));
          Add(list, from, from + 20);
      }
    }
    RestartAndCompare();
  }
}

}  // namespace
}  // namespace hashgate::lists
