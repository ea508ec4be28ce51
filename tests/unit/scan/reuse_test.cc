// Identical bytes are not decoded again, and nothing else changes by that.
#include <gtest/gtest.h>

#include "scan/seen_pictures.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::scan {
namespace {

using testing::MakeHash;
using testing::PdqOf;
using testing::PictureWith;
using testing::PngBytes;

class ReuseTest : public testing::ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    lists::ListConfig config = testing::MakeConfig("known");
    config.pdq_pipeline = Pipeline::kFull;
    ASSERT_TRUE(catalog_->CreateList(config));
    AddEntry("known", {.source_id = "a", .hashes = {PdqValue(hash_)}});
    scanner_ = std::make_unique<Scanner>(
        ScannerParts{
            .catalog = catalog_.get(), .decoder = &decoder_, .seen_pictures = &seen_, .clock = &clock_},
        ScannerOptions{.max_decode_bytes = 1'000}, scanner_->CurrentPolicy());
  }

  const PdqHash hash_ = PdqOf(MakeHash(Algorithm::kPdq, 1));
  SeenPictures seen_{{.keep = std::chrono::seconds(60)}, clock_};
};

TEST_F(ReuseTest, TheSameBytesAreDecodedOnceAndAnsweredAlike) {
  decoder_.answer = PictureWith(hash_);
  const ScanAnswer first = ScanBytes(PngBytes(1));
  // Were it asked, it would say something else.
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 2)));
  const ScanAnswer second = ScanBytes(PngBytes(1));
  EXPECT_EQ(decoder_.calls, 1);
  EXPECT_EQ(second.verdict, Verdict::kBlock);
  EXPECT_EQ(second.verdict, first.verdict);
  EXPECT_EQ(second.coverage.level, first.coverage.level);
  EXPECT_EQ(second.coverage.missing, first.coverage.missing);
  EXPECT_EQ(second.image.width, first.image.width);
  EXPECT_EQ(second.timings.decode, 0);

  const ScanAnswer other = ScanBytes(PngBytes(2));
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_EQ(other.verdict, Verdict::kAllow);
}

TEST_F(ReuseTest, ListsAreAskedAnew) {
  const PdqHash later = PdqOf(MakeHash(Algorithm::kPdq, 2));
  decoder_.answer = PictureWith(later);
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kAllow);
  AddEntry("known", {.source_id = "b", .hashes = {PdqValue(later)}});
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  EXPECT_EQ(decoder_.calls, 1);
}

TEST_F(ReuseTest, AListThatNeedsTheOtherPipelineHasItDecodedOnceMore) {
  decoder_.answer = PictureWith(hash_);
  ScanBytes(PngBytes(1));
  lists::ListConfig config = testing::MakeConfig("second");
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->CreateList(config));
  AddEntry("second", {.source_id = "n", .hashes = {PdqValue(PdqOf(MakeHash(Algorithm::kPdq, 9)))}});
  ScanBytes(PngBytes(1));
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_TRUE(decoder_.last_wanted.pdq_nn512);
  ScanBytes(PngBytes(1));
  EXPECT_EQ(decoder_.calls, 2);
}

TEST_F(ReuseTest, FailuresAreNotKept) {
  decoder_.answer = Fail(Reason::kDecoderUnavailable, "no worker");
  EXPECT_EQ(ScanBytes(PngBytes(1)).outcome, Outcome::kNotEvaluated);
  decode::DecodeResult corrupt;
  corrupt.cause = Cause::kCorrupt;
  decoder_.answer = corrupt;
  EXPECT_EQ(ScanBytes(PngBytes(1)).outcome, Outcome::kUnscannable);
  decoder_.answer = PictureWith(hash_);
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  EXPECT_EQ(decoder_.calls, 3);
}

TEST_F(ReuseTest, TheCanaryAlwaysSeesTheDecoderWork) {
  decoder_.answer = PictureWith(hash_);
  ScanRequest request = Request();
  request.system_lists = true;
  const std::vector<lists::EntryRecord> entries = {{.source_id = "s", .hashes = {PdqValue(hash_)}}};
  ASSERT_TRUE(catalog_->EnsureSystemList(testing::MakeConfig("hashgate-test"), entries));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(ScanBytes(PngBytes(1), request));
    EXPECT_EQ(decoder_.calls, i);
  }
  EXPECT_EQ(seen_.Count(), 0U);
}

}  // namespace
}  // namespace hashgate::scan
