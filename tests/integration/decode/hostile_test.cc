// Workers that crash, lie and attack, behind the real lock.
#include <gmock/gmock.h>

#include <array>
#include <set>

#include "integration/decode/hostile_actions.h"
#include "integration/decode/hostile_replies.h"
#include "integration/decode/pool_fixture.h"

namespace hashgate::testing {
namespace {

using decode::PoolOptions;

// Answers with something wrong but their fields.
constexpr std::array<std::string_view, 7> kForgedShapes = {
    "reply-short", "reply-header", "reply-long", "reply-longer", "reply-huge", "reply-drip", "reply-noise"};

class HostileTest : public PoolTest {
 protected:
  void SetUp() override { StartPool(OneWorker()); }

  // Both tries end the same way, the server says why, and the next upload is served.
  void ExpectTwice(std::string_view word, std::uint64_t decode::PoolStats::* counter) {
    SCOPED_TRACE(word);
    const auto before = pool_->Stats();
    const auto result = Decode(word);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->cause, Cause::kDecoderCrashed);
    EXPECT_TRUE(result->views.empty());
    EXPECT_EQ(pool_->Stats().*counter - before.*counter, 2U);
    ExpectServes("ok");
  }
  void ExpectNonsense(std::string_view word) { ExpectTwice(word, &decode::PoolStats::protocol_errors); }
  void ExpectCrash(std::string_view word) { ExpectTwice(word, &decode::PoolStats::crashes); }
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

TEST_F(HostileTest, AnAnswerWithOneForgedFieldIsRefused) {
  for (const ForgedField& field : ForgedFields()) ExpectNonsense(field.name);
}

TEST_F(HostileTest, AnAnswerOfAnotherShapeIsRefused) {
  for (const std::string_view word : kForgedShapes) ExpectNonsense(word);
}

TEST_F(HostileTest, AnEmptyAnswerIsNone) {
  ExpectCrash("reply-empty");
}

TEST_F(HostileTest, TimesAreNoLongerThanTheServerWaited) {
  const auto result = Decode("long-times");
  ASSERT_TRUE(result);
  EXPECT_LT(result->decode_micros, 60'000'000U);
  EXPECT_LT(result->hash_micros, 60'000'000U);
}

TEST_F(HostileTest, AnswersWithoutEndAreOneAnswer) {
  ExpectServes("reply-for-ever");
  ExpectServes("ok");
}

TEST_F(HostileTest, AnAnswerSentAheadIsNeverTakenForTheNextUploads) {
  ExpectServes("reply-twice");
  const auto result = Decode("ok");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->views[0].pdq[0].forms[0].words[0], Checksum(BytesOf("ok")));
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

TEST_F(HostileTest, NoActionSucceeds) {
  std::set<std::string_view> tried;
  for (const HostileAction& action : HostileActions()) {
    SCOPED_TRACE(action.name);
    EXPECT_TRUE(tried.insert(action.name).second) << "the name stands for two actions";
    const auto before = pool_->Stats();
    const auto result = Decode(action.name);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_NE(result->width, kBreachWidth) << "the lock let it happen";
#ifndef HASHGATE_SANITIZED
    // Sanitizers need more calls, some of which fail instead of killing.
    const bool killed = action.fate == Fate::kKilled;
    EXPECT_EQ(result->cause, killed ? Cause::kDecoderCrashed : Cause::kNone);
    EXPECT_EQ(pool_->Stats().crashes - before.crashes, killed ? 2U : 0U);
#endif
    EXPECT_EQ(pool_->Stats().protocol_errors, before.protocol_errors);
    ExpectServes("ok");
  }
  EXPECT_EQ(pool_->Stats().spawner_starts, 0U) << "an attempt reached the spawner";
  // What is tried in this file all told: actions, forged fields, forged shapes.
  EXPECT_GE(tried.size(), 50U);
  EXPECT_GE(tried.size() + ForgedFields().size() + kForgedShapes.size(), 100U);
}

// Where the lock did not hold at all, forged answers still harm nobody.
class UnlockedTest : public HostileTest {
 protected:
  void SetUp() override {
    const std::filesystem::path folder = std::filesystem::path(HostileBinary()).parent_path();
    StartPool(OneWorker(), folder / "hashgate-decoder-unlocked");
  }
};

TEST_F(UnlockedTest, DescriptorsAreClosedAndRefused) {
  const int before = OpenDescriptors();
  ExpectNonsense("reply-descriptor");
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() == before; }));
}

TEST_F(UnlockedTest, AClosedSocketIsACrash) {
  ExpectCrash("reply-after-shutdown");
  ExpectCrash("reply-after-close");
}

TEST_F(UnlockedTest, ForgedAnswersAreRefused) {
  for (const ForgedField& field : ForgedFields()) ExpectNonsense(field.name);
  for (const std::string_view word : kForgedShapes) ExpectNonsense(word);
}

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
