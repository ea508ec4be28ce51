// One sync: what comes into force, what is remembered, and what stands when it goes wrong.
#include "exchange/sync/syncer.h"

#include <gmock/gmock.h>

#include <array>

#include "exchange/sync/benign.h"
#include "scripted_client.h"

namespace hashgate::exchange {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Error kGone{Reason::kExchangeUnreachable, "no answer", {}, {}};

TEST_F(SyncTest, EachDeltaIsAGenerationWithItsCheckpoint) {
  const std::int64_t before = Number();
  client_.deltas.push_back({.pages = {Page(MakeImport(0, 10)), LastPage(MakeImport(10, 15), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage({MakeImport(3, 4, 2).front(), Withdrawal(0)}, "two")}});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone);
  EXPECT_EQ(record.counts.received, 17U);
  EXPECT_EQ(record.counts.added, 15U);
  EXPECT_EQ(record.counts.updated, 1U);
  EXPECT_EQ(record.counts.removed, 1U);
  EXPECT_EQ(record.generation, before + 2);
  EXPECT_EQ(Number(), before + 2);
  EXPECT_EQ(Hits(0), 0U);
  EXPECT_EQ(Hits(14), 1U);
  EXPECT_THAT(client_.begun, ElementsAre("", "one"));
  const StoredExchange state = Stored();
  EXPECT_EQ(state.checkpoint, "two");
  EXPECT_TRUE(state.whole_once);
  EXPECT_EQ(state.records_seen, 17U);
  EXPECT_EQ(state.last_success, clock_.Wall());
  EXPECT_EQ(state.last_change, clock_.Wall());
  EXPECT_EQ(state.failures, 0U);
  ASSERT_THAT(state.syncs, SizeIs(1));
  EXPECT_EQ(state.syncs[0].counts.added, 15U);
}

TEST_F(SyncTest, NothingNewChangesNothingButTheTimeOfSuccess) {
  Fill(3);
  const WallTime changed = Stored().last_change;
  const std::int64_t before = Number();
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Number(), before);
  EXPECT_EQ(Stored().last_change, changed);
  EXPECT_GT(Stored().last_success, changed);
  EXPECT_EQ(Stored().checkpoint, "filled");
}

TEST_F(SyncTest, AFailureLeavesTheLastDeltaInForceAndIsGoneOnFrom) {
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 5), "one", false)}});
  client_.deltas.push_back({.pages = {Page(MakeImport(5, 9))}, .error = kGone});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kFailed);
  EXPECT_EQ(record.detail, "no answer");
  EXPECT_EQ(Hits(4), 1U);
  EXPECT_EQ(Hits(5), 0U);
  const WallTime since = clock_.Wall();
  EXPECT_EQ(Stored().checkpoint, "one");
  EXPECT_EQ(Stored().failing_since, since);
  EXPECT_EQ(Stored().failure_reason, "EXCHANGE_UNREACHABLE");
  EXPECT_FALSE(Stored().whole_once);
  EXPECT_EQ(Stored().last_success, WallTime());
  client_.deltas.push_back({.error = kGone});
  Sync();
  EXPECT_EQ(Stored().failures, 2U);
  EXPECT_EQ(Stored().failing_since, since) << "since the first";
  client_.deltas.push_back({.pages = {LastPage(MakeImport(5, 9), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(client_.begun.back(), "one");
  EXPECT_EQ(Hits(8), 1U);
  EXPECT_EQ(Stored().failures, 0U);
  EXPECT_EQ(Stored().failing_since, WallTime());
  EXPECT_THAT(Stored().failure_detail, IsEmpty());
}

TEST_F(SyncTest, AnAbandonedDeltaIsForgotten) {
  DeltaPage gives_up = Page(MakeImport(90, 95));
  gives_up.next = DeltaPage::Next::kAbandoned;
  client_.deltas.push_back({.pages = {Page(MakeImport(80, 90)), gives_up}});
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 5), "one")}});
  EXPECT_EQ(Sync().counts.received, 5U);
  EXPECT_EQ(Entries(), 5U);
  EXPECT_THAT(client_.begun, ElementsAre("", ""));
}

TEST_F(SyncTest, AStopSaysNothingOfTheExchange) {
  Fill(3);
  std::stop_source stop;
  stop.request_stop();
  client_.deltas.push_back({.pages = {LastPage(MakeImport(3, 5), "more")}});
  const auto record = TrySync(stop.get_token());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->outcome, SyncOutcome::kCancelled);
  EXPECT_EQ(Stored().failures, 0U);
  EXPECT_EQ(Stored().checkpoint, "filled");
}

TEST_F(SyncTest, AListThatIsNotThereIsAFailureInWords) {
  ASSERT_TRUE(catalog_->DeleteList("npo", ""));
  EXPECT_EQ(Sync().outcome, SyncOutcome::kFailed);
  EXPECT_EQ(Stored().failure_reason, "LIST_NOT_FOUND");
  EXPECT_THAT(Stored().failure_detail, HasSubstr("npo"));
}

TEST_F(SyncTest, AListMadeAnewIsReadFromTheBeginning) {
  Fill(5);
  ASSERT_TRUE(catalog_->DeleteList("npo", ""));
  list_ = catalog_->CreateList(testing::MakeConfig("npo"))->id;
  client_.deltas.push_back({.error = kGone});
  Sync();
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 5), "anew")}});
  gates_.limits[static_cast<std::size_t>(Gate::kGrowth)] = {.percent = 0, .floor = 0};
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone) << "it may grow";
  EXPECT_THAT(client_.begun, ElementsAre("", "", ""));
  EXPECT_EQ(Entries(), 5U);
}

TEST_F(SyncTest, AnotherSourceIsReadFromTheBeginning) {
  Fill(5);
  source_ = "another server";
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 6), "there")}});
  Sync();
  Sync();
  EXPECT_THAT(client_.begun, ElementsAre("", "", "there"));
}

TEST_F(SyncTest, BadRecordsAreQuarantinedUnderNumbersThatStay) {
  const auto bad = [](const char* why) { return lists::ImportRecord{.problem = why}; };
  client_.deltas.push_back({.pages = {LastPage({bad("first"), MakeImport(0, 1).front()}, "one", false)}});
  client_.deltas.push_back({.pages = {LastPage({bad("second")}, "two")}});
  EXPECT_EQ(Sync().counts.quarantined, 2U);
  const auto quarantined = catalog_->ListQuarantined("npo", 10).value();
  ASSERT_THAT(quarantined, SizeIs(2));
  EXPECT_EQ(quarantined[0].file, "exchange npo");
  EXPECT_EQ(quarantined[0].line, 1U);
  EXPECT_EQ(quarantined[1].line, 3U);
  EXPECT_EQ(quarantined[1].reason, "second");
}

TEST_F(SyncTest, AWholeListReplacesTheOldOne) {
  Fill(200);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(2, 205), "whole")}, .whole = true});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone);
  EXPECT_EQ(record.counts.removed, 2U);
  EXPECT_EQ(Hits(1), 0U);
  EXPECT_EQ(Hits(204), 1U);
  EXPECT_EQ(Stored().checkpoint, "whole");
}

TEST_F(SyncTest, AHeldSyncLeavesTheListAndSaysWhy) {
  Fill(300);
  gates_.limits[static_cast<std::size_t>(Gate::kShrink)] = {.percent = 10, .floor = 20};
  std::vector<lists::ImportRecord> withdrawals;
  for (std::uint64_t at = 0; at < 40; ++at) withdrawals.push_back(Withdrawal(at));
  const ScriptedDelta shrinks{.pages = {LastPage(withdrawals, "shrunk")}};
  client_.deltas.push_back(shrinks);
  const SyncRecord held = Sync();
  EXPECT_EQ(held.outcome, SyncOutcome::kHeld);
  EXPECT_THAT(held.detail, HasSubstr("'shrink'"));
  EXPECT_THAT(held.detail, HasSubstr("40"));
  EXPECT_THAT(held.detail, HasSubstr("300"));
  EXPECT_EQ(Entries(), 300U);
  EXPECT_EQ(Stored().held, Gate::kShrink);
  EXPECT_EQ(Stored().checkpoint, "filled");
  // Another gate's override does not help.
  Override(Gate::kGrowth);
  client_.deltas.push_back(shrinks);
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_THAT(Stored().overrides, SizeIs(1)) << "not used, so still there";
  // Its own does, once.
  Override(Gate::kShrink);
  client_.deltas.push_back(shrinks);
  const SyncRecord passed = Sync();
  EXPECT_EQ(passed.outcome, SyncOutcome::kDone);
  EXPECT_EQ(passed.overridden, "shrink by ada: checked with the source");
  EXPECT_EQ(Entries(), 260U);
  EXPECT_EQ(Stored().held, std::nullopt);
  ASSERT_THAT(Stored().overrides, SizeIs(1));
  EXPECT_EQ(Stored().overrides[0].gate, Gate::kGrowth);
  withdrawals.clear();
  for (std::uint64_t at = 40; at < 80; ++at) withdrawals.push_back(Withdrawal(at));
  client_.deltas.push_back({.pages = {LastPage(withdrawals, "again")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld) << "used up";
}

TEST_F(SyncTest, BeforeTheListWasWholeOnceItsGrowthHasABoundOfItsOwn) {
  gates_.limits[static_cast<std::size_t>(Gate::kGrowth)] = {.percent = 10, .floor = 20};
  gates_.first_entries = 100;
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 60), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage(MakeImport(60, 101), "two")}});
  const SyncRecord held = Sync();
  EXPECT_EQ(held.outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Stored().held, Gate::kGrowth);
  EXPECT_THAT(held.detail, HasSubstr("101 new entries"));
  EXPECT_EQ(Entries(), 60U) << "what was below it is in force";
  Override(Gate::kGrowth, 101);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(60, 101), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(101, 130), "three")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld) << "from now on its size counts";
}

TEST_F(SyncTest, AnOverrideLastsForAllDeltasOfItsSyncAndExpires) {
  Fill(300);
  gates_.limits[static_cast<std::size_t>(Gate::kShrink)] = {.percent = 10, .floor = 20};
  const auto withdraw = [](std::uint64_t from, std::uint64_t to) {
    std::vector<lists::ImportRecord> records;
    for (std::uint64_t at = from; at < to; ++at) records.push_back(Withdrawal(at));
    return records;
  };
  Override(Gate::kShrink);
  client_.deltas.push_back({.pages = {LastPage(withdraw(0, 40), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage(withdraw(40, 80), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 220U);
  Override(Gate::kShrink);
  clock_.Advance(std::chrono::hours(25));
  client_.deltas.push_back({.pages = {LastPage(withdraw(80, 120), "three")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld) << "expired";
}

TEST_F(SyncTest, ManySmallDeltasDoNotPassAGateThatOneWouldNot) {
  Fill(300);
  gates_.limits[static_cast<std::size_t>(Gate::kGrowth)] = {.percent = 10, .floor = 0};
  client_.deltas.push_back({.pages = {LastPage(MakeImport(300, 325), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage(MakeImport(325, 350), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Entries(), 325U);
  EXPECT_EQ(Stored().checkpoint, "one");
  // Nor do a further sync, a failure in between, or a restart.
  client_.deltas.push_back({.error = kGone});
  Sync();
  Restart();
  client_.deltas.push_back({.pages = {LastPage(MakeImport(325, 350), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Entries(), 325U);
  Override(Gate::kGrowth);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(325, 350), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(350, 375), "three")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone) << "counted from the whole list again";
}

TEST_F(SyncTest, EntriesThatLoseAHashCountAsGone) {
  Fill(300);
  gates_.limits[static_cast<std::size_t>(Gate::kShrink)] = {.percent = 10, .floor = 0};
  std::vector<lists::ImportRecord> hollow = MakeImport(0, 31);
  for (lists::ImportRecord& record : hollow) {
    record.record->hashes = {testing::MakeHash(Algorithm::kMd5, record.line + 5'000)};
  }
  client_.deltas.push_back({.pages = {LastPage(hollow, "hollow")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Stored().held, Gate::kShrink);
  EXPECT_EQ(Stored().held_count, 31U);
  EXPECT_EQ(Hits(7), 1U);
  // What only gains is as welcome as ever.
  std::vector<lists::ImportRecord> richer = MakeImport(0, 100, 3);
  client_.deltas.push_back({.pages = {LastPage(richer, "richer")}});
  EXPECT_EQ(Sync().counts.weakened, 0U);
  EXPECT_EQ(Stored().checkpoint, "richer");
}

TEST_F(SyncTest, AnOverrideIsForAboutWhatWasHeld) {
  Fill(300);
  gates_.limits[static_cast<std::size_t>(Gate::kShrink)] = {.percent = 1, .floor = 0};
  const auto withdraw = [](std::uint64_t from, std::uint64_t to) {
    std::vector<lists::ImportRecord> records;
    for (std::uint64_t at = from; at < to; ++at) records.push_back(Withdrawal(at));
    return records;
  };
  Override(Gate::kShrink, 22);
  client_.deltas.push_back({.pages = {LastPage(withdraw(0, 20), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage(withdraw(20, 200), "all", true)}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Entries(), 280U);
}

TEST_F(SyncTest, AFirstSyncMayGrowByAnyNumber) {
  gates_.limits[static_cast<std::size_t>(Gate::kGrowth)] = {.percent = 10, .floor = 0};
  client_.deltas.push_back({.pages = {LastPage(MakeImport(0, 50), "one", false)}});
  client_.deltas.push_back({.pages = {LastPage(MakeImport(50, 400), "two")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  client_.deltas.push_back({.pages = {LastPage(MakeImport(400, 700), "three")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
}

lists::ImportRecord EmptyFile(std::uint64_t number) {
  lists::ImportRecord record{.record = MakeRecord(number)};
  record.record->hashes[0] = *ParseHashText(Algorithm::kMd5, "d41d8cd98f00b204e9800998ecf8427e");
  return record;
}

TEST_F(SyncTest, WhatMatchesHarmlessPicturesIsKeptOutAndCloseItsGate) {
  client_.deltas.push_back({.pages = {LastPage({EmptyFile(7), MakeImport(8, 9).front()}, "one")}});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.counts.benign, 1U);
  EXPECT_EQ(record.counts.quarantined, 1U);
  EXPECT_EQ(Hits(7), 0U);
  EXPECT_EQ(Hits(8), 1U);
  EXPECT_THAT(catalog_->ListQuarantined("npo", 1)->at(0).reason, HasSubstr("item-7"));
  gates_.limits[static_cast<std::size_t>(Gate::kBenign)] = {.percent = 0, .floor = 1};
  const ScriptedDelta many{.pages = {LastPage({EmptyFile(10), EmptyFile(11)}, "two")}};
  client_.deltas.push_back(many);
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Stored().held, Gate::kBenign);
  Override(Gate::kBenign);
  client_.deltas.push_back(many);
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Hits(10), 1U) << "a person said that they are wanted";
}

TEST_F(SyncTest, AWholeReadingKeepsEntriesWhoseRecordNowLooksHarmless) {
  Fill(5);
  std::vector<lists::ImportRecord> records = MakeImport(0, 4);
  records[3] = EmptyFile(3);
  client_.deltas.push_back({.pages = {LastPage(records, "again")}, .whole = true});
  const SyncRecord record = Sync();
  EXPECT_EQ(record.outcome, SyncOutcome::kDone) << record.detail;
  EXPECT_EQ(record.counts.benign, 1U);
  EXPECT_EQ(Hits(3), 1U) << "as it was";
  EXPECT_EQ(Hits(4), 0U) << "not named any more";
}

TEST_F(SyncTest, PoorAndUnreadableHashesCloseTheirGates) {
  gates_.limits[static_cast<std::size_t>(Gate::kDegenerate)] = {.percent = 50, .floor = 1};
  gates_.limits[static_cast<std::size_t>(Gate::kMalformed)] = {.percent = 50, .floor = 1};
  std::vector<lists::ImportRecord> records = MakeImport(0, 3);
  records[0].record->hashes[2].quality = 49;
  records[1].record->hashes[2].bytes.assign(32, 0);
  client_.deltas.push_back({.pages = {LastPage(records, "one")}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Stored().held, Gate::kDegenerate);
  DeltaPage page = LastPage(MakeImport(0, 2), "two");
  page.values_left_out = 3;
  page.malformed_values = 2;
  client_.deltas.push_back({.pages = {page}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kHeld);
  EXPECT_EQ(Stored().held, Gate::kMalformed);
  EXPECT_EQ(Entries(), 0U);
}

// Whatever write fails, and with it everything after: list and checkpoint agree, and the next start goes on.
TEST_F(SyncTest, AtWhateverWriteTheStoreDiesNothingIsLostOrAppliedTwice) {
  const std::vector<ScriptedDelta> script = {
      {.pages = {Page(MakeImport(0, 6)), LastPage(MakeImport(6, 9), "one", false)}},
      {.pages = {LastPage({MakeImport(2, 3, 4).front(), Withdrawal(0), Withdrawal(100)}, "two")}}};
  int failures = 0;
  for (std::uint64_t nth = 1; nth < 12; ++nth) {
    store_.FailWritesFrom(nth, Reason::kStoreFailed);
    client_.deltas.assign(script.begin(), script.end());
    const auto record = TrySync();
    if (!record || record->outcome != SyncOutcome::kDone) ++failures;
    store_.Heal();
    Restart();
    const std::string reached = Stored().checkpoint;
    EXPECT_EQ(Entries(), reached.empty() ? 0U : reached == "one" ? 9U : 8U) << nth;
    client_.deltas.clear();
    if (reached.empty()) client_.deltas.push_back(script[0]);
    if (reached != "two") client_.deltas.push_back(script[1]);
    EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
    EXPECT_EQ(Entries(), 8U);
    EXPECT_EQ(Hits(0), 0U);
    EXPECT_EQ(Hits(8), 1U);
    // And from the beginning for the next.
    ASSERT_TRUE(catalog_->DeleteList("npo", ""));
    ASSERT_TRUE(SaveStoredExchange(*catalog_, "npo", {}));
    list_ = catalog_->CreateList(testing::MakeConfig("npo"))->id;
  }
  EXPECT_GE(failures, 3) << "both deltas and the end were hit";
}

TEST_F(SyncTest, AStateThatCannotBeReadIsAnErrorAndNotAFreshStart) {
  Fill(2);
  ASSERT_TRUE(catalog_->PutExchangeState({"npo", "{\"v\":1}"}));
  EXPECT_EQ(TrySync().error().reason, Reason::kStoreCorrupt);
  ASSERT_TRUE(catalog_->PutExchangeState({"npo", "{\"v\":2}"}));
  EXPECT_EQ(TrySync().error().reason, Reason::kSchemaTooNew);
}

TEST(Benign, KnowsItsOwnAndNothingElse) {
  EXPECT_EQ(BenignPictureCount(), 160U);
  const auto is_benign = [](const HashValue& hash) { return IsBenign(hash, 31); };
  EXPECT_TRUE(is_benign(*ParseHashText(Algorithm::kSha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709")));
  EXPECT_TRUE(is_benign(*ParseHashText(Algorithm::kMd5, "325472601571f31e1bf00674c368d335")))
      << "the tracking pixel's digest as published";
  for (std::uint64_t number = 0; number < 1'000; ++number) {
    for (const HashValue& hash : MakeRecord(number).hashes) EXPECT_FALSE(IsBenign(hash, 63));
  }
}

// The first picture of the corpus as `hashgate hash --dihedral` gives it: as stored, turned and mirrored.
constexpr std::array kOnePicture = {"cc63eb98474d224525b4ecb6129af2e8b14e84cb7ad90f25d96492aedb62e936",
                                    "85cf1ad45ca1fc51c43b53af733695644e644e15891fa1d663e4c26286c74f8f",
                                    "9b376312d639e8ef70e1461c66c77c42e41b2e61ef8ca58f8c3139048e3f639c",
                                    "b0bab05e4bf5f6fb914ed80524633fca1a21e4bfb04a1b7434b369c893926d25",
                                    "dc623445d36dddba2595134931922917b14e7b34b2d9f05ad9646c51db6a36c9",
                                    "99363ecd1218770070e1b9c346cf8739e41bd19e2f8c5a708c21c7fb8e37bc63",
                                    "c5cfe52b5da103aec43bac507336689b4f64b1ea8d1f4e2163e43c9d86c7b070",
                                    "b0ba7fa15bf5a904916e27fae663c0351a311b40b84ae48b34b39637d392bada"};

// So many bits from that form, spread over the hash.
HashValue NearTo(const char* hex, std::size_t bits) {
  HashValue hash = *ParseHashText(Algorithm::kPdq, hex);
  for (std::size_t i = 0; i < bits; ++i) hash.bytes[i % 32] ^= static_cast<std::uint8_t>(1U << (i / 32));
  return hash;
}

TEST(Benign, APictureIsKnownWithinTheThresholdHoweverItIsTurned) {
  for (const char* const form : kOnePicture) {
    EXPECT_TRUE(IsBenign(NearTo(form, 0), 0)) << form;
    EXPECT_TRUE(IsBenign(NearTo(form, 31), 31)) << form;
    EXPECT_FALSE(IsBenign(NearTo(form, 32), 31)) << form;
    EXPECT_TRUE(IsBenign(NearTo(form, 63), 63)) << form;
    EXPECT_FALSE(IsBenign(NearTo(form, 64), 63)) << form;
  }
}

// An entry within a wide list's threshold of a harmless picture is found by it; a strict list may be widened.
TEST_F(SyncTest, HarmlessPicturesAreKnownAsFarAsTheListReaches) {
  const auto import_at = [&](int threshold, std::size_t bits) {
    lists::ListConfig config = catalog_->GetList("npo")->config;
    config.max_distances[Algorithm::kPdq] = threshold;
    EXPECT_TRUE(catalog_->UpdateList(config, ""));
    std::vector<lists::ImportRecord> records = MakeImport(0, 2);
    records[1].record->hashes = {NearTo(kOnePicture[1], bits)};
    client_.deltas.push_back({.pages = {LastPage(records, "one")}});
    return Sync().counts.benign;
  };
  EXPECT_EQ(import_at(10, 31), 1U);
  EXPECT_EQ(import_at(31, 31), 1U);
  EXPECT_EQ(Entries(), 1U) << "the picture never";
  EXPECT_EQ(import_at(63, 63), 1U);
  EXPECT_EQ(Entries(), 1U);
  EXPECT_EQ(import_at(40, 41), 0U);
  EXPECT_EQ(Entries(), 2U);
}

// What adults' pictures match must never be reported as if they were of children.
TEST_F(SyncTest, APurposeThatIsChangedWhileTheDeltaIsReadCounts) {
  for (const bool whole : {false, true}) {
    DeltaPage page = LastPage(MakeImport(0, 5), "c");
    page.purpose = Purpose::kTest;
    client_.deltas.push_back({.pages = {page}, .whole = whole});
    Syncer syncer(*catalog_, client_,
                  {.exchange = "npo", .list = "npo", .source = source_, .gates = gates_, .clock = &clock_});
    int told = 0;
    const auto change = [&](const SyncProgress&) {
      if (++told > 1) return;
      lists::ListConfig config = catalog_->GetList("npo")->config;
      config.purpose = Purpose::kNciiAdult;
      ASSERT_TRUE(catalog_->UpdateList(config, ""));
    };
    const auto record = syncer.Sync({}, change);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(told, 1);
    EXPECT_EQ(record->outcome, SyncOutcome::kFailed);
    EXPECT_THAT(record->detail, HasSubstr("feed a list of its own"));
    EXPECT_EQ(Entries(), 0U);
    EXPECT_EQ(Stored().checkpoint, "");
    lists::ListConfig config = catalog_->GetList("npo")->config;
    config.purpose = Purpose::kTest;
    ASSERT_TRUE(catalog_->UpdateList(config, ""));
  }
}

TEST_F(SyncTest, EntriesOfAnotherPurposeThanTheListsAreNotTakenIn) {
  DeltaPage page = LastPage(MakeImport(0, 3), "one");
  page.purpose = Purpose::kNciiAdult;
  client_.deltas.push_back({.pages = {page}});
  const SyncRecord refused = Sync();
  EXPECT_EQ(refused.outcome, SyncOutcome::kFailed);
  EXPECT_THAT(refused.detail, HasSubstr("NCII_ADULT"));
  EXPECT_EQ(Stored().failure_reason, "CONFIG_INVALID");
  EXPECT_EQ(Entries(), 0U);
  page.purpose = Purpose::kTest;
  client_.deltas.push_back({.pages = {page}});
  EXPECT_EQ(Sync().outcome, SyncOutcome::kDone);
  EXPECT_EQ(Entries(), 3U);
}

TEST_F(SyncTest, ASourceThatTakesNoFeedbackSaysSoOfEachPiece) {
  class Silent final : public ExchangeClient {
    Result<std::unique_ptr<Delta>> Begin(std::string_view) override {
      return Fail(Reason::kInvariantBroken, "");
    }
    Result<std::string> Test(const std::stop_token&) override { return std::string(); }
  } silent;
  const std::vector<Feedback> feedback(2);
  const FeedbackSent sent = silent.SendFeedback(feedback, {});
  ASSERT_EQ(sent.answers.size(), 2U);
  EXPECT_EQ(sent.answers[1].outcome, FeedbackAnswer::Outcome::kNoPlace);
  EXPECT_FALSE(sent.answers[1].detail.empty());
  EXPECT_FALSE(sent.error);
}

}  // namespace
}  // namespace hashgate::exchange
