// Large imports: what waits for its run, when a run ends, and that nothing else changes.
#include <algorithm>
#include <random>

#include "base/digest.h"
#include "base/hex.h"
#include "lists/record_codec.h"
#include "testing/seed.h"
#include "unit/lists/import_fixture.h"

namespace hashgate::lists {
namespace {

using std::chrono::milliseconds;

// Runs of 50 records after the first 20.
class RunsTest : public ImportTest {
 protected:
  void SetUp() override {
    runs_ = {.after_records = 20, .records = 50};
    clock_ = &stepping_;
    ImportTest::SetUp();
  }

  SteppingClock stepping_;
};

TEST_F(RunsTest, FirstEachCallThenInRunsThenTheRest) {
  const auto import = Start();
  EXPECT_EQ(import->Add(MakeImport(0, 10))->committed, 10U);
  EXPECT_EQ(import->Add(MakeImport(10, 20))->committed, 20U);
  const std::int64_t before = Number();
  const std::uint64_t writes = store_.Writes();
  ImportProgress progress = import->Add(MakeImport(20, 60)).value();
  EXPECT_EQ(progress.received, 60U);
  EXPECT_EQ(progress.committed, 20U);
  EXPECT_EQ(progress.added, 20U) << "counts are of what is committed";
  EXPECT_EQ(progress.generation, before);
  EXPECT_EQ(store_.Writes(), writes);
  EXPECT_EQ(Hits(30), 0U);

  progress = import->Add(MakeImport(60, 70)).value();
  EXPECT_EQ(progress.received, 70U);
  EXPECT_EQ(progress.committed, 70U);
  EXPECT_EQ(progress.added, 70U);
  EXPECT_EQ(store_.Writes(), writes + 1) << "a run is one batch";
  EXPECT_EQ(Number(), before + 1);
  EXPECT_EQ(progress.generation, before + 1);
  EXPECT_EQ(Hits(30), 1U);
  EXPECT_EQ(Hits(69), 1U);

  EXPECT_EQ(import->Add(MakeImport(70, 75))->committed, 70U);
  progress = import->Finish().value();
  EXPECT_EQ(progress.received, 75U);
  EXPECT_EQ(progress.committed, 75U);
  EXPECT_EQ(progress.added, 75U);
  EXPECT_EQ(Hits(74), 1U);
  EXPECT_EQ(List().entry_count, 75U);
}

TEST_F(RunsTest, ASlowSendersRecordsWaitNoLongerThanARunMayLast) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  stepping_.Step(runs_.longest * 5);
  EXPECT_EQ(import->Add(MakeImport(20, 21))->committed, 20U) << "time counts from the run's first record";
  stepping_.Step(runs_.longest - milliseconds(1));
  EXPECT_EQ(import->Add(MakeImport(21, 22))->committed, 20U);
  stepping_.Step(milliseconds(1));
  EXPECT_EQ(import->Add(MakeImport(22, 23))->committed, 23U);
}

TEST_F(RunsTest, ARunIsBoundedInBytesToo) {
  runs_.bytes = 1'000;
  Restart();
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  EXPECT_EQ(import->Add(MakeImport(20, 22))->committed, 20U);
  EXPECT_EQ(import->Add(MakeImport(22, 30))->committed, 30U);
  // Bad records take memory, too.
  std::vector<ImportRecord> bad(2);
  for (ImportRecord& record : bad) record.problem = "unreadable";
  const ImportProgress progress = import->Add(bad).value();
  EXPECT_EQ(progress.committed, 32U);
  EXPECT_EQ(progress.quarantined, 2U);
}

TEST_F(RunsTest, AFailedRunCountsNothingOfItsLastCallAndKeepsTheRestWaiting) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  ASSERT_TRUE(import->Add(MakeImport(20, 60)));
  store_.FailWrite(1, Reason::kStoreFull);
  const auto failed = import->Add(MakeImport(60, 80));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, Reason::kStoreFull);
  EXPECT_EQ(List().entry_count, 20U);
  EXPECT_EQ(Hits(30), 0U);
  // The caller sends the call's records again, or others.
  const ImportProgress progress = import->Add(MakeImport(60, 72)).value();
  EXPECT_EQ(progress.received, 72U);
  EXPECT_EQ(progress.committed, 72U);
  EXPECT_EQ(Hits(30), 1U);
  EXPECT_EQ(Hits(75), 0U);
  // The same at the end.
  ASSERT_TRUE(import->Add(MakeImport(72, 74)));
  store_.FailWrite(1, Reason::kStoreFull);
  EXPECT_EQ(import->Finish().error().reason, Reason::kStoreFull);
  EXPECT_EQ(import->Finish()->committed, 74U);
  EXPECT_EQ(List().entry_count, 74U);
}

TEST_F(RunsTest, NoMemoryForARunIsACleanError) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  ASSERT_TRUE(import->Add(MakeImport(20, 60)));
  const std::uint64_t writes = store_.Writes();
  adds_left_ = 0;
  EXPECT_EQ(import->Add(MakeImport(60, 80)).error().reason, Reason::kMemoryLimit);
  EXPECT_EQ(store_.Writes(), writes);
  EXPECT_EQ(List().entry_count, 20U);
  adds_left_ = -1;
  EXPECT_EQ(import->Finish()->committed, 60U);
}

TEST_F(RunsTest, WhatWaitsIsForgottenWithItsImport) {
  {
    const auto import = Start();
    ASSERT_TRUE(import->Add(MakeImport(0, 20)));
    ASSERT_TRUE(import->Add(MakeImport(20, 60)));
  }
  EXPECT_EQ(List().entry_count, 20U);
  const ImportProgress again = Run(MakeImport(0, 60));
  EXPECT_EQ(again.unchanged, 20U);
  EXPECT_EQ(again.added, 40U);
}

TEST_F(RunsTest, ADeletedListEndsTheRun) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  ASSERT_TRUE(import->Add(MakeImport(20, 60)));
  ASSERT_TRUE(catalog_->DeleteList("demo", ""));
  EXPECT_EQ(import->Finish().error().reason, Reason::kListNotFound);
  EXPECT_EQ(store_.Rows(store::Family::kEntries), 0U);
}

TEST_F(RunsTest, AReplacementIsStagedInRuns) {
  Run(MakeImport(0, 30));
  const auto import = Start(true);
  ASSERT_TRUE(import->Add(MakeImport(10, 30, 1)));
  ImportProgress progress = import->Add(MakeImport(30, 70)).value();
  EXPECT_EQ(progress.received, 60U);
  EXPECT_EQ(progress.staged, 20U);
  progress = import->Add(MakeImport(70, 85)).value();
  EXPECT_EQ(progress.staged, 75U);
  ASSERT_TRUE(import->Add(MakeImport(85, 90)));
  EXPECT_EQ(Hits(50), 0U);
  EXPECT_EQ(Hits(5), 1U);
  progress = import->Finish().value();
  EXPECT_EQ(progress.committed, 80U);
  EXPECT_EQ(progress.updated, 20U);
  EXPECT_EQ(progress.added, 60U);
  EXPECT_EQ(Hits(5), 0U);
  EXPECT_EQ(Hits(50), 1U);
  EXPECT_EQ(Hits(89), 1U);
}

// Whatever the runs, an import leaves the same entries, the same quarantine and the same counts.
TEST_F(RunsTest, RunsChangeNothingButWhen) {
  std::mt19937_64 random(testing::Seed());
  std::vector<ImportRecord> records;
  for (std::uint64_t line = 1; line <= 600; ++line) {
    // Numbers come again, changed and unchanged, within a run and across runs.
    ImportRecord record{line, MakeRecord(random() % 200, static_cast<int>(random() % 2)), {}};
    if (random() % 10 == 0) record.record->source_id.clear();
    if (random() % 7 == 0) std::ranges::reverse(record.record->hashes);
    if (random() % 20 == 0) record.record->hashes.clear();
    if (random() % 20 == 0) record = {line, std::nullopt, "unreadable"};
    records.push_back(std::move(record));
  }
  const auto import_all = [&](const RunOptions& runs, bool replace) {
    FakeStore store;
    CatalogOptions options;
    options.runs = runs;
    const auto catalog = Catalog::Open(store, options).value();
    EXPECT_TRUE(catalog->CreateList(MakeConfig("demo")));
    auto before = catalog->StartImport({.list = "demo", .file = "a"}).value();
    EXPECT_TRUE(before->Add(MakeImport(0, 50)));
    EXPECT_TRUE(before->Finish());
    // A replacement has to be alone.
    before.reset();
    const auto import = catalog->StartImport({.list = "demo", .file = "b", .replace = replace}).value();
    for (std::size_t from = 0; from < records.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 40, records.size() - from);
      EXPECT_TRUE(import->Add(std::span(records).subspan(from, count)));
      from += count;
    }
    const ImportProgress progress = import->Finish().value();
    const HashList list = catalog->GetList("demo").value();
    std::vector<std::string> held;
    const EntryPage page = catalog->ListEntries("demo", "", 10'000).value();
    for (const Entry& entry : page.entries) {
      held.push_back(HexEncode(AsBytes(EncodeEntryBody(entry.record))));
    }
    std::ranges::sort(held);
    const std::vector<Quarantined> quarantined = catalog->ListQuarantined("demo", 10'000).value();
    for (const Quarantined& bad : quarantined) {
      held.push_back(std::to_string(bad.line) + " " + bad.reason);
    }
    for (const std::uint64_t count :
         {progress.received, progress.committed, progress.added, progress.updated, progress.unchanged,
          progress.quarantined, list.entry_count, list.quarantined_count}) {
      held.push_back(std::to_string(count));
    }
    return held;
  };
  const auto expect_same = [](const std::vector<std::string>& a, const std::vector<std::string>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i], b[i]) << "row " << i << " of " << a.size();
  };
  for (const bool replace : {false, true}) {
    const std::vector<std::string> by_call = import_all({.after_records = ~std::uint64_t{0}}, replace);
    expect_same(import_all({.after_records = 0, .records = 130}, replace), by_call);
    expect_same(import_all({.after_records = 100, .records = 100'000}, replace), by_call);
    expect_same(import_all({.after_records = 0, .records = 130, .in_turn_records = 30}, replace), by_call);
  }
}

}  // namespace
}  // namespace hashgate::lists
