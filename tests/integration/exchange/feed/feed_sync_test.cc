// Syncs with a feed that is as it should be: the snapshot, steps, both of them in parts, and where steps do
// not lead on.
#include <gmock/gmock.h>

#include <random>

#include "feed_fixture.h"
#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

TEST_F(FeedTest, FirstTheSnapshotAndThenSteps) {
  Put(0, 200);
  Publish();
  const SyncRecord first = Sync();
  EXPECT_EQ(first.outcome, SyncOutcome::kDone) << first.detail;
  EXPECT_EQ(first.counts.added, 200U);
  EXPECT_GT(Asked("/snapshot-"), 3U) << "in parts";
  ExpectTheSame();

  Put(300, 310);
  Put(5, 8, 1);
  content_.erase(9);
  EXPECT_EQ(Publish().changes, 14U);
  const std::size_t calls = server_.call_count();
  const SyncRecord second = Sync();
  EXPECT_EQ(second.outcome, SyncOutcome::kDone) << second.detail;
  EXPECT_EQ(second.counts.added, 10U);
  EXPECT_EQ(second.counts.updated, 3U);
  EXPECT_EQ(second.counts.removed, 1U);
  EXPECT_EQ(Asked("/snapshot-", calls), 0U);
  ExpectTheSame();

  const std::int64_t generation = catalog_->Current()->number;
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(catalog_->Current()->number, generation) << "nothing new";
}

TEST_F(FeedTest, SeveralStepsAtOnceEachWithItsCheckpoint) {
  Put(0, 300);
  Publish();
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  for (std::uint64_t step = 0; step < 5; ++step) {
    Put(1'000 + step * 10, 1'010 + step * 10);
    Publish();
  }
  // The fourth step's file does not come: three steps are in force, and the next sync goes on from there.
  server_.SetPlan([](const testing::FakeRequest& request) -> std::optional<testing::Fault> {
    if (request.path.contains("changes-5-")) return testing::Fault{.status = 503};
    return std::nullopt;
  });
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 330U);
  server_.SetPlan({});
  Reopen();
  const std::size_t calls = server_.call_count();
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Asked("/changes-", calls), 2U);
  ExpectTheSame();
}

TEST_F(FeedTest, WhereNoStepLeadsOnAllIsReadAndWhatIsNotThereGoes) {
  Put(0, 50);
  Publish();
  ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
  Put(0, 50, 1);
  content_.erase(7);
  Publish();
  ASSERT_TRUE(Manifest().steps.empty()) << "the changes are longer than the list";
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  ExpectTheSame();
  EXPECT_EQ(Held(Algorithm::kMd5, 7), 0U);
}

TEST_F(FeedTest, AReaderThatComesAtAnyTimeHoldsWhatIsPublished) {
  const std::uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  gates_.limits[static_cast<std::size_t>(Gate::kShrink)] = {100, 100'000};
  Put(0, 100);
  for (int round = 0; round < 30; ++round) {
    for (std::uint64_t i = random() % 8; i > 0; --i)
      content_[random() % 300] = static_cast<int>(random() % 3);
    for (std::uint64_t i = random() % 5; i > 0; --i) content_.erase(random() % 300);
    Publish();
    if (random() % 3 == 0) continue;
    const SyncRecord record = Sync();
    ASSERT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    ExpectTheSame();
  }
}

TEST_F(FeedTest, APurposeThatIsNotTheListsIsRefused) {
  feed_purpose_ = Purpose::kCsam;
  Put(0, 100);
  Publish();
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("CSAM"));
  EXPECT_EQ(Asked("/snapshot-"), 1U) << "before all is read";
  EXPECT_EQ(Entries(), 0U);
}

TEST_F(FeedTest, TestSaysWhatIsPublished) {
  Put(0, 5);
  Publish();
  MakeClient();
  const auto sentence = client_->Test({});
  ASSERT_TRUE(sentence) << sentence.error().message;
  EXPECT_THAT(*sentence, HasSubstr("'a-list'"));
  EXPECT_THAT(*sentence, HasSubstr("5 entries"));
}

}  // namespace
}  // namespace hashgate::exchange
