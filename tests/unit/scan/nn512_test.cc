// The second pipeline in a scan: when it is asked for, and what a match by it is worth.
#include <gmock/gmock.h>

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const PdqHash kListed = PdqOf(MakeHash(Algorithm::kPdq, 42));
const PdqHash kUnrelated = PdqOf(MakeHash(Algorithm::kPdq, 77));

class Nn512Test : public ScanTest {
 protected:
  void AddListOf(const std::string& name, Pipeline pipeline) {
    lists::ListConfig config = MakeConfig(name);
    config.pdq_pipeline = pipeline;
    ASSERT_TRUE(catalog_->CreateList(config));
    AddEntry(name, {.source_id = name, .hashes = {PdqValue(kListed)}});
  }
  // A picture whose pipelines gave these hashes.
  static decode::DecodeResult Picture(const PdqHash& full, const PdqHash& nn512, int nn512_quality = 100) {
    decode::DecodeResult picture = PictureWith(full);
    decode::PdqForms forms = picture.views[0].pdq[0];
    forms.pipeline = Pipeline::kNn512;
    forms.quality = nn512_quality;
    forms.forms[0] = nn512;
    picture.views[0].pdq.push_back(forms);
    return picture;
  }
  scan::ScanAnswer ScanPicture(const decode::DecodeResult& picture) {
    decoder_.answer = picture;
    return ScanBytes(PngBytes(1));
  }
};

TEST_F(Nn512Test, ItIsAskedForWhereAListNeedsIt) {
  decoder_.answer = PictureWith(kUnrelated);
  AddListOf("full", Pipeline::kFull);
  ScanBytes(PngBytes(1));
  EXPECT_TRUE(decoder_.last_wanted.pdq_full);
  EXPECT_FALSE(decoder_.last_wanted.pdq_nn512);
  for (const Pipeline pipeline : {Pipeline::kNn512, Pipeline::kUnspecified}) {
    SCOPED_TRACE(PipelineName(pipeline));
    AddListOf("other", pipeline);
    EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kComplete);
    EXPECT_TRUE(decoder_.last_wanted.pdq_nn512);
    // Not for a look that leaves the list out.
    scan::ScanRequest request = Request();
    request.lists = {"full"};
    ASSERT_TRUE(ScanBytes(PngBytes(1), request));
    EXPECT_FALSE(decoder_.last_wanted.pdq_nn512);
    ASSERT_TRUE(catalog_->DeleteList("other", ""));
    ScanBytes(PngBytes(1));
    EXPECT_FALSE(decoder_.last_wanted.pdq_nn512);
  }
}

TEST_F(Nn512Test, OneEntryThatNamesThePipelineIsEnough) {
  decoder_.answer = PictureWith(kUnrelated);
  AddListOf("full", Pipeline::kFull);
  HashValue value = PdqValue(kListed);
  value.pipeline = Pipeline::kNn512;
  AddEntry("full", {.source_id = "odd", .hashes = {value}});
  ScanBytes(PngBytes(1));
  EXPECT_TRUE(decoder_.last_wanted.pdq_nn512);
}

TEST_F(Nn512Test, AListThatAppearsMeanwhileLeadsToASecondDecode) {
  AddListOf("full", Pipeline::kFull);
  decoder_.answer = PictureWith(Flip(kUnrelated, 5));
  decoder_.on_decode = [this] {
    if (decoder_.calls == 1) {
      AddListOf("late", Pipeline::kNn512);
      return;
    }
    // Near enough in the new list's own pipeline only.
    decoder_.answer = Picture(Flip(kListed, 50), kListed);
  };
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_EQ(answer.generation, catalog_->Current()->number);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
  EXPECT_THAT(answer.coverage.missing, IsEmpty());
}

TEST_F(Nn512Test, ASecondDecodeThatFailsIsNeverClean) {
  AddListOf("full", Pipeline::kFull);
  decoder_.answer = PictureWith(kUnrelated);
  decoder_.on_decode = [this] {
    if (decoder_.calls == 1) {
      AddListOf("late", Pipeline::kNn512);
    } else {
      decoder_.answer = Fail(Reason::kDeadlineExceeded, "no time");
    }
  };
  scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.outcome, Outcome::kNotEvaluated);
  EXPECT_EQ(answer.cause, Cause::kDeadline);
  EXPECT_EQ(answer.verdict, Verdict::kHold);
  EXPECT_THAT(answer.coverage.missing, Contains(HasSubstr("'late'")));

  // What the first decode gave still matches.
  ASSERT_TRUE(catalog_->DeleteList("late", ""));
  decoder_.calls = 0;
  decoder_.answer = PictureWith(Flip(kListed, 20));
  answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
}

TEST_F(Nn512Test, WhereItCouldNotBeComputedTheAnswerSaysSo) {
  AddListOf("nn", Pipeline::kNn512);
  AddListOf("full", Pipeline::kFull);
  decoder_.knows_nn512 = false;
  scan::ScanAnswer answer = ScanPicture(PictureWith(kUnrelated));
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  ASSERT_EQ(answer.coverage.missing.size(), 1U);
  EXPECT_THAT(answer.coverage.missing[0], HasSubstr("'nn'"));
  // The full hash stands in for it.
  answer = ScanPicture(PictureWith(Flip(kListed, 20)));
  EXPECT_EQ(answer.matches.size(), 2U);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
}

TEST_F(Nn512Test, AnHonestPictureIsBlockedByItsNn512Hash) {
  AddListOf("nn", Pipeline::kNn512);
  const scan::ScanAnswer answer = ScanPicture(Picture(Flip(kListed, 63), Flip(kListed, 2)));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_FALSE(answer.matches[0].fact.nn512_only);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 2);
}

TEST_F(Nn512Test, APlantedHashIsForAPerson) {
  for (const Pipeline pipeline : {Pipeline::kNn512, Pipeline::kUnspecified}) {
    AddListOf(std::string(PipelineName(pipeline)), pipeline);
  }
  for (const PdqHash& full : {Flip(kListed, 64), kUnrelated}) {
    const scan::ScanAnswer answer = ScanPicture(Picture(full, kListed));
    EXPECT_EQ(answer.outcome, Outcome::kMatched);
    EXPECT_EQ(answer.verdict, Verdict::kReview);
    ASSERT_EQ(answer.matches.size(), 2U);
    for (const auto& match : answer.matches) EXPECT_TRUE(match.fact.nn512_only) << match.fact.list;
  }
}

TEST_F(Nn512Test, APlantedHashMatchesNoHashOfTheFullPipeline) {
  AddListOf("full", Pipeline::kFull);
  const scan::ScanAnswer answer = ScanPicture(Picture(kUnrelated, kListed));
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
}

TEST_F(Nn512Test, MovingTheNn512HashAwayHidesNothing) {
  AddListOf("nn", Pipeline::kNn512);
  const scan::ScanAnswer answer = ScanPicture(Picture(Flip(kListed, 10), kUnrelated));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 10);
}

TEST_F(Nn512Test, APlantedHashDoesNotMakeAWeakDigestStrong) {
  AddList("nn");
  HashValue value = PdqValue(kListed);
  value.pipeline = Pipeline::kNn512;
  const auto bytes = PngBytes(1);
  AddEntry("nn", {.source_id = "a", .hashes = {value, DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5)}});
  decoder_.answer = Picture(Flip(kListed, 70), kListed);
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kReview);
  decoder_.answer = Picture(Flip(kListed, 30), kListed);
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
}

TEST_F(Nn512Test, APlantedHashDoesNotHideADigestConflict) {
  AddList("nn");
  HashValue value = PdqValue(kListed);
  value.pipeline = Pipeline::kNn512;
  const auto bytes = PngBytes(1);
  AddEntry("nn", {.source_id = "a", .hashes = {value, DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5)}});
  decoder_.answer = Picture(kUnrelated, Flip(kListed, 60));
  const scan::ScanAnswer answer = ScanBytes(bytes);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_TRUE(answer.matches[0].fact.digest_conflict);
}

TEST_F(Nn512Test, ANearButPlainHashDoesNotTakeTheWeightOfAGoodOne) {
  AddListOf("nn", Pipeline::kNn512);
  // The few pixels that nn512 looks at show the same with hardly any contrast.
  const scan::ScanAnswer answer = ScanPicture(Picture(Flip(kListed, 20), kListed, 10));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 20);
  EXPECT_EQ(answer.matches[0].fact.upload_quality, 100);
  // Where nothing better is near, it is for a person.
  EXPECT_EQ(ScanPicture(Picture(Flip(kListed, 40), kListed, 10)).verdict, Verdict::kReview);
}

TEST_F(Nn512Test, AnEntryWithBothHashesIsNearIfOneOfThemIs) {
  AddList("both");
  HashValue full = PdqValue(kListed);
  full.pipeline = Pipeline::kFull;
  HashValue nn512 = PdqValue(Flip(kListed, 28));
  nn512.pipeline = Pipeline::kNn512;
  AddEntry("both", {.source_id = "a", .hashes = {full, nn512}});
  // 40 bits from the entry's full hash, more than 63 from its nn512 one.
  PdqHash near_full = kListed;
  for (int bit = 0; bit < 40; ++bit) {
    const auto at = static_cast<std::size_t>(bit + 60) * 7 % 256;
    near_full.words[at / 64] ^= std::uint64_t{1} << (at % 64);
  }
  ASSERT_EQ(Distance(near_full, Flip(kListed, 28)), 68);
  EXPECT_EQ(ScanPicture(Picture(near_full, Flip(kListed, 28))).verdict, Verdict::kBlock);
  EXPECT_EQ(ScanPicture(Picture(kUnrelated, Flip(kListed, 28))).verdict, Verdict::kReview);
}

TEST_F(Nn512Test, WithoutTheEntrysRecordOnlyACertainlyNearPictureCounts) {
  AddListOf("nn", Pipeline::kNn512);
  store_.FailReads(Reason::kStoreFailed);
  // The full hash lies 40 from the matching form, and that 10 from the entry: 50 at most.
  scan::ScanAnswer answer = ScanPicture(Picture(Flip(kListed, 50), Flip(kListed, 10)));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  answer = ScanPicture(Picture(kUnrelated, Flip(kListed, 10)));
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
}

TEST_F(Nn512Test, TheFullHashOfAnotherViewDoesNotVouchForAPlantedOne) {
  AddListOf("nn", Pipeline::kNn512);
  // Beside the planted view one that lies just beyond the list's threshold: by itself it matches nothing.
  decode::DecodeResult picture = Picture(kUnrelated, kListed);
  picture.views.push_back(Picture(Flip(kListed, 50), kUnrelated).views[0]);
  EXPECT_EQ(ScanPicture(picture).verdict, Verdict::kReview);
  picture.views[0] = Picture(Flip(kListed, 50), kListed).views[0];
  EXPECT_EQ(ScanPicture(picture).verdict, Verdict::kBlock);
  // Without the entry's record neither.
  store_.FailReads(Reason::kStoreFailed);
  EXPECT_EQ(ScanPicture(picture).verdict, Verdict::kBlock);
  picture.views[0] = Picture(kUnrelated, kListed).views[0];
  EXPECT_EQ(ScanPicture(picture).verdict, Verdict::kReview);
}

TEST_F(Nn512Test, APlantedHashOfAnotherFrameTakesNoWeightFromTheFullOne) {
  AddListOf("any", Pipeline::kUnspecified);
  decode::DecodeResult picture = PictureWith(Flip(kListed, 6));
  const Verdict alone = ScanPicture(picture).verdict;
  EXPECT_EQ(alone, Verdict::kBlock);
  // Nearer, but of a frame whose own full hash is far from it.
  decode::ViewHashes frame = Picture(kUnrelated, kListed).views[0];
  frame.kind = ViewKind::kFrame;
  frame.frame = 1;
  picture.views.push_back(frame);
  const scan::ScanAnswer answer = ScanPicture(picture);
  EXPECT_EQ(answer.verdict, alone);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].frame, 0U);
  EXPECT_FALSE(answer.matches[0].fact.nn512_only);
}

TEST_F(Nn512Test, HashesFromElsewhereFollowTheSameRule) {
  AddListOf("nn", Pipeline::kNn512);
  const auto view = [](const PdqHash& hash, Pipeline pipeline) {
    decode::ViewHashes out = PictureWith(hash).views[0];
    out.pdq[0].pipeline = pipeline;
    return out;
  };
  scan::FileHashes file;
  file.turned = false;
  file.views = {view(kListed, Pipeline::kNn512)};
  const auto verdict = [&] {
    const auto answers = scanner_->Match(Request(), {file});
    EXPECT_TRUE(answers);
    return answers ? answers->at(0).verdict : Verdict::kUnspecified;
  };
  EXPECT_EQ(verdict(), Verdict::kReview);
  file.views.push_back(view(Flip(kListed, 60), Pipeline::kFull));
  EXPECT_EQ(verdict(), Verdict::kBlock);
  file.views[1] = view(kUnrelated, Pipeline::kFull);
  EXPECT_EQ(verdict(), Verdict::kReview);
}

}  // namespace
}  // namespace hashgate::testing
