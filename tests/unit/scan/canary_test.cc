#include "scan/canary.h"

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

class CanaryTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    picture_bytes_ = PngBytes(77);
    picture_ = {picture_bytes_, PdqOf(MakeHash(Algorithm::kPdq, 42)), 90, DigestsOf(picture_bytes_).sha256};
    ASSERT_TRUE(scan::EnsureCanaryList(*catalog_, picture_));
    decoder_.answer = PictureWith(picture_.pdq);
    canary_.emplace(*scanner_, *catalog_, *metrics_, picture_, scan::CanaryOptions{});
  }

  std::vector<std::uint8_t> picture_bytes_;
  scan::CanaryPicture picture_;
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  std::optional<scan::Canary> canary_;
};

TEST_F(CanaryTest, FindsItsPictureAndStoredEntriesOfEveryKind) {
  EXPECT_FALSE(canary_->ok());
  AddList("csam");
  for (std::uint64_t number = 0; number < 10; ++number) AddEntry("csam", MakeRecord(number));
  for (int run = 0; run < 6; ++run) EXPECT_TRUE(canary_->Run()) << canary_->detail();
  EXPECT_TRUE(canary_->ok());
  // It protects nobody and is no list for anybody else.
  EXPECT_TRUE(catalog_->Lists(false).size() == 1);
}

TEST_F(CanaryTest, ItsListDoesNotCountAsProtection) {
  ASSERT_TRUE(canary_->Run());
  EXPECT_EQ(ScanBytes(PngBytes(1)).cause, Cause::kNoLists);
}

TEST_F(CanaryTest, ThreeMissesInARowAndNotFewerEndReadiness) {
  ASSERT_TRUE(canary_->Run());
  decoder_.answer =
      PictureWith(Flip(picture_.pdq, 40));  // decoded wrongly: the digest alone must not satisfy it
  EXPECT_FALSE(canary_->Run());
  EXPECT_FALSE(canary_->Run());
  EXPECT_TRUE(canary_->ok());
  EXPECT_FALSE(canary_->Run());
  EXPECT_FALSE(canary_->ok());
  EXPECT_NE(canary_->detail().find("not matched"), std::string::npos);
  decoder_.answer = PictureWith(picture_.pdq);
  EXPECT_TRUE(canary_->Run());
  EXPECT_TRUE(canary_->ok());
  EXPECT_NE(metrics_->Exposition().find("hashgate_canary_misses_total{what=\"picture\"} 3"),
            std::string::npos);
}

}  // namespace
}  // namespace hashgate::testing
