// Runs that are committed beside the calls: who waits for them, what others may do meanwhile, and what a
// silent sender's records come to.
#include <future>
#include <thread>

#include "testing/poll.h"
#include "unit/lists/import_fixture.h"

namespace hashgate::lists {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::PollUntil;

// Runs of 50 records after the first 20, of which more than 10 are readied before the writer's turn.
class BackgroundRunsTest : public ImportTest {
 protected:
  void SetUp() override {
    runs_ = {.after_records = 20, .records = 50, .in_turn_records = 10};
    clock_ = &stepping_;
    in_background_ = true;
    ImportTest::SetUp();
  }
  void TearDown() override { store_.on_prepare = nullptr; }

  EntryId EntryOf(std::uint64_t number) const {
    const auto found = FindBySha1(*catalog_->Current(), list_, number);
    return found.size() == 1 ? found[0] : 0;
  }

  // On another thread, as the caller's may hold what it waits for. False where it is not done in good time.
  bool WithdrawBeside(std::uint64_t number) {
    const EntryId entry = EntryOf(number);
    auto done =
        std::async(std::launch::async, [this, entry] { return catalog_->DeleteEntry("demo", entry); });
    // Where the writer's turn is taken, it comes when the run is done: too late, but the test ends.
    if (done.wait_for(seconds(10)) != std::future_status::ready) return false;
    return done.get().has_value();
  }

  SteppingClock stepping_;
};

TEST_F(BackgroundRunsTest, AWithdrawalDoesNotWaitForARunThatIsBeingReadied) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  std::atomic<int> prepared = 0;
  std::atomic<bool> withdrawn = false;
  std::atomic<bool> at_once = false;
  store_.on_prepare = [&] {
    if (++prepared != 1) return;
    withdrawn = WithdrawBeside(3);
    at_once = Hits(3) == 0 && Hits(30) == 0;
  };
  for (std::uint64_t from = 20; from < 70; from += 5) ASSERT_TRUE(import->Add(MakeImport(from, from + 5)));
  const ImportProgress progress = import->Finish().value();
  EXPECT_TRUE(withdrawn) << "it waited for the run";
  EXPECT_TRUE(at_once) << "gone while the run was not there yet";
  EXPECT_EQ(prepared, 3) << "the run's plan was void, those of its halves were not";
  EXPECT_EQ(progress.committed, 70U);
  EXPECT_EQ(progress.added, 70U);
  EXPECT_EQ(Hits(3), 0U);
  EXPECT_EQ(List().entry_count, 69U);
  for (std::uint64_t number = 20; number < 70; ++number) ASSERT_EQ(Hits(number), 1U) << number;
  // Each half says when it came into force.
  EXPECT_EQ(catalog_->GetEntry(list_, EntryOf(30))->changed_generation, progress.generation - 1);
  EXPECT_EQ(catalog_->GetEntry(list_, EntryOf(69))->changed_generation, progress.generation);
}

TEST_F(BackgroundRunsTest, AnEntryWithdrawnUnderARunThatHasItIsAddedAnew) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  const EntryId before = EntryOf(3);
  std::atomic<int> prepared = 0;
  store_.on_prepare = [&] {
    if (++prepared == 1) {
      EXPECT_TRUE(WithdrawBeside(3));
    }
  };
  ASSERT_TRUE(import->Add(MakeImport(0, 50, 1)));
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(progress.updated, 19U);
  EXPECT_EQ(progress.added, 20U + 31U);
  EXPECT_EQ(Hits(3), 1U);
  EXPECT_NE(EntryOf(3), before);
  EXPECT_EQ(List().entry_count, 50U);
}

TEST_F(BackgroundRunsTest, WhereOthersWriteAllTheTimeARunGoesInParts) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  std::atomic<int> prepared = 0;
  std::atomic<int> withdrawn = 0;
  std::atomic<std::uint64_t> writes = 0;
  store_.on_prepare = [&] {
    // Plans of 50, 25 and 10 records are void; the fourth is in the writer's turn, where nobody else can
    // write.
    if (const int now = ++prepared; now <= 3)
      withdrawn += WithdrawBeside(static_cast<std::uint64_t>(now)) ? 1 : 0;
    if (prepared == 4) writes = store_.Writes();
  };
  for (std::uint64_t from = 20; from < 70; from += 5) ASSERT_TRUE(import->Add(MakeImport(from, from + 5)));
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(withdrawn, 3);
  EXPECT_EQ(store_.Writes() - writes, 3U) << "10 in turn, then 20 and 20 ahead again";
  EXPECT_EQ(progress.committed, 70U);
  EXPECT_EQ(List().entry_count, 67U);
  for (std::uint64_t number = 20; number < 70; ++number) ASSERT_EQ(Hits(number), 1U) << number;
}

TEST_F(BackgroundRunsTest, PartsOfARunThatFailedAreNotTakenTwice) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  std::atomic<int> prepared = 0;
  store_.on_prepare = [&] {
    if (const int now = ++prepared; now <= 3) {
      EXPECT_TRUE(WithdrawBeside(static_cast<std::uint64_t>(now)));
    }
    if (prepared == 5) store_.FailWrite(1, Reason::kStoreFull);
  };
  for (std::uint64_t from = 20; from < 70; from += 5) ASSERT_TRUE(import->Add(MakeImport(from, from + 5)));
  EXPECT_EQ(import->Finish().error().reason, Reason::kStoreFull);
  EXPECT_EQ(List().entry_count, 17U + 10U) << "a part of ten was taken, the next one failed";
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(progress.received, 70U);
  EXPECT_EQ(progress.committed, 70U);
  EXPECT_EQ(progress.added, 70U);
  EXPECT_EQ(List().entry_count, 67U);
}

TEST_F(BackgroundRunsTest, CallsGoOnWhileARunIsCommitted) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  std::promise<void> may_go_on;
  std::shared_future<void> going_on = may_go_on.get_future().share();
  std::atomic<int> prepared = 0;
  store_.on_prepare = [&] {
    if (++prepared == 1) {
      EXPECT_EQ(going_on.wait_for(seconds(10)), std::future_status::ready);
    }
  };
  ASSERT_TRUE(import->Add(MakeImport(20, 70)));
  const ImportProgress progress = import->Add(MakeImport(70, 90)).value();
  EXPECT_EQ(progress.received, 90U);
  EXPECT_EQ(progress.committed, 20U);
  may_go_on.set_value();
  EXPECT_EQ(import->Finish()->committed, 90U);
  EXPECT_EQ(List().entry_count, 90U);
}

TEST_F(BackgroundRunsTest, ASilentSendersRecordsAreCommittedAllTheSame) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  EXPECT_EQ(import->Add(MakeImport(20, 25))->committed, 20U);
  stepping_.Step(runs_.longest - milliseconds(1));
  EXPECT_EQ(import->Add(MakeImport(25, 30))->committed, 20U);
  EXPECT_EQ(Hits(22), 0U);
  stepping_.Step(milliseconds(1));
  EXPECT_TRUE(PollUntil([&] { return Hits(22) == 1 && Hits(29) == 1; }, seconds(10)));
  const ImportProgress progress = import->Add(MakeImport(30, 31)).value();
  EXPECT_EQ(progress.committed, 30U);
  EXPECT_EQ(progress.received, 31U);
  EXPECT_EQ(import->Finish()->committed, 31U);
}

TEST_F(BackgroundRunsTest, ARunThatFailedIsTheNextCallsErrorAndIsTriedAgain) {
  const auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  store_.FailWrite(1, Reason::kStoreFull);
  ASSERT_TRUE(import->Add(MakeImport(20, 70)));
  // The call after it may come before the failure; one of those that follow hears of it.
  std::uint64_t next = 70;
  Result<ImportProgress> told;
  ASSERT_TRUE(PollUntil(
      [&] {
        told = import->Add(MakeImport(next, next + 1));
        if (told) ++next;
        return !told;
      },
      seconds(10)));
  EXPECT_EQ(told.error().reason, Reason::kStoreFull);
  EXPECT_EQ(List().entry_count, 20U);
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(progress.committed, next);
  EXPECT_EQ(List().entry_count, next);
  EXPECT_EQ(Hits(next), 0U) << "of the call that failed nothing counts";
}

TEST_F(BackgroundRunsTest, AnImportMayBeDroppedWhileItsRunIsCommitted) {
  auto import = Start();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
  std::promise<void> begun;
  std::promise<void> may_go_on;
  std::shared_future<void> going_on = may_go_on.get_future().share();
  std::atomic<int> prepared = 0;
  store_.on_prepare = [&] {
    if (++prepared != 1) return;
    begun.set_value();
    going_on.wait_for(seconds(10));
  };
  ASSERT_TRUE(import->Add(MakeImport(20, 70)));
  ASSERT_EQ(begun.get_future().wait_for(seconds(10)), std::future_status::ready);
  std::jthread release([&] { may_go_on.set_value(); });
  import.reset();
  const std::uint64_t held = List().entry_count;
  EXPECT_TRUE(held == 20 || held == 70) << "all of the run or nothing: " << held;
  EXPECT_EQ(store_.Rows(store::Family::kEntries), held);
  release.join();
  store_.on_prepare = nullptr;
  const ImportProgress again = Run(MakeImport(0, 70));
  EXPECT_EQ(again.unchanged, held);
}

TEST_F(BackgroundRunsTest, AReplacementIsStagedBesideTheCallsToo) {
  Run(MakeImport(0, 30));
  const auto import = Start(true);
  for (std::uint64_t from = 10; from < 90; from += 10)
    ASSERT_TRUE(import->Add(MakeImport(from, from + 10, 1)));
  EXPECT_EQ(Hits(50), 0U);
  const ImportProgress progress = import->Finish().value();
  EXPECT_EQ(progress.committed, 80U);
  EXPECT_EQ(progress.updated, 20U);
  EXPECT_EQ(Hits(5), 0U);
  EXPECT_EQ(Hits(89), 1U);
}

// Two imports into one list and withdrawals from it, all at once: no record is lost or doubled.
TEST_F(BackgroundRunsTest, ManyWritersAtOnceLeaveEachRecordOnce) {
  constexpr std::uint64_t kEach = 600;
  std::atomic<int> wrong = 0;
  const auto import_some = [&](std::uint64_t from) {
    const auto import = Start();
    for (std::uint64_t at = from; at < from + kEach; at += 25) {
      if (!import->Add(MakeImport(at, at + 25))) ++wrong;
    }
    if (!import->Finish()) ++wrong;
  };
  {
    // The second half of the first is the first half of the second.
    std::jthread first([&] { import_some(0); });
    std::jthread second([&] { import_some(kEach / 2); });
    std::jthread toggler([&] {
      for (int i = 0; i < 40; ++i) {
        if (!catalog_->SetEnabled("demo", i % 2 == 1)) ++wrong;
      }
    });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(List().entry_count, kEach * 3 / 2);
  EXPECT_EQ(store_.Rows(store::Family::kEntries), kEach * 3 / 2);
  EXPECT_EQ(store_.Rows(store::Family::kEntryKeys), kEach * 3 / 2);
  for (std::uint64_t number = 0; number < kEach * 3 / 2; ++number) ASSERT_EQ(Hits(number), 1U) << number;
}

}  // namespace
}  // namespace hashgate::lists
