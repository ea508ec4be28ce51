// Syncs with a feed that is damaged, old, forged or just being published: the last good data stays in force.
#include <gmock/gmock.h>

#include "base/digest.h"
#include "feed_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::hours;
using testing::Fault;
using ::testing::HasSubstr;

class FeedFaultsTest : public FeedTest {
 protected:
  void SetUp() override {
    FeedTest::SetUp();
    Put(0, 100);
    Publish();
    ASSERT_EQ(Sync().outcome, SyncOutcome::kDone);
    checkpoint_ = Stored().checkpoint;
    first_ = folder_;
    Put(200, 210);
    content_.erase(3);
    Publish();
    second_ = folder_;
  }

  void ExpectFailure(std::string_view reason, std::string_view word = "") {
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
    EXPECT_EQ(Stored().failure_reason, reason) << record.detail;
    EXPECT_THAT(record.detail, HasSubstr(std::string(word)));
    EXPECT_EQ(Stored().checkpoint, checkpoint_);
    EXPECT_EQ(Entries(), 100U);
  }
  void ExpectRecovery() {
    folder_ = second_;
    server_.SetPlan({});
    const SyncRecord record = Sync();
    EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
    EXPECT_EQ(Entries(), 109U);
    ExpectTheSame();
  }

  std::string checkpoint_;
  testing::MemoryFolder first_;
  testing::MemoryFolder second_;
};

TEST_F(FeedFaultsTest, ErrorsOfTheServer) {
  for (const int status : {500, 503, 429}) {
    server_.SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_UNREACHABLE");
  }
  for (const int status : {401, 403}) {
    server_.SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_REFUSED");
  }
  for (const int status : {301, 404, 204}) {
    server_.SetPlan([status](const auto&) { return Fault{.status = status}; });
    ExpectFailure("EXCHANGE_PROTOCOL");
  }
  server_.SetPlan([](const auto&) { return Fault{.cut_body_at = 20}; });
  ExpectFailure("EXCHANGE_UNREACHABLE");
  server_.SetPlan([](const auto&) { return Fault{.status = 429, .retry_after = "3600"}; });
  EXPECT_EQ(Sync().retry_after, hours(1));
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, AManifestThatIsNotSignedByTheKey) {
  std::string& manifest = folder_.files["manifest.hgf"];
  manifest[manifest.size() - 1] ^= 1;
  ExpectFailure("EXCHANGE_PROTOCOL", "signature");
  manifest = "<html>";
  ExpectFailure("EXCHANGE_PROTOCOL", "no manifest");
  manifest.assign(2 << 20, 'x');
  ExpectFailure("EXCHANGE_PROTOCOL");
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, PartsThatAreNotWhatTheManifestSays) {
  const std::string name = FeedChangesName(2, 1);
  folder_.files[name][30] ^= 1;
  ExpectFailure("EXCHANGE_PROTOCOL", name);
  folder_.files[name] = second_.files[name] + "x";
  ExpectFailure("EXCHANGE_PROTOCOL", name);
  folder_.files[name].assign(2 << 20, 'x');
  ExpectFailure("EXCHANGE_PROTOCOL");
  folder_.files.erase(name);
  ExpectFailure("EXCHANGE_PROTOCOL", "404");
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, AnOldManifestIsRefused) {
  ExpectRecovery();
  folder_ = first_;
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(record.detail, HasSubstr("went back from number 2 to 1"));
  EXPECT_EQ(Entries(), 109U);
  // Nor where all is to be read: this process has seen a newer one.
  EXPECT_EQ(Sync(true).outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 109U);
}

TEST_F(FeedFaultsTest, TwoStatesOfOneNumberAreRefused) {
  ExpectRecovery();
  FeedManifest other = Manifest();
  other.steps.clear();
  ++other.state.count;
  Sign(other);
  EXPECT_THAT(Sync().detail, HasSubstr("two states"));
  EXPECT_EQ(Entries(), 109U);
}

TEST_F(FeedFaultsTest, AnExpiredManifestIsRefused) {
  clock_.Advance(hours(24 * 8));
  ExpectFailure("EXCHANGE_PROTOCOL", "expired");
  Publish();
  second_ = folder_;
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, AnotherListsFeedByTheSameKeyIsRefused) {
  FeedManifest other = Manifest();
  other.header.list = "another";
  Sign(other);
  ExpectFailure("EXCHANGE_PROTOCOL", "'another'");
  ExpectRecovery();
}

// The digest gate: what does not add up never comes into force, and the next sync reads all.
TEST_F(FeedFaultsTest, AStepThatDoesNotAddUpIsRefusedAndAllIsReadNext) {
  // As a publisher would that has lost a record.
  FeedManifest wrong = Manifest();
  const std::string name = FeedChangesName(2, 1);
  std::string_view rest = folder_.files[name];
  ASSERT_TRUE(TakeFeedRecord(rest));
  const std::string shorter(rest);
  folder_.files[name] = shorter;
  FeedPart& part = wrong.steps.back().parts.front();
  part = {static_cast<std::uint32_t>(shorter.size()), part.records - 1, Sha256Of(AsBytes(shorter))};
  Sign(wrong);
  ExpectFailure("EXCHANGE_PROTOCOL", "all are read with the next sync");
  const std::size_t calls = server_.call_count();
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_GT(Asked("/snapshot-", calls), 0U);
  EXPECT_EQ(Entries(), 109U);
  ExpectTheSame();
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
}

TEST_F(FeedFaultsTest, ASnapshotThatDoesNotAddUpIsRefused) {
  FeedManifest wrong = Manifest();
  ++wrong.state.count;
  wrong.steps.clear();
  Sign(wrong);
  ExpectFailure("EXCHANGE_PROTOCOL", "published anew");
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, ACheckpointThatIsNotThePublishersIsFoundByTheDigest) {
  StoredExchange state = Stored();
  const std::size_t at = state.checkpoint.find("\"digest\":\"") + 10;
  state.checkpoint[at] = state.checkpoint[at] == '0' ? '1' : '0';
  ASSERT_TRUE(SaveStoredExchange(*catalog_, "fed", state));
  checkpoint_ = state.checkpoint;
  ExpectFailure("EXCHANGE_PROTOCOL", "count and digest");
  ExpectRecovery();
}

TEST_F(FeedFaultsTest, ARecordThatCannotBeReadRefusesAll) {
  for (const bool whole : {false, true}) {
    folder_ = second_;
    FeedManifest wrong = Manifest();
    const std::string name = whole ? FeedSnapshotName(2, 1) : FeedChangesName(2, 1);
    std::string bytes = folder_.files[name];
    AppendFeedRecord({.kind = FeedRecord::Kind::kNew, .entry = "no entry"}, bytes);
    folder_.files[name] = bytes;
    FeedPart& part = whole ? wrong.snapshot.front() : wrong.steps.back().parts.front();
    part = {static_cast<std::uint32_t>(bytes.size()), part.records + 1, Sha256Of(AsBytes(bytes))};
    Sign(wrong);
    const SyncRecord record = Sync(whole);
    EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
    EXPECT_THAT(record.detail, HasSubstr(name + ", record"));
    EXPECT_EQ(Entries(), 100U);
  }
}

TEST_F(FeedFaultsTest, PublishedAnewWhileItIsRead) {
  int calls = 0;
  server_.SetPlan([&](const testing::FakeRequest&) -> std::optional<Fault> {
    if (++calls != 2) return std::nullopt;
    // Twice, so that the files being read are gone.
    Put(400, 402);
    Publish();
    Put(402, 404);
    Publish();
    folder_.files.erase(FeedChangesName(2, 1));
    return std::nullopt;
  });
  const SyncRecord first = Sync();
  EXPECT_EQ(first.outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 100U);
  server_.SetPlan({});
  Sync();
  FeedManifest whole = Manifest();
  whole.steps.clear();
  Sign(whole);
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  ExpectTheSame();
}

TEST_F(FeedFaultsTest, AFeedThatIsEmptiedDoesNotEmptyTheList) {
  content_.clear();
  Publish();
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Entries(), 100U);
}

TEST_F(FeedFaultsTest, ACheckpointOfAnotherKindIsRefused) {
  for (const char* checkpoint : {"x", "{}", "{\"v\":1,\"to\":1,\"newest\":true}", "{\"v\":2}"}) {
    EXPECT_FALSE(client_->Begin(checkpoint)) << checkpoint;
  }
}

}  // namespace
}  // namespace hashgate::exchange
