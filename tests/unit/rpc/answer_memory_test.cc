// Memory that runs out while an answer is put on the wire: a typed error, for nobody would catch what is
// thrown.
#include <gtest/gtest.h>

#include "rpc/answer.h"
#include "rpc/service_context.h"
#include "testing/failing_memory.h"

namespace hashgate::rpc {
namespace {

scan::ScanAnswer Answer() {
  scan::ScanAnswer answer;
  answer.scan_id = "01M85DNZV2TN5DYXK91QTZM7JR";
  answer.outcome = Outcome::kMatched;
  answer.verdict = Verdict::kBlock;
  answer.coverage.missing = {"a sentence that is too long to be kept within the string itself"};
  scan::MatchDetail& match = answer.matches.emplace_back();
  match.fact.list = "a list whose name is too long to be kept within the string itself";
  match.fact.algorithms = {Algorithm::kPdq, Algorithm::kMd5};
  return answer;
}

TEST(AnswerMemory, AnAnswerForWhichThereIsNoMemoryIsAnError) {
  const scan::ScanAnswer answer = Answer();
  const ServiceContext context;
  int refused = 0;
  bool fired = true;
  for (std::uint64_t nth = 1; fired; ++nth) {
    ASSERT_LT(nth, 10'000U);
    v1::ScanResult result;
    testing::FailingMemory memory(nth, false);
    const Status filled = FillResult(context, answer, DetailLevel::kFull, true, result);
    memory.Disarm();
    fired = memory.fired();
    if (filled) continue;
    EXPECT_EQ(filled.error().reason, Reason::kOverloaded) << "allocation " << nth;
    ++refused;
  }
  EXPECT_GT(refused, 5);
}

}  // namespace
}  // namespace hashgate::rpc
