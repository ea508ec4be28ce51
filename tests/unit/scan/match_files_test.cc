// Hashes of many files in one call: each file is answered as it would be alone.
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

class MatchFilesTest : public ScanTest {
 protected:
  static scan::FileHashes FileOf(const PdqHash& hash) {
    scan::FileHashes file;
    file.turned = false;
    file.views = PictureWith(hash).views;
    return file;
  }
  /// Files of which some match by PDQ, some by a digest, some by both, most not at all.
  static std::vector<scan::FileHashes> Files(std::size_t count) {
    std::vector<scan::FileHashes> files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back(FileOf(i % 3 == 0 ? Flip(kPicture, static_cast<int>(i % 40))
                                        : PdqOf(MakeHash(Algorithm::kPdq, 1'000 + i))));
      if (i % 4 == 0) files.back().md5 = Md5{static_cast<std::uint8_t>(i % 5)};
      if (i % 7 == 0) files.back().views.clear();
      if (i % 7 == 0) files.back().sha1 = Sha1{1};
    }
    return files;
  }
  void AddEntries() {
    AddList("csam");
    AddEntry("csam",
             {.source_id = "picture", .hashes = {PdqValue(kPicture), DigestValue(Algorithm::kMd5, Md5{0})}});
    for (int i = 0; i < 40; ++i) {
      AddEntry("csam",
               {.source_id = "near-" + std::to_string(i), .hashes = {PdqValue(Flip(kPicture, i % 20))}});
    }
  }
  static std::string Text(const scan::ScanAnswer& answer) {
    std::string text = std::string(Name(answer.verdict)) + " " + std::string(Name(answer.outcome)) + " " +
                       std::string(Name(answer.cause)) + " " + answer.rule_id +
                       (answer.matches_truncated ? " truncated" : "");
    for (const scan::MatchDetail& match : answer.matches) {
      text += "; " + match.source_id + " " + std::to_string(match.fact.distance_bits) + " " +
              std::string(Name(match.fact.identity)) + " " + std::string(Name(match.verdict));
    }
    for (const std::string& missing : answer.coverage.missing) text += "; " + missing;
    return text;
  }
};

TEST_F(MatchFilesTest, EachFileIsAnsweredAsIfItWereAlone) {
  AddEntries();
  const auto files = Files(300);
  const auto together = scanner_->Match(Request(), files);
  ASSERT_TRUE(together) << together.error().message;
  ASSERT_EQ(together->size(), files.size());
  int matched = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto alone = scanner_->Match(Request(), {files[i]});
    ASSERT_TRUE(alone);
    EXPECT_EQ(Text((*together)[i]), Text((*alone)[0])) << i;
    matched += (*together)[i].outcome == Outcome::kMatched ? 1 : 0;
  }
  EXPECT_GT(matched, 50);
  EXPECT_LT(matched, 250);
}

TEST_F(MatchFilesTest, AFileWithManyHashesIsSearchedWhole) {
  AddEntries();
  std::vector<scan::FileHashes> files(3);
  for (scan::FileHashes& file : files) {
    file.turned = false;
    for (std::uint64_t i = 0; i < 128; ++i) {
      file.views.push_back(PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 2'000 + i))).views[0]);
    }
  }
  files[1].views[127] = PictureWith(kPicture).views[0];
  const auto answers = scanner_->Match(Request(), files);
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].outcome, Outcome::kNotMatched);
  EXPECT_EQ((*answers)[1].outcome, Outcome::kMatched);
  EXPECT_EQ((*answers)[2].outcome, Outcome::kNotMatched);
}

TEST_F(MatchFilesTest, ARequestIdCostsOneWriteASearch) {
  AddEntries();
  const auto files = Files(64);
  const auto writes = store_.Writes();
  const auto first = scanner_->Match(Request("many"), files);
  ASSERT_TRUE(first);
  EXPECT_EQ(store_.Writes(), writes + 1);
  EXPECT_EQ(idempotency_->Count(), 64U);
  // The same again changes nothing, and every answer says that it is a repetition.
  const auto second = scanner_->Match(Request("many"), files);
  ASSERT_TRUE(second);
  EXPECT_EQ(store_.Writes(), writes + 1);
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_FALSE((*first)[i].replayed);
    EXPECT_TRUE((*second)[i].replayed);
    EXPECT_EQ((*second)[i].verdict, (*first)[i].verdict);
  }
}

TEST_F(MatchFilesTest, NoAnswerIsLaxerThanAnEarlierOneToTheSameFile) {
  AddEntries();
  const auto files = Files(64);
  const auto first = scanner_->Match(Request("many"), files);
  ASSERT_TRUE(catalog_->SetEnabled("csam", false));
  AddList("other");
  AddEntry("other", MakeRecord(7));
  const auto second = scanner_->Match(Request("many"), files);
  ASSERT_TRUE(first && second);
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_GE((*second)[i].verdict, (*first)[i].verdict) << i;
}

TEST_F(MatchFilesTest, OtherHashesInOnePlaceAreRefusedAndNothingIsRemembered) {
  AddEntries();
  auto files = Files(64);
  ASSERT_TRUE(scanner_->Match(Request("many"), files));
  files[63] = FileOf(PdqOf(MakeHash(Algorithm::kPdq, 9'999)));
  const auto refused = scanner_->Match(Request("many"), files);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kRequestIdReused);
  EXPECT_EQ(idempotency_->Count(), 64U);
}

TEST_F(MatchFilesTest, WhatCannotBeRememberedIsHeldUnlessItMatched) {
  AddEntries();
  const std::vector<scan::FileHashes> files = {FileOf(kPicture),
                                               FileOf(PdqOf(MakeHash(Algorithm::kPdq, 77)))};
  store_.FailWritesFrom(1, Reason::kStoreFull);
  const auto answers = scanner_->Match(Request("many"), files);
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].outcome, Outcome::kMatched);
  EXPECT_EQ((*answers)[0].verdict, Verdict::kBlock);
  EXPECT_EQ((*answers)[1].outcome, Outcome::kNotEvaluated);
  EXPECT_EQ((*answers)[1].cause, Cause::kStoreUnavailable);
  EXPECT_EQ((*answers)[1].verdict, Verdict::kHold);
}

}  // namespace
}  // namespace hashgate::testing
