// Memory that runs out anywhere in a decode: for each format and each allocation of its decode in turn, the
// answer is TOO_COSTLY or the very answer that enough memory gives, and nothing stays behind. A wrong hash,
// or a cause that blames the file, would be final.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "image/process.h"
#include "testing/failing_memory.h"
#include "testkit/hostile/bases.h"

namespace hashgate::testing {
namespace {

using testkit::hostile::Base;

std::vector<std::uint8_t> Decode(ByteSpan bytes) {
  decode::DecodeResult result =
      image::ProcessUpload(bytes, decode::Format::kUnknown, {.pdq_full = true, .pdq_nn512 = true}, {});
  result.decode_micros = result.hash_micros = 0;
  return decode::EncodeReply(result, 1);
}

Cause CauseOf(const std::vector<std::uint8_t>& reply) {
  decode::ReplyRecord record;
  std::memcpy(&record, reply.data(), sizeof record);
  return static_cast<Cause>(record.cause);
}

class NthAllocationTest : public ::testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() {
    image::WarmUp();
    auto bases = testkit::hostile::MakeBases(11);
    ASSERT_TRUE(bases) << bases.error().message;
    bases_ = *std::move(bases);
  }
  inline static std::vector<Base> bases_;
};

TEST_P(NthAllocationTest, GivesTheRightAnswerOrTooCostly) {
  const bool all_after = GetParam();
  for (const Base& base : bases_) {
    // Twice: what a library keeps after its first use is no leak.
    Decode(base.bytes);
    const std::vector<std::uint8_t> right = Decode(base.bytes);
    std::uint64_t nth = 0;
    int refused = 0;
    for (bool fired = true; fired;) {
      ++nth;
      ASSERT_LT(nth, 100'000U) << base.name;
      const std::int64_t before = LiveBlocks();
      bool same = false;
      Cause cause = Cause::kNone;
      {
        FailingMemory memory(nth, all_after);
        decode::DecodeResult result = image::ProcessUpload(base.bytes, decode::Format::kUnknown,
                                                           {.pdq_full = true, .pdq_nn512 = true}, {});
        fired = memory.fired();
        memory.Disarm();
        result.decode_micros = result.hash_micros = 0;
        const std::vector<std::uint8_t> reply = decode::EncodeReply(result, 1);
        same = reply == right;
        cause = CauseOf(reply);
      }
      EXPECT_EQ(LiveBlocks(), before) << base.name << ": allocation " << nth << " leaves something behind";
      refused += fired ? 1 : 0;
      if (!fired) {
        EXPECT_TRUE(same) << base.name;
      } else {
        EXPECT_TRUE(same || cause == Cause::kTooCostly)
            << base.name << ": allocation " << nth << " gives " << Name(cause)
            << (cause == CauseOf(right) ? " with other hashes or facts" : "");
      }
    }
    EXPECT_TRUE(refused > 0 || CauseOf(right) != Cause::kNone) << base.name << " allocates nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(OnceAndForGood, NthAllocationTest, ::testing::Bool());

TEST(FailingMemoryTest, RefusesTheNth) {
  FailingMemory memory(2);
  void* const first = std::malloc(10);
  void* const second = std::malloc(10);
  void* const third = std::malloc(10);
  memory.Disarm();
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  EXPECT_NE(third, nullptr);
  EXPECT_EQ(memory.seen(), 3U);
  EXPECT_TRUE(memory.fired());
  const std::int64_t before = LiveBlocks();
  std::free(first);
  std::free(third);
  EXPECT_EQ(LiveBlocks(), before - 2);
}

}  // namespace
}  // namespace hashgate::testing
