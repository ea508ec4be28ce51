// Hashes of img_hash: when they are asked for, what they match, and what a match by them may do.
#include <gmock/gmock.h>

#include "scan/near_vectors.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));
const PdqHash kOther = PdqOf(MakeHash(Algorithm::kPdq, 43));

std::vector<std::uint8_t> BitsOf(Algorithm algorithm, std::uint64_t seed) {
  return MakeHash(algorithm, seed).bytes;
}

std::vector<std::uint8_t> Flipped(std::vector<std::uint8_t> bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t bit = i * 5 % (8 * bytes.size());
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << (bit % 8));
  }
  return bytes;
}

HashValue Value(Algorithm algorithm, std::vector<std::uint8_t> bytes) {
  return {algorithm, Pipeline::kUnspecified, kQualityUnknown, std::move(bytes)};
}

class ImgHashVectorsTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    AddList("csam");
  }

  // A picture whose PDQ no list holds, with the given hash and seven unrelated forms of it.
  void Show(Algorithm algorithm, const std::vector<std::uint8_t>& hash, const PdqHash& pdq = kOther) {
    decoder_.answer = PictureWith(pdq);
    Add(algorithm, hash);
  }
  void Add(Algorithm algorithm, const std::vector<std::uint8_t>& hash) {
    decode::VectorForms forms{.algorithm = algorithm, .bytes = hash};
    for (std::uint64_t form = 1; form < kDihedralCount; ++form) {
      const auto other = BitsOf(algorithm, 500 + form);
      forms.bytes.insert(forms.bytes.end(), other.begin(), other.end());
    }
    decoder_.answer->views[0].vectors.push_back(std::move(forms));
  }
  void UsePolicy(const std::string& rules) {
    const auto policy = policy::ParsePolicy("version: '1'\nname: own\nrules:\n" + rules, "p.yaml");
    ASSERT_TRUE(policy) << policy.error().message;
    scanner_->SetPolicy(*policy);
  }
};

TEST_F(ImgHashVectorsTest, AreMadeOnlyWhereAListHoldsSuch) {
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(kOther);
  // A rule that names one asks for nothing either: there would be nothing to compare with.
  UsePolicy(
      "  - {id: seconded, when: {algorithm: pdq, corroborated_by: [marr_hildreth]}, verdict: BLOCK}\n"
      "  - {id: rest, verdict: REVIEW}\n");
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kComplete);
  EXPECT_TRUE(decoder_.last_wanted.vectors.empty());
  for (const Algorithm algorithm : kImgHashes) {
    AddEntry("csam", {.source_id = std::string(AlgorithmName(algorithm)),
                      .hashes = {Value(algorithm, BitsOf(algorithm, 1))}});
    ScanBytes(PngBytes(static_cast<std::uint8_t>(algorithm)));
    EXPECT_TRUE(decoder_.last_wanted.vectors.Has(algorithm)) << AlgorithmName(algorithm);
  }
  EXPECT_FALSE(decoder_.last_wanted.vectors.Has(Algorithm::kPhotoDna));
  EXPECT_FALSE(decoder_.last_wanted.vectors.Has(Algorithm::kColorMoment));
}

TEST_F(ImgHashVectorsTest, MatchUpToTheDefaultAndTheListsOwnThreshold) {
  for (const Algorithm algorithm : kImgHashes) {
    const auto listed = BitsOf(algorithm, 1);
    lists::ListConfig config = MakeConfig("own-" + std::to_string(static_cast<int>(algorithm)));
    config.max_distances[algorithm] = 2;
    ASSERT_TRUE(catalog_->CreateList(config));
    AddEntry("csam",
             {.source_id = std::string(AlgorithmName(algorithm)), .hashes = {Value(algorithm, listed)}});
    AddEntry(config.name, {.source_id = "b", .hashes = {Value(algorithm, listed)}});
    const auto most = static_cast<std::size_t>(DefaultMaxDistance(algorithm));
    for (const std::size_t distance :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, most, most + 1}) {
      Show(algorithm, Flipped(listed, distance));
      const scan::ScanAnswer answer = ScanBytes(PngBytes(static_cast<std::uint8_t>(distance)));
      const std::size_t expected = (distance <= most ? 1U : 0U) + (distance <= 2 ? 1U : 0U);
      ASSERT_EQ(answer.matches.size(), expected) << AlgorithmName(algorithm) << ' ' << distance;
      for (const scan::MatchDetail& match : answer.matches) {
        EXPECT_THAT(match.fact.algorithms, ElementsAre(algorithm));
        ASSERT_EQ(match.fact.distances.size(), 1U);
        EXPECT_EQ(match.fact.distances[0].distance, static_cast<int>(distance));
        EXPECT_EQ(match.fact.identity, Identity::kPerceptual);
      }
    }
    ASSERT_TRUE(catalog_->DeleteList(config.name, ""));
  }
}

TEST_F(ImgHashVectorsTest, ATurnedFormSaysHow) {
  const auto listed = BitsOf(Algorithm::kMarrHildreth, 1);
  AddEntry("csam", {.source_id = "a", .hashes = {Value(Algorithm::kMarrHildreth, listed)}});
  Show(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 2));
  auto& bytes = decoder_.answer->views[0].vectors[0].bytes;
  std::ranges::copy(Flipped(listed, 20), bytes.begin() + 72 * static_cast<int>(Dihedral::kFlipY));
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].dihedral, Dihedral::kFlipY);
  EXPECT_EQ(answer.matches[0].fact.distances[0].distance, 20);
}

TEST_F(ImgHashVectorsTest, OnlyMarrHildrethDoesMoreThanReviewAlone) {
  for (const Algorithm algorithm : kImgHashes) {
    AddEntry("csam", {.source_id = std::string(AlgorithmName(algorithm)),
                      .hashes = {Value(algorithm, BitsOf(algorithm, 1))}});
    Show(algorithm, BitsOf(algorithm, 1));
    const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
    EXPECT_EQ(answer.verdict, algorithm == Algorithm::kMarrHildreth ? Verdict::kBlock : Verdict::kReview)
        << AlgorithmName(algorithm);
  }
}

TEST_F(ImgHashVectorsTest, ShortOnesTogetherAreStillShort) {
  lists::EntryRecord record{.source_id = "a", .hashes = {}};
  decoder_.answer = PictureWith(kOther);
  for (const Algorithm algorithm : {Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kAverage}) {
    record.hashes.push_back(Value(algorithm, BitsOf(algorithm, 1)));
    Add(algorithm, BitsOf(algorithm, 1));
  }
  AddEntry("csam", record);
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.algorithms.size(), 3U);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
}

// An MD5 is easily made to agree, and so is a short hash.
TEST_F(ImgHashVectorsTest, ShortOnesMakeNoDigestStrong) {
  const std::vector<std::uint8_t> bytes = PngBytes(9);
  for (const Algorithm algorithm : {Algorithm::kAverage, Algorithm::kMarrHildreth}) {
    AddEntry("csam", {.source_id = std::string(AlgorithmName(algorithm)),
                      .hashes = {DigestValue(Algorithm::kMd5, DigestsOf(bytes).md5),
                                 Value(algorithm, BitsOf(algorithm, 1))}});
    Show(algorithm, BitsOf(algorithm, 1));
    const scan::ScanAnswer answer = ScanBytes(bytes);
    const bool is_strong = algorithm == Algorithm::kMarrHildreth;
    EXPECT_EQ(answer.verdict, is_strong ? Verdict::kBlockAndReport : Verdict::kBlock);
    EXPECT_EQ(answer.matches[0].fact.identity, is_strong ? Identity::kStrong : Identity::kWeakDigest);
  }
}

TEST_F(ImgHashVectorsTest, APolicyCanAskForOneAsASecondOpinion) {
  AddEntry("csam", {.source_id = "a",
                    .hashes = {PdqValue(kPicture),
                               Value(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 1))}});
  UsePolicy(
      "  - {id: seconded, when: {algorithm: pdq, corroborated_by: [marr_hildreth], "
      "max_distances: {marr_hildreth: 30}}, verdict: BLOCK}\n"
      "  - {id: rest, verdict: REVIEW}\n");
  const auto shown = [&](std::size_t distance, std::uint8_t number) {
    Show(Algorithm::kMarrHildreth, Flipped(BitsOf(Algorithm::kMarrHildreth, 1), distance), Flip(kPicture, 9));
    return ScanBytes(PngBytes(number));
  };
  EXPECT_EQ(shown(30, 1).rule_id, "seconded");
  EXPECT_EQ(shown(31, 2).rule_id, "rest");
  EXPECT_THAT(shown(57, 3).matches[0].fact.algorithms,
              ElementsAre(Algorithm::kPdq, Algorithm::kMarrHildreth));
  EXPECT_THAT(shown(58, 4).matches[0].fact.algorithms, ElementsAre(Algorithm::kPdq));
}

// A short hash stands in for nothing: a PDQ hash of low quality stays, with its limits.
TEST_F(ImgHashVectorsTest, AShortOneDoesNotStandInForAPoorPdq) {
  AddEntry("csam", {.source_id = "a",
                    .hashes = {PdqValue(kPicture), Value(Algorithm::kPHash, BitsOf(Algorithm::kPHash, 1)),
                               Value(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 1))}});
  decoder_.answer = PictureWith(kPicture, 10);
  Add(Algorithm::kPHash, BitsOf(Algorithm::kPHash, 1));
  const scan::ScanAnswer with_short = ScanBytes(PngBytes(1));
  EXPECT_THAT(with_short.matches[0].fact.algorithms, Contains(Algorithm::kPdq));
  EXPECT_EQ(with_short.verdict, Verdict::kReview);
  Add(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 1));
  const scan::ScanAnswer with_long = ScanBytes(PngBytes(2));
  EXPECT_THAT(with_long.matches[0].fact.algorithms, ElementsAre(Algorithm::kPHash, Algorithm::kMarrHildreth));
  EXPECT_EQ(with_long.verdict, Verdict::kBlock);
}

TEST_F(ImgHashVectorsTest, DegenerateOnesLeadToReview) {
  std::vector<std::uint8_t> flat(72, 0);
  flat[0] = 1;
  AddEntry("csam", {.source_id = "a", .hashes = {Value(Algorithm::kMarrHildreth, flat)}});
  Show(Algorithm::kMarrHildreth, flat);
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_TRUE(answer.matches[0].fact.entry_degenerate);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
}

// Where PDQ says nothing, a short hash does not make the look a complete one.
TEST_F(ImgHashVectorsTest, CoverageOfPlainPictures) {
  AddEntry("csam",
           {.source_id = "a", .hashes = {Value(Algorithm::kAverage, BitsOf(Algorithm::kAverage, 1))}});
  Show(Algorithm::kAverage, BitsOf(Algorithm::kAverage, 2));
  decoder_.answer->views[0].pdq[0].quality = 10;
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kExactOnly);
  AddEntry("csam", {.source_id = "b",
                    .hashes = {Value(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 1))}});
  Add(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 2));
  EXPECT_EQ(ScanBytes(PngBytes(2)).coverage.level, CoverageLevel::kComplete);
}

TEST_F(ImgHashVectorsTest, AViewWithoutOneIsAGapOfCoverage) {
  AddEntry("csam", {.source_id = "b",
                    .hashes = {Value(Algorithm::kMarrHildreth, BitsOf(Algorithm::kMarrHildreth, 1))}});
  decoder_.answer = PictureWith(kOther);
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.missing, ElementsAre("0 of 1 views were compared by marr_hildreth"));
}

}  // namespace
}  // namespace hashgate::testing
