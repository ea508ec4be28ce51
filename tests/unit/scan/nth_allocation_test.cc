// Memory that runs out anywhere in a scan, on the server's side: an outcome, a typed error, or std::bad_alloc
// for the caller to answer; never "clean", and the next scan of the same scanner is right.
#include <gtest/gtest.h>

#include <new>

#include "testing/failing_memory.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

class ScanMemoryTest : public ScanTest, public ::testing::WithParamInterface<bool> {};

TEST_P(ScanMemoryTest, AListedPictureIsNeverClean) {
  AddList("listed");
  AddEntry("listed", {.source_id = "a", .hashes = {MakeHash(Algorithm::kPdq, 5, 100)}});
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)));
  const auto bytes = PngBytes(1);
  ASSERT_EQ(ScanBytes(bytes).outcome, Outcome::kMatched);
  int thrown = 0;
  int answered = 0;
  bool fired = true;
  std::uint64_t nth = 0;
  while (fired) {
    ++nth;
    ASSERT_LT(nth, 100'000U);
    const scan::ScanRequest request = Request();
    {
      FailingMemory memory(nth, GetParam());
      try {
        const auto answer = ScanBytes(bytes, request);
        memory.Disarm();
        EXPECT_TRUE(!answer || answer->verdict != Verdict::kAllow) << "allocation " << nth;
        ++answered;
      } catch (const std::bad_alloc&) {
        ++thrown;
      }
      memory.Disarm();
      fired = memory.fired();
    }
    EXPECT_EQ(ScanBytes(bytes).outcome, Outcome::kMatched) << "after allocation " << nth;
  }
  EXPECT_GT(nth, 10U);
  RecordProperty("thrown", thrown);
  RecordProperty("answered", answered);
}

INSTANTIATE_TEST_SUITE_P(OnceAndForGood, ScanMemoryTest, ::testing::Bool());

}  // namespace
}  // namespace hashgate::testing
