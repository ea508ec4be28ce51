// Feeds: the bytes of manifests and parts, and what is published.
#include "exchange/signed/feed.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "base/digest.h"
#include "exchange/signed/feed_writer.h"
#include "testing/list_records.h"
#include "testing/memory_folder.h"
#include "testing/seed.h"
#include "testing/signing_keys.h"

namespace hashgate::exchange {
namespace {

using ::testing::HasSubstr;
using testing::MakeRecord;
using testing::MemoryFolder;

SigningKey Key() {
  return *SigningKey::FromPem(testing::PrivateKeyPem());
}
VerifyingKey PublicKey() {
  return *VerifyingKey::FromPem(testing::PublicKeyPem());
}

SnapshotHeader Header(std::uint64_t sequence = 1) {
  return {.list = "a-list", .source = "generated", .purpose = Purpose::kTest, .sequence = sequence};
}

/// Entry number to variant.
using Content = std::map<std::uint64_t, int>;

Result<FeedPublished> Publish(MemoryFolder& folder, const Content& content, std::uint64_t sequence = 1,
                              FeedOptions options = {.part_bytes = 2'000}) {
  HASHGATE_ASSIGN_OR_RETURN(FeedWriter writer, FeedWriter::Begin(folder, Key(), Header(sequence), options));
  for (const auto& [number, variant] : content) {
    HASHGATE_RETURN_IF_ERROR(writer.Add(MakeRecord(number, variant), number));
  }
  return writer.Finish();
}

FeedManifest ManifestOf(const MemoryFolder& folder) {
  auto manifest = ParseFeedManifest(folder.files.at("manifest.hgf"), PublicKey());
  EXPECT_TRUE(manifest) << manifest.error().message;
  return manifest.value_or(FeedManifest());
}

/// Applies parts to a set of entries, as a reader would; source id to bytes.
void Apply(const MemoryFolder& folder, const std::vector<FeedPart>& parts,
           const std::function<std::string(std::size_t)>& name, std::map<std::string, std::string>& entries) {
  for (std::size_t i = 1; i <= parts.size(); ++i) {
    const std::string& bytes = folder.files.at(name(i));
    ASSERT_EQ(Sha256Of(AsBytes(bytes)), parts[i - 1].sha256);
    std::string_view rest = bytes;
    std::size_t records = 0;
    for (; !rest.empty(); ++records) {
      const auto record = TakeFeedRecord(rest);
      ASSERT_TRUE(record) << record.error().message;
      std::string id(record->source_id);
      if (record->kind != FeedRecord::Kind::kGone) id = ParseEntryBytes(record->entry)->source_id;
      if (record->kind == FeedRecord::Kind::kNew) {
        ASSERT_FALSE(entries.contains(id));
      } else {
        ASSERT_TRUE(entries.contains(id));
        ASSERT_EQ(EntryDigest(entries.at(id)), record->before);
      }
      if (record->kind == FeedRecord::Kind::kGone) {
        entries.erase(id);
      } else {
        entries[id] = record->entry;
      }
    }
    ASSERT_EQ(records, parts[i - 1].records);
  }
}

FeedState StateOf(const std::map<std::string, std::string>& entries) {
  ListState state;
  for (const auto& [id, bytes] : entries) state.Add(bytes);
  return {state.count(), state.digest()};
}

TEST(FeedManifest, ReadsBackAndIsRefusedWhereASingleByteDiffers) {
  FeedManifest manifest;
  manifest.header = Header(7);
  manifest.header.created = FromUnixMillis(1'700'000'000'000);
  manifest.state = {3, EntryDigest("x")};
  manifest.snapshot = {{100, 3, Sha256Of(AsBytes("a"))}};
  manifest.steps = {{2, 5, {1, EntryDigest("y")}, {{50, 1, Sha256Of(AsBytes("b"))}}},
                    {5, 7, manifest.state, {}}};
  const std::string bytes = EncodeFeedManifest(manifest, Key());
  const auto read = ParseFeedManifest(bytes, PublicKey());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, manifest);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(ParseFeedManifest(damaged, PublicKey())) << i;
    EXPECT_FALSE(ParseFeedManifest(bytes.substr(0, i), PublicKey())) << i;
  }
  EXPECT_FALSE(ParseFeedManifest(bytes + "x", PublicKey()));
  EXPECT_FALSE(ParseFeedManifest(bytes, *VerifyingKey::FromPem(testing::OtherPublicKeyPem())));
}

TEST(FeedManifest, StepsThatDoNotLeadToItsStateAreRefused) {
  FeedManifest good;
  good.header = Header(7);
  good.state = {3, EntryDigest("x")};
  good.steps = {{2, 5, {1, {}}, {}}, {5, 7, good.state, {}}};
  ASSERT_TRUE(ParseFeedManifest(EncodeFeedManifest(good, Key()), PublicKey()));
  const auto refused = [&](const std::function<void(FeedManifest&)>& change) {
    FeedManifest bad = good;
    change(bad);
    return !ParseFeedManifest(EncodeFeedManifest(bad, Key()), PublicKey());
  };
  EXPECT_TRUE(refused([](FeedManifest& m) { m.steps[0].to = 4; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.steps[0].from = 5; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.steps[1].to = 8; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.steps[1].state.count = 4; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.header.purpose = Purpose::kUnspecified; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.snapshot = {{0, 1, {}}}; }));
  EXPECT_TRUE(refused([](FeedManifest& m) { m.snapshot = {{17U << 20, 1, {}}}; }));
}

TEST(FeedWriter, WhatEachTimeIsPublishedLeadsFromOneStateToTheNext) {
  const std::uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  MemoryFolder folder;
  Content content;
  std::map<std::string, std::string> reader;
  std::uint64_t next_number = 1;
  int steps_taken = 0;
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t before = round == 0 ? 0 : ManifestOf(folder).header.sequence;
    for (std::uint64_t i = random() % 30 + 20; i > 0 && round < 5; --i) content[next_number++] = 0;
    for (auto at = content.begin(); at != content.end();) {
      const auto what = random() % 40;
      if (what == 0) {
        at = content.erase(at);
        continue;
      }
      if (what == 1) ++at->second;
      ++at;
    }
    if (random() % 2 == 0) content[next_number++] = 0;
    const auto published = Publish(folder, content, static_cast<std::uint64_t>(round) * 3 + 1);
    ASSERT_TRUE(published) << published.error().message;
    EXPECT_EQ(published->entries, content.size());
    const FeedManifest manifest = ManifestOf(folder);
    std::map<std::string, std::string> snapshot;
    Apply(
        folder, manifest.snapshot,
        [&](std::size_t i) { return FeedSnapshotName(manifest.header.sequence, i); }, snapshot);
    EXPECT_EQ(StateOf(snapshot), manifest.state);
    EXPECT_EQ(snapshot.size(), content.size());
    // A reader of the state before, by steps where they lead on.
    bool found = manifest.header.sequence == before;
    for (const FeedStep& step : manifest.steps) {
      found = found || step.from == before;
      if (!found || step.from < before) continue;
      Apply(folder, step.parts, [&](std::size_t i) { return FeedChangesName(step.to, i); }, reader);
      EXPECT_EQ(StateOf(reader), step.state);
      ++steps_taken;
    }
    EXPECT_EQ(published->changes.has_value(), found) << round;
    reader = snapshot;
  }
  EXPECT_GT(steps_taken, 20);
}

TEST(FeedWriter, WithoutAChangeOnlyTheTimesAreNew) {
  MemoryFolder folder;
  const Content content = {{1, 0}, {2, 0}};
  ASSERT_TRUE(Publish(folder, content, 10));
  const auto again = Publish(folder, content, 20);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sequence, 10U);
  EXPECT_EQ(again->changes, 0U);
  EXPECT_EQ(ManifestOf(folder).header.sequence, 10U);
}

TEST(FeedWriter, NumbersRiseAlsoWhereTheStoreWasMadeAnew) {
  MemoryFolder folder;
  ASSERT_TRUE(Publish(folder, {{1, 0}}, 10));
  EXPECT_EQ(Publish(folder, {{1, 1}}, 3)->sequence, 11U);
}

TEST(FeedWriter, AnyOrderGivesChangesThatLeadOn) {
  MemoryFolder folder;
  Content content;
  for (std::uint64_t number = 0; number < 20; ++number) content[number] = 0;
  ASSERT_TRUE(Publish(folder, content, 1));
  const FeedManifest first = ManifestOf(folder);
  std::map<std::string, std::string> reader;
  Apply(folder, first.snapshot, [](std::size_t i) { return FeedSnapshotName(1, i); }, reader);
  auto writer = FeedWriter::Begin(folder, Key(), Header(2), {.part_bytes = 2'000});
  ASSERT_TRUE(writer);
  for (const std::uint64_t number : {19, 3, 50, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}) {
    ASSERT_TRUE(writer->Add(MakeRecord(number), number));
  }
  ASSERT_TRUE(writer->Finish());
  const FeedManifest second = ManifestOf(folder);
  for (const FeedStep& step : second.steps) {
    Apply(folder, step.parts, [&](std::size_t i) { return FeedChangesName(step.to, i); }, reader);
    EXPECT_EQ(StateOf(reader), second.state);
  }
}

TEST(FeedWriter, WhatIsCutShortLeavesThePublishedStateWhole) {
  MemoryFolder folder;
  Content content;
  for (std::uint64_t number = 0; number < 60; ++number) content[number] = 0;
  ASSERT_TRUE(Publish(folder, content, 1));
  const FeedManifest before = ManifestOf(folder);
  Content changed = content;
  for (std::uint64_t number = 0; number < 60; number += 3) changed[number] = 1;
  for (int writes = 0; writes < 100; ++writes) {
    folder.writes_left = writes;
    if (Publish(folder, changed, 2)) break;
    EXPECT_EQ(ManifestOf(folder), before);
    std::map<std::string, std::string> snapshot;
    Apply(folder, before.snapshot, [](std::size_t i) { return FeedSnapshotName(1, i); }, snapshot);
    EXPECT_EQ(StateOf(snapshot), before.state);
  }
  EXPECT_EQ(ManifestOf(folder).header.sequence, 2U);
}

TEST(FeedWriter, FilesOfOlderStatesGoTheTimeAfterTheNext) {
  MemoryFolder folder;
  for (int round = 1; round <= 6; ++round) {
    ASSERT_TRUE(Publish(folder, {{1, round}, {2, 0}, {3, 0}, {4, 0}}, static_cast<std::uint64_t>(round)));
  }
  EXPECT_FALSE(folder.files.contains(FeedSnapshotName(4, 1)));
  EXPECT_TRUE(folder.files.contains(FeedSnapshotName(5, 1)));
  EXPECT_TRUE(folder.files.contains(FeedSnapshotName(6, 1)));
}

TEST(FeedWriter, AfterDamagedFilesNoStepsLeadOn) {
  for (const bool missing : {true, false}) {
    MemoryFolder folder;
    ASSERT_TRUE(Publish(folder, {{1, 0}, {2, 0}}, 1));
    if (missing) folder.files.erase(FeedSnapshotName(1, 1));
    if (!missing) folder.files[FeedSnapshotName(1, 1)][20] ^= 1;
    const auto published = Publish(folder, {{1, 0}, {2, 1}}, 2);
    ASSERT_TRUE(published);
    EXPECT_FALSE(published->changes);
    EXPECT_TRUE(ManifestOf(folder).steps.empty());
    EXPECT_EQ(ManifestOf(folder).state.count, 2U);
  }
}

TEST(FeedWriter, AnotherListsFolderIsRefused) {
  MemoryFolder folder;
  ASSERT_TRUE(Publish(folder, {{1, 0}}));
  SnapshotHeader other = Header(2);
  other.list = "another";
  EXPECT_FALSE(FeedWriter::Begin(folder, Key(), other));
  other = Header(2);
  other.purpose = Purpose::kCsam;
  EXPECT_FALSE(FeedWriter::Begin(folder, Key(), other));
  folder.files["manifest.hgf"][30] ^= 1;
  EXPECT_FALSE(FeedWriter::Begin(folder, Key(), Header(2)));
}

TEST(FeedWriter, EntriesWithoutAnIdGetOneOfTheirNumber) {
  MemoryFolder folder;
  auto writer = FeedWriter::Begin(folder, Key(), Header());
  lists::EntryRecord record = MakeRecord(1);
  record.source_id.clear();
  ASSERT_TRUE(writer->Add(record, 42));
  record = MakeRecord(2);
  record.source_id = "hashgate-entry-42";
  EXPECT_FALSE(writer->Add(record, 43));
  auto other = FeedWriter::Begin(folder, Key(), Header());
  record.source_id.clear();
  ASSERT_TRUE(other->Add(record, 42));
  ASSERT_TRUE(other->Finish());
  EXPECT_THAT(folder.files.at(FeedSnapshotName(1, 1)), HasSubstr("hashgate-entry-42"));
}

}  // namespace
}  // namespace hashgate::exchange
