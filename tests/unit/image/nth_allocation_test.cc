// Memory that runs out anywhere in a decode: for each format and each allocation of its decode in turn, the
// answer is TOO_COSTLY, or the very answer that enough memory gives, or one that says that frames were left
// out; and nothing stays behind. A wrong hash would be final. Each try is a process of its own, as a worker
// is: libwebp 1.2.4 reads through a null pointer where it gets no memory for the rows of a transparent
// picture, which the server sees as DECODER_CRASHED.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
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

decode::ReplyRecord RecordOf(const std::vector<std::uint8_t>& reply) {
  decode::ReplyRecord record;
  std::memcpy(&record, reply.data(), sizeof record);
  return record;
}
Cause CauseOf(const std::vector<std::uint8_t>& reply) {
  return static_cast<Cause>(RecordOf(reply).cause);
}

// Whether an answer says itself that frames, or pictures within, were left out, which policy then holds.
bool SaysLess(const std::vector<std::uint8_t>& reply, const std::vector<std::uint8_t>& right) {
  const decode::ReplyRecord record = RecordOf(reply);
  const decode::ReplyRecord whole = RecordOf(right);
  return record.cause == whole.cause && record.view_count >= 1 &&
         ((record.frames_seen < whole.frames_seen && record.frames_total == whole.frames_total) ||
          record.embedded_unseen > whole.embedded_unseen);
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

// What a try came to.
struct Try {
  bool fired = false;
  bool same = false;
  bool says_less = false;
  Cause cause = Cause::kNone;
  std::int64_t left_over = 0;  // blocks
  std::uint32_t frames_seen = 0;
  std::uint32_t frames_total = 0;
  std::uint32_t views = 0;
};

Try Run(ByteSpan bytes, std::uint64_t nth, bool all_after, const std::vector<std::uint8_t>& right) {
  Try result;
  const std::int64_t before = LiveBlocks();
  {
    FailingMemory memory(nth, all_after);
    decode::DecodeResult decoded =
        image::ProcessUpload(bytes, decode::Format::kUnknown, {.pdq_full = true, .pdq_nn512 = true}, {});
    result.fired = memory.fired();
    memory.Disarm();
    decoded.decode_micros = decoded.hash_micros = 0;
    // That the codec reported damage is a fact beside the hashes.
    decoded.codec_warned = RecordOf(right).codec_warned != 0;
    const std::vector<std::uint8_t> reply = decode::EncodeReply(decoded, 1);
    result.same = reply == right;
    result.says_less = SaysLess(reply, right);
    result.cause = CauseOf(reply);
    result.frames_seen = decoded.frames_seen;
    result.frames_total = decoded.frames_total;
    result.views = static_cast<std::uint32_t>(decoded.views.size());
  }
  result.left_over = LiveBlocks() - before;
  return result;
}

// Empty where the process died.
std::optional<Try> RunInChild(ByteSpan bytes, std::uint64_t nth, bool all_after,
                              const std::vector<std::uint8_t>& right) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return std::nullopt;
  const pid_t child = ::fork();
  if (child == 0) {
    const Try result = Run(bytes, nth, all_after, right);
    static_cast<void>(!::write(ends[1], &result, sizeof result));
    ::_exit(0);
  }
  ::close(ends[1]);
  Try result;
  const bool whole = ::read(ends[0], &result, sizeof result) == sizeof result;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return whole ? std::optional(result) : std::nullopt;
}

TEST_P(NthAllocationTest, GivesTheRightAnswerOrTooCostly) {
  const bool all_after = GetParam();
  for (const Base& base : bases_) {
    // Twice: what a library keeps after its first use is no leak.
    Decode(base.bytes);
    const std::vector<std::uint8_t> right = Decode(base.bytes);
    const std::string format = base.name.substr(0, base.name.find('-'));
    // These adapters cannot tell yet whether their library ran out of memory or met a broken file.
    const bool may_blame_the_file = format == "png" || format == "webp" || format == "gif";
    int refused = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      ASSERT_LT(nth, 100'000U) << base.name;
      const auto tried = RunInChild(base.bytes, nth, all_after, right);
      const std::string what = base.name + ": allocation " + std::to_string(nth);
      if (!tried) {
        EXPECT_EQ(format, "webp") << what << " ends the worker";
        continue;
      }
      EXPECT_EQ(tried->left_over, 0) << what << " leaves blocks behind";
      if (!tried->fired) {
        EXPECT_TRUE(tried->same) << base.name;
        break;
      }
      ++refused;
      EXPECT_TRUE(tried->same || tried->says_less || tried->cause == Cause::kTooCostly ||
                  (may_blame_the_file && tried->cause == Cause::kCorrupt))
          << what << " gives " << Name(tried->cause) << " with " << tried->views << " views of "
          << tried->frames_seen << " of " << tried->frames_total << " frames, where enough memory gives "
          << RecordOf(right).view_count << " of " << RecordOf(right).frames_seen << " of "
          << RecordOf(right).frames_total;
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
