// Answers that do not wait for the decoder, because the digests have decided, and what is looked at behind
// them.
#include <gtest/gtest.h>

#include <random>

#include "testing/poll.h"
#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::scan {
namespace {

using std::chrono::seconds;
using testing::Flip;
using testing::MakeHash;
using testing::PdqOf;
using testing::PictureWith;
using testing::PngBytes;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));
const PdqHash kUnrelated = PdqOf(MakeHash(Algorithm::kPdq, 99));

const ScannerOptions kAlways = {.answer_by_digests = DigestAnswers::kAlways};

class ByDigestsTest : public testing::ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    decoder_.answer = PictureWith(kPicture);
    AddList("csam");
    Use(kAlways);
  }
  void TearDown() override { executor_.reset(); }

  void Use(ScannerOptions options, const std::string& profile = "standard") {
    options.max_decode_bytes = 1'000;
    const auto policy = policy::LoadProfile(profile);
    ASSERT_TRUE(policy);
    scanner_ = std::make_unique<Scanner>(ScannerParts{.catalog = catalog_.get(),
                                                      .decoder = &decoder_,
                                                      .idempotency = idempotency_.get(),
                                                      .metrics = metrics_.get(),
                                                      .checks_behind = &checks_,
                                                      .clock = &clock_},
                                         options, *policy);
  }

  // An entry that lists the file by these digests, and the picture where one is given.
  void List(const std::vector<std::uint8_t>& bytes, std::initializer_list<Algorithm> digests,
            std::optional<PdqHash> pdq = {}, const std::string& list = "csam", std::int16_t quality = 100) {
    const Digests all = DigestsOf(bytes);
    lists::EntryRecord record{.source_id = "the one"};
    for (const Algorithm algorithm : digests) {
      if (algorithm == Algorithm::kMd5) record.hashes.push_back(DigestValue(algorithm, all.md5));
      if (algorithm == Algorithm::kSha1) record.hashes.push_back(DigestValue(algorithm, all.sha1));
      if (algorithm == Algorithm::kSha256) record.hashes.push_back(DigestValue(algorithm, all.sha256));
    }
    if (pdq) record.hashes.push_back(PdqValue(*pdq, quality));
    AddEntry(list, record);
  }

  ScanAnswer ScanWithHashes(const std::vector<std::uint8_t>& bytes) {
    ScanRequest request = Request();
    request.include_hashes = true;
    auto answer = ScanBytes(bytes, request);
    EXPECT_TRUE(answer);
    return answer.value_or(ScanAnswer{});
  }

  bool Shows(const std::string& line) const { return metrics_->Exposition().find(line) != std::string::npos; }
  // Waits until a check has ended so.
  bool Ends(const std::string& result) const {
    return testing::PollUntil(
        [&] { return Shows("hashgate_checks_behind_total{result=\"" + result + "\"} 1"); }, seconds(10));
  }

  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  std::unique_ptr<ScanExecutor> executor_ =
      std::make_unique<ScanExecutor>(AdmissionOptions{.threads = 1, .workers = 1});
  ChecksBehind checks_{{.executor = executor_.get(),
                        .metrics = metrics_.get(),
                        .take_bytes = [](std::size_t) { return true; },
                        .give_bytes = [](std::size_t) {}},
                       {}};
};

TEST_F(ByDigestsTest, WhatTheDigestsReportIsNotDecoded) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256});
  const ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.cause, Cause::kNone);
  EXPECT_EQ(answer.harm_class, HarmClass::kCsam);
  EXPECT_EQ(answer.rule_id, "csam-strong");
  EXPECT_TRUE(answer.by_digests);
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(answer.generation, catalog_->Current()->number);
  // It says what was not looked at.
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kExactOnly);
  EXPECT_EQ(answer.coverage.views, 0);
  EXPECT_EQ(answer.coverage.missing,
            std::vector<std::string>{"the picture was not decoded: its digests decided"});
  EXPECT_EQ(answer.coverage.lists, std::vector<std::string>{"csam"});
  // The entry has no picture to compare with.
  EXPECT_EQ(checks_.waiting(), 0U);
  EXPECT_EQ(decoder_.calls, 0);
  EXPECT_TRUE(Shows("hashgate_scans_by_digests_total 1"));
  EXPECT_FALSE(Shows("hashgate_checks_behind_total{"));
}

TEST_F(ByDigestsTest, Md5AndSha1TogetherAreEnoughAndOneAloneIsNot) {
  List(PngBytes(1), {Algorithm::kMd5, Algorithm::kSha1});
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(decoder_.calls, 0);
  AddList("more");
  List(PngBytes(2), {Algorithm::kMd5}, Flip(kPicture, 5), "more");
  const ScanAnswer answer = ScanBytes(PngBytes(2));
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport) << "with the picture's help";
  EXPECT_FALSE(answer.by_digests);
  EXPECT_EQ(decoder_.calls, 1);
}

TEST_F(ByDigestsTest, WhatIsNotReportedIsDecoded) {
  const auto bytes = PngBytes(1);
  AddList("ours", Purpose::kCsam, Trust::kLocal);
  AddList("rules", Purpose::kOwnRules);
  lists::ListConfig capped = testing::MakeConfig("capped");
  capped.purpose = Purpose::kCsam;
  capped.action_ceiling = Verdict::kReview;
  ASSERT_TRUE(catalog_->CreateList(capped));
  int calls = 0;
  for (const std::string list : {"ours", "rules", "capped"}) {
    List(bytes, {Algorithm::kSha256}, {}, list);
    const ScanAnswer answer = ScanBytes(bytes);
    EXPECT_LT(answer.verdict, Verdict::kBlockAndReport) << list;
    EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete) << list;
    EXPECT_TRUE(answer.coverage.missing.empty()) << list;
    EXPECT_EQ(decoder_.calls, ++calls) << list;
  }
  EXPECT_FALSE(ScanBytes(PngBytes(2)).by_digests);
  EXPECT_EQ(decoder_.calls, calls + 1);
}

TEST_F(ByDigestsTest, WhoAsksForHashesGetsThem) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256}, Flip(kPicture, 5));
  const ScanAnswer answer = ScanWithHashes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
  EXPECT_FALSE(answer.by_digests);
  EXPECT_EQ(answer.image.views.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.distance_bits, 5);
  EXPECT_EQ(decoder_.calls, 1);
  EXPECT_EQ(checks_.waiting(), 0U);
}

TEST_F(ByDigestsTest, SwitchedOffThePictureIsDecodedFirstAndMayContradict) {
  Use({.answer_by_digests = DigestAnswers::kNever});
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256});
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(decoder_.calls, 1);
  EXPECT_FALSE(Shows("hashgate_digest_conflicts_total{"));
  List(bytes, {Algorithm::kSha256}, kUnrelated);
  const ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
  EXPECT_FALSE(Shows("hashgate_scans_by_digests_total"));
  EXPECT_TRUE(Shows("hashgate_digest_conflicts_total{found=\"upload\"} 1"));
}

TEST_F(ByDigestsTest, ByDefaultWhatCouldContradictIsDecodedFirst) {
  Use({});
  List(PngBytes(1), {Algorithm::kSha256});
  EXPECT_TRUE(ScanBytes(PngBytes(1)).by_digests);
  EXPECT_EQ(decoder_.calls, 0);
  List(PngBytes(2), {Algorithm::kSha256}, kUnrelated);
  EXPECT_EQ(ScanBytes(PngBytes(2)).verdict, Verdict::kReview);
  List(PngBytes(3), {Algorithm::kMd5, Algorithm::kSha1}, Flip(kPicture, 5));
  const ScanAnswer fits = ScanBytes(PngBytes(3));
  EXPECT_EQ(fits.verdict, Verdict::kBlockAndReport);
  EXPECT_FALSE(fits.by_digests);
  // A PDQ hash that says nothing contradicts nothing.
  List(PngBytes(4), {Algorithm::kSha256}, kUnrelated, "csam", 10);
  EXPECT_TRUE(ScanBytes(PngBytes(4)).by_digests);
  EXPECT_EQ(decoder_.calls, 2);
}

// A contradiction that nobody had time to find must not become a report.
TEST_F(ByDigestsTest, WithoutItsPictureWhatCouldContradictIsNoReport) {
  Use({});
  List(PngBytes(1), {Algorithm::kSha256}, kUnrelated);
  AddList("plain");
  List(PngBytes(2), {Algorithm::kSha256}, {}, "plain");
  const auto late = [this](std::uint8_t number) {
    ScanRequest request = Request();
    request.deadline = clock_.Steady();
    auto answer = ScanBytes(PngBytes(number), request);
    EXPECT_TRUE(answer);
    return answer.value_or(ScanAnswer{});
  };
  EXPECT_EQ(late(1).cause, Cause::kDeadline);
  EXPECT_EQ(late(1).verdict, Verdict::kBlock);
  EXPECT_EQ(late(2).verdict, Verdict::kBlockAndReport);
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "none");
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  Use(kAlways);
  EXPECT_EQ(late(1).verdict, Verdict::kBlockAndReport);
}

TEST_F(ByDigestsTest, APictureThatFitsItsEntryRaisesNoAlarm) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256}, Flip(kPicture, 5));
  EXPECT_TRUE(ScanBytes(bytes).by_digests);
  EXPECT_TRUE(Ends("done"));
  EXPECT_EQ(decoder_.calls, 1);
  EXPECT_FALSE(Shows("hashgate_digest_conflicts_total{"));
}

TEST_F(ByDigestsTest, APictureThatContradictsItsEntryRaisesTheAlarmAndTheVerdictStands) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256}, kUnrelated);
  ::testing::internal::CaptureStderr();
  const ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
  EXPECT_TRUE(Ends("done"));
  EXPECT_TRUE(Shows("hashgate_digest_conflicts_total{found=\"behind\"} 1"));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("\"digest_conflict\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"list\":\"csam\""), std::string::npos) << log;
}

TEST_F(ByDigestsTest, AnEntryWhoseOwnHashSaysNothingNeedsNoCheck) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256}, kUnrelated, "csam", 10);
  EXPECT_TRUE(ScanBytes(bytes).by_digests);
  EXPECT_EQ(checks_.waiting(), 0U);
  EXPECT_FALSE(Shows("hashgate_checks_behind_total{"));
}

TEST_F(ByDigestsTest, AFileThatNoDecoderCanReadIsReportedAllTheSame) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256}, kUnrelated);
  decode::DecodeResult broken;
  broken.cause = Cause::kDecoderCrashed;
  decoder_.answer = broken;
  EXPECT_EQ(ScanBytes(bytes).verdict, Verdict::kBlockAndReport);
  EXPECT_TRUE(Ends("failed"));
  EXPECT_FALSE(Shows("hashgate_digest_conflicts_total{"));
}

TEST_F(ByDigestsTest, ARequestIdKeepsItsVerdict) {
  const auto bytes = PngBytes(1);
  List(bytes, {Algorithm::kSha256});
  EXPECT_FALSE(ScanBytes(bytes, Request("r1"))->replayed);
  const auto page = catalog_->ListEntries("csam", {}, 10);
  ASSERT_TRUE(catalog_->DeleteEntry("csam", page->entries.back().id));
  List(PngBytes(7), {Algorithm::kSha256});
  const auto again = ScanBytes(bytes, Request("r1"));
  EXPECT_TRUE(again->replayed);
  EXPECT_TRUE(again->matches.empty());
  EXPECT_EQ(again->verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(ScanBytes(PngBytes(7), Request("r1")).error().reason, Reason::kRequestIdReused);
}

// The same bytes, lists and policy: whether the picture was decoded must not show in the verdict.
TEST_F(ByDigestsTest, TheVerdictIsTheSameWithAndWithoutHashes) {
  std::mt19937_64 random(testing::Seed());
  const auto pick = [&random](int count) {
    return static_cast<int>(random() % static_cast<unsigned>(count));
  };
  int by_digests = 0;
  int conflicts = 0;
  for (int round = 0; round < 60; ++round) {
    const char* const profiles[] = {"standard", "strict", "no-reviewers"};
    Use(round % 2 == 0 ? kAlways : ScannerOptions{}, profiles[round / 2 % 3]);
    const auto bytes = PngBytes(static_cast<std::uint8_t>(round));
    for (int i = pick(3); i >= 0; --i) {
      lists::ListConfig config =
          testing::MakeConfig("list-" + std::to_string(round) + "-" + std::to_string(i));
      config.purpose = pick(4) == 0 ? Purpose::kOwnRules : Purpose::kCsam;
      config.trust = pick(4) == 0 ? Trust::kLocal : Trust::kTrusted;
      if (pick(4) == 0) config.action_ceiling = Verdict::kReview;
      ASSERT_TRUE(catalog_->CreateList(config));
      const auto pdq = pick(3) == 0   ? std::optional<PdqHash>()
                       : pick(2) == 0 ? std::optional(kUnrelated)
                                      : std::optional(Flip(kPicture, pick(40)));
      switch (pick(4)) {
        case 0: List(bytes, {Algorithm::kSha256}, pdq, config.name); break;
        case 1: List(bytes, {Algorithm::kMd5, Algorithm::kSha1}, pdq, config.name); break;
        case 2: List(bytes, {Algorithm::kMd5}, pdq, config.name); break;
        default: List(bytes, {}, pdq.value_or(kPicture), config.name);
      }
    }
    const ScanAnswer decoded = ScanWithHashes(bytes);
    const ScanAnswer answer = ScanBytes(bytes);
    EXPECT_EQ(answer.verdict, decoded.verdict) << "round " << round;
    EXPECT_EQ(answer.harm_class, decoded.harm_class) << "round " << round;
    if (!decoded.matches.empty()) {
      EXPECT_EQ(decoded.matches[0].verdict, decoded.verdict) << "round " << round;
    }
    EXPECT_EQ(answer.by_digests, answer.verdict == Verdict::kBlockAndReport &&
                                     answer.coverage.level == CoverageLevel::kExactOnly);
    by_digests += answer.by_digests ? 1 : 0;
    conflicts += answer.by_digests && decoded.matches[0].fact.digest_conflict ? 1 : 0;
    // The decoder is not for two threads.
    ASSERT_TRUE(testing::PollUntil([this] { return checks_.waiting() == 0; }, seconds(10)));
  }
  EXPECT_GT(by_digests, 0);
  EXPECT_GT(conflicts, 0);
}

}  // namespace
}  // namespace hashgate::scan
