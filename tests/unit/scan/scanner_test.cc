#include "scan/scanner.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

class ScannerTest : public ScanTest {};

TEST_F(ScannerTest, WithoutListsNothingIsEvaluated) {
  decoder_.answer = PictureWith(kPicture);
  scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.outcome, Outcome::kNotEvaluated);
  EXPECT_EQ(answer.cause, Cause::kNoLists);
  EXPECT_EQ(answer.verdict, Verdict::kHold);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kNone);
  EXPECT_TRUE(answer.retry_after);
  // A list without entries protects nobody either.
  AddList("empty");
  answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.cause, Cause::kNoLists);
}

TEST_F(ScannerTest, AnUnrelatedPictureIsAllowedAndTheCoverageSaysWhatWasDone) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decoder_.answer = PictureWith(kPicture);
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
  EXPECT_EQ(answer.coverage.lists, std::vector<std::string>{"csam"});
  EXPECT_EQ(answer.coverage.algorithms,
            (std::vector<Algorithm>{Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256, Algorithm::kPdq}));
  EXPECT_EQ(answer.generation, catalog_->Current()->number);
  EXPECT_EQ(answer.scan_id.size(), 26U);
  ASSERT_NE(answer.policy, nullptr);
  EXPECT_FALSE(answer.policy->TextDigest().empty());
}

TEST_F(ScannerTest, PdqWithinItsThresholdBlocksAndBeyondItDoesNot) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(Flip(kPicture, 31));
  scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 31);
  EXPECT_EQ(answer.matches[0].max_distance_bits, 31);
  EXPECT_EQ(answer.matches[0].source_id, "a");
  EXPECT_EQ(answer.matches[0].dihedral, Dihedral::kOriginal);
  EXPECT_EQ(answer.harm_class, HarmClass::kCsam);
  EXPECT_TRUE(answer.retain_until);
  decoder_.answer = PictureWith(Flip(kPicture, 32));
  answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_TRUE(answer.matches.empty());
}

TEST_F(ScannerTest, ATurnedCopyIsFoundAndSaysHowItWasTurned) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decode::DecodeResult picture = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 43)));
  picture.views[0].pdq[0].forms[static_cast<std::size_t>(Dihedral::kFlipY)] = Flip(kPicture, 2);
  decoder_.answer = picture;
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].dihedral, Dihedral::kFlipY);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 2);
}

TEST_F(ScannerTest, IdentityDecidesBetweenBlockAndReport) {
  const auto bytes = PngBytes(1);
  const Digests digests = DigestsOf(bytes);
  decoder_.answer = PictureWith(kPicture);
  const struct {
    const char* what;
    std::vector<HashValue> hashes;
    Verdict verdict;
    Identity identity;
  } cases[] = {
      {"sha256",
       {DigestValue(Algorithm::kSha256, digests.sha256)},
       Verdict::kBlockAndReport,
       Identity::kStrong},
      {"md5", {DigestValue(Algorithm::kMd5, digests.md5)}, Verdict::kBlock, Identity::kWeakDigest},
      {"sha1", {DigestValue(Algorithm::kSha1, digests.sha1)}, Verdict::kBlock, Identity::kWeakDigest},
      {"md5+sha1",
       {DigestValue(Algorithm::kMd5, digests.md5), DigestValue(Algorithm::kSha1, digests.sha1)},
       Verdict::kBlockAndReport,
       Identity::kStrong},
      {"md5+pdq",
       {DigestValue(Algorithm::kMd5, digests.md5), PdqValue(Flip(kPicture, 5))},
       Verdict::kBlockAndReport,
       Identity::kStrong},
      {"md5, pdq out of reach",
       {DigestValue(Algorithm::kMd5, digests.md5), PdqValue(Flip(kPicture, 60))},
       Verdict::kBlock,
       Identity::kWeakDigest},
      {"md5, pdq in conflict",
       {DigestValue(Algorithm::kMd5, digests.md5), PdqValue(PdqOf(MakeHash(Algorithm::kPdq, 99)))},
       Verdict::kReview,
       Identity::kWeakDigest},
      {"pdq", {PdqValue(kPicture)}, Verdict::kBlock, Identity::kPerceptual},
      {"pdq of low quality", {PdqValue(kPicture, 30)}, Verdict::kReview, Identity::kPerceptual},
  };
  AddList("csam");
  for (const auto& c : cases) {
    AddEntry("csam", {.source_id = "the one", .hashes = c.hashes});
    const scan::ScanAnswer answer = ScanBytes(bytes);
    EXPECT_EQ(answer.verdict, c.verdict) << c.what;
    ASSERT_EQ(answer.matches.size(), 1U) << c.what;
    EXPECT_EQ(answer.matches[0].fact.identity, c.identity) << c.what;
    EXPECT_EQ(answer.matches[0].fact.digest_conflict, std::string(c.what).ends_with("conflict")) << c.what;
  }
}

TEST_F(ScannerTest, UntrustedListsNeverDoMoreThanReview) {
  const auto bytes = PngBytes(1);
  AddList("ours", Purpose::kCsam, Trust::kLocal);
  AddEntry("ours", {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256)}});
  decoder_.answer = PictureWith(kPicture);
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kReview);
}

TEST_F(ScannerTest, LowQualityUploadsAreLookedUpButOnlyReviewed) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(kPicture, 20);
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kReview);
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)), 20);
  const scan::ScanAnswer plain = ScanBytes(PngBytes(1));
  EXPECT_EQ(plain.verdict, Verdict::kAllow);
  EXPECT_EQ(plain.coverage.level, CoverageLevel::kExactOnly);
  decode::DecodeResult tiny = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)));
  tiny.width = 23;
  tiny.height = 9;
  decoder_.answer = tiny;
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kExactOnly);
  tiny.width = 24;
  decoder_.answer = tiny;
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kComplete);
}

TEST_F(ScannerTest, AMatchCountsWhateverElseFailed) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256)}});
  for (const Cause cause :
       {Cause::kCorrupt, Cause::kTruncated, Cause::kTooManyPixels, Cause::kDecoderCrashed}) {
    decode::DecodeResult broken;
    broken.cause = cause;
    decoder_.answer = broken;
    scan::ScanAnswer answer = ScanBytes(bytes);
    EXPECT_EQ(answer.outcome, Outcome::kMatched);
    EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
    answer = ScanBytes(PngBytes(2));
    EXPECT_EQ(answer.outcome, Outcome::kUnscannable);
    EXPECT_EQ(answer.cause, cause);
    EXPECT_EQ(answer.verdict, Verdict::kHold);
    EXPECT_EQ(answer.coverage.level, CoverageLevel::kExactOnly);
  }
  decoder_.answer = Fail(Reason::kDeadlineExceeded, "late");
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
  const scan::ScanAnswer late = ScanBytes(PngBytes(2));
  EXPECT_EQ(late.outcome, Outcome::kNotEvaluated);
  EXPECT_EQ(late.cause, Cause::kDeadline);
  EXPECT_TRUE(late.retry_after);
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "none");
  EXPECT_EQ(ScanBytes(PngBytes(2)).cause, Cause::kDecoderUnavailable);
}

TEST_F(ScannerTest, WhatIsNotDecodedIsStillMatchedByItsDigests) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  const std::vector<std::uint8_t> text = {'h', 'e', 'l', 'l', 'o'};
  scan::ScanAnswer answer = ScanBytes(text);
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
  EXPECT_EQ(answer.cause, Cause::kNotAnImage);
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kExactOnly);
  AddEntry("csam", {.source_id = "t", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(text).sha256)}});
  EXPECT_EQ(ScanBytes(text).verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(ScanBytes({}).cause, Cause::kEmpty);
  EXPECT_EQ(ScanBytes({0x00, 0x01, 0xfe}).cause, Cause::kUnsupportedFormat);
  std::vector<std::uint8_t> large = PngBytes(1);
  large.resize(1'001);
  answer = ScanBytes(large);
  EXPECT_EQ(answer.outcome, Outcome::kUnscannable);
  EXPECT_EQ(answer.cause, Cause::kTooLarge);
  EXPECT_EQ(decoder_.calls, 0);
}

TEST_F(ScannerTest, TheEmptyFileMatchesNothing) {
  AddList("csam");
  AddEntry("csam", {.source_id = "e", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf({}).sha256)}});
  const scan::ScanAnswer answer = ScanBytes({});
  EXPECT_EQ(answer.outcome, Outcome::kUnscannable);
  EXPECT_EQ(answer.cause, Cause::kEmpty);
}

TEST_F(ScannerTest, ImagesOnlySurfacesHoldWhatIsNotAPicture) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  scan::ScanRequest request = Request();
  request.surface.images_only = true;
  const auto answer = ScanBytes({'t', 'e', 'x', 't'}, request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->verdict, Verdict::kHold);
}

TEST_F(ScannerTest, NamedListsOnly) {
  AddList("one");
  AddList("two");
  AddEntry("one", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  AddEntry("two", MakeRecord(7));
  decoder_.answer = PictureWith(kPicture);
  scan::ScanRequest request = Request();
  request.lists = {"two"};
  EXPECT_EQ(ScanBytes(PngBytes(1), request)->verdict, Verdict::kAllow);
  request.lists = {"three"};
  const auto unknown = ScanBytes(PngBytes(1), request);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, Reason::kListNotFound);
  ASSERT_TRUE(catalog_->SetEnabled("one", false));
  request.lists = {"one", "two"};
  const auto partial = ScanBytes(PngBytes(1), request);
  EXPECT_EQ(partial->coverage.level, CoverageLevel::kPartial);
  request.lists = {"one"};
  EXPECT_EQ(ScanBytes(PngBytes(1), request)->cause, Cause::kNoLists);
}

TEST_F(ScannerTest, AnotherTenantsListDoesNotExistForThisOne) {
  lists::ListConfig config = MakeConfig("theirs");
  config.tenant = "other";
  ASSERT_TRUE(catalog_->CreateList(config));
  AddEntry("theirs", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(kPicture);
  EXPECT_EQ(ScanBytes(PngBytes(1)).cause, Cause::kNoLists);
  scan::ScanRequest request = Request();
  request.lists = {"theirs"};
  EXPECT_EQ(ScanBytes(PngBytes(1), request).error().reason, Reason::kListNotFound);
}

TEST_F(ScannerTest, AScanUsesTheGenerationAtTheTimeOfMatching) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decoder_.answer = PictureWith(kPicture);
  decoder_.on_decode = [this] { AddEntry("csam", {.source_id = "late", .hashes = {PdqValue(kPicture)}}); };
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_EQ(answer.generation, catalog_->Current()->number);
}

TEST_F(ScannerTest, ADeadlineThatIsOverIsAnsweredNotIgnored) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5)}});
  scan::ScanRequest request = Request();
  request.deadline = clock_.Steady() + std::chrono::milliseconds(10);  // less than the reserve
  auto answer = ScanBytes(PngBytes(2), request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->cause, Cause::kDeadline);
  EXPECT_EQ(answer->verdict, Verdict::kHold);
  EXPECT_EQ(decoder_.calls, 0);
  // Digests are there already and take no time.
  EXPECT_EQ(ScanBytes(bytes, request)->verdict, Verdict::kBlock);
}

TEST_F(ScannerTest, ACallerThatWentAwayGetsNothing) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  scan::ScanRequest request = Request();
  request.cancelled = [] { return true; };
  EXPECT_EQ(ScanBytes(PngBytes(1), request).error().reason, Reason::kCancelled);
}

TEST_F(ScannerTest, RequestIdsHaveTheirEffectsOnce) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decoder_.answer = PictureWith(kPicture);
  auto first = ScanBytes(PngBytes(1), Request("r1"));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->replayed);
  EXPECT_EQ(first->verdict, Verdict::kAllow);
  // Newer lists may make it stricter,
  AddEntry("csam", {.source_id = "late", .hashes = {PdqValue(kPicture)}});
  auto second = ScanBytes(PngBytes(1), Request("r1"));
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(second->verdict, Verdict::kBlock);
  // but never laxer.
  ASSERT_TRUE(catalog_->SetEnabled("csam", true));
  const auto page = catalog_->ListEntries("csam", {}, 10);
  ASSERT_TRUE(catalog_->DeleteEntry("csam", page->entries.back().id));
  auto third = ScanBytes(PngBytes(1), Request("r1"));
  EXPECT_TRUE(third->replayed);
  EXPECT_TRUE(third->matches.empty());
  EXPECT_EQ(third->verdict, Verdict::kBlock);
  EXPECT_EQ(ScanBytes(PngBytes(2), Request("r1")).error().reason, Reason::kRequestIdReused);
  EXPECT_TRUE(ScanBytes(PngBytes(2), Request("r2")));
}

TEST_F(ScannerTest, OurOwnFailuresAreNotReplayed) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "none");
  EXPECT_EQ(ScanBytes(PngBytes(1), Request("r1"))->verdict, Verdict::kHold);
  decoder_.answer = PictureWith(kPicture);
  const auto again = ScanBytes(PngBytes(1), Request("r1"));
  EXPECT_EQ(again->verdict, Verdict::kAllow);
  EXPECT_FALSE(again->replayed);
}

TEST_F(ScannerTest, WhatCannotBeRememberedIsHeldUnlessItMatched) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256)}});
  decoder_.answer = PictureWith(kPicture);
  store_.FailWritesFrom(1, Reason::kStoreFull);
  const auto clean = ScanBytes(PngBytes(2), Request("r1"));
  ASSERT_TRUE(clean);
  EXPECT_EQ(clean->verdict, Verdict::kHold);
  EXPECT_EQ(clean->cause, Cause::kStoreUnavailable);
  EXPECT_EQ(ScanBytes(bytes, Request("r2"))->verdict, Verdict::kBlockAndReport);
  // Without a request id nothing has to be remembered.
  EXPECT_EQ(ScanBytes(PngBytes(2), Request())->verdict, Verdict::kAllow);
}

TEST_F(ScannerTest, HashesFromElsewhereAreMatchedAsGiven) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  scan::FileHashes known;
  known.turned = false;
  decode::ViewHashes view;
  decode::PdqForms forms;
  forms.pipeline = Pipeline::kUnspecified;
  forms.quality = kQualityUnknown;
  forms.forms[0] = Flip(kPicture, 10);
  view.pdq.push_back(forms);
  known.views.push_back(view);
  scan::FileHashes unknown;
  unknown.turned = false;
  unknown.md5 = Md5{1, 2, 3};
  const std::vector<scan::FileHashes> files = {known, unknown};
  const auto answers = scanner_->Match(Request("m"), files);
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->size(), 2U);
  EXPECT_EQ((*answers)[0].verdict, Verdict::kBlock);
  EXPECT_EQ((*answers)[0].matches[0].fact.distance_bits, 10);
  EXPECT_EQ((*answers)[1].outcome, Outcome::kNotMatched);
  EXPECT_EQ((*answers)[1].coverage.level, CoverageLevel::kExactOnly);
  EXPECT_TRUE((*scanner_->Match(Request("m"), files))[0].replayed);
}

TEST_F(ScannerTest, AListThatAppearsDuringAScanDoesNotMakeAnUndecodedPictureLookClean) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  ASSERT_TRUE(catalog_->SetEnabled("csam", false));
  decoder_.answer = PictureWith(kPicture);
  // The clock is read all through a scan: at each reading in turn, the list is enabled just then.
  for (int reading = 1; reading <= 12; ++reading) {
    ASSERT_TRUE(catalog_->SetEnabled("csam", false));
    decoder_.calls = 0;
    const scan::ScanRequest request = Request();
    clock_.on_nth_reading = [this, left = reading]() mutable {
      if (--left == 0) {
        EXPECT_TRUE(catalog_->SetEnabled("csam", true));
      }
    };
    const auto answer = ScanBytes(PngBytes(1), request);
    clock_.on_nth_reading = nullptr;
    ASSERT_TRUE(answer);
    EXPECT_TRUE(decoder_.calls == 1 || answer->outcome == Outcome::kNotEvaluated)
        << "reading " << reading << ": " << Name(answer->verdict);
  }
}

TEST_F(ScannerTest, UnusualColoursAreNoCompleteLook) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decode::DecodeResult picture = PictureWith(kPicture);
  picture.colour_unusual = true;
  decoder_.answer = picture;
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_EQ(answer.verdict, Verdict::kHold);
  EXPECT_EQ(answer.rule_id, "no_match/colours_unusual");
}

TEST_F(ScannerTest, TheLimitThatEndedDecodingIsNamed) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  std::set<std::string> sentences;
  for (int limit = 0; limit <= static_cast<int>(decode::Limit::kMemory); ++limit) {
    const auto kind = static_cast<decode::Limit>(limit);
    // No limit and TOO_COSTLY is processor time.
    const Cause cause = kind == decode::Limit::kNone ? Cause::kTooCostly : decode::CauseOf(kind);
    decoder_.answer = decode::DecodeResult{.cause = cause, .limit = kind, .format = decode::Format::kPng};
    const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
    EXPECT_EQ(answer.cause, cause);
    EXPECT_EQ(answer.verdict, Verdict::kHold);
    ASSERT_EQ(answer.coverage.missing.size(), 1U);
    sentences.insert(answer.coverage.missing[0]);
  }
  EXPECT_EQ(sentences.size(), 8U);
}

TEST_F(ScannerTest, FramesNotLookedAtAreToldAndHeld) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decode::DecodeResult picture = PictureWith(kPicture);
  picture.frames_total = 40;
  picture.frames_seen = 39;
  decoder_.answer = picture;
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.missing, ::testing::ElementsAre("39 of 40 frames were looked at"));
  EXPECT_EQ(answer.verdict, Verdict::kHold);
  EXPECT_EQ(answer.rule_id, "no_match/frames_unseen");
}

TEST_F(ScannerTest, APictureInsideTheFileNotLookedAtIsNoCompleteLook) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decode::DecodeResult picture = PictureWith(kPicture);
  picture.embedded_unseen = true;
  decoder_.answer = picture;
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_EQ(answer.coverage.missing.size(), 1U);
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
}

TEST_F(ScannerTest, AHiddenMatchIsForAPerson) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decode::DecodeResult picture = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 77)));
  picture.views.push_back(PictureWith(kPicture).views[0]);
  picture.views[1].kind = ViewKind::kEmbedded;
  picture.views[1].hidden = true;
  decoder_.answer = picture;
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_TRUE(answer.matches[0].fact.hidden_only);
}

// A thumbnail must not make a picture too plain to be recognised look like a complete look.
TEST_F(ScannerTest, HiddenViewsDoNotMakeAPlainPictureUsable) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decode::DecodeResult picture = PictureWith(kPicture, 10);
  picture.views.push_back(PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 77))).views[0]);
  picture.views[1].hidden = true;
  decoder_.answer = picture;
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kExactOnly);
}

TEST_F(ScannerTest, DigestsOnlyKnowsNoLimitOfDecoding) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  std::vector<std::uint8_t> large = PngBytes(1);
  large.resize(1'001);
  scan::ScanRequest request = Request();
  request.exact_only = true;
  const auto answer = ScanBytes(large, request);
  EXPECT_EQ(answer->outcome, Outcome::kNotMatched);
  EXPECT_EQ(answer->coverage.level, CoverageLevel::kExactOnly);
}

TEST_F(ScannerTest, AHashThatSaysLittleCorroboratesNothing) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddEntry("csam", {.source_id = "a",
                    .hashes = {DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5), PdqValue(kPicture, 20)}});
  decoder_.answer = PictureWith(kPicture);
  scan::ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_EQ(answer.matches[0].fact.identity, Identity::kWeakDigest);
  EXPECT_EQ(answer.matches[0].fact.algorithms, std::vector<Algorithm>{Algorithm::kMd5});
  AddEntry("csam", {.source_id = "a",
                    .hashes = {DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5), PdqValue(kPicture, 90)}});
  decoder_.answer = PictureWith(kPicture, 20);
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlock);
  decoder_.answer = PictureWith(kPicture);
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
}

TEST_F(ScannerTest, WithoutTheEntrysRecordNothingIsReported) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256)}});
  decoder_.answer = PictureWith(kPicture);
  ASSERT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
  store_.FailReads(Reason::kStoreCorrupt);
  const scan::ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlock);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
}

TEST_F(ScannerTest, FilesWhoseTurnComesTooLateAreAnsweredSo) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  std::vector<scan::FileHashes> files(300);
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].turned = false;
    files[i].md5 = Md5{static_cast<std::uint8_t>(i)};
    files[i].sha1 = Sha1{static_cast<std::uint8_t>(i)};
  }
  int asked = 0;
  scan::ScanRequest request = Request();
  // Asked before each search, which has 128 files: time passes before the third.
  request.cancelled = [&] {
    if (++asked == 3) clock_.Advance(std::chrono::seconds(20));
    return false;
  };
  const auto answers = scanner_->Match(request, files);
  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ((*answers)[i].outcome, i < 256 ? Outcome::kNotMatched : Outcome::kNotEvaluated) << i;
  }
  EXPECT_EQ((*answers)[256].cause, Cause::kDeadline);
  EXPECT_EQ((*answers)[256].verdict, Verdict::kHold);
}

TEST_F(ScannerTest, HashesThatWereNotGivenAreMissing) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kMd5, Md5{1})}});
  scan::FileHashes file;
  file.turned = false;
  file.views = PictureWith(kPicture).views;
  const auto answers = scanner_->Match(Request(), {file});
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].coverage.level, CoverageLevel::kPartial);
  ASSERT_EQ((*answers)[0].coverage.missing.size(), 1U);
  EXPECT_NE((*answers)[0].coverage.missing[0].find("md5"), std::string::npos);
}

TEST_F(ScannerTest, AnEarlyAnswerIsNotLaxerThanARememberedOne) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(kPicture);
  ASSERT_EQ(ScanBytes(PngBytes(1), Request("r1"))->verdict, Verdict::kBlock);
  const scan::ScanAnswer late = scanner_->NotEvaluated(Request("r1"), Cause::kDeadline, "late");
  EXPECT_EQ(late.verdict, Verdict::kBlock);
  EXPECT_TRUE(late.replayed);
  EXPECT_EQ(scanner_->NotEvaluated(Request("r2"), Cause::kDeadline, "late").verdict, Verdict::kHold);
}

TEST_F(ScannerTest, EqualScansGiveEqualVerdictsFromManyThreadsWhileListsChange) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  struct FixedDecoder final : decode::Decoder {
    Result<decode::DecodeResult> Decode(ByteSpan, decode::Format, const decode::Wanted&, SteadyTime,
                                        const std::function<bool()>&) override {
      return WithNn512(PictureWith(kPicture));
    }
    [[nodiscard]] decode::PoolStats Stats() const override { return {}; }
  } decoder;
  scan::Scanner scanner(
      {.catalog = catalog_.get(), .decoder = &decoder, .idempotency = idempotency_.get(), .clock = &clock_},
      {.max_decode_bytes = 1'000}, *policy::LoadProfile("standard"));
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    for (std::uint64_t number = 0; !stop.load(); ++number) AddEntry("csam", MakeRecord(number));
  });
  std::vector<std::jthread> readers;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 3; ++thread) {
    readers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        scan::UploadReader reader(1'000);
        reader.Update(PngBytes(1));
        const auto answer = scanner.Scan(Request(), reader.Finish());
        if (!answer || answer->verdict != Verdict::kBlock) ++wrong;
      }
    });
  }
  readers.clear();
  stop.store(true);
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace hashgate::testing
