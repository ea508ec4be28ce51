// Replacing imports over a store in memory: all or nothing, and what refuses them.
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

TEST_F(ImportTest, ReplaceSwapsAsOne) {
  Run(MakeImport(0, 10));
  const EntryId kept = FindBySha1(*catalog_->Current(), list_, 7).at(0);
  const EntryId altered = FindBySha1(*catalog_->Current(), list_, 8).at(0);
  const std::int64_t before = Number();
  auto import = Start(true);
  std::vector<ImportRecord> records = MakeImport(7, 8);
  records.push_back({2, MakeRecord(8, 5), {}});
  records.push_back({3, MakeRecord(20), {}});
  const ImportProgress staged = import->Add(records).value();
  EXPECT_EQ(staged.unchanged, 1U);
  EXPECT_EQ(staged.updated, 1U);
  EXPECT_EQ(staged.added, 1U);
  EXPECT_EQ(Number(), before) << "staged only";
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(Hits(20), 0U);
  EXPECT_EQ(import->Finish()->generation, before + 1);
  import.reset();
  const auto check = [&] {
    EXPECT_EQ(Hits(0), 0U);
    EXPECT_EQ(Hits(20), 1U);
    EXPECT_EQ(List().entry_count, 3U);
    // Opinions and cases name entries by number: an entry that stays keeps its own.
    EXPECT_EQ(FindBySha1(*catalog_->Current(), list_, 7).at(0), kept);
    EXPECT_EQ(catalog_->GetEntry(list_, kept)->version, 1U);
    EXPECT_EQ(FindBySha1(*catalog_->Current(), list_, 8).at(0), altered);
    EXPECT_EQ(catalog_->GetEntry(list_, altered)->version, 2U);
  };
  check();
  EXPECT_EQ(store_.Rows(Family::kEntries), 3U);
  EXPECT_EQ(store_.Rows(Family::kEntryKeys), 3U);
  Restart();
  check();
  // And plain imports find the entries' identities in the new content.
  EXPECT_EQ(Run(MakeImport(7, 8)).unchanged, 1U);
}

TEST_F(ImportTest, ReplacingWithTheSameChangesNothing) {
  Run(MakeImport(0, 10));
  const std::int64_t before = Number();
  const ImportProgress progress = Run(MakeImport(0, 10), true);
  EXPECT_EQ(progress.unchanged, 10U);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(store_.Rows(Family::kEntries), 10U);
  EXPECT_EQ(store_.Rows(Family::kMeta), 2U);
}

TEST_F(ImportTest, ARecordThatCannotBeTakenKeepsTheEntryThatItIsAbout) {
  Run(MakeImport(0, 10));
  ImportRecord changed{1, MakeRecord(5, 1), {}};
  Run({&changed, 1});
  const EntryId unread = FindBySha1(*catalog_->Current(), list_, 5).at(0);
  const auto before = catalog_->GetEntry(list_, unread).value();
  ImportRecord invalid{6, MakeRecord(6, 1), {}};
  invalid.record->labels = {std::string(10'000, 'l')};
  const auto problem = [](std::uint64_t line, const std::string& about) {
    return ImportRecord{.line = line, .problem = "cannot be read", .about = about};
  };
  for (int round = 0; round < 2; ++round) {
    auto import = Start(true);
    ASSERT_TRUE(import->Add(MakeImport(0, 3)));
    ASSERT_TRUE(import->Add(MakeImport(20, 26)));
    ASSERT_TRUE(import->Add(MakeImport(9, 10, 1)));
    // Of an entry that is there, one that is not, and some of which something good is said besides.
    const std::vector<ImportRecord> bad = {problem(5, "item-5"),  invalid,
                                           problem(7, "item-77"), problem(8, "item-9"),
                                           problem(9, "item-3"),  problem(10, "")};
    ASSERT_TRUE(import->Add(bad));
    ASSERT_TRUE(import->Add(MakeImport(3, 4, 1)));
    const ImportProgress progress = import->Finish().value();
    EXPECT_EQ(progress.quarantined, 6U);
    EXPECT_EQ(progress.unchanged, round == 0 ? 3U : 11U);
    EXPECT_EQ(progress.updated, round == 0 ? 2U : 0U);
    EXPECT_EQ(progress.added, round == 0 ? 6U : 0U);
    EXPECT_EQ(progress.removed, round == 0 ? 3U : 0U);
    // A start would mend the count.
    EXPECT_EQ(List().entry_count, 13U);
    import.reset();
    Restart();
    EXPECT_EQ(List().entry_count, 13U);
    for (const std::uint64_t kept : {0, 1, 2, 3, 5, 6, 9}) EXPECT_EQ(Hits(kept), 1U) << kept;
    for (const std::uint64_t gone : {4, 7, 8}) EXPECT_EQ(Hits(gone), 0U) << gone;
    EXPECT_EQ(FindBySha1(*catalog_->Current(), list_, 5).at(0), unread);
    const auto after = catalog_->GetEntry(list_, unread).value();
    EXPECT_EQ(after.record.hashes, before.record.hashes);
    EXPECT_EQ(after.record.classification, before.record.classification);
    EXPECT_EQ(after.first_seen, before.first_seen);
    EXPECT_EQ(after.version, before.version);
    EXPECT_EQ(after.last_changed, before.last_changed);
    for (const std::uint64_t changed_here : {3, 9}) {
      const EntryId entry = FindBySha1(*catalog_->Current(), list_, changed_here).at(0);
      EXPECT_EQ(catalog_->GetEntry(list_, entry)->version, 2U) << changed_here;
    }
  }
  EXPECT_EQ(store_.Rows(Family::kEntries), 13U);
  EXPECT_EQ(store_.Rows(Family::kEntryKeys), 13U);
  // And it is found under its name again.
  EXPECT_EQ(Run(MakeImport(5, 6, 1)).unchanged, 1U);
}

TEST_F(ImportTest, WhatARecordThatCannotBeTakenKeepsIsNotCountedAsRemoved) {
  Run(MakeImport(0, 10));
  PlannedChange planned;
  auto import = catalog_->StartImport(
      {.list = "demo", .replace = true, .gate = [&](const PlannedChange& change) -> Result<ExchangeState> {
         planned = change;
         return ExchangeState();
       }});
  ASSERT_TRUE(import);
  ASSERT_TRUE((*import)->Add(MakeImport(0, 7)));
  const ImportRecord bad{.line = 9, .problem = "cannot be read", .about = "item-8"};
  ASSERT_TRUE((*import)->Add({&bad, 1}));
  ASSERT_TRUE((*import)->Finish());
  EXPECT_EQ(planned.removed, 2U);
  EXPECT_EQ(planned.quarantined, 1U);
  EXPECT_EQ(List().entry_count, 8U);
}

// In whatever runs the records come: each Add is one.
TEST_F(ImportTest, AWithdrawnEntryIsNotKeptByARecordThatCannotBeTaken) {
  Run(MakeImport(0, 10));
  const auto withdrawal = [](std::uint64_t item) {
    return ImportRecord{.line = item, .record = MakeRecord(item), .withdrawn = true};
  };
  const auto bad = [](std::uint64_t item) {
    return ImportRecord{
        .line = 100 + item, .problem = "cannot be read", .about = "item-" + std::to_string(item)};
  };
  auto import = Start(true);
  ASSERT_TRUE(import->Add(MakeImport(0, 6)));
  const std::vector<ImportRecord> first = {withdrawal(6), withdrawal(7), withdrawal(8), bad(9)};
  ASSERT_TRUE(import->Add(first));
  // Given again: there, although it was withdrawn.
  ASSERT_TRUE(import->Add(MakeImport(7, 8)));
  const std::vector<ImportRecord> second = {bad(6), bad(7), withdrawal(8), bad(8)};
  ASSERT_TRUE(import->Add(second));
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(progress.removed, 2U);
  EXPECT_EQ(List().entry_count, 8U);
  for (const std::uint64_t kept : {0, 5, 7, 9}) EXPECT_EQ(Hits(kept), 1U) << kept;
  for (const std::uint64_t gone : {6, 8}) EXPECT_EQ(Hits(gone), 0U) << gone;
}

// What is staged can still be lost: nothing of it may be acknowledged as committed.
TEST_F(ImportTest, AReplacingImportCommitsNothingBeforeTheSwap) {
  Run(MakeImport(0, 3));
  auto import = Start(true);
  const ImportProgress first = import->Add(MakeImport(0, 10)).value();
  EXPECT_EQ(first.committed, 0U);
  EXPECT_EQ(first.staged, 10U);
  EXPECT_EQ(first.generation, 0);
  EXPECT_EQ(import->Add(MakeImport(10, 15))->staged, 15U);
  const ImportProgress done = import->Finish().value();
  EXPECT_EQ(done.committed, 15U);
  EXPECT_EQ(done.staged, 0U);
  EXPECT_EQ(done.generation, Number());
  import.reset();
  EXPECT_EQ(Start()->Add(MakeImport(20, 22))->staged, 0U) << "without replace nothing is staged";
}

TEST_F(ImportTest, AReplacementThatWouldEmptyTheListIsRefused) {
  Run(MakeImport(0, 10));
  const std::int64_t before = Number();
  const auto unchanged = [&] {
    EXPECT_EQ(Number(), before);
    EXPECT_EQ(Hits(5), 1U);
    EXPECT_EQ(List().entry_count, 10U);
    EXPECT_EQ(List().quarantined_count, 0U);
    EXPECT_EQ(store_.Rows(Family::kEntries), 10U);
    EXPECT_EQ(store_.Rows(Family::kQuarantine), 0U);
    EXPECT_EQ(store_.Rows(Family::kMeta), 2U) << "the staged content and its marker are gone";
  };
  {
    const auto import = Start(true);
    const auto refused = import->Finish();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kRequestInvalid);
    EXPECT_THAT(refused.error().message, HasSubstr("--allow-empty"));
    EXPECT_THAT(refused.error().message, HasSubstr("all 10"));
  }
  unchanged();
  {
    auto import = catalog_->StartImport({.list = "demo", .replace = true, .allow_empty = true});
    ASSERT_TRUE(import);
    ASSERT_TRUE((*import)->Finish());
  }
  EXPECT_EQ(List().entry_count, 0U);
  EXPECT_EQ(Hits(5), 0U);
  // Nothing is lost where nothing was.
  const auto import = Start(true);
  EXPECT_TRUE(import->Finish());
}

TEST_F(ImportTest, AReplacementThatIsMostlyBadIsRefused) {
  Run(MakeImport(0, 10));
  const std::int64_t before = Number();
  std::vector<ImportRecord> records = MakeImport(20, 22);
  records.push_back({3, std::nullopt, "no digits"});
  records.push_back({4, std::nullopt, "no digits"});
  const std::vector<ImportRecord> half = records;
  records.push_back({5, std::nullopt, "no digits"});
  for (const bool allow_empty : {false, true}) {
    auto import = catalog_->StartImport({.list = "demo", .replace = true, .allow_empty = allow_empty});
    ASSERT_TRUE(import);
    ASSERT_TRUE((*import)->Add(records));
    const auto refused = (*import)->Finish();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kRequestInvalid);
    EXPECT_THAT(refused.error().message, HasSubstr("3 of 5"));
    EXPECT_THAT(refused.error().message, HasSubstr("line 3: no digits"));
  }
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(Hits(5), 1U);
  EXPECT_EQ(Hits(20), 0U);
  EXPECT_EQ(store_.Rows(Family::kEntries), 10U);
  EXPECT_EQ(store_.Rows(Family::kQuarantine), 0U);
  // Half of them bad is a list with gaps, no wrong file.
  EXPECT_EQ(Run(half, true).added, 2U);
  EXPECT_EQ(Hits(20), 1U);
}

TEST_F(ImportTest, AReplacementOfTheBadLinesAloneIsOne) {
  std::vector<ImportRecord> records = MakeImport(0, 10);
  records.push_back({11, std::nullopt, "first reason"});
  Run(records, true);
  const std::int64_t before = Number();
  Run(records, true);
  EXPECT_EQ(Number(), before) << "the same bad line is no change";
  records.back().line = 12;
  records.back().problem = "second reason";
  Run(records, true);
  EXPECT_EQ(Number(), before + 1);
  const std::vector<Quarantined> kept = catalog_->ListQuarantined("demo", 10).value();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].line, 12U);
  EXPECT_EQ(kept[0].reason, "second reason");
}

TEST_F(ImportTest, ReplaceWinsLaterRecordsAcrossBatches) {
  const auto import = Start(true);
  ASSERT_TRUE(import->Add(MakeImport(0, 5, 1)));
  ASSERT_TRUE(import->Add(MakeImport(4, 6, 2)));
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(List().entry_count, 6U);
  const EntryId id = FindBySha1(*catalog_->Current(), list_, 4).at(0);
  EXPECT_EQ(catalog_->GetEntry(list_, id)->record.classification, "class-2");
  EXPECT_EQ(catalog_->GetEntry(list_, id)->version, 1U);
}

TEST_F(ImportTest, AnAbandonedReplaceLeavesNoTrace) {
  Run(MakeImport(0, 10));
  {
    const auto import = Start(true);
    ASSERT_TRUE(import->Add(MakeImport(50, 60)));
  }
  EXPECT_EQ(store_.Rows(Family::kEntries), 10U);
  EXPECT_EQ(store_.Rows(Family::kMeta), 2U);
  EXPECT_EQ(Hits(5), 1U);
  EXPECT_EQ(Hits(55), 0U);
}

TEST_F(ImportTest, AReplacingImportIsAlone) {
  {
    const auto plain = Start();
    EXPECT_EQ(catalog_->StartImport({.list = "demo", .replace = true}).error().reason, Reason::kStoreBusy);
    const auto second = Start();
  }
  const auto replacing = Start(true);
  EXPECT_EQ(catalog_->StartImport({.list = "demo"}).error().reason, Reason::kStoreBusy);
  EXPECT_EQ(catalog_->StartImport({.list = "absent"}).error().reason, Reason::kListNotFound);
}

// A crash after each write of a replacing import in turn: on the next start the list is wholly the old one or
// wholly the new one, and what belongs to neither is gone.
TEST_F(ImportTest, ACrashDuringReplaceLeavesOldOrNew) {
  bool saw_old = false;
  bool saw_new = false;
  for (std::uint64_t crash_at = 1; crash_at <= 9; ++crash_at) {
    Run(MakeImport(0, 10), true);
    const std::int64_t before = Number();
    store_.FailWritesFrom(crash_at, Reason::kStoreFailed);
    bool acknowledged = false;
    if (auto import = catalog_->StartImport({.list = "demo", .file = "f", .replace = true})) {
      acknowledged =
          (*import)->Add(MakeImport(20, 25)) && (*import)->Add(MakeImport(25, 30)) && (*import)->Finish();
      import->reset();
    }
    catalog_.reset();
    store_.Heal();
    Restart();
    const bool is_new = Hits(20) == 1;
    EXPECT_TRUE(is_new || !acknowledged);
    EXPECT_GE(Number(), before);
    for (std::uint64_t number = 0; number < 10; ++number) {
      EXPECT_EQ(Hits(number), is_new ? 0U : 1U);
      EXPECT_EQ(Hits(20 + number), is_new ? 1U : 0U);
    }
    EXPECT_EQ(store_.Rows(Family::kEntries), 10U);
    EXPECT_EQ(store_.Rows(Family::kEntryKeys), 10U);
    EXPECT_EQ(store_.Rows(Family::kMeta), 2U);
    (is_new ? saw_new : saw_old) = true;
  }
  EXPECT_TRUE(saw_old && saw_new);
}

TEST_F(ImportTest, ASwapThatFailsKeepsTheOldContentAndMayBeTriedAgain) {
  Run(MakeImport(0, 10));
  const auto import = Start(true);
  ASSERT_TRUE(import->Add(MakeImport(20, 25)));
  store_.FailWrite(1, Reason::kStoreFull);
  EXPECT_EQ(import->Finish().error().reason, Reason::kStoreFull);
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("other")));
  EXPECT_EQ(Hits(5), 1U) << "the index went back to what is durable";
  EXPECT_EQ(Hits(20), 0U);
  adds_left_ = 0;
  EXPECT_EQ(import->Finish().error().reason, Reason::kMemoryLimit);
  EXPECT_EQ(Hits(5), 1U);
  adds_left_ = -1;
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(Hits(5), 0U);
  EXPECT_EQ(Hits(20), 1U);
}

}  // namespace
}  // namespace hashgate::lists
