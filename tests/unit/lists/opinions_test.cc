// Opinions and brakes over a store in memory: what is stored, what is in force, and when it ends.
#include "lists/opinions.h"

#include <gmock/gmock.h>

#include "base/digest.h"
#include "base/hex.h"
#include "lists/protection.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class OpinionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    ASSERT_TRUE(catalog_->CreateList(testing::MakeConfig("demo")));
    Import(testing::MakeImport(0, 10));
    entry_ = testing::FindBySha1(*catalog_->Current(), Id(), 3).at(0);
  }

  void Open() {
    catalog_.reset();
    CatalogOptions options;
    options.clock = &clock_;
    options.take_care = false;
    options.merge_in_background = false;
    options.remove_in_background = false;
    options.commit_in_background = false;
    auto opened = Catalog::Open(store_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = *std::move(opened);
  }
  void Import(std::span<const ImportRecord> records, bool replace = false) {
    auto import = catalog_->StartImport({.list = "demo", .file = "f", .replace = replace});
    ASSERT_TRUE(import) << import.error().message;
    ASSERT_TRUE((*import)->Add(records));
    ASSERT_TRUE((*import)->Finish());
  }
  ListId Id() const { return catalog_->GetList("demo")->id; }
  Result<Opinion> Set(OpinionKind kind, bool needs_second = false, WallTime expires = {}) {
    return catalog_->SetOpinion({.list = "demo",
                                 .entry = entry_,
                                 .kind = kind,
                                 .author = "Ann",
                                 .reason = "looked at it",
                                 .expires = expires,
                                 .needs_second = needs_second});
  }
  // What counts of the entry now.
  EntryOpinions Now() const {
    const EntryOpinions* found = catalog_->Current()->opinions->Find(entry_);
    return found != nullptr ? *found : EntryOpinions{};
  }
  std::int64_t Number() const { return catalog_->Current()->number; }

  testing::FakeStore store_;
  testing::FakeClock clock_;
  std::unique_ptr<Catalog> catalog_;
  EntryId entry_ = 0;
};

TEST(OpinionCodec, BytesAndWhatIsRefused) {
  Opinion opinion;
  opinion.list = 1;
  opinion.entry = 2;
  opinion.kind = OpinionKind::kSuppress;
  opinion.entry_version = 3;
  opinion.author = "a";
  opinion.reason = "b";
  opinion.created = FromUnixMillis(1'000);
  opinion.expires = FromUnixMillis(2'000);
  opinion.needs_second = true;
  opinion.second_author = "c";
  opinion.agreed = FromUnixMillis(3'000);
  opinion.ended = true;
  opinion.feedback = FeedbackState::kSent;
  opinion.copies.resize(1);
  opinion.copies[0].set_bit(0);
  const std::string key = OpinionKey(1, 2, OpinionKind::kSuppress);
  EXPECT_EQ(HexEncode(AsBytes(key)), "00000001000000000000000203");
  const std::string bytes = EncodeOpinion(opinion);
  EXPECT_EQ(HexEncode(AsBytes(bytes)),
            "01"                // version
            "03"                // needs a second person, ended
            "02"                // sent
            "03000000"          // entry's version
            "e803000000000000"  // created
            "d007000000000000"  // expires
            "b80b000000000000"  // agreed
            "010061"
            "010062"
            "010063"
            "01" +
                std::string(63, '0') + "1");
  EXPECT_EQ(DecodeOpinion(key, bytes).value(), opinion);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(DecodeOpinion(key, bytes.substr(0, size)).error().reason, Reason::kStoreCorrupt) << size;
  EXPECT_FALSE(DecodeOpinion(key, bytes + "x"));
  EXPECT_FALSE(DecodeOpinion(key.substr(1), bytes));
  EXPECT_FALSE(DecodeOpinion(key + "x", bytes));
  EXPECT_FALSE(DecodeOpinion(OpinionKey(1, 2, static_cast<OpinionKind>(6)), bytes));
  EXPECT_EQ(DecodeOpinion(key, "\x02" + bytes.substr(1)).error().reason, Reason::kSchemaTooNew);
  std::string flags = bytes;
  flags[1] = 8;
  EXPECT_FALSE(DecodeOpinion(key, flags));
}

TEST_F(OpinionsTest, AreInForceOnReturnAndAfterAStart) {
  const std::int64_t before = Number();
  const auto set = Set(OpinionKind::kSuppress);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->entry_version, 1U);
  EXPECT_EQ(Number(), before + 1);
  EXPECT_EQ(Now().suppressed, 1U);
  EXPECT_EQ(Now().disputed, 0U);
  Open();
  EXPECT_EQ(Number(), before + 1);
  EXPECT_EQ(Now().suppressed, 1U);
  EXPECT_THAT(*catalog_->Opinions("demo"), ElementsAre(*set));
  EXPECT_EQ(catalog_->Current()->opinions->Count(OpinionKind::kSuppress), 1U);
  ASSERT_TRUE(catalog_->RemoveOpinion("demo", entry_, OpinionKind::kSuppress));
  EXPECT_EQ(Now().suppressed, 0U);
  EXPECT_EQ(Number(), before + 2);
  EXPECT_EQ(catalog_->RemoveOpinion("demo", entry_, OpinionKind::kSuppress).error().reason,
            Reason::kEntryNotFound);
  Open();
  EXPECT_THAT(*catalog_->Opinions(""), SizeIs(0));
}

TEST_F(OpinionsTest, TwoPeopleAreTwoPeople) {
  ASSERT_TRUE(Set(OpinionKind::kSuppress, true));
  EXPECT_EQ(Now().suppressed, 0U);
  EXPECT_EQ(Now().disputed, 1U) << "meanwhile it is a doubt";
  EXPECT_EQ(catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kSuppress, " ANN").error().field, "author");
  EXPECT_EQ(Now().suppressed, 0U);
  ASSERT_TRUE(catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kSuppress, "Bob"));
  EXPECT_EQ(Now().suppressed, 1U);
  EXPECT_EQ(Now().disputed, 0U);
  EXPECT_FALSE(catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kSuppress, "Cem")) << "nobody has to";
  EXPECT_EQ(catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kConfirm, "Bob").error().reason,
            Reason::kEntryNotFound);
  ASSERT_TRUE(Set(OpinionKind::kConfirm, true));
  EXPECT_EQ(Now().confirmed, 0U);
  Open();
  EXPECT_EQ(Now().confirmed, 0U);
  EXPECT_EQ(Now().suppressed, 1U);
}

TEST_F(OpinionsTest, AreOfOneVersionOfTheEntry) {
  EXPECT_EQ(catalog_
                ->SetOpinion({.list = "demo",
                              .entry = entry_,
                              .kind = OpinionKind::kDispute,
                              .entry_version = 2,
                              .author = "a",
                              .reason = "r"})
                .error()
                .reason,
            Reason::kEtagMismatch);
  Import(testing::MakeImport(3, 4, 1));
  const auto set = Set(OpinionKind::kDispute);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->entry_version, 2U);
  EXPECT_EQ(Now().disputed, 2U);
}

TEST_F(OpinionsTest, ANewerDisputeIsNotHiddenByAnOlderPendingSuppression) {
  ASSERT_TRUE(Set(OpinionKind::kSuppress, true));
  Import(testing::MakeImport(3, 4, 1));
  ASSERT_TRUE(Set(OpinionKind::kDispute));
  EXPECT_EQ(Now().disputed, 2U);
}

TEST_F(OpinionsTest, SurviveAReplacementThatKeepsTheEntry) {
  ASSERT_TRUE(Set(OpinionKind::kSuppress));
  Import(testing::MakeImport(2, 20), true);
  EXPECT_EQ(testing::FindBySha1(*catalog_->Current(), Id(), 3).at(0), entry_);
  EXPECT_EQ(Now().suppressed, 1U);
  EXPECT_EQ(catalog_->GetEntry(Id(), entry_)->version, 1U);
}

TEST_F(OpinionsTest, EndInAGenerationOfTheirOwn) {
  const WallTime end = clock_.Wall() + std::chrono::hours(1);
  ASSERT_TRUE(Set(OpinionKind::kSuppress, false, end));
  const std::int64_t number = Number();
  ASSERT_TRUE(catalog_->EndExpired());
  EXPECT_EQ(Number(), number) << "nothing has ended";
  clock_.Advance(std::chrono::hours(1));
  // The same generation gives the same verdicts, whatever the clock says, after a start too.
  EXPECT_EQ(Now().suppressed, 1U);
  Open();
  EXPECT_EQ(Now().suppressed, 1U);
  ASSERT_TRUE(catalog_->EndExpired());
  EXPECT_EQ(Number(), number + 1);
  EXPECT_EQ(Now().suppressed, 0U);
  Open();
  EXPECT_EQ(Now().suppressed, 0U);
  EXPECT_TRUE(catalog_->Opinions("demo")->at(0).ended);
  // Given anew, it counts again.
  ASSERT_TRUE(Set(OpinionKind::kSuppress));
  EXPECT_EQ(Now().suppressed, 1U);
}

TEST_F(OpinionsTest, WhatEndsIsToBeTakenBackWhereItWasTold) {
  const Opinion told = catalog_
                           ->SetOpinion({.list = "demo",
                                         .entry = entry_,
                                         .kind = OpinionKind::kDispute,
                                         .author = "a",
                                         .reason = "r",
                                         .expires = clock_.Wall() + std::chrono::hours(1),
                                         .feedback = true})
                           .value();
  EXPECT_EQ(catalog_->SetFeedback(told, FeedbackState::kSent), true);
  clock_.Advance(std::chrono::hours(1));
  ASSERT_TRUE(catalog_->EndExpired());
  const Opinion over = catalog_->Opinions("demo")->at(0);
  EXPECT_TRUE(over.ended);
  EXPECT_EQ(over.feedback, FeedbackState::kWithdrawing);
  EXPECT_EQ(catalog_->SetFeedback(over, FeedbackState::kNone), true);
  EXPECT_THAT(*catalog_->Opinions("demo"), SizeIs(1)) << "people can still see that it was";
  clock_.Advance(kEndedOpinionsKept + std::chrono::hours(1));
  ASSERT_TRUE(catalog_->EndExpired());
  EXPECT_THAT(*catalog_->Opinions("demo"), SizeIs(0));
}

TEST_F(OpinionsTest, WhatIsAgreedToIsWhatWasRead) {
  const Opinion read = Set(OpinionKind::kSuppress, true).value();
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Set(OpinionKind::kSuppress, true));
  EXPECT_EQ(
      catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kSuppress, "Bob", read.created).error().reason,
      Reason::kEtagMismatch);
  Import(testing::MakeImport(3, 4, 1));
  EXPECT_EQ(catalog_->AgreeToOpinion("demo", entry_, OpinionKind::kSuppress, "Bob").error().reason,
            Reason::kEtagMismatch)
      << "of another version of the entry";
}

TEST_F(OpinionsTest, GoWithTheirList) {
  ASSERT_TRUE(Set(OpinionKind::kSuppress));
  ASSERT_TRUE(catalog_->CreateList(testing::MakeConfig("other")));
  ASSERT_TRUE(catalog_->DeleteList("demo", ""));
  EXPECT_THAT(*catalog_->Opinions(""), SizeIs(0));
  EXPECT_EQ(catalog_->Opinions("demo").error().reason, Reason::kListNotFound);
  Open();
  EXPECT_THAT(*catalog_->Opinions(""), SizeIs(0));
}

TEST_F(OpinionsTest, AFailedWriteChangesNothing) {
  store_.FailWritesFrom(1, Reason::kStoreFailed);
  EXPECT_FALSE(Set(OpinionKind::kSuppress));
  EXPECT_EQ(Now().suppressed, 0U);
  EXPECT_FALSE(catalog_->SetBrake("demo", Brake{.max_verdict = Verdict::kReview,
                                                .until = clock_.Wall() + std::chrono::hours(1),
                                                .author = "a",
                                                .reason = "r"}));
  store_.Heal();
  EXPECT_FALSE(catalog_->GetList("demo")->brake);
  EXPECT_THAT(*catalog_->Opinions(""), SizeIs(0));
  ASSERT_TRUE(Set(OpinionKind::kSuppress));
  EXPECT_EQ(Now().suppressed, 1U);
}

TEST_F(OpinionsTest, NameWhatIsWrong) {
  const auto field = [&](OpinionRequest request) {
    const auto set = catalog_->SetOpinion(request);
    return set ? "" : set.error().field;
  };
  const OpinionRequest good{
      .list = "demo", .entry = entry_, .kind = OpinionKind::kConfirm, .author = "a", .reason = "r"};
  OpinionRequest bad = good;
  bad.author.clear();
  EXPECT_EQ(field(bad), "author");
  bad = good;
  bad.author = std::string(129, 'a');
  EXPECT_EQ(field(bad), "author");
  bad = good;
  bad.reason = "\xff";
  EXPECT_EQ(field(bad), "reason");
  bad = good;
  bad.kind = OpinionKind::kUnspecified;
  EXPECT_EQ(field(bad), "kind");
  bad = good;
  bad.expires = clock_.Wall();
  EXPECT_EQ(field(bad), "expire_time");
  bad = good;
  bad.entry = 999;
  EXPECT_EQ(catalog_->SetOpinion(bad).error().reason, Reason::kEntryNotFound);
  bad = good;
  bad.list = "none";
  EXPECT_EQ(catalog_->SetOpinion(bad).error().reason, Reason::kListNotFound);
  EXPECT_EQ(field(good), "");
}

TEST_F(OpinionsTest, FeedbackIsNoGenerationAndNotOfALaterOpinion) {
  OpinionRequest request{.list = "demo",
                         .entry = entry_,
                         .kind = OpinionKind::kConfirm,
                         .author = "a",
                         .reason = "r",
                         .feedback = true};
  const Opinion first = catalog_->SetOpinion(request).value();
  EXPECT_EQ(first.feedback, FeedbackState::kQueued);
  const std::int64_t number = Number();
  EXPECT_EQ(catalog_->SetFeedback(first, FeedbackState::kSent), true);
  EXPECT_EQ(catalog_->SetFeedback(first, FeedbackState::kSent), false) << "it is no longer as it was read";
  EXPECT_EQ(Number(), number);
  Open();
  const Opinion sent = catalog_->Opinions("demo")->at(0);
  EXPECT_EQ(sent.feedback, FeedbackState::kSent);
  store_.FailWritesFrom(1, Reason::kStoreFailed);
  EXPECT_EQ(catalog_->SetFeedback(sent, FeedbackState::kSent), true) << "writes nothing";
  store_.Heal();
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(catalog_->SetOpinion(request));
  EXPECT_EQ(catalog_->SetFeedback(first, FeedbackState::kRefused), false);
  EXPECT_EQ(catalog_->Opinions("demo")->at(0).feedback, FeedbackState::kSending);
  request.kind = OpinionKind::kFlood;
  EXPECT_EQ(catalog_->SetOpinion(request)->feedback, FeedbackState::kNone) << "not the service's own";
}

TEST_F(OpinionsTest, ABrakeLimitsAndEnds) {
  const Brake brake{.max_verdict = Verdict::kReview,
                    .until = clock_.Wall() + std::chrono::minutes(30),
                    .author = "a",
                    .reason = "r"};
  const std::int64_t number = Number();
  const auto set = catalog_->SetBrake("demo", brake);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(Number(), number + 1);
  EXPECT_EQ(catalog_->Current()->Find("demo")->Ceiling(), Verdict::kReview);
  Open();
  EXPECT_EQ(catalog_->GetList("demo")->brake, set->brake);
  // What an operator changes of the list leaves the brake on it.
  ASSERT_TRUE(catalog_->SetEnabled("demo", false));
  ASSERT_TRUE(catalog_->SetEnabled("demo", true));
  EXPECT_EQ(catalog_->GetList("demo")->Ceiling(), Verdict::kReview);
  clock_.Advance(std::chrono::minutes(30));
  ASSERT_TRUE(catalog_->EndExpired());
  EXPECT_EQ(catalog_->GetList("demo")->Ceiling(), Verdict::kBlockAndReport);
  EXPECT_FALSE(catalog_->SetBrake("demo", brake)) << "it is over";
  Brake wrong = brake;
  wrong.until = clock_.Wall() + std::chrono::hours(1);
  wrong.max_verdict = Verdict::kAllow;
  EXPECT_EQ(catalog_->SetBrake("demo", wrong).error().field, "max_verdict");
  wrong.max_verdict = Verdict::kBlock;
  wrong.until = clock_.Wall() + std::chrono::hours(24 * 400);
  EXPECT_EQ(catalog_->SetBrake("demo", wrong).error().field, "duration");
  wrong.until = clock_.Wall() + std::chrono::hours(1);
  ASSERT_TRUE(catalog_->SetBrake("demo", wrong));
  ASSERT_TRUE(catalog_->SetBrake("demo", std::nullopt));
  EXPECT_FALSE(catalog_->GetList("demo")->brake);
}

TEST_F(OpinionsTest, ABrakeIsNoLaxerThanTheListsOwnCeiling) {
  ListConfig config = testing::MakeConfig("demo");
  config.action_ceiling = Verdict::kReview;
  ASSERT_TRUE(catalog_->UpdateList(config, ""));
  ASSERT_TRUE(catalog_->SetBrake("demo", Brake{.max_verdict = Verdict::kBlock,
                                               .until = clock_.Wall() + std::chrono::hours(1),
                                               .author = "a",
                                               .reason = "r"}));
  EXPECT_EQ(catalog_->GetList("demo")->Ceiling(), Verdict::kReview);
}

TEST_F(OpinionsTest, EntriesAreCountedByWhatFindsThem) {
  const auto counts = [&] { return catalog_->GetList("demo")->kinds; };
  EXPECT_EQ(counts(), (KindCounts{.digest = 10, .pdq = 10}));
  std::vector<ImportRecord> records;
  const auto add = [&](const std::string& id, std::vector<HashValue> hashes) {
    records.push_back({records.size() + 1, EntryRecord{.source_id = id, .hashes = std::move(hashes)}, {}});
  };
  HashValue full = testing::MakeHash(Algorithm::kPdq, 90);
  full.pipeline = Pipeline::kFull;
  HashValue small = testing::MakeHash(Algorithm::kPdq, 91);
  small.pipeline = Pipeline::kNn512;
  add("digest", {testing::MakeHash(Algorithm::kMd5, 50), testing::MakeHash(Algorithm::kSha256, 50)});
  add("both-pipelines", {full, small});
  add("vector", {testing::MakeHash(Algorithm::kPhotoDna, 51), testing::MakeHash(Algorithm::kMarrHildreth, 51),
                 testing::MakeHash(Algorithm::kPHash, 51)});
  add("short", {testing::MakeHash(Algorithm::kAverage, 52)});
  Import(records);
  EXPECT_EQ(counts(), (KindCounts{.digest = 11, .pdq = 11, .photodna = 1, .img_hash = 2}));
  // The same again changes nothing; an entry that loses its PDQ counts less.
  Import(records);
  EXPECT_EQ(counts(), (KindCounts{.digest = 11, .pdq = 11, .photodna = 1, .img_hash = 2}));
  records.clear();
  add("item-3", {testing::MakeHash(Algorithm::kSha1, 3)});
  Import(records);
  EXPECT_EQ(counts(), (KindCounts{.digest = 11, .pdq = 10, .photodna = 1, .img_hash = 2}));
  ASSERT_TRUE(catalog_->DeleteEntry("demo", entry_));
  EXPECT_EQ(counts(), (KindCounts{.digest = 10, .pdq = 10, .photodna = 1, .img_hash = 2}));
  Open();
  EXPECT_EQ(counts(), (KindCounts{.digest = 10, .pdq = 10, .photodna = 1, .img_hash = 2}));
  Import(testing::MakeImport(0, 4), true);
  EXPECT_EQ(counts(), (KindCounts{.digest = 4, .pdq = 4}));
  EXPECT_NE(catalog_->GetList("demo")->whole_read, WallTime());
}

TEST_F(OpinionsTest, AnEntryIsSeenWithEveryWholeReading) {
  Import(testing::MakeImport(0, 10), true);
  clock_.Advance(std::chrono::hours(5));
  Import(testing::MakeImport(0, 10), true);
  const Entry entry = catalog_->GetEntry(Id(), entry_).value();
  EXPECT_EQ(entry.last_seen, clock_.Wall());
  EXPECT_EQ(entry.last_changed, clock_.Wall() - std::chrono::hours(5));
}

TEST_F(OpinionsTest, WhatOnlyPhotoDnaFindsIsBoundedByTheCountsOfKinds) {
  std::vector<ImportRecord> records;
  const auto add = [&](const std::vector<Algorithm>& algorithms) {
    EntryRecord record{.source_id = "p-" + std::to_string(records.size())};
    for (const Algorithm algorithm : algorithms) {
      record.hashes.push_back(testing::MakeHash(algorithm, 70 + records.size()));
    }
    records.push_back({records.size() + 1, std::move(record), {}});
  };
  const auto protection = [&] {
    return ProtectionOf(*catalog_->GetList("demo"), *catalog_->Current()->index);
  };
  add({Algorithm::kPhotoDna});
  add({Algorithm::kPhotoDna});
  Import(records, true);
  EXPECT_EQ(protection().least_photodna_alone, 2U);
  EXPECT_EQ(protection().most_photodna_alone, 2U);
  EXPECT_FALSE(protection().FindsEdited(false));
  EXPECT_TRUE(protection().FindsEdited(true));
  EXPECT_FALSE(protection().FindsExact());
  add({Algorithm::kPhotoDna, Algorithm::kMd5});
  add({Algorithm::kPhotoDna, Algorithm::kMd5, Algorithm::kPdq});
  Import(records, true);
  EXPECT_EQ(protection().least_photodna_alone, 1U) << "two digests and a PDQ of four";
  EXPECT_EQ(protection().most_photodna_alone, 2U);
  records.clear();
  add({Algorithm::kMd5});
  add({Algorithm::kPdq});
  add({Algorithm::kPHash});
  add({Algorithm::kMarrHildreth, Algorithm::kPHash});
  Import(records, true);
  EXPECT_EQ(protection().most_photodna_alone, 0U);
  EXPECT_EQ(protection().kinds.img_hash, 2U);
  EXPECT_EQ(protection().identifying, 1U);
}

TEST(Protection, IsSaidInASentence) {
  HashList list;
  Protection of;
  const auto text = [&] { return DescribeProtection(list, of); };
  EXPECT_THAT(text(), HasSubstr("finds nothing"));
  of.entries = 3'200'000;
  of.kinds.digest = 3'200'000;
  EXPECT_EQ(
      text(),
      "3,200,000 entries: exact copies of 100 % are found; edited copies of none: the list has no PDQ.");
  of.kinds.pdq = 1;
  EXPECT_THAT(text(), HasSubstr("edited copies of under 0.1 % by PDQ."));
  of.kinds.pdq = 3'200;
  EXPECT_THAT(text(), HasSubstr("edited copies of 0.1 % by PDQ."));
  of.kinds.pdq = 3'199'999;
  EXPECT_THAT(text(), HasSubstr("edited copies of 99.9 %"));
  of.kinds.photodna = 1'600'000;
  EXPECT_THAT(text(),
              HasSubstr(", of 50.0 % by PhotoDNA where a caller sends or a plug-in makes such vectors."));
  of.kinds.img_hash = of.identifying = 320'000;
  EXPECT_THAT(text(), HasSubstr(", of 10.0 % by img_hash."));
  of.identifying = 160'000;
  EXPECT_THAT(text(), HasSubstr(", of 10.0 % by img_hash (5.0 % by short or coarse hashes, which lead to "
                                "REVIEW at most)."));
  of.most_photodna_alone = 1'234;
  EXPECT_THAT(text(), HasSubstr("; up to 1,234 entries are found by nothing but PhotoDNA vectors."));
  of.least_photodna_alone = 1;
  EXPECT_THAT(text(), HasSubstr("; up to 1,234 entries, at least 1, are found by nothing but PhotoDNA"));
  of.most_photodna_alone = 1;
  EXPECT_THAT(text(), HasSubstr("; 1 entry is found by nothing but PhotoDNA vectors."));
  list.config.enabled = false;
  EXPECT_THAT(text(), HasSubstr("disabled and finds nothing"));
}

TEST(Protection, OfSeveralListsIsThatOfTheirEntriesTogether) {
  Protection all{.lists = 1, .entries = 3, .kinds = {.digest = 3, .pdq = 1}};
  all += {.lists = 1,
          .entries = 1,
          .kinds = {.photodna = 1, .img_hash = 1},
          .identifying = 1,
          .least_photodna_alone = 0,
          .most_photodna_alone = 1};
  EXPECT_EQ(
      DescribeProtection(all, true),
      "4 entries in 2 enabled lists: exact copies of 75.0 % are found; edited copies of 25.0 % by PDQ, of "
      "25.0 % by PhotoDNA, whose vectors a plug-in makes of uploads, of 25.0 % by img_hash.");
  EXPECT_THAT(DescribeProtection(all, false), HasSubstr("; up to 1 entry is found by nothing but PhotoDNA"));
}

}  // namespace
}  // namespace hashgate::lists
