// What a record says of an answer, what later answers add, and what stands without an entry.
#include "casework/verdicts/verdict_record.h"

#include <gtest/gtest.h>

#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

using testing::MakeAnswer;
using testing::MakeMatch;
using testing::ScanId;

VerdictRecord RecordFor(const scan::ScanAnswer& answer) {
  VerdictRecord record = RecordOf({}, -1, answer, {});
  HoldUnexplained(record);
  return record;
}

TEST(VerdictRecord, HoldsWhatTheAnswerSaid) {
  scan::ScanRequest request;
  request.tenant = "acme";
  request.caller = "up";
  request.request_id = "r";
  request.content_id = "c";
  request.surface.name = "avatars";
  scan::ScanAnswer answer =
      MakeAnswer(ScanId(1), {MakeMatch(1, 2, Verdict::kBlock), MakeMatch(3, 4, Verdict::kReview)});
  answer.matches[0].source_id = "source";
  const VerdictRecord record = RecordOf(request, 3, answer, FromUnixMillis(5));
  EXPECT_EQ(record.id, (VerdictId{"acme", ScanId(1)}));
  EXPECT_EQ(record.caller, "up");
  EXPECT_EQ(record.request_id, "r");
  EXPECT_EQ(record.file, 3);
  EXPECT_EQ(record.content_id, "c");
  EXPECT_EQ(record.surface, "avatars");
  EXPECT_EQ(record.time, FromUnixMillis(5));
  EXPECT_EQ(record.given, Verdict::kBlock);
  EXPECT_EQ(record.standing, Verdict::kBlock);
  EXPECT_EQ(record.without_matches, Verdict::kAllow);
  EXPECT_EQ(record.outcome, Outcome::kMatched);
  EXPECT_EQ(record.rule_id, "rule");
  EXPECT_EQ(record.generation, 7);
  ASSERT_EQ(record.matches.size(), 2U);
  EXPECT_EQ(record.matches[0], (RecordedMatch{{1, 2}, "list-1", {Algorithm::kPdq}, Verdict::kBlock, false}));
  EXPECT_EQ(record.matches[1].verdict, Verdict::kReview);
}

// What stands without an entry is the strictest of the other matches and of the look itself.
TEST(VerdictRecord, WithoutAnEntryTheStrictestOfTheRestStands) {
  const VerdictRecord record =
      RecordFor(MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlockAndReport),
                                       MakeMatch(1, 2, Verdict::kReview), MakeMatch(2, 1, Verdict::kBlock)}));
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kBlock);
  EXPECT_EQ(Without(record, {1, 1}).stands_by, 2U);
  EXPECT_EQ(Without(record, {1, 2}).verdict, Verdict::kBlockAndReport);
  EXPECT_EQ(Without(record, {1, 2}).stands_by, 0U);
  EXPECT_EQ(Without(record, {9, 9}).verdict, Verdict::kBlockAndReport);
}

TEST(VerdictRecord, EntriesOfOneNumberInTwoListsAreTwo) {
  const VerdictRecord record =
      RecordFor(MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock), MakeMatch(2, 5, Verdict::kReview)}));
  EXPECT_EQ(Without(record, {1, 5}).verdict, Verdict::kReview);
  EXPECT_EQ(Without(record, {2, 5}).verdict, Verdict::kBlock);
}

TEST(VerdictRecord, TheLookItselfStands) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlock)});
  answer.without_matches = Verdict::kHold;
  const Remaining remaining = Without(RecordFor(answer), {1, 1});
  EXPECT_EQ(remaining.verdict, Verdict::kHold);
  EXPECT_EQ(remaining.stands_by, kNoMatch);
}

TEST(VerdictRecord, MatchesThatWereUndoneKeepNothingUp) {
  VerdictRecord record =
      RecordFor(MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlock), MakeMatch(1, 2, Verdict::kBlock)}));
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kBlock);
  FindMatch(record, {1, 2})->undone = true;
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kAllow);
}

// Such as one taken over from an answer that left no record.
TEST(VerdictRecord, AVerdictThatNoMatchExplainsStands) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kReview)});
  answer.verdict = Verdict::kBlock;
  EXPECT_EQ(Without(RecordFor(answer), {1, 1}).verdict, Verdict::kBlock);
}

TEST(VerdictRecord, TheSameAnswerAgainChangesNothing) {
  const scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlock)});
  VerdictRecord record = RecordFor(answer);
  const VerdictRecord before = record;
  EXPECT_FALSE(TakeLater(RecordOf({}, -1, answer, {}), record));
  EXPECT_EQ(record, before);
}

TEST(VerdictRecord, LaterMatchesAreAddedAndStricterVerdictsTaken) {
  VerdictRecord record = RecordFor(MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kReview)}));
  scan::ScanAnswer later =
      MakeAnswer(ScanId(2), {MakeMatch(1, 1, Verdict::kReview), MakeMatch(2, 1, Verdict::kBlock)});
  later.rule_id = "stricter";
  later.generation = 8;
  EXPECT_TRUE(TakeLater(RecordOf({}, -1, later, {}), record));
  EXPECT_EQ(record.id.scan_id, ScanId(1)) << "the first answer's";
  EXPECT_EQ(record.given, Verdict::kBlock);
  EXPECT_EQ(record.standing, Verdict::kBlock);
  EXPECT_EQ(record.rule_id, "stricter");
  EXPECT_EQ(record.generation, 8);
  EXPECT_EQ(record.matches.size(), 2U);
  EXPECT_EQ(Without(record, {2, 1}).verdict, Verdict::kReview);
}

// The later answer only has its verdict from the first: what the first one's match led to can be undone.
TEST(VerdictRecord, RemoteListsAreToldApartByName) {
  const auto from = [](const char* list, Verdict verdict) {
    scan::MatchDetail match = MakeMatch(0, 0, verdict);
    match.fact.list = list;
    return RecordFor(MakeAnswer(ScanId(1), {match}));
  };
  VerdictRecord record = from("one", Verdict::kReview);
  TakeLater(from("two", Verdict::kBlock), record);
  TakeLater(from("one", Verdict::kReview), record);
  ASSERT_EQ(record.matches.size(), 2U);
  EXPECT_EQ(record.matches[0].list, "one");
  EXPECT_EQ(record.matches[0].verdict, Verdict::kReview);
  EXPECT_EQ(record.matches[1].list, "two");
  EXPECT_EQ(record.matches[1].verdict, Verdict::kBlock);
}

TEST(VerdictRecord, AVerdictTakenOverFromTheRecordIsExplainedByIt) {
  VerdictRecord record = RecordFor(MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlock)}));
  scan::ScanAnswer later = MakeAnswer(ScanId(2), {MakeMatch(2, 1, Verdict::kReview)});
  later.verdict = Verdict::kBlock;
  EXPECT_TRUE(TakeLater(RecordOf({}, -1, later, {}), record));
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kReview);
}

TEST(VerdictRecord, AMatchThatIsThereAgainCountsAnew) {
  const scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlock)});
  VerdictRecord record = RecordFor(answer);
  FindMatch(record, {1, 1})->undone = true;
  record.standing = Verdict::kAllow;
  EXPECT_TRUE(TakeLater(RecordOf({}, -1, answer, {}), record));
  EXPECT_FALSE(record.matches[0].undone);
  EXPECT_EQ(record.standing, Verdict::kBlock);
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kAllow);
}

TEST(VerdictRecord, ALookAfterTheAnswerSaysWhatWasNotKnown) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlockAndReport)});
  answer.by_digests = true;
  answer.without_matches = Verdict::kHold;
  VerdictRecord record = RecordFor(answer);
  EXPECT_TRUE(record.unseen);
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kHold) << "nobody looked at the picture";
  const scan::ScanAnswer look =
      MakeAnswer(ScanId(9), {MakeMatch(1, 1, Verdict::kBlockAndReport), MakeMatch(2, 2, Verdict::kReview)});
  EXPECT_TRUE(TakeLook(RecordOf({}, -1, look, {}), record));
  EXPECT_FALSE(record.unseen);
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kReview) << "another entry knows the picture";
  FindMatch(record, {2, 2})->undone = true;
  EXPECT_EQ(Without(record, {1, 1}).verdict, Verdict::kAllow);
  EXPECT_FALSE(TakeLook(RecordOf({}, -1, look, {}), record)) << "a look brings nothing back";
}

// The verdict that the platform was told of stays the one that stands.
TEST(VerdictRecord, ALookAfterAReversalLeavesWhatWasTold) {
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 1, Verdict::kBlockAndReport)});
  answer.by_digests = true;
  answer.without_matches = Verdict::kHold;
  VerdictRecord record = RecordFor(answer);
  FindMatch(record, {1, 1})->undone = true;
  record.standing = Verdict::kHold;
  const scan::ScanAnswer look = MakeAnswer(ScanId(9), {MakeMatch(1, 1, Verdict::kBlockAndReport)});
  EXPECT_TRUE(TakeLook(RecordOf({}, -1, look, {}), record));
  EXPECT_EQ(record.standing, Verdict::kHold);
  EXPECT_TRUE(record.matches[0].undone);
  EXPECT_EQ(record.without_matches, Verdict::kHold);
}

}  // namespace
}  // namespace hashgate::casework
