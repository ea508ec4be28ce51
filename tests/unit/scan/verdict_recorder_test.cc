// Which answers are handed to whoever keeps verdicts by their entries, and what they say of a look without
// matches.
#include "scan/verdict_recorder.h"

#include <gtest/gtest.h>

#include "testing/poll.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::scan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Flip;
using testing::MakeHash;
using testing::PdqOf;
using testing::PictureWith;
using testing::PngBytes;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));
const PdqHash kUnrelated = PdqOf(MakeHash(Algorithm::kPdq, 99));

// Keeps what it is handed.
class FakeRecorder final : public VerdictRecorder {
 public:
  struct Recorded {
    ScanRequest request;
    int file = -1;
    ScanAnswer answer;
    SteadyTime deadline;
  };
  struct Completed {
    std::string tenant;
    std::string scan_id;
    ScanAnswer look;
  };

  void Record(const ScanRequest& request, std::span<const NumberedAnswer> answers,
              SteadyTime deadline) noexcept override {
    const MutexLock lock(mutex_);
    ++calls_;
    for (const NumberedAnswer& answer : answers) {
      recorded_.push_back({request, answer.file, *answer.answer, deadline});
    }
  }
  void Complete(const std::string& tenant, const std::string& scan_id,
                const ScanAnswer& look) noexcept override {
    const MutexLock lock(mutex_);
    completed_.push_back({tenant, scan_id, look});
  }

  std::vector<Recorded> recorded() const {
    const MutexLock lock(mutex_);
    return recorded_;
  }
  std::vector<Completed> completed() const {
    const MutexLock lock(mutex_);
    return completed_;
  }
  int calls() const {
    const MutexLock lock(mutex_);
    return calls_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<Recorded> recorded_ HASHGATE_GUARDED_BY(mutex_);
  std::vector<Completed> completed_ HASHGATE_GUARDED_BY(mutex_);
  int calls_ HASHGATE_GUARDED_BY(mutex_) = 0;
};

class VerdictRecorderTest : public testing::ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    decoder_.answer = PictureWith(kPicture);
    AddList("csam");
    Use({.answer_reserve = milliseconds(50), .answer_by_digests = DigestAnswers::kNever});
  }
  void TearDown() override { executor_.reset(); }

  void Use(ScannerOptions options, const std::string& profile = "standard") {
    options.max_decode_bytes = 1'000;
    const auto policy = policy::LoadProfile(profile);
    ASSERT_TRUE(policy);
    scanner_ = std::make_unique<Scanner>(ScannerParts{.catalog = catalog_.get(),
                                                      .decoder = &decoder_,
                                                      .idempotency = idempotency_.get(),
                                                      .checks_behind = &checks_,
                                                      .verdicts = &recorder_,
                                                      .clock = &clock_},
                                         options, *policy);
  }
  void ListPicture(const std::string& list = "csam") {
    AddEntry(list, {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  }
  void ListFile(const std::vector<std::uint8_t>& bytes, std::optional<PdqHash> pdq = {}) {
    lists::EntryRecord record{.source_id = "file"};
    record.hashes.push_back(DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256));
    if (pdq) record.hashes.push_back(PdqValue(*pdq));
    AddEntry("csam", record);
  }

  FakeRecorder recorder_;
  std::unique_ptr<ScanExecutor> executor_ =
      std::make_unique<ScanExecutor>(AdmissionOptions{.threads = 1, .workers = 1});
  ChecksBehind checks_{{.executor = executor_.get(),
                        .take_bytes = [](std::size_t) { return true; },
                        .give_bytes = [](std::size_t) {}},
                       {}};
};

TEST_F(VerdictRecorderTest, AMatchedAnswerIsHandedOverAsItLeaves) {
  ListPicture();
  ScanRequest request = Request("r");
  request.content_id = "c";
  const auto answer = ScanBytes(PngBytes(1), request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->verdict, Verdict::kBlock);
  const auto recorded = recorder_.recorded();
  ASSERT_EQ(recorded.size(), 1U);
  EXPECT_EQ(recorded[0].request.content_id, "c");
  EXPECT_EQ(recorded[0].file, -1);
  EXPECT_EQ(recorded[0].answer.scan_id, answer->scan_id);
  EXPECT_EQ(recorded[0].answer.verdict, Verdict::kBlock);
  EXPECT_EQ(recorded[0].answer.without_matches, Verdict::kAllow);
  EXPECT_FALSE(recorded[0].answer.replayed);
  // Half of what is kept back for the answer may be used.
  EXPECT_EQ(recorded[0].deadline, request.deadline - milliseconds(25));
  ASSERT_EQ(recorded[0].answer.matches.size(), 1U);
  EXPECT_EQ(recorded[0].answer.matches[0].list_id, catalog_->GetList("csam")->id);
}

TEST_F(VerdictRecorderTest, WhatNobodyWillUndoIsNot) {
  ListFile(PngBytes(9));
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kAllow);
  AddList("tests", Purpose::kTest);
  ListPicture("tests");
  EXPECT_GT(ScanBytes(PngBytes(1)).verdict, Verdict::kAllow);
  ListPicture();
  ScanRequest canary = Request();
  canary.system_lists = true;
  ASSERT_TRUE(ScanBytes(PngBytes(1), canary));
  EXPECT_EQ(recorder_.calls(), 0);
  EXPECT_GT(ScanBytes(PngBytes(1)).verdict, Verdict::kAllow);
  ASSERT_EQ(recorder_.recorded().size(), 1U);
  EXPECT_EQ(recorder_.recorded()[0].answer.matches.size(), 2U)
      << "the test's match keeps the verdict up, too";
}

TEST_F(VerdictRecorderTest, AFailureWithoutAMatchIsNot) {
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "told to fail");
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kHold);
  EXPECT_EQ(recorder_.calls(), 0);
}

TEST_F(VerdictRecorderTest, FilesOfOneCallComeTogetherWithTheirNumbers) {
  ListPicture();
  std::vector<FileHashes> files(3);
  for (const std::size_t i : {0, 2}) {
    files[i].turned = false;
    decode::ViewHashes view;
    view.hashable = true;
    view.pdq.push_back({.quality = 100});
    view.pdq[0].forms[0] = kPicture;
    files[i].views.push_back(view);
  }
  files[1] = files[0];
  files[1].views[0].pdq[0].forms[0] = kUnrelated;
  ASSERT_TRUE(scanner_->Match(Request("r"), files));
  EXPECT_EQ(recorder_.calls(), 1);
  const auto recorded = recorder_.recorded();
  ASSERT_EQ(recorded.size(), 2U);
  EXPECT_EQ(recorded[0].file, 0);
  EXPECT_EQ(recorded[1].file, 2);
}

TEST_F(VerdictRecorderTest, ARepeatedRequestIsMarked) {
  ListPicture();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(ScanBytes(PngBytes(1), Request("r")));
  const auto recorded = recorder_.recorded();
  ASSERT_EQ(recorded.size(), 2U);
  EXPECT_FALSE(recorded[0].answer.replayed);
  EXPECT_TRUE(recorded[1].answer.replayed);
}

TEST_F(VerdictRecorderTest, WithoutMatchesTheLookItselfSpeaks) {
  ListPicture();
  ListFile(PngBytes(9));
  EXPECT_EQ(ScanBytes(PngBytes(1)).without_matches, Verdict::kAllow);
  // Part of the picture is missing.
  decoder_.answer->cause = Cause::kTruncated;
  EXPECT_EQ(ScanBytes(PngBytes(1)).without_matches, Verdict::kHold);
  // No decoder was there, and the digest alone matched.
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "told to fail");
  const ScanAnswer late = ScanBytes(PngBytes(9));
  EXPECT_EQ(late.outcome, Outcome::kMatched);
  EXPECT_EQ(late.without_matches, Verdict::kHold);
  // Nothing matched at all.
  decoder_.answer = PictureWith(kUnrelated);
  const ScanAnswer clean = ScanBytes(PngBytes(3));
  EXPECT_EQ(clean.without_matches, clean.verdict);
}

// A picture too plain to recognise counts as looked at where it matches; without the match it would not.
TEST_F(VerdictRecorderTest, WithoutMatchesAPlainPictureIsMatchedByDigestsOnly) {
  Use({.answer_by_digests = DigestAnswers::kNever}, "strict");
  decoder_.answer = PictureWith(kPicture, 0);
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kHold);
  ListPicture();
  const ScanAnswer matched = ScanBytes(PngBytes(1));
  EXPECT_EQ(matched.verdict, Verdict::kReview);
  EXPECT_EQ(matched.coverage.level, CoverageLevel::kComplete);
  EXPECT_EQ(matched.without_matches, Verdict::kHold);
}

TEST_F(VerdictRecorderTest, WhatDigestsDecidedIsNotKnownWithoutThem) {
  Use({.answer_by_digests = DigestAnswers::kAlways});
  ListFile(PngBytes(1));
  const ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_TRUE(answer.by_digests);
  EXPECT_EQ(answer.without_matches, Verdict::kHold) << "nobody looked at the picture";
  EXPECT_TRUE(recorder_.completed().empty()) << "nor will anybody: the entry has no PDQ";
}

TEST_F(VerdictRecorderTest, ALookBehindTheAnswerCompletesIt) {
  Use({.answer_by_digests = DigestAnswers::kAlways});
  ListFile(PngBytes(1), Flip(kPicture, 3));
  ListPicture();
  const ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(answer.matches.size(), 1U);
  ASSERT_TRUE(testing::PollUntil([&] { return !recorder_.completed().empty(); }, seconds(10)));
  const auto completed = recorder_.completed();
  EXPECT_EQ(completed[0].scan_id, answer.scan_id);
  EXPECT_EQ(completed[0].tenant, "default");
  EXPECT_EQ(completed[0].look.without_matches, Verdict::kAllow);
  ASSERT_EQ(completed[0].look.matches.size(), 2U);
  EXPECT_EQ(completed[0].look.matches[0].verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(completed[0].look.matches[1].verdict, Verdict::kBlock);
  EXPECT_EQ(recorder_.calls(), 1) << "it is no answer of its own";
}

TEST_F(VerdictRecorderTest, ALookBehindTheAnswerThatFailedSaysNothing) {
  Use({.answer_by_digests = DigestAnswers::kAlways});
  ListFile(PngBytes(1), kPicture);
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "told to fail");
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlockAndReport);
  ASSERT_TRUE(testing::PollUntil([&] { return checks_.waiting() == 0; }, seconds(10)));
  EXPECT_TRUE(recorder_.completed().empty());
}

TEST_F(VerdictRecorderTest, AnIdThatCouldNotBeRememberedHoldsTheVerdictUp) {
  ListPicture();
  store_.FailWritesFrom(1, Reason::kStoreFailed);
  const auto answer = ScanBytes(PngBytes(1), Request("r"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->verdict, Verdict::kBlock);
  EXPECT_EQ(answer->without_matches, Verdict::kHold);
}

}  // namespace
}  // namespace hashgate::scan
