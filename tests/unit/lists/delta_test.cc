// Atomic imports with withdrawals, as exchanges make them, over a store in memory.
#include <gmock/gmock.h>

#include "import_fixture.h"
#include "lists/limits.h"

namespace hashgate::lists {
namespace {

using store::Family;
using ::testing::HasSubstr;

ImportRecord Withdrawal(std::uint64_t number) {
  EntryRecord record;
  record.source_id = "item-" + std::to_string(number);
  return {number + 1, record, {}, true};
}

class DeltaTest : public ImportTest {
 protected:
  using Gate = std::function<Result<ExchangeState>(const PlannedChange&)>;

  std::unique_ptr<Import> StartDelta(Gate gate) {
    auto import =
        catalog_->StartImport({.list = "demo", .file = "exchange", .atomic = true, .gate = std::move(gate)});
    EXPECT_TRUE(import) << import.error().message;
    return *std::move(import);
  }
  std::unique_ptr<Import> StartDelta() {
    return StartDelta([this](const PlannedChange&) { return state_; });
  }
  [[nodiscard]] std::string State() const { return catalog_->GetExchangeState("npo")->value_or("none"); }

  ExchangeState state_{"npo", "as of noon"};
};

TEST_F(DeltaTest, ComesIntoForceAsOneWithItsState) {
  Run(MakeImport(0, 10));
  const EntryId changed = FindBySha1(*catalog_->Current(), list_, 3).at(0);
  const std::int64_t before = Number();
  auto import = StartDelta();
  std::vector<ImportRecord> records = MakeImport(2, 4, 7);
  records.push_back(Withdrawal(0));
  ASSERT_TRUE(import->Add(records));
  ASSERT_TRUE(import->Add(MakeImport(20, 25)));
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(Hits(20), 0U);
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(State(), "none");
  const ImportProgress done = import->Finish().value();
  EXPECT_EQ(done.added, 5U);
  EXPECT_EQ(done.updated, 2U);
  EXPECT_EQ(done.withdrawn, 1U);
  EXPECT_EQ(done.generation, before + 1);
  EXPECT_EQ(Number(), before + 1);
  import.reset();
  const auto check = [&] {
    EXPECT_EQ(Hits(0), 0U);
    EXPECT_EQ(Hits(1), 1U);
    EXPECT_EQ(Hits(24), 1U);
    EXPECT_EQ(State(), "as of noon");
    EXPECT_EQ(List().entry_count, 14U);
    EXPECT_EQ(catalog_->GetEntry(list_, changed)->version, 2U);
  };
  check();
  EXPECT_EQ(store_.Rows(Family::kEntries), 14U);
  EXPECT_EQ(store_.Rows(Family::kEntryKeys), 14U);
  Restart();
  check();
}

TEST_F(DeltaTest, MoreThanARunIsOneGeneration) {
  runs_ = {.after_records = 10, .records = 20, .bytes = 1 << 20, .longest = {}, .in_turn_records = 5};
  in_background_ = true;
  Restart();
  const std::int64_t before = Number();
  auto import = StartDelta();
  for (std::uint64_t at = 0; at < 200; at += 10) ASSERT_TRUE(import->Add(MakeImport(at, at + 10)));
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(import->Finish()->generation, before + 1);
  EXPECT_EQ(List().entry_count, 200U);
}

TEST_F(DeltaTest, TheLastOfAnIdentityWins) {
  Run(MakeImport(0, 2));
  auto import = StartDelta();
  std::vector<ImportRecord> records = {Withdrawal(0), {2, MakeRecord(0, 5), {}}, {3, MakeRecord(1, 5), {}},
                                       Withdrawal(1), {4, MakeRecord(8), {}},    Withdrawal(8)};
  ASSERT_TRUE(import->Add(records));
  const ImportProgress done = import->Finish().value();
  EXPECT_EQ(done.withdrawn, 3U);
  EXPECT_EQ(done.added, 2U) << "0 anew after its withdrawal, and 8";
  EXPECT_EQ(done.updated, 1U);
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(Hits(1), 0U);
  EXPECT_EQ(Hits(8), 0U);
  EXPECT_EQ(List().entry_count, 1U);
  EXPECT_EQ(store_.Rows(Family::kEntryKeys), 1U);
}

TEST_F(DeltaTest, AWithdrawalOfWhatIsNotThereChangesNothing) {
  Run(MakeImport(0, 2));
  const std::int64_t before = Number();
  auto import = StartDelta();
  ASSERT_TRUE(import->Add(std::vector{Withdrawal(7)}));
  const ImportProgress done = import->Finish().value();
  EXPECT_EQ(done.withdrawn, 0U);
  EXPECT_EQ(done.unchanged, 1U);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(State(), "as of noon") << "nothing changed, but it was seen";
}

TEST_F(DeltaTest, AWithdrawalWithoutAnIdIsQuarantined) {
  auto import = StartDelta();
  ASSERT_TRUE(import->Add(std::vector<ImportRecord>{{7, EntryRecord{}, {}, true}}));
  EXPECT_EQ(import->Finish()->quarantined, 1U);
  EXPECT_EQ(catalog_->ListQuarantined("demo", 10)->at(0).line, 7U);
}

TEST_F(DeltaTest, PlainAndReplacingImportsWithdrawToo) {
  Run(MakeImport(0, 4));
  const ImportProgress plain = Run(std::vector{Withdrawal(1)});
  EXPECT_EQ(plain.withdrawn, 1U);
  EXPECT_EQ(Hits(1), 0U);
  std::vector<ImportRecord> records = MakeImport(0, 3);
  records.push_back(Withdrawal(2));
  EXPECT_EQ(Run(records, true).withdrawn, 1U);
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(Hits(2), 0U);
  EXPECT_EQ(Hits(3), 0U) << "not part of what replaces";
  EXPECT_EQ(List().entry_count, 2U);
  EXPECT_EQ(store_.Rows(Family::kEntries), 2U);
}

TEST_F(DeltaTest, TheGateSeesTheChangeAndMayRefuseIt) {
  Run(MakeImport(0, 10));
  PlannedChange seen;
  bool open = false;
  const auto gate = [&](const PlannedChange& change) -> Result<ExchangeState> {
    seen = change;
    if (open) return state_;
    return Fail(Reason::kRequestInvalid, "too much");
  };
  auto import = StartDelta(gate);
  std::vector<ImportRecord> records = MakeImport(9, 12, 3);
  records.push_back(Withdrawal(0));
  records.push_back({9, std::nullopt, "unreadable"});
  ASSERT_TRUE(import->Add(records));
  const std::int64_t before = Number();
  const auto refused = import->Finish();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("too much"));
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(State(), "none");
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(seen.entries_before, 10U);
  EXPECT_EQ(seen.received, 5U);
  EXPECT_EQ(seen.added, 2U);
  EXPECT_EQ(seen.updated, 1U);
  EXPECT_EQ(seen.removed, 1U);
  EXPECT_EQ(seen.quarantined, 1U);
  open = true;
  EXPECT_EQ(import->Finish()->withdrawn, 1U) << "may be called again";
  EXPECT_EQ(State(), "as of noon");
}

TEST_F(DeltaTest, TheGateOfAReplacementSeesWhatGoes) {
  Run(MakeImport(0, 10));
  PlannedChange seen;
  bool open = false;
  const Gate gate = [&](const PlannedChange& change) -> Result<ExchangeState> {
    seen = change;
    if (open) return state_;
    return Fail(Reason::kRequestInvalid, "no");
  };
  auto import = catalog_->StartImport({.list = "demo", .replace = true, .gate = gate});
  ASSERT_TRUE(import);
  ASSERT_TRUE((*import)->Add(MakeImport(7, 12)));
  ASSERT_FALSE((*import)->Finish());
  EXPECT_EQ(seen.entries_before, 10U);
  EXPECT_EQ(seen.removed, 7U);
  EXPECT_EQ(seen.added, 2U);
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(State(), "none");
  open = true;
  ASSERT_TRUE((*import)->Finish());
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(State(), "as of noon");
  // The same again changes nothing, and still says how far it has come.
  import->reset();
  state_.bytes = "as of one";
  auto same = catalog_->StartImport({.list = "demo", .replace = true, .gate = gate});
  ASSERT_TRUE((*same)->Add(MakeImport(7, 12)));
  ASSERT_TRUE((*same)->Finish());
  EXPECT_EQ(State(), "as of one");
}

TEST_F(DeltaTest, AFailedWriteLeavesListAndStateAsTheyWere) {
  Run(MakeImport(0, 5));
  auto import = StartDelta();
  std::vector<ImportRecord> records = MakeImport(4, 8, 2);
  records.push_back(Withdrawal(0));
  ASSERT_TRUE(import->Add(records));
  store_.FailWrite(1, Reason::kStoreFailed);
  EXPECT_FALSE(import->Finish());
  EXPECT_EQ(State(), "none");
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(Hits(6), 0U);
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(State(), "as of noon");
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(Hits(6), 1U);
  import.reset();
  Restart();
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(List().entry_count, 7U);
}

TEST_F(DeltaTest, AnIndexWithoutMemoryLeavesEverythingAsItWas) {
  Run(MakeImport(0, 5));
  auto import = StartDelta();
  std::vector<ImportRecord> records = MakeImport(4, 8, 2);
  records.push_back(Withdrawal(0));
  ASSERT_TRUE(import->Add(records));
  adds_left_ = 0;
  EXPECT_EQ(import->Finish().error().reason, Reason::kMemoryLimit);
  adds_left_ = -1;
  EXPECT_EQ(State(), "none");
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(Hits(4), 1U);
}

TEST_F(DeltaTest, DroppedItLeavesNothing) {
  Run(MakeImport(0, 2));
  auto import = StartDelta();
  ASSERT_TRUE(import->Add(std::vector{Withdrawal(0)}));
  import.reset();
  EXPECT_EQ(Hits(0), 1U);
  EXPECT_EQ(store_.Rows(Family::kEntries), 2U);
}

TEST_F(DeltaTest, RefusesWhatDoesNotGoTogether) {
  EXPECT_FALSE(catalog_->StartImport({.list = "demo", .replace = true, .atomic = true}));
  auto import = StartDelta();
  ASSERT_TRUE(import->Add(MakeImport(0, 1)));
  state_.exchange = "Not A Name";
  EXPECT_FALSE(import->Finish());
  EXPECT_FALSE(catalog_->PutExchangeState(state_));
  EXPECT_EQ(Hits(0), 0U);
  state_.exchange = "npo";
  ASSERT_TRUE(import->Finish());
  EXPECT_EQ(Hits(0), 1U);
}

TEST_F(DeltaTest, StateAloneChangesNoGeneration) {
  const std::int64_t before = Number();
  ASSERT_TRUE(catalog_->PutExchangeState(state_));
  EXPECT_EQ(State(), "as of noon");
  EXPECT_EQ(Number(), before);
  Restart();
  EXPECT_EQ(State(), "as of noon");
}

}  // namespace
}  // namespace hashgate::lists
