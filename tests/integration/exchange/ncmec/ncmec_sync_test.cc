// Syncs with a well-behaved NCMEC server: windows, pages, tombstones, filters, what an entry becomes.
#include <gmock/gmock.h>

#include "ncmec_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(NcmecTest, FetchesAYearOfPagesAndThenOnlyWhatIsNew) {
  server().SetSwitches({.page_size = 7});
  for (std::uint64_t at = 0; at < 100; ++at) server().Put(Entry(at, Ago(hours(80 * (at % 100) + 1))));
  const SyncRecord first = Sync();
  EXPECT_EQ(first.outcome, SyncOutcome::kDone) << first.detail;
  EXPECT_EQ(first.counts.added, 100U);
  EXPECT_EQ(Entries(), 100U);
  for (std::uint64_t at = 0; at < 100; ++at) EXPECT_TRUE(Holds(at)) << at;

  const std::size_t calls = server_.http().call_count();
  clock_.Advance(minutes(10));
  server().Put(Entry(200, Ago(minutes(5))));
  server().Put(Entry(3, Ago(minutes(4))));
  server().Delete(77, "e4", Ago(minutes(3)));
  const SyncRecord second = Sync();
  EXPECT_EQ(second.counts.added, 1U);
  EXPECT_EQ(second.counts.removed, 1U);
  EXPECT_FALSE(Holds(4));
  EXPECT_TRUE(Holds(200));
  EXPECT_EQ(server_.http().call_count(), calls + 1) << "one small window";
}

TEST_F(NcmecTest, GoesOnAfterARestart) {
  server().Put(Entry(1, Ago(hours(2))));
  Sync();
  Reopen();
  clock_.Advance(hours(1));
  server().Put(Entry(2, Ago(minutes(30))));
  const std::size_t calls = server_.http().call_count();
  EXPECT_EQ(Sync().counts.added, 1U);
  EXPECT_EQ(server_.http().call_count(), calls + 1);
}

TEST_F(NcmecTest, EntriesCarryMemberIdClassificationAndKinds) {
  NcmecEntry entry = Entry(5, Ago(hours(1)));
  entry.member = 79;
  entry.classification = "B2";
  entry.is_video = true;
  entry.fingerprints.push_back({"pdq", Hex(Algorithm::kPdq, 5)});
  entry.fingerprints.push_back({"pdna", std::string(288, 'a')});
  entry.fingerprints.push_back({"tmk-pdqf", "", true});
  server().Put(entry);
  const SyncRecord record = Sync();
  EXPECT_EQ(record.counts.values_left_out, 1U);
  EXPECT_EQ(record.counts.malformed_values, 0U);
  const auto page = catalog_->ListEntries("npo", "", 10);
  ASSERT_TRUE(page);
  ASSERT_THAT(page->entries, SizeIs(1));
  const lists::EntryRecord& stored = page->entries[0].record;
  EXPECT_EQ(stored.source_id, "79-e5");
  EXPECT_EQ(stored.classification, "B2");
  EXPECT_THAT(stored.labels, ElementsAre("video"));
  EXPECT_THAT(stored.hashes, SizeIs(4));
}

TEST_F(NcmecTest, AMalformedFingerprintCostsItselfOnly) {
  NcmecEntry entry = Entry(5, Ago(hours(1)));
  entry.fingerprints.push_back({"pdq", "not hex"});
  entry.fingerprints.push_back({"pdna", "some other encoding"});
  server().Put(entry);
  NcmecEntry hopeless;
  hopeless.id = "hopeless";
  hopeless.timestamp = Ago(hours(1));
  hopeless.fingerprints = {{"md5", "12"}};
  server().Put(hopeless);
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone);
  EXPECT_TRUE(Holds(5));
  EXPECT_EQ(record.counts.malformed_values, 3U);
  EXPECT_EQ(record.counts.quarantined, 1U);
  EXPECT_THAT(catalog_->ListQuarantined("npo", 1)->at(0).reason, HasSubstr("77-hopeless"));
}

TEST_F(NcmecTest, AnEntryOfWhichNothingCanBeMatchedAnyMoreStopsMatching) {
  server().Put(Entry(5, Ago(hours(2))));
  Sync();
  ASSERT_TRUE(Holds(5));
  NcmecEntry bare = Entry(5, Ago(hours(1)));
  bare.fingerprints = {{"videntifier", "", true}};
  clock_.Advance(hours(2));
  bare.timestamp = Ago(hours(1));
  server().Put(bare);
  EXPECT_EQ(Sync().counts.removed, 1U);
  EXPECT_FALSE(Holds(5));
}

TEST_F(NcmecTest, FiltersMembersAndTakesBackWhatANarrowerFilterLeavesOut) {
  for (std::uint64_t at = 0; at < 6; ++at) {
    NcmecEntry entry = Entry(at, Ago(hours(at + 1)));
    entry.member = 77 + static_cast<std::int64_t>(at % 3);
    server().Put(entry);
  }
  options_.except_members = {"79"};
  Sync();
  EXPECT_EQ(Entries(), 4U);
  EXPECT_FALSE(Holds(2));
  options_.except_members.clear();
  options_.only_members = {"78"};
  client_.reset();
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 2U);
  EXPECT_TRUE(Holds(1));
  EXPECT_FALSE(Holds(0));
}

TEST_F(NcmecTest, ManyEntriesMakeSpansShorterAndASecondMayHoldAnyNumber) {
  options_.windows = {.wanted_entries = 20, .most_entries = 40, .first = hours(24 * 30)};
  server().SetSwitches({.page_size = 10});
  for (std::uint64_t at = 0; at < 300; ++at) server().Put(Entry(at, Ago(hours(2) + minutes(at))));
  for (std::uint64_t at = 1'000; at < 1'120; ++at) server().Put(Entry(at, Ago(hours(1))));
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(Entries(), 420U);
  EXPECT_GT(record.generation, 5) << "several deltas";
}

TEST_F(NcmecTest, OddButValidDocumentsAreRead) {
  server().Put(Entry(1, Ago(hours(1))));
  server().Delete(77, "never-seen", Ago(minutes(50)));
  const std::vector<testing::NcmecXmlSwitches> odd = {{.without_videos = true},
                                                      {.empty_feedback = true},
                                                      {.unknown_elements = true},
                                                      {.odd_feedback_pairs = true},
                                                      {.prefixed = true}};
  for (const testing::NcmecXmlSwitches& xml : odd) {
    server().SetSwitches({.xml = xml});
    const SyncRecord record = Sync(true);
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_TRUE(Holds(1));
  }
}

TEST_F(NcmecTest, TestSaysWhoWeAre) {
  MakeClient();
  const auto sentence = client_->Test({});
  ASSERT_TRUE(sentence) << sentence.error().message;
  EXPECT_THAT(*sentence, HasSubstr("member 78"));
  EXPECT_THAT(*sentence, HasSubstr("a-user"));
  EXPECT_THAT(*sentence, ::testing::Not(HasSubstr("password")));
}

TEST_F(NcmecTest, EntriesThatChangeWhilePagesAreReadAreNotLost) {
  server().SetSwitches({.page_size = 5});
  for (std::uint64_t at = 0; at < 30; ++at) server().Put(Entry(at, Ago(hours(at + 1))));
  server().SetOnPage([this](std::size_t page) {
    if (page != 3) return;
    // It leaves the span that is being read.
    NcmecEntry moved = Entry(25, clock_.Wall());
    moved.classification = "B1";
    server().Put(moved);
  });
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  server().SetOnPage({});
  clock_.Advance(minutes(5));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  for (std::uint64_t at = 0; at < 30; ++at) EXPECT_TRUE(Holds(at)) << at;
}

}  // namespace
}  // namespace hashgate::exchange
