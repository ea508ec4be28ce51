// Vectors that plug-ins make of pictures: when they are asked for, what they match, and what coverage says
// where they are missing.
#include <gmock/gmock.h>

#include "conformance/index/vector_samples.h"
#include "scan/seen_pictures.h"
#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));
const PdqHash kOther = PdqOf(MakeHash(Algorithm::kPdq, 43));

HashValue VectorValue(const PhotoDna& vector) {
  return {Algorithm::kPhotoDna, Pipeline::kUnspecified, kQualityUnknown, {vector.begin(), vector.end()}};
}

decode::VectorForms FormsOf(const std::vector<PhotoDna>& forms) {
  decode::VectorForms vector{.algorithm = Algorithm::kPhotoDna, .bytes = {}};
  for (const PhotoDna& form : forms) vector.bytes.insert(vector.bytes.end(), form.begin(), form.end());
  return vector;
}

class PluginVectorsTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    decoder_.makers = {{.algorithm = Algorithm::kPhotoDna, .name = "test", .version = "1"}};
    AddList("csam");
  }

  PhotoDna Near(int distance) { return index::AtSquaredDistance(vector_, distance, random_); }
  PhotoDna Unrelated() { return index::RandomVector(random_); }

  static decode::ViewHashes View(ViewKind kind, std::uint32_t frame, const std::vector<PhotoDna>& forms) {
    decode::ViewHashes view = PictureWith(kOther).views.front();
    view.kind = kind;
    view.frame = frame;
    if (!forms.empty()) view.vectors.push_back(FormsOf(forms));
    return view;
  }

  // What the decoder says of a picture with one view whose PDQ no list holds.
  void Show(const std::vector<PhotoDna>& forms) {
    decoder_.answer = PictureWith(kOther);
    if (!forms.empty()) decoder_.answer->views[0].vectors.push_back(FormsOf(forms));
  }

  std::mt19937_64 random_{Seed()};
  const PhotoDna vector_ = index::RandomVector(random_);
};

TEST_F(PluginVectorsTest, AreAskedForOnlyWhereAListHoldsSuch) {
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  Show({});
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kComplete);
  EXPECT_TRUE(decoder_.last_wanted.vectors.empty());
  AddEntry("csam", {.source_id = "b", .hashes = {VectorValue(vector_)}});
  Show({Unrelated()});
  const scan::ScanAnswer answer = ScanBytes(PngBytes(2));
  EXPECT_TRUE(decoder_.last_wanted.vectors.Has(Algorithm::kPhotoDna));
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
  EXPECT_THAT(answer.coverage.missing, IsEmpty());
  EXPECT_THAT(answer.coverage.algorithms,
              ElementsAre(Algorithm::kSha256, Algorithm::kPdq, Algorithm::kPhotoDna));
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  // Without a plug-in nobody asks.
  decoder_.makers.clear();
  Show({});
  EXPECT_THAT(ScanBytes(PngBytes(3)).coverage.missing,
              ElementsAre("the lists hold photodna hashes, which this server does not make of pictures"));
  EXPECT_TRUE(decoder_.last_wanted.vectors.empty());
}

TEST_F(PluginVectorsTest, MatchAsVectorsFromElsewhereDo) {
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}, .classification = "A1"});
  Show({Near(20'000)});
  const scan::ScanAnswer near = ScanBytes(PngBytes(1));
  EXPECT_EQ(near.outcome, Outcome::kMatched);
  EXPECT_EQ(near.verdict, Verdict::kBlock);
  ASSERT_EQ(near.matches.size(), 1U);
  EXPECT_THAT(near.matches[0].fact.algorithms, ElementsAre(Algorithm::kPhotoDna));
  EXPECT_THAT(near.matches[0].fact.distances,
              ElementsAre(policy::VectorDistance{Algorithm::kPhotoDna, 20'000, 20'000}));
  EXPECT_EQ(near.matches[0].fact.view, ViewKind::kWhole);
  EXPECT_FALSE(near.matches[0].fact.hidden_only);
  Show({Near(20'001)});
  EXPECT_EQ(ScanBytes(PngBytes(2)).outcome, Outcome::kNotMatched);
}

TEST_F(PluginVectorsTest, TheMatchSaysWhichViewAndWhichFormItIs) {
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}});
  decoder_.answer = PictureWith(kOther);
  decoder_.answer->frames_total = decoder_.answer->frames_seen = 9;
  decoder_.answer->views[0].vectors.push_back(FormsOf({Near(15'000)}));
  std::vector<PhotoDna> forms;
  for (int form = 0; form < kDihedralCount; ++form) forms.push_back(Unrelated());
  forms[static_cast<std::size_t>(Dihedral::kRotate270)] = Near(300);
  decoder_.answer->views.push_back(View(ViewKind::kFrame, 7, forms));
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.view, ViewKind::kFrame);
  EXPECT_EQ(answer.matches[0].frame, 7U);
  EXPECT_EQ(answer.matches[0].dihedral, Dihedral::kRotate270);
  EXPECT_EQ(answer.matches[0].fact.LeastVectorDistance(), 300);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
}

TEST_F(PluginVectorsTest, BesidePdqOfTheSameEntryTheyAreASecondFamily) {
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture), VectorValue(vector_)}});
  decoder_.answer = PictureWith(Flip(kPicture, 9));
  decoder_.answer->views[0].vectors.push_back(FormsOf({Near(100)}));
  decoder_.answer->frames_total = decoder_.answer->frames_seen = 2;
  decoder_.answer->views.push_back(View(ViewKind::kFrame, 1, {vector_}));
  const scan::ScanAnswer answer = ScanBytes(PngBytes(1));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_THAT(answer.matches[0].fact.algorithms, ElementsAre(Algorithm::kPdq, Algorithm::kPhotoDna));
  // PDQ says which view it is.
  EXPECT_EQ(answer.matches[0].fact.view, ViewKind::kWhole);
  EXPECT_EQ(answer.matches[0].frame, 0U);
}

TEST_F(PluginVectorsTest, APolicyCanAskForThemAsASecondOpinion) {
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture), VectorValue(vector_)}});
  const auto policy = policy::ParsePolicy(
      "version: '1'\nname: two\nrules:\n"
      "  - {id: seconded, when: {algorithm: pdq, corroborated_by: [photodna]}, verdict: BLOCK}\n"
      "  - {id: rest, verdict: REVIEW}\n",
      "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  scanner_->SetPolicy(*policy);
  decoder_.answer = PictureWith(Flip(kPicture, 9));
  decoder_.answer->views[0].vectors.push_back(FormsOf({Near(100)}));
  EXPECT_EQ(ScanBytes(PngBytes(1)).rule_id, "seconded");
  decoder_.answer->views[0].vectors = {FormsOf({Near(20'001)})};
  EXPECT_EQ(ScanBytes(PngBytes(2)).rule_id, "rest");
}

TEST_F(PluginVectorsTest, AFailureOfThePluginIsAGapOfCoverage) {
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}});
  Show({});
  decoder_.answer->views[0].vectors_failed.Add(Algorithm::kPhotoDna);
  const scan::ScanAnswer failed = ScanBytes(PngBytes(1));
  EXPECT_EQ(failed.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(failed.coverage.missing,
              ElementsAre("0 of 1 views were compared by photodna; its plug-in could not hash 1"));
  EXPECT_EQ(failed.outcome, Outcome::kNotMatched);
  // Views that it was not asked about, hidden ones aside.
  Show({Unrelated()});
  decoder_.answer->frames_total = decoder_.answer->frames_seen = 2;
  decoder_.answer->views.push_back(View(ViewKind::kFrame, 1, {}));
  decoder_.answer->views.push_back(View(ViewKind::kEmbedded, 0, {}));
  decoder_.answer->views.back().hidden = true;
  const scan::ScanAnswer some = ScanBytes(PngBytes(2));
  EXPECT_EQ(some.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(some.coverage.missing, ElementsAre("1 of 2 views were compared by photodna"));
}

TEST_F(PluginVectorsTest, APictureTooSmallIsNotMadeUsableByThem) {
  AddEntry("csam", {.source_id = "a", .hashes = {VectorValue(vector_)}});
  Show({Unrelated()});
  decoder_.answer->width = decoder_.answer->views[0].width = 20;
  decoder_.answer->height = decoder_.answer->views[0].height = 20;
  EXPECT_EQ(ScanBytes(PngBytes(1)).coverage.level, CoverageLevel::kExactOnly);
  // One that is only too plain for PDQ is.
  Show({Unrelated()});
  decoder_.answer->views[0].pdq[0].quality = 10;
  EXPECT_EQ(ScanBytes(PngBytes(2)).coverage.level, CoverageLevel::kComplete);
}

TEST_F(PluginVectorsTest, AListThatAppearsMeanwhileHasThePictureDecodedAgain) {
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  Show({vector_});
  bool added = false;
  decoder_.on_decode = [&] {
    if (added) return;
    added = true;
    AddEntry("csam", {.source_id = "b", .hashes = {VectorValue(vector_)}});
  };
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_TRUE(decoder_.last_wanted.vectors.Has(Algorithm::kPhotoDna));
}

TEST_F(PluginVectorsTest, WhatWasHashedWithoutThemIsNotReused) {
  scan::SeenPictures seen({}, clock_);
  scanner_ = std::make_unique<scan::Scanner>(
      scan::ScannerParts{
          .catalog = catalog_.get(), .decoder = &decoder_, .seen_pictures = &seen, .clock = &clock_},
      scan::ScannerOptions{.max_decode_bytes = 1'000}, scanner_->CurrentPolicy());
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  Show({});
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kAllow);
  AddEntry("csam", {.source_id = "b", .hashes = {VectorValue(vector_)}});
  Show({vector_});
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  EXPECT_EQ(decoder_.calls, 2);
  EXPECT_EQ(ScanBytes(PngBytes(1)).verdict, Verdict::kBlock);
  EXPECT_EQ(decoder_.calls, 2);
}

}  // namespace
}  // namespace hashgate::testing
