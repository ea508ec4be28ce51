// Only digests that a list holds are computed, and no list is missed by that, whenever it appears.
#include <random>

#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

constexpr DigestKinds kSha256Only = DigestKinds().With(DigestKind::kSha256);

class DigestsTest : public ScanTest {
 protected:
  void AddDigest(const std::string& list, Algorithm algorithm, const std::vector<std::uint8_t>& bytes) {
    const Digests digests = DigestsOf(bytes);
    const HashValue value = algorithm == Algorithm::kMd5 ? DigestValue(algorithm, digests.md5)
                                                         : DigestValue(algorithm, digests.sha1);
    AddEntry(list, {.source_id = std::string(AlgorithmName(algorithm)), .hashes = {value}});
  }
  /// A reader to which all of `bytes` came in two pieces, wanting what the lists hold now.
  scan::Upload Arrive(const std::vector<std::uint8_t>& bytes) {
    reader_.emplace(scanner_->options().max_decode_bytes, scanner_->WantedDigests());
    reader_->Update(ByteSpan(bytes).first(bytes.size() / 2));
    reader_->Update(ByteSpan(bytes).subspan(bytes.size() / 2));
    return reader_->Finish();
  }

  std::optional<scan::UploadReader> reader_;
};

TEST_F(DigestsTest, ThoseThatEnabledListsHoldAreWanted) {
  EXPECT_EQ(scanner_->WantedDigests(), kSha256Only);
  AddList("csam");
  EXPECT_EQ(scanner_->WantedDigests(), kSha256Only);
  AddDigest("csam", Algorithm::kMd5, PngBytes(1));
  EXPECT_EQ(scanner_->WantedDigests(), kSha256Only.With(DigestKind::kMd5));
  AddDigest("csam", Algorithm::kSha1, PngBytes(1));
  EXPECT_EQ(scanner_->WantedDigests(), DigestKinds::All());
  ASSERT_TRUE(catalog_->SetEnabled("csam", false));
  EXPECT_EQ(scanner_->WantedDigests(), kSha256Only);
}

TEST_F(DigestsTest, TheConfigurationMayAskForAll) {
  const scan::Scanner scanner({.catalog = catalog_.get(), .clock = &clock_}, {.all_digests = true},
                              *policy::LoadProfile("standard"));
  EXPECT_EQ(scanner.WantedDigests(), DigestKinds::All());
}

TEST_F(DigestsTest, WhatWasNotComputedIsNotShown) {
  AddList("csam");
  AddEntry("csam", MakeRecord(7));
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)));
  const scan::Upload upload = Arrive(PngBytes(1));
  const auto answer = scanner_->Scan(Request(), upload);
  ASSERT_TRUE(answer && answer->digests);
  EXPECT_EQ(answer->digests->kinds, upload.digests.kinds);
  const auto& looked_up = answer->coverage.algorithms;
  for (const auto& [algorithm, kind] :
       {std::pair{Algorithm::kMd5, DigestKind::kMd5}, std::pair{Algorithm::kSha1, DigestKind::kSha1},
        std::pair{Algorithm::kSha256, DigestKind::kSha256}}) {
    EXPECT_EQ(std::ranges::find(looked_up, algorithm) != looked_up.end(), upload.digests.kinds.Has(kind));
  }
}

TEST_F(DigestsTest, AListThatAppearsAfterThePictureArrivedIsNotMissed) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  const scan::Upload upload = Arrive(bytes);
  EXPECT_EQ(upload.digests.kinds, kSha256Only);
  AddDigest("csam", Algorithm::kMd5, bytes);
  const auto answer = scanner_->Scan(Request(), upload);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outcome, Outcome::kMatched);
  EXPECT_TRUE(answer->digests->kinds.Has(DigestKind::kMd5));
  EXPECT_EQ(answer->digests->md5, DigestsOf(bytes).md5);
  EXPECT_EQ(answer->digests->sha256, DigestsOf(bytes).sha256);
}

// No upload reader leaves it so, but whoever else does must not be told "clean".
TEST_F(DigestsTest, ADigestThatCanNoLongerBeHadIsNotEvaluated) {
  AddList("csam");
  AddDigest("csam", Algorithm::kMd5, PngBytes(2));
  scan::Upload upload;
  upload.digests = DigestsOf(PngBytes(1));
  upload.digests.kinds = kSha256Only;
  upload.format = decode::Format::kText;
  upload.size = 9;
  const auto answer = scanner_->Scan(Request(), upload);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outcome, Outcome::kNotEvaluated);
  EXPECT_EQ(answer->cause, Cause::kStoreUnavailable);
  EXPECT_EQ(answer->verdict, Verdict::kHold);
  EXPECT_TRUE(answer->retry_after);
}

TEST_F(DigestsTest, AListThatAppearsWhileAPictureIsDecodedIsNotMissed) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)));
  decoder_.on_decode = [&] { AddDigest("csam", Algorithm::kSha1, bytes); };
  EXPECT_EQ(ScanBytes(bytes).outcome, Outcome::kMatched);
}

TEST_F(DigestsTest, AListThatAppearsAfterOtherFilesWentByIsNotMissed) {
  AddList("csam");
  // Neither is kept: one is no picture, one is a picture too large to decode.
  const std::vector<std::uint8_t> text(9'000, 'a');
  std::vector<std::uint8_t> large = PngBytes(1);
  large.resize(5'000);
  for (const auto& bytes : {text, large}) {
    const scan::Upload upload = Arrive(bytes);
    ASSERT_TRUE(upload.content.empty());
    EXPECT_EQ(upload.digests.kinds, DigestKinds::All());
    AddDigest("csam", Algorithm::kMd5, bytes);
    const auto answer = scanner_->Scan(Request(), upload);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->outcome, Outcome::kMatched);
    ASSERT_TRUE(catalog_->DeleteEntry("csam", catalog_->ListEntries("csam", {}, 10)->entries.back().id));
  }
}

TEST_F(DigestsTest, BytesThatAreGoneDoNotLookClean) {
  const auto bytes = PngBytes(1);
  AddList("csam");
  AddDigest("csam", Algorithm::kMd5, PngBytes(2));
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5)));
  scan::Upload upload = Arrive(bytes);
  upload.digests.kinds = kSha256Only;
  upload.content = {};
  const auto answer = scanner_->Scan(Request(), upload);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->coverage.level, CoverageLevel::kPartial);
}

TEST(UploadReader, DigestsDoNotDependOnWhenTheyWereAskedFor) {
  std::mt19937_64 random(Seed());
  for (int round = 0; round < 50; ++round) {
    // Kept to the end, not kept for being no picture, or not kept for being too long.
    std::vector<std::uint8_t> bytes = round % 3 == 0 ? std::vector<std::uint8_t>(5, 'a') : PngBytes(1);
    bytes.resize(5'000 + random() % 20'000, static_cast<std::uint8_t>(random()));
    scan::UploadReader reader(round % 3 == 1 ? 1'000'000 : 9'000, kSha256Only);
    for (ByteSpan rest = bytes; !rest.empty();) {
      const std::size_t take = std::min<std::size_t>(rest.size(), 1 + random() % 6'000);
      reader.Update(rest.first(take));
      rest = rest.subspan(take);
    }
    const scan::Upload upload = reader.Finish();
    if (upload.content.empty()) {
      EXPECT_EQ(upload.digests.kinds, DigestKinds::All());
    }
    DigestSet all;
    all.Update(bytes);
    const Digests expected = all.Finish();
    EXPECT_EQ(upload.digests.sha256, expected.sha256);
    if (upload.digests.kinds.Has(DigestKind::kMd5)) {
      EXPECT_EQ(upload.digests.md5, expected.md5);
    }
    if (upload.digests.kinds.Has(DigestKind::kSha1)) {
      EXPECT_EQ(upload.digests.sha1, expected.sha1);
    }
  }
}

}  // namespace
}  // namespace hashgate::testing
