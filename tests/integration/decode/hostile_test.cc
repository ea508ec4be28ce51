// Workers that crash, lie and attack, behind the real lock.
#include <gmock/gmock.h>

#include "integration/decode/hostile_actions.h"
#include "integration/decode/pool_fixture.h"

namespace hashgate::testing {
namespace {

using decode::PoolOptions;

class HostileTest : public PoolTest {
 protected:
  void SetUp() override { StartPool(OneWorker()); }
};

TEST_F(HostileTest, ACrashIsTriedOnceMoreAndThenIsTheFilesDoing) {
  for (const std::string_view word : {"crash", "exit"}) {
    const auto before = pool_->Stats();
    const auto result = Decode(word);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->cause, Cause::kDecoderCrashed) << word;
    EXPECT_TRUE(result->views.empty());
    const auto stats = pool_->Stats();
    EXPECT_EQ(stats.crashes - before.crashes, 2U);
    EXPECT_EQ(stats.retries - before.retries, 1U);
    EXPECT_EQ(stats.jobs - before.jobs, 1U);
    ExpectServes("ok");
  }
}

TEST_F(HostileTest, TheSecondTryIsInAFreshWorker) {
  ExpectServes("ok");
  const auto result = Decode("crash-unless-fresh");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kNone);
  EXPECT_EQ(JobsOf(result), 1U);
  EXPECT_EQ(pool_->Stats().crashes, 1U);
}

TEST_F(HostileTest, AnswersThatFailTheirChecksCountAsCrashes) {
  for (const std::string_view word :
       {"reply-magic", "reply-job", "reply-cause", "reply-views", "reply-pixels", "reply-short", "reply-long",
        "reply-huge", "reply-descriptor"}) {
    const auto before = pool_->Stats().protocol_errors;
    const auto result = Decode(word);
    ASSERT_TRUE(result) << word << ": " << result.error().message;
    EXPECT_EQ(result->cause, Cause::kDecoderCrashed) << word;
    EXPECT_EQ(pool_->Stats().protocol_errors - before, 2U) << word;
    ExpectServes("ok");
  }
}

TEST_F(HostileTest, AnEmptyAnswerIsNone) {
  const auto result = Decode("reply-empty");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kDecoderCrashed);
  ExpectServes("ok");
}

TEST_F(HostileTest, AnAnswerSentAheadIsNeverTakenForTheNextUploads) {
  ExpectServes("reply-twice");
  const auto result = Decode("ok");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->views[0].pdq[0].forms[0].words[0], Checksum(Bytes("ok")));
  EXPECT_EQ(JobsOf(result), 1U) << "the worker that spoke out of turn was replaced";
  EXPECT_EQ(pool_->Stats().crashes, 0U);
}

TEST_F(HostileTest, WarningsOnStandardErrorAreHarmless) {
  const auto result = Decode("chatter");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kNone);
#ifndef HASHGATE_SANITIZED
  EXPECT_EQ(result->decode_micros, 1U) << "the write itself must fail";
#endif
}

class ActionTest : public HostileTest, public ::testing::WithParamInterface<HostileAction> {};

TEST_P(ActionTest, Fails) {
  const auto result = Decode(GetParam().name);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_NE(result->width, kBreachWidth) << "the lock let it happen";
  ExpectServes("ok");
}

INSTANTIATE_TEST_SUITE_P(All, ActionTest,
                         ::testing::ValuesIn(HostileActions().begin(), HostileActions().end()),
                         [](const auto& action) {
                           std::string name(action.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_F(PoolTest, ProcessorTimeIsBoundedByTheJobAndFinal) {
  PoolOptions options = OneWorker();
  options.limits.cpu_seconds = 1;
  StartPool(options);
  const auto result = Decode("burn");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cause, Cause::kTooCostly);
  EXPECT_EQ(pool_->Stats().retries, 0U);
  ExpectServes("ok");
}

TEST_F(PoolTest, MemoryIsBoundedAndFinal) {
#ifdef HASHGATE_SANITIZED
  GTEST_SKIP() << "sanitizers need the address space";
#endif
  PoolOptions options = OneWorker();
  options.limits.memory_bytes = 128ULL << 20;
  StartPool(options);
  const auto result = Decode("allocate");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cause, Cause::kTooCostly);
  EXPECT_EQ(pool_->Stats().retries, 0U);
  ExpectServes("ok");
}

}  // namespace
}  // namespace hashgate::testing
