// Imports over a store in memory: what is added, updated, unchanged, quarantined, and what failures
// leave.
#include <gmock/gmock.h>

#include <algorithm>

#include "import_fixture.h"
#include "lists/limits.h"

namespace hashgate::lists {
namespace {

using store::Family;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ImportTest, AddsDurablyAndPublishesAtOnce) {
  auto import = Start();
  const std::int64_t before = Number();
  const ImportProgress progress = import->Add(MakeImport(0, 100)).value();
  EXPECT_EQ(progress.received, 100U);
  EXPECT_EQ(progress.added, 100U);
  EXPECT_EQ(progress.committed, 100U);
  EXPECT_EQ(progress.generation, before + 1);
  EXPECT_EQ(Number(), before + 1);
  EXPECT_EQ(Hits(42), 1U);
  EXPECT_EQ(List().entry_count, 100U);
  const std::int64_t number = Number();
  import.reset();
  Restart();
  EXPECT_EQ(Number(), number);
  EXPECT_EQ(Hits(42), 1U);
  EXPECT_EQ(Hits(100), 0U);
}

TEST_F(ImportTest, TheSameFileTwiceChangesNothing) {
  std::vector<ImportRecord> records = MakeImport(0, 50);
  records.push_back({51, std::nullopt, "not hexadecimal"});
  records.push_back({52, EntryRecord{}, {}});
  Run(records);
  const std::int64_t before = Number();
  const std::uint64_t writes = store_.Writes();
  const ImportProgress again = Run(records);
  EXPECT_EQ(again.unchanged, 50U);
  EXPECT_EQ(again.added + again.updated, 0U);
  EXPECT_EQ(again.quarantined, 2U);
  EXPECT_EQ(again.generation, before);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(store_.Writes(), writes);
  EXPECT_EQ(List().quarantined_count, 2U);
}

TEST_F(ImportTest, TheOrderOfHashesIsNoChange) {
  std::vector<ImportRecord> records = MakeImport(0, 1);
  Run(records);
  std::ranges::reverse(records[0].record->hashes);
  EXPECT_EQ(Run(records).unchanged, 1U);
}

TEST_F(ImportTest, UpdatesWithdrawOldHashesInTheSameGeneration) {
  Run(MakeImport(0, 10));
  const EntryId id = FindBySha1(*catalog_->Current(), list_, 3).at(0);
  const Entry before = catalog_->GetEntry(list_, id).value();
  std::vector<ImportRecord> changed = MakeImport(3, 4);
  changed[0].record->hashes[1] = MakeHash(Algorithm::kSha1, 1003);
  const auto pinned = catalog_->Current();
  const ImportProgress progress = Run(changed);
  EXPECT_EQ(progress.updated, 1U);
  EXPECT_EQ(Hits(3), 0U);
  EXPECT_EQ(Hits(1003), 1U);
  EXPECT_THAT(FindBySha1(*pinned, list_, 3), SizeIs(1));
  const Entry after = catalog_->GetEntry(list_, id).value();
  EXPECT_EQ(after.version, before.version + 1);
  EXPECT_EQ(after.first_seen, before.first_seen);
  EXPECT_EQ(List().entry_count, 10U);
  Restart();
  EXPECT_EQ(Hits(3), 0U);
  EXPECT_EQ(Hits(1003), 1U);
}

TEST_F(ImportTest, WithoutASourceIdTheHashesAreTheIdentity) {
  std::vector<ImportRecord> records = MakeImport(0, 2);
  for (ImportRecord& record : records) record.record->source_id.clear();
  Run(records);
  records[0].record->classification = "other";
  records[1].record->hashes[2].quality = 5;
  const ImportProgress progress = Run(records);
  EXPECT_EQ(progress.updated, 2U);
  EXPECT_EQ(List().entry_count, 2U);
  records[0].record->hashes.pop_back();
  EXPECT_EQ(Run(records).added, 1U);
}

TEST_F(ImportTest, InOneBatchTheLaterRecordWins) {
  std::vector<ImportRecord> records = MakeImport(7, 8, 1);
  records.push_back({2, MakeRecord(7, 2), {}});
  records.push_back({3, MakeRecord(7, 2), {}});
  const ImportProgress progress = Run(records);
  EXPECT_EQ(progress.added, 1U);
  EXPECT_EQ(progress.updated, 1U);
  EXPECT_EQ(progress.unchanged, 1U);
  const EntryId id = FindBySha1(*catalog_->Current(), list_, 7).at(0);
  EXPECT_EQ(catalog_->GetEntry(list_, id)->record.classification, "class-2");
  EXPECT_EQ(catalog_->GetEntry(list_, id)->version, 1U);
  EXPECT_EQ(Hits(7), 1U);
}

TEST_F(ImportTest, BadRecordsAreQuarantinedWithLineAndReason) {
  std::vector<ImportRecord> records = MakeImport(0, 2);
  records[1].record->hashes[0].bytes.pop_back();
  records.push_back({17, std::nullopt, "column 3 is not hexadecimal"});
  const ImportProgress progress = Run(records);
  EXPECT_EQ(progress.added, 1U);
  EXPECT_EQ(progress.quarantined, 2U);
  EXPECT_EQ(progress.committed, 3U);
  const std::vector<Quarantined> kept = catalog_->ListQuarantined("demo", 10).value();
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[0].file, "file.csv");
  EXPECT_EQ(kept[0].line, 2U);
  EXPECT_THAT(kept[0].reason, HasSubstr("16 bytes"));
  EXPECT_EQ(kept[1].line, 17U);
  EXPECT_EQ(kept[1].reason, "column 3 is not hexadecimal");
  EXPECT_THAT(catalog_->ListQuarantined("demo", 1).value(), SizeIs(1));
}

TEST_F(ImportTest, QuarantineIsBoundedAndCountedOn) {
  std::vector<ImportRecord> bad;
  for (std::uint64_t line = 1; line <= kMaxQuarantineKept + 5; ++line)
    bad.push_back({line, std::nullopt, "no"});
  Run(bad);
  EXPECT_EQ(List().quarantined_count, kMaxQuarantineKept + 5);
  EXPECT_EQ(store_.Rows(Family::kQuarantine), kMaxQuarantineKept + 1) << "and how far the file is counted";
}

// Beyond the bound no line is stored, and still the same file again counts and publishes nothing.
TEST_F(ImportTest, TheSameFileTwiceChangesNothingBeyondTheQuarantineBound) {
  std::vector<ImportRecord> bad;
  for (std::uint64_t line = 1; line <= kMaxQuarantineKept + 5; ++line)
    bad.push_back({line, std::nullopt, "no"});
  Run(bad);
  const std::int64_t before = Number();
  const std::uint64_t writes = store_.Writes();
  EXPECT_EQ(Run(bad).quarantined, kMaxQuarantineKept + 5) << "what this import met";
  EXPECT_EQ(List().quarantined_count, kMaxQuarantineKept + 5);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(store_.Writes(), writes);
  Restart();
  Run(bad);
  EXPECT_EQ(Number(), before);
  // A line more is one more, counted once.
  bad.push_back({kMaxQuarantineKept + 6, std::nullopt, "no"});
  Run(bad);
  Run(bad);
  EXPECT_EQ(List().quarantined_count, kMaxQuarantineKept + 6);
  // The first are kept, in order of lines, and nothing else is listed.
  const std::vector<Quarantined> kept = catalog_->ListQuarantined("demo", kMaxQuarantineKept + 10).value();
  ASSERT_EQ(kept.size(), kMaxQuarantineKept);
  EXPECT_EQ(kept.front().line, 1U);
  EXPECT_EQ(kept.back().line, kMaxQuarantineKept);
}

TEST_F(ImportTest, RefusesTooManyAtOnceAndAfterTheEnd) {
  const auto import = Start();
  EXPECT_EQ(import->Add(MakeImport(0, kMaxAddRecords + 1)).error().reason, Reason::kRequestInvalid);
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(import->Add(MakeImport(0, 1)).error().reason, Reason::kRequestInvalid);
  EXPECT_TRUE(import->Finish());
}

TEST_F(ImportTest, AFailedWriteCountsNothingAndTheImportGoesOn) {
  Run(MakeImport(0, 5));
  const auto import = Start();
  const std::int64_t before = Number();
  std::vector<ImportRecord> records = MakeImport(0, 10);
  records[0].record->hashes[1] = MakeHash(Algorithm::kSha1, 1000);
  store_.FailWrite(1, Reason::kStoreFull);
  const auto failed = import->Add(records);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, Reason::kStoreFull);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(List().entry_count, 5U);
  // The next publication shows nothing of the failed one.
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("other")));
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(Hits(1000), 0U);
  EXPECT_EQ(Hits(7), 0U);
  const ImportProgress progress = import->Add(records).value();
  EXPECT_EQ(progress.received, 10U);
  EXPECT_EQ(progress.added, 5U);
  EXPECT_EQ(progress.updated, 1U);
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(Hits(1000), 1U);
  EXPECT_EQ(Hits(7), 1U);
}

TEST_F(ImportTest, NoMemoryIsACleanErrorAndTheOldEntriesStay) {
  Run(MakeImport(0, 5));
  const std::int64_t before = Number();
  const std::uint64_t writes = store_.Writes();
  const auto import = Start();
  std::vector<ImportRecord> records = MakeImport(0, 10);
  records[0].record->hashes[1] = MakeHash(Algorithm::kSha1, 1000);
  adds_left_ = 0;
  const auto failed = import->Add(records);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, Reason::kMemoryLimit);
  EXPECT_THAT(failed.error().message, HasSubstr("2 of 1 bytes"));
  EXPECT_EQ(store_.Writes(), writes);
  EXPECT_EQ(Number(), before);
  adds_left_ = -1;
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("other")));
  EXPECT_EQ(Hits(0), 1U) << "withdrawn for the update that failed, and put back";
  EXPECT_EQ(Hits(7), 0U);
  EXPECT_EQ(import->Add(records)->added, 5U);
}

TEST_F(ImportTest, OpeningWithoutEnoughMemoryNamesTheList) {
  Run(MakeImport(0, 5));
  catalog_.reset();
  adds_left_ = 0;
  CatalogOptions options;
  options.make_index = [this](const index::IndexOptions& index) {
    return std::make_unique<TightIndex>(&adds_left_, index);
  };
  const auto opened = Catalog::Open(store_, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, Reason::kMemoryLimit);
  EXPECT_THAT(opened.error().message, HasSubstr("'demo'"));
}

TEST_F(ImportTest, ADeletedListEndsItsImports) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 5)));
  ASSERT_TRUE(catalog_->DeleteList("demo", ""));
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("demo")));
  EXPECT_EQ(import->Add(MakeImport(5, 9)).error().reason, Reason::kListNotFound);
  EXPECT_EQ(import->Finish().error().reason, Reason::kListNotFound);
  EXPECT_EQ(store_.Rows(Family::kEntries), 0U);
}

TEST_F(ImportTest, EntriesKnowTheGenerationOfTheirLastChange) {
  Run(MakeImport(0, 4));
  const std::int64_t added = Number();
  Run(MakeImport(1, 2, 1));
  const std::int64_t updated = Number();
  ASSERT_GT(updated, added);
  const auto changed = [&](std::uint64_t number) {
    const EntryId id = FindBySha1(*catalog_->Current(), list_, number).at(0);
    const std::int64_t generation = catalog_->GetEntry(list_, id).value().changed_generation;
    const EntryPage page = catalog_->ListEntries("demo", "", 100).value();
    const auto listed = std::ranges::find(page.entries, id, &Entry::id);
    EXPECT_TRUE(listed != page.entries.end() && listed->changed_generation == generation);
    return generation;
  };
  EXPECT_EQ(changed(0), added);
  EXPECT_EQ(changed(1), updated);
  // A replacement: unchanged, changed and new entries. Another list is made while it is staged, so the number
  // at the swap is not the one at the staging.
  auto import = Start(true);
  std::vector<ImportRecord> records = MakeImport(0, 2);
  records[1].record->classification = "class-1";
  records.push_back({3, MakeRecord(2, 1), {}});
  records.push_back({4, MakeRecord(9), {}});
  ASSERT_TRUE(import->Add(records));
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("other")));
  EXPECT_EQ(changed(2), added) << "what is staged is not there yet";
  const std::int64_t swapped = import->Finish()->generation;
  import.reset();
  const auto check = [&] {
    EXPECT_EQ(changed(0), added);
    EXPECT_EQ(changed(1), updated);
    EXPECT_EQ(changed(2), swapped);
    EXPECT_EQ(changed(9), swapped);
  };
  check();
  Restart();
  check();
  // Carried over by one more replacement they keep it.
  records.erase(records.begin());
  EXPECT_GT(Run(records, true).generation, swapped);
  EXPECT_EQ(changed(1), updated);
  EXPECT_EQ(changed(2), swapped);
  EXPECT_EQ(changed(9), swapped);
}

// No key holds a hash value: neither as bytes nor, cut short, as the start of one.
TEST_F(ImportTest, KeysHoldNoHashValues) {
  std::vector<ImportRecord> records = MakeImport(0, 20);
  for (std::size_t i = 0; i < 10; ++i) records[i].record->source_id.clear();
  Run(records);
  for (const Family family : {Family::kMeta, Family::kLists, Family::kEntryKeys, Family::kEntries}) {
    for (const auto& [key, value] : store_.Copy(family)) {
      for (const ImportRecord& record : records) {
        for (const HashValue& hash : record.record->hashes) {
          const std::string start(hash.bytes.begin(), hash.bytes.begin() + 6);
          EXPECT_EQ(key.find(start), std::string::npos);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hashgate::lists
