// PhotoDNA vectors that a caller supplies: what they identify, alone and beside other hashes of an entry.
#include <gmock/gmock.h>

#include "conformance/index/vector_samples.h"
#include "scan/near_vectors.h"
#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

HashValue VectorValue(const PhotoDna& vector) {
  return {Algorithm::kPhotoDna, Pipeline::kUnspecified, kQualityUnknown, {vector.begin(), vector.end()}};
}

// Few different components: degenerate. `shift` tells them apart.
PhotoDna FlatVector(std::uint8_t shift) {
  PhotoDna vector{};
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<std::uint8_t>(i / 48 + shift);
  return vector;
}

class ScanVectorsTest : public ScanTest {
 protected:
  PhotoDna Near(int distance) { return index::AtSquaredDistance(vector_, distance, random_); }

  static scan::FileHashes File(const std::vector<PhotoDna>& vectors) {
    scan::FileHashes file;
    file.turned = false;
    for (const PhotoDna& vector : vectors) file.vectors.push_back(VectorValue(vector));
    return file;
  }
  static scan::FileHashes WithPdq(scan::FileHashes file, const PdqHash& hash, int quality = 100,
                                  Pipeline pipeline = Pipeline::kFull) {
    file.views = PictureWith(hash, quality).views;
    file.views[0].pdq[0].pipeline = pipeline;
    return file;
  }
  scan::ScanAnswer Match(scan::FileHashes file, const std::string& request_id = {}) {
    auto answers = scanner_->Match(Request(request_id), {std::move(file)});
    EXPECT_TRUE(answers) << answers.error().message;
    return answers ? std::move(answers->front()) : scan::ScanAnswer{};
  }

  std::mt19937_64 random_{Seed()};
  const PhotoDna vector_ = index::RandomVector(random_);
};

TEST_F(ScanVectorsTest, WithinTheListsThresholdAndNoFarther) {
  AddList("usual");
  lists::ListConfig wide = MakeConfig("wide");
  wide.purpose = Purpose::kCsam;
  wide.max_distances[Algorithm::kPhotoDna] = 40'000;
  ASSERT_TRUE(catalog_->CreateList(wide));
  for (const char* list : {"usual", "wide"}) {
    AddEntry(list, {.source_id = "a", .hashes = {VectorValue(vector_)}, .classification = "A1"});
  }
  const scan::ScanAnswer near = Match(File({Near(20'000)}));
  EXPECT_EQ(near.outcome, Outcome::kMatched);
  EXPECT_EQ(near.verdict, Verdict::kBlock);
  ASSERT_EQ(near.matches.size(), 2U);
  for (const scan::MatchDetail& match : near.matches) {
    EXPECT_THAT(match.fact.algorithms, ElementsAre(Algorithm::kPhotoDna));
    EXPECT_EQ(match.fact.identity, Identity::kPerceptual);
    EXPECT_EQ(match.fact.distance_bits, -1);
    EXPECT_EQ(match.max_distance_bits, -1);
    EXPECT_EQ(match.fact.classification, "A1");
    EXPECT_EQ(match.source_id, "a");
    EXPECT_FALSE(match.fact.upload_degenerate || match.fact.entry_degenerate);
    EXPECT_THAT(match.fact.distances,
                ElementsAre(policy::VectorDistance{Algorithm::kPhotoDna, 20'000,
                                                   match.fact.list == "wide" ? 40'000 : 20'000}));
  }
  const scan::ScanAnswer farther = Match(File({Near(20'001)}));
  ASSERT_EQ(farther.matches.size(), 1U);
  EXPECT_EQ(farther.matches[0].fact.list, "wide");
  EXPECT_EQ(Match(File({Near(40'001)})).outcome, Outcome::kNotMatched);
}

TEST_F(ScanVectorsTest, CoverageSaysWhatWasCompared) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_), PdqValue(kPicture)}});
  const scan::ScanAnswer alone = Match(File({index::RandomVector(random_)}));
  EXPECT_EQ(alone.outcome, Outcome::kNotMatched);
  EXPECT_THAT(alone.coverage.algorithms, ElementsAre(Algorithm::kPhotoDna));
  EXPECT_EQ(alone.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(alone.coverage.missing, ElementsAre("no pdq hash was given, and the lists hold some"));
  const scan::ScanAnswer both =
      Match(WithPdq(File({index::RandomVector(random_)}), PdqOf(MakeHash(Algorithm::kPdq, 7))));
  EXPECT_THAT(both.coverage.algorithms, ElementsAre(Algorithm::kPdq, Algorithm::kPhotoDna));
  EXPECT_EQ(both.coverage.level, CoverageLevel::kComplete);
  const scan::ScanAnswer without = Match(WithPdq(File({}), PdqOf(MakeHash(Algorithm::kPdq, 7))));
  EXPECT_EQ(without.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(without.coverage.missing, ElementsAre("no photodna hash was given, and the lists hold some"));
  // A flat one says nothing of which picture it is.
  const scan::ScanAnswer flat = Match(File({FlatVector(9)}));
  EXPECT_EQ(flat.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(flat.coverage.missing, Contains(HasSubstr("too plain")));
}

TEST_F(ScanVectorsTest, AVectorThatNoListHoldsMakesNoPlainPictureUsable) {
  AddList("csam");
  AddList("other");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  scan::FileHashes file = WithPdq(File({vector_}), PdqOf(MakeHash(Algorithm::kPdq, 7)), 10);
  file.sha256 = Sha256{1};
  const scan::ScanAnswer plain = Match(file);
  EXPECT_EQ(plain.coverage.level, CoverageLevel::kExactOnly);
  EXPECT_THAT(plain.coverage.missing, Contains(HasSubstr("too plain")));
  file.views.clear();
  EXPECT_EQ(Match(file).coverage.level, CoverageLevel::kExactOnly);
  // One on another list that is consulted makes it so.
  AddEntry("other", {.source_id = "b", .hashes = {VectorValue(index::RandomVector(random_))}});
  EXPECT_EQ(Match(file).coverage.level, CoverageLevel::kPartial);
  file = WithPdq(File({vector_}), PdqOf(MakeHash(Algorithm::kPdq, 7)), 10);
  EXPECT_EQ(Match(file).coverage.level, CoverageLevel::kComplete);
}

TEST_F(ScanVectorsTest, AVectorAloneIsNotNearerThanPdq) {
  AddList("csam");
  AddEntry("csam", {.source_id = "vector", .hashes = {VectorValue(vector_)}});
  AddEntry("csam", {.source_id = "pdq", .hashes = {PdqValue(kPicture)}});
  const scan::ScanAnswer answer = Match(WithPdq(File({vector_}), kPicture));
  ASSERT_EQ(answer.matches.size(), 2U);
  EXPECT_EQ(answer.matches[0].source_id, "pdq");
  EXPECT_EQ(answer.matches[0].verdict, answer.matches[1].verdict);
}

TEST_F(ScanVectorsTest, AnUploadIsTheLessCoveredForItsListsVectors) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  decoder_.answer = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 7)));
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kComplete);
  AddEntry("csam", {.source_id = "b", .hashes = {VectorValue(vector_)}});
  const scan::ScanAnswer answer = ScanBytes(PngBytes(2));
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.missing,
              ElementsAre("the lists hold photodna hashes, which this server does not make of pictures"));
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
}

TEST_F(ScanVectorsTest, BesideAWeakDigestItIsStrongIdentity) {
  AddList("csam");
  const Md5 md5 = {9};
  AddEntry("csam", {.source_id = "a", .hashes = {DigestValue(Algorithm::kMd5, md5), VectorValue(vector_)}});
  AddEntry("csam", {.source_id = "other", .hashes = {VectorValue(index::RandomVector(random_))}});
  scan::FileHashes file = File({Near(19'999)});
  file.md5 = md5;
  const scan::ScanAnswer strong = Match(file);
  ASSERT_EQ(strong.matches.size(), 1U);
  EXPECT_EQ(strong.matches[0].fact.identity, Identity::kStrong);
  EXPECT_EQ(strong.verdict, Verdict::kBlockAndReport);
  // Too far, it says nothing.
  file.vectors = {VectorValue(Near(20'001))};
  const scan::ScanAnswer weak = Match(file);
  ASSERT_EQ(weak.matches.size(), 1U);
  EXPECT_EQ(weak.matches[0].fact.identity, Identity::kWeakDigest);
  EXPECT_EQ(weak.verdict, Verdict::kBlock);
  // Of two different entries each for itself, nothing is strong.
  AddEntry("csam", {.source_id = "elsewhere", .hashes = {VectorValue(Near(300'000))}});
  file.vectors = {VectorValue(index::AtSquaredDistance(vector_, 0, random_))};
  file.md5 = Md5{8};
  AddEntry("csam", {.source_id = "digest", .hashes = {DigestValue(Algorithm::kMd5, Md5{8})}});
  for (const scan::MatchDetail& match : Match(file).matches) {
    EXPECT_NE(match.fact.identity, Identity::kStrong) << match.source_id;
  }
}

TEST_F(ScanVectorsTest, BesidePdqItIsASecondFamily) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture), VectorValue(vector_)}});
  const auto policy = policy::ParsePolicy(
      "version: '1'\nname: two\nrules:\n"
      "  - {id: two-families, when: {min_corroboration: 2, max_distances: {photodna: 500}}, verdict: BLOCK}\n"
      "  - {id: vector, when: {algorithm: photodna}, verdict: REVIEW}\n"
      "  - {id: rest, verdict: HOLD}\n",
      "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  scanner_->SetPolicy(*policy);
  const scan::ScanAnswer both = Match(WithPdq(File({Near(500)}), Flip(kPicture, 12)));
  ASSERT_EQ(both.matches.size(), 1U);
  EXPECT_THAT(both.matches[0].fact.algorithms, ElementsAre(Algorithm::kPdq, Algorithm::kPhotoDna));
  EXPECT_EQ(both.matches[0].fact.distance_bits, 12);
  EXPECT_EQ(both.rule_id, "two-families");
  EXPECT_EQ(Match(WithPdq(File({Near(501)}), Flip(kPicture, 12))).rule_id, "vector");
  EXPECT_EQ(Match(File({Near(500)})).rule_id, "vector");
  EXPECT_EQ(Match(WithPdq(File({}), kPicture)).rule_id, "rest");
}

TEST_F(ScanVectorsTest, AFlatVectorAloneIsForAPerson) {
  AddList("csam");
  AddEntry("csam", {.source_id = "flat", .hashes = {VectorValue(FlatVector(1))}});
  const scan::ScanAnswer answer = Match(File({FlatVector(1)}));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_TRUE(answer.matches[0].fact.upload_degenerate);
  EXPECT_TRUE(answer.matches[0].fact.entry_degenerate);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
  // Wherever only one of the two is flat, too: a picture that lies near to a flat one.
  PhotoDna rough = FlatVector(40);
  for (std::size_t i = 0; i < rough.size(); ++i) {
    rough[i] = static_cast<std::uint8_t>(rough[i] + (i * 37) % 23 - 11);
  }
  AddEntry("csam", {.source_id = "flat-40", .hashes = {VectorValue(FlatVector(40))}});
  ASSERT_LE(Distance(rough, FlatVector(40)), 20'000);
  EXPECT_EQ(Match(File({rough})).verdict, Verdict::kReview);
}

TEST_F(ScanVectorsTest, AFlatVectorNeitherCorroboratesNorWeakens) {
  AddList("csam");
  const Sha1 sha1 = {5};
  AddEntry("csam",
           {.source_id = "a",
            .hashes = {DigestValue(Algorithm::kSha1, sha1), PdqValue(kPicture), VectorValue(FlatVector(1))}});
  scan::FileHashes digest = File({FlatVector(1)});
  digest.sha1 = sha1;
  const scan::ScanAnswer weak = Match(digest);
  ASSERT_EQ(weak.matches.size(), 1U);
  EXPECT_THAT(weak.matches[0].fact.algorithms, ElementsAre(Algorithm::kSha1));
  EXPECT_EQ(weak.matches[0].fact.identity, Identity::kWeakDigest);
  EXPECT_TRUE(weak.matches[0].fact.distances.empty());
  // Beside a good PDQ hash it is left out, and its flags with it.
  const scan::ScanAnswer pdq = Match(WithPdq(File({FlatVector(1)}), kPicture));
  ASSERT_EQ(pdq.matches.size(), 1U);
  EXPECT_THAT(pdq.matches[0].fact.algorithms, ElementsAre(Algorithm::kPdq));
  EXPECT_EQ(pdq.verdict, Verdict::kBlock);
  // Beside a poor one both say little.
  const scan::ScanAnswer poor = Match(WithPdq(File({FlatVector(1)}), kPicture, 10));
  EXPECT_EQ(poor.verdict, Verdict::kReview);
}

// What says something stands for the match, whatever else is near.
TEST_F(ScanVectorsTest, AGoodVectorTakesThePlaceOfAPoorPdqHash) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture), VectorValue(vector_)}});
  const scan::ScanAnswer poor = Match(WithPdq(File({Near(100)}), kPicture, 10));
  ASSERT_EQ(poor.matches.size(), 1U);
  EXPECT_THAT(poor.matches[0].fact.algorithms, ElementsAre(Algorithm::kPhotoDna));
  EXPECT_EQ(poor.matches[0].fact.distance_bits, -1);
  EXPECT_EQ(poor.verdict, Verdict::kBlock);
  EXPECT_EQ(Match(WithPdq(File({}), kPicture, 10)).verdict, Verdict::kReview);
  // Of two vectors the one that says something, though the flat one is nearer to what it matches.
  lists::EntryRecord mixed{.source_id = "mixed", .hashes = {VectorValue(FlatVector(90))}};
  AddEntry("csam", mixed);
  const scan::ScanAnswer two = Match(File({FlatVector(90), Near(5'000)}));
  ASSERT_EQ(two.matches.size(), 2U);
  EXPECT_EQ(two.matches[0].source_id, "a");
  EXPECT_EQ(two.verdict, Verdict::kBlock);
  EXPECT_EQ(two.matches[1].verdict, Verdict::kReview);
}

TEST_F(ScanVectorsTest, AnNn512HashBesideItIsNotNeeded) {
  lists::ListConfig config = MakeConfig("nn");
  config.purpose = Purpose::kCsam;
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->CreateList(config));
  AddEntry("nn", {.source_id = "a", .hashes = {PdqValue(kPicture), VectorValue(vector_)}});
  const scan::FileHashes forged = WithPdq(File({}), kPicture, 100, Pipeline::kNn512);
  EXPECT_EQ(Match(forged).verdict, Verdict::kReview);
  const scan::ScanAnswer both = Match(WithPdq(File({Near(7)}), kPicture, 100, Pipeline::kNn512));
  ASSERT_EQ(both.matches.size(), 1U);
  EXPECT_THAT(both.matches[0].fact.algorithms, ElementsAre(Algorithm::kPhotoDna));
  EXPECT_EQ(both.verdict, Verdict::kBlock);
}

// The bounds of one search must not take away what another proves.
TEST_F(ScanVectorsTest, CorroborationDoesNotDependOnTruncation) {
  AddList("csam");
  for (int i = 0; i < 40; ++i) {
    AddEntry("csam", {.source_id = "near-" + std::to_string(i), .hashes = {VectorValue(Near(i % 5))}});
    AddEntry("csam", {.source_id = "pdq-" + std::to_string(i), .hashes = {PdqValue(Flip(kPicture, i % 3))}});
  }
  const Md5 md5 = {9, 9};
  AddEntry("csam",
           {.source_id = "named", .hashes = {DigestValue(Algorithm::kMd5, md5), VectorValue(Near(19'000))}});
  AddEntry("csam", {.source_id = "both", .hashes = {PdqValue(Flip(kPicture, 25)), VectorValue(Near(2))}});
  scan::FileHashes file = WithPdq(File({vector_}), kPicture);
  file.md5 = md5;
  const scan::ScanAnswer answer = Match(file);
  EXPECT_TRUE(answer.matches_truncated);
  const auto of = [&](std::string_view source_id) -> policy::MatchFact {
    const auto at = std::ranges::find(answer.matches, source_id, &scan::MatchDetail::source_id);
    return at != answer.matches.end() ? at->fact : policy::MatchFact{};
  };
  EXPECT_EQ(of("named").identity, Identity::kStrong);
  ASSERT_EQ(of("named").distances.size(), 1U);
  EXPECT_EQ(of("named").distances[0].distance, 19'000);
  const policy::MatchFact both = of("both");
  if (!both.algorithms.empty()) {
    EXPECT_THAT(both.algorithms, ElementsAre(Algorithm::kPdq, Algorithm::kPhotoDna));
  }
}

// Each file as if it were alone, in whatever company.
TEST_F(ScanVectorsTest, ManyFilesInOneCall) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}});
  std::vector<scan::FileHashes> files;
  for (int i = 0; i < 60; ++i) {
    std::vector<PhotoDna> vectors(1 + i % 16);
    for (PhotoDna& vector : vectors) vector = index::RandomVector(random_);
    if (i % 7 == 0) vectors.back() = Near(i * 100);
    files.push_back(File(vectors));
  }
  const auto answers = scanner_->Match(Request(), files);
  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->size(), files.size());
  for (int i = 0; i < 60; ++i) {
    const scan::ScanAnswer& answer = (*answers)[static_cast<std::size_t>(i)];
    ASSERT_EQ(answer.matches.size(), i % 7 == 0 ? 1U : 0U) << i;
    if (i % 7 == 0) {
      EXPECT_EQ(answer.matches[0].fact.distances[0].distance, i * 100);
    }
  }
}

TEST_F(ScanVectorsTest, ARequestIdStandsForItsVectorsToo) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}});
  EXPECT_EQ(Match(File({vector_}), "id").verdict, Verdict::kBlock);
  EXPECT_TRUE(Match(File({vector_}), "id").replayed);
  const auto other = scanner_->Match(Request("id"), {File({Near(4)})});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::kRequestIdReused);
}

TEST_F(ScanVectorsTest, NearVectorsKeepWhatSaysMost) {
  scan::NearVectors near;
  EXPECT_FALSE(near.Identify());
  near.Take({Algorithm::kPhotoDna, 5, true, false});
  EXPECT_FALSE(near.Identify());
  near.Take({Algorithm::kPhotoDna, 900, false, false});
  near.Take({Algorithm::kPhotoDna, 1, false, true});
  near.Take({Algorithm::kPhotoDna, 901, false, false});
  ASSERT_EQ(near.all().size(), 1U);
  EXPECT_EQ(near.all()[0].distance, 900);
  EXPECT_TRUE(near.Identify());
  near.DropThoseThatSayLittle();
  EXPECT_EQ(near.all().size(), 1U);
}

TEST_F(ScanVectorsTest, ShortHashesSayLessThanLongOnes) {
  scan::NearVectors near;
  near.Take({Algorithm::kPHash, 0, false, false});
  EXPECT_FALSE(near.Identify());
  near.DropThoseThatSayLittle();
  EXPECT_EQ(near.all().size(), 1U) << "it corroborates";
  near.Take({Algorithm::kMarrHildreth, 50, false, false});
  EXPECT_TRUE(near.Identify());
  EXPECT_EQ(near.Best()->algorithm, Algorithm::kMarrHildreth);
}

}  // namespace
}  // namespace hashgate::testing
