// What opinions and brakes make of matches.
#include <gmock/gmock.h>

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using lists::OpinionKind;
using ::testing::HasSubstr;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

class OpinionsScanTest : public ScanTest {
 protected:
  // An entry of one PDQ hash; its number.
  lists::EntryId Add(const std::string& list, const std::string& id, const PdqHash& hash) {
    AddEntry(list, {.source_id = id, .hashes = {PdqValue(hash)}});
    const lists::EntryPage page = catalog_->ListEntries(list, "", 10'000).value();
    for (const lists::Entry& entry : page.entries) {
      if (entry.record.source_id == id) return entry.id;
    }
    return 0;
  }
  void Say(const std::string& list, lists::EntryId entry, OpinionKind kind,
           std::vector<PdqHash> copies = {}) {
    const auto set = catalog_->SetOpinion({.list = list,
                                           .entry = entry,
                                           .kind = kind,
                                           .author = "Ann",
                                           .reason = "looked",
                                           .copies = std::move(copies)});
    ASSERT_TRUE(set) << set.error().message;
  }
  scan::ScanAnswer Scan(const PdqHash& hash) {
    decoder_.answer = PictureWith(hash);
    auto answer = ScanBytes(PngBytes(++number_), Request());
    EXPECT_TRUE(answer) << answer.error().message;
    return *std::move(answer);
  }
  std::uint8_t number_ = 0;
};

TEST_F(OpinionsScanTest, ASuppressedEntryDoesNotMatch) {
  AddList("csam");
  const lists::EntryId entry = Add("csam", "a", kPicture);
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kBlock);
  Say("csam", entry, OpinionKind::kSuppress);
  const scan::ScanAnswer answer = Scan(kPicture);
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
  EXPECT_TRUE(answer.matches.empty());
  // A changed entry is another one.
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}, .classification = "A1"});
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kBlock);
}

TEST_F(OpinionsScanTest, SuppressedEntriesDoNotCrowdOutOthers) {
  AddList("csam");
  // More than a search returns of a list and class, all nearer than the one that counts.
  for (int i = 0; i < 40; ++i) {
    const lists::EntryId entry = Add("csam", "near-" + std::to_string(i), Flip(kPicture, i % 5));
    Say("csam", entry, OpinionKind::kSuppress);
  }
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kAllow);
  Add("csam", "far", Flip(kPicture, 25));
  const scan::ScanAnswer answer = Scan(kPicture);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].source_id, "far");
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
}

TEST_F(OpinionsScanTest, LookingFurtherAnswersNoMoreThanUsual) {
  AddList("csam");
  std::vector<lists::ImportRecord> records;
  for (std::uint64_t i = 0; i < 600; ++i) {
    records.push_back({i + 1,
                       {{.source_id = "near-" + std::to_string(i),
                         .hashes = {PdqValue(Flip(kPicture, 2 + static_cast<int>(i % 20)))}}},
                       {}});
  }
  auto import = catalog_->StartImport({.list = "csam", .file = "f"});
  ASSERT_TRUE(import);
  ASSERT_TRUE((*import)->Add(records));
  ASSERT_TRUE((*import)->Finish());
  Add("csam", "nearest", kPicture);
  const lists::EntryPage page = catalog_->ListEntries("csam", "", 10'000).value();
  Say("csam", page.entries.at(0).id, OpinionKind::kSuppress);
  for (std::size_t i = 1; i < 30; ++i) Say("csam", page.entries.at(i).id, OpinionKind::kDispute);
  const scan::ScanAnswer answer = Scan(kPicture);
  EXPECT_EQ(answer.matches.size(), 256U);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_TRUE(
      std::ranges::any_of(answer.matches, [](const auto& match) { return match.source_id == "nearest"; }));
}

TEST_F(OpinionsScanTest, ADisputedEntryIsForPeople) {
  AddList("csam");
  AddEntry("csam",
           {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(PngBytes(77)).sha256)}});
  const lists::EntryId entry = catalog_->ListEntries("csam", "", 10)->entries.at(0).id;
  EXPECT_EQ(ScanBytes(PngBytes(77), Request())->verdict, Verdict::kBlockAndReport);
  Say("csam", entry, OpinionKind::kDispute);
  const scan::ScanAnswer answer = ScanBytes(PngBytes(77), Request()).value();
  EXPECT_EQ(answer.verdict, Verdict::kReview) << "strong identity with a doubtful entry proves nothing";
  EXPECT_TRUE(answer.matches.at(0).fact.disputed);
}

TEST_F(OpinionsScanTest, AConfirmedEntryOfOnesOwnListActsByItself) {
  AddList("local", Purpose::kCsam, Trust::kLocal);
  const lists::EntryId entry = Add("local", "a", kPicture);
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kReview);
  Say("local", entry, OpinionKind::kConfirm);
  const scan::ScanAnswer answer = Scan(kPicture);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_TRUE(answer.matches.at(0).fact.confirmed);
  Say("local", entry, OpinionKind::kDispute);
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kReview) << "doubt outweighs";
}

TEST_F(OpinionsScanTest, TheFloodBrakeSparesCopiesAndStrongIdentity) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a",
                    .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(PngBytes(200)).sha256),
                               PdqValue(kPicture)}});
  const lists::EntryId entry = catalog_->ListEntries("csam", "", 10)->entries.at(0).id;
  PdqHash copy = kPicture;
  for (int bit = 100; bit < 128; ++bit) copy.words[1] ^= std::uint64_t{1} << (bit - 64);
  Say("csam", entry, OpinionKind::kFlood, {copy});
  EXPECT_EQ(Scan(Flip(kPicture, 25)).verdict, Verdict::kReview);
  EXPECT_EQ(Scan(Flip(kPicture, scan::kCopyBits + 1)).verdict, Verdict::kReview);
  EXPECT_EQ(Scan(Flip(kPicture, scan::kCopyBits)).verdict, Verdict::kBlock) << "like the entry";
  EXPECT_EQ(Scan(copy).verdict, Verdict::kBlock) << "like an identified copy";
  decoder_.answer = PictureWith(Flip(kPicture, 25));
  EXPECT_EQ(ScanBytes(PngBytes(200), Request())->verdict, Verdict::kBlockAndReport);
}

TEST_F(OpinionsScanTest, ABrakeLimitsEverythingOfItsList) {
  AddList("csam");
  AddList("other");
  AddEntry("csam",
           {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(PngBytes(200)).sha256)}});
  Add("other", "b", kPicture);
  ASSERT_TRUE(catalog_->SetBrake("csam", lists::Brake{.max_verdict = Verdict::kReview,
                                                      .until = clock_.Wall() + std::chrono::hours(1),
                                                      .author = "a",
                                                      .reason = "r"}));
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 7)));
  EXPECT_EQ(ScanBytes(PngBytes(200), Request())->verdict, Verdict::kReview);
  EXPECT_EQ(Scan(kPicture).verdict, Verdict::kBlock) << "another list";
  ASSERT_TRUE(catalog_->SetBrake("csam", std::nullopt));
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 7)));
  EXPECT_EQ(ScanBytes(PngBytes(200), Request())->verdict, Verdict::kBlockAndReport);
}

}  // namespace
}  // namespace hashgate::testing
