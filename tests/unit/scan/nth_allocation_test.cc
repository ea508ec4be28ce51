// Memory that runs out anywhere in a scan, on the server's side: an outcome or a typed error, for nobody
// would catch what is thrown; never "clean", and the next scan of the same scanner is right.
#include <gtest/gtest.h>

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
  int refused = 0;
  bool fired = true;
  std::uint64_t nth = 0;
  while (fired) {
    ++nth;
    ASSERT_LT(nth, 100'000U);
    const scan::ScanRequest request = Request();
    scan::UploadReader reader(scanner_->options().max_decode_bytes, scanner_->WantedDigests());
    reader.Update(bytes);
    const scan::Upload upload = reader.Finish();
    {
      FailingMemory memory(nth, GetParam());
      const auto answer = scanner_->Scan(request, upload);
      memory.Disarm();
      fired = memory.fired();
      if (answer) {
        EXPECT_NE(answer->verdict, Verdict::kAllow) << "allocation " << nth;
      } else {
        EXPECT_EQ(answer.error().reason, Reason::kOverloaded) << "allocation " << nth;
        ++refused;
      }
    }
    EXPECT_EQ(ScanBytes(bytes).outcome, Outcome::kMatched) << "after allocation " << nth;
  }
  EXPECT_GT(nth, 10U);
  EXPECT_GT(refused, 10);
}

INSTANTIATE_TEST_SUITE_P(OnceAndForGood, ScanMemoryTest, ::testing::Bool());

}  // namespace
}  // namespace hashgate::testing
