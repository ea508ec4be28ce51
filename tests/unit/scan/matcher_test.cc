#include "scan/matcher.h"

#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

struct EntryReaderFor {
  const lists::Catalog& catalog;
  Result<lists::Entry> operator()(lists::ListId list, lists::EntryId entry) const {
    return catalog.GetEntry(list, entry);
  }
};

class MatcherTest : public ScanTest {
 protected:
  Result<scan::Matches> Find(const scan::FileHashes& hashes) {
    const auto generation = catalog_->Current();
    const auto lists = generation->EnabledFor("default", {});
    return scan::FindMatches(*generation, lists, hashes, EntryReaderFor{*catalog_});
  }
  static scan::FileHashes Hashes(const PdqHash& hash, Pipeline pipeline = Pipeline::kFull) {
    scan::FileHashes hashes;
    hashes.views = PictureWith(hash).views;
    hashes.views[0].pdq[0].pipeline = pipeline;
    return hashes;
  }
};

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

TEST_F(MatcherTest, EachListHasItsOwnThreshold) {
  lists::ListConfig strict = MakeConfig("strict");
  strict.max_distances[Algorithm::kPdq] = 10;
  ASSERT_TRUE(catalog_->CreateList(strict));
  lists::ListConfig wide = MakeConfig("wide");
  wide.max_distances[Algorithm::kPdq] = 47;
  ASSERT_TRUE(catalog_->CreateList(wide));
  for (const char* list : {"strict", "wide"})
    AddEntry(list, {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  const auto found = Find(Hashes(Flip(kPicture, 40)));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_EQ(found->found[0].fact.list, "wide");
  EXPECT_EQ(found->found[0].max_distance_bits, 47);
  EXPECT_EQ(Find(Hashes(Flip(kPicture, 10)))->found.size(), 2U);
}

TEST_F(MatcherTest, CorroborationDoesNotDependOnTruncation) {
  AddList("csam");
  // Forty nearer entries fill the bounds; the one that the digest names lies within the threshold, but
  // farther.
  for (int i = 0; i < 40; ++i) {
    AddEntry("csam", {.source_id = "near-" + std::to_string(i), .hashes = {PdqValue(Flip(kPicture, i % 3))}});
  }
  const Md5 md5 = {9, 9, 9};
  AddEntry("csam", {.source_id = "named",
                    .hashes = {DigestValue(Algorithm::kMd5, md5), PdqValue(Flip(kPicture, 25))}});
  scan::FileHashes hashes = Hashes(kPicture);
  hashes.md5 = md5;
  const auto found = Find(hashes);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->truncated);
  const auto named =
      std::ranges::find_if(found->found, [](const auto& match) { return match.source_id == "named"; });
  ASSERT_NE(named, found->found.end());
  EXPECT_EQ(named->fact.identity, Identity::kStrong);
  EXPECT_EQ(named->fact.distance_bits, 25);
  EXPECT_FALSE(named->fact.digest_conflict);
}

TEST_F(MatcherTest, AListOfTheOtherPipelineIsAskedWithTheFullHashToo) {
  lists::ListConfig config = MakeConfig("nn");
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->CreateList(config));
  AddEntry("nn", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  const auto found = Find(Hashes(Flip(kPicture, 20)));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_FALSE(found->found[0].fact.nn512_only);
}

TEST_F(MatcherTest, AnEntryOfTheOtherPipelineIsFoundWhateverItsListSays) {
  for (const Pipeline list_pipeline : {Pipeline::kUnspecified, Pipeline::kFull, Pipeline::kNn512}) {
    for (const Pipeline entry_pipeline : {Pipeline::kUnspecified, Pipeline::kFull, Pipeline::kNn512}) {
      const std::string name =
          std::string(PipelineName(list_pipeline)) + "-" + std::string(PipelineName(entry_pipeline));
      lists::ListConfig config = MakeConfig(name);
      config.pdq_pipeline = list_pipeline;
      ASSERT_TRUE(catalog_->CreateList(config));
      HashValue value = PdqValue(kPicture);
      value.pipeline = entry_pipeline;
      const Md5 md5 = {7};
      AddEntry(name, {.source_id = "a", .hashes = {value, DigestValue(Algorithm::kMd5, md5)}});
    }
  }
  const auto found = Find(Hashes(Flip(kPicture, 5)));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->found.size(), 9U);
  // And it corroborates a digest.
  scan::FileHashes hashes = Hashes(Flip(kPicture, 5));
  hashes.md5 = Md5{7};
  const auto corroborated = Find(hashes);
  ASSERT_TRUE(corroborated);
  for (const scan::MatchDetail& match : corroborated->found) {
    EXPECT_EQ(match.fact.identity, Identity::kStrong) << match.fact.list;
  }
}

TEST_F(MatcherTest, AnEntryThatChangedAfterTheGenerationIsToldApart) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}, .classification = "old"});
  const auto pinned = catalog_->Current();
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}, .classification = "new"});
  const EntryReaderFor reader{*catalog_};
  const auto lists = pinned->EnabledFor("default", {});
  const auto found = scan::FindMatches(*pinned, lists, Hashes(kPicture), reader);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->changed, 1);
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_EQ(found->found[0].fact.classification, "old");
  EXPECT_EQ(Find(Hashes(kPicture))->changed, 0);
  EXPECT_EQ(Find(Hashes(kPicture))->found[0].fact.classification, "new");
}

TEST_F(MatcherTest, AnNn512HashFarFromTheFullOneIsMarked) {
  lists::ListConfig config = MakeConfig("nn");
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->CreateList(config));
  AddEntry("nn", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  scan::FileHashes hashes = Hashes(PdqOf(MakeHash(Algorithm::kPdq, 77)));  // the full hash, unrelated
  decode::PdqForms planted = hashes.views[0].pdq[0];
  planted.pipeline = Pipeline::kNn512;
  planted.forms[0] = kPicture;
  hashes.views[0].pdq.push_back(planted);
  auto found = Find(hashes);
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_TRUE(found->found[0].fact.nn512_only);
  hashes.views[0].pdq[0].forms[0] = Flip(kPicture, 63);
  EXPECT_FALSE(Find(hashes)->found[0].fact.nn512_only);
}

// Planted nn512 hashes lie as near as their maker likes, in each of the mirrorings: they must not take the
// places of what the full hash finds.
TEST_F(MatcherTest, PlantedNn512HashesDoNotCrowdOutWhatTheFullHashFinds) {
  lists::ListConfig config = MakeConfig("both");
  config.pdq_pipeline = Pipeline::kUnspecified;
  ASSERT_TRUE(catalog_->CreateList(config));
  const PdqHash other = PdqOf(MakeHash(Algorithm::kPdq, 78));
  for (int i = 0; i < 40; ++i) {
    AddEntry("both", {.source_id = "copy-" + std::to_string(i), .hashes = {PdqValue(Flip(other, i % 3))}});
  }
  AddEntry("both", {.source_id = "itself", .hashes = {PdqValue(Flip(kPicture, 10))}});
  scan::FileHashes hashes = Hashes(kPicture);
  decode::PdqForms planted = hashes.views[0].pdq[0];
  planted.pipeline = Pipeline::kNn512;
  planted.forms.fill(other);
  hashes.views[0].pdq.push_back(planted);
  const auto found = Find(hashes);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->truncated);
  const auto itself =
      std::ranges::find_if(found->found, [](const auto& match) { return match.source_id == "itself"; });
  ASSERT_NE(itself, found->found.end());
  EXPECT_EQ(itself->fact.distance_bits, 10);
  EXPECT_FALSE(itself->fact.nn512_only);
}

// A file with a picture that people see and one that they do not.
scan::FileHashes SeenAndHidden(const PdqHash& seen, const PdqHash& hidden) {
  scan::FileHashes hashes;
  hashes.views = PictureWith(seen).views;
  hashes.views.push_back(PictureWith(hidden).views[0]);
  hashes.views[1].kind = ViewKind::kEmbedded;
  hashes.views[1].hidden = true;
  return hashes;
}

TEST_F(MatcherTest, AMatchOfAHiddenViewIsMarked) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  const auto found = Find(SeenAndHidden(PdqOf(MakeHash(Algorithm::kPdq, 77)), kPicture));
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_TRUE(found->found[0].fact.hidden_only);
  EXPECT_EQ(found->found[0].fact.view, ViewKind::kEmbedded);
}

TEST_F(MatcherTest, AViewThatPeopleSeeSpeaksBeforeANearerHiddenOne) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
  const auto found = Find(SeenAndHidden(Flip(kPicture, 20), kPicture));
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_FALSE(found->found[0].fact.hidden_only);
  EXPECT_EQ(found->found[0].fact.distance_bits, 20);
  // But not where it is too plain to say anything.
  scan::FileHashes plain = SeenAndHidden(Flip(kPicture, 20), kPicture);
  plain.views[0].pdq[0].quality = 10;
  EXPECT_TRUE(Find(plain)->found[0].fact.hidden_only);
}

// Whoever hides pictures chooses how near they come to entries.
TEST_F(MatcherTest, HiddenViewsDoNotCrowdOutWhatPeopleSee) {
  AddList("csam");
  const PdqHash other = PdqOf(MakeHash(Algorithm::kPdq, 78));
  for (int i = 0; i < 40; ++i) {
    AddEntry("csam", {.source_id = "copy-" + std::to_string(i), .hashes = {PdqValue(Flip(other, i % 3))}});
  }
  AddEntry("csam", {.source_id = "itself", .hashes = {PdqValue(Flip(kPicture, 10))}});
  const auto found = Find(SeenAndHidden(kPicture, other));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->truncated);
  const auto itself =
      std::ranges::find_if(found->found, [](const auto& match) { return match.source_id == "itself"; });
  ASSERT_NE(itself, found->found.end());
  EXPECT_EQ(itself->fact.distance_bits, 10);
  EXPECT_FALSE(itself->fact.hidden_only);
}

// One entry that is suppressed makes the search look further, and what it finds is cut again.
TEST_F(MatcherTest, LookingFurtherKeepsWhatCountsFully) {
  AddList("csam");
  const PdqHash other = PdqOf(MakeHash(Algorithm::kPdq, 78));
  std::vector<lists::ImportRecord> records;
  for (std::uint64_t i = 0; i < 400; ++i) {
    records.push_back({i + 1,
                       {{.source_id = "copy-" + std::to_string(i),
                         .hashes = {PdqValue(Flip(other, static_cast<int>(i % 3)))}}},
                       {}});
  }
  auto import = catalog_->StartImport({.list = "csam", .file = "f"});
  ASSERT_TRUE(import);
  ASSERT_TRUE((*import)->Add(records));
  ASSERT_TRUE((*import)->Finish());
  AddEntry("csam", {.source_id = "before-it", .hashes = {PdqValue(Flip(kPicture, 4))}});
  AddEntry("csam", {.source_id = "itself", .hashes = {PdqValue(Flip(kPicture, 10))}});
  const lists::EntryPage page = catalog_->ListEntries("csam", "", 10'000).value();
  ASSERT_TRUE(catalog_->SetOpinion({.list = "csam",
                                    .entry = page.entries.at(0).id,
                                    .kind = lists::OpinionKind::kSuppress,
                                    .author = "jo",
                                    .reason = "x"}));
  const auto found = Find(SeenAndHidden(kPicture, other));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->found.size(), 256U);
  for (const char* seen : {"before-it", "itself"}) {
    EXPECT_TRUE(std::ranges::any_of(found->found, [&](const auto& match) { return match.source_id == seen; }))
        << seen;
  }
}

TEST_F(MatcherTest, AHiddenViewCorroboratesNoDigestAndClearsNoConflict) {
  AddList("csam");
  const Md5 md5 = {9};
  const Sha256 sha256 = {8};
  AddEntry("csam", {.source_id = "a",
                    .hashes = {DigestValue(Algorithm::kMd5, md5), DigestValue(Algorithm::kSha256, sha256),
                               PdqValue(kPicture)}});
  scan::FileHashes hashes = SeenAndHidden(PdqOf(MakeHash(Algorithm::kPdq, 77)), kPicture);
  hashes.md5 = md5;
  const policy::MatchFact weak = Find(hashes)->found[0].fact;
  EXPECT_EQ(weak.identity, Identity::kWeakDigest);
  EXPECT_TRUE(weak.digest_conflict);
  EXPECT_FALSE(weak.hidden_only);
  EXPECT_EQ(weak.distance_bits, -1);
  // The file is the file: its source may have hashed what it hides.
  hashes.sha256 = sha256;
  const policy::MatchFact strong = Find(hashes)->found[0].fact;
  EXPECT_EQ(strong.identity, Identity::kStrong);
  EXPECT_FALSE(strong.digest_conflict);
}

TEST_F(MatcherTest, AnEntryThatCannotBeReadStillMatches) {
  AddList("csam");
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture, 20)}, .classification = "A1"});
  store_.FailReads(Reason::kStoreFailed);
  const auto found = Find(Hashes(kPicture));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->found.size(), 1U);
  EXPECT_EQ(found->found[0].fact.classification, "A1");
  // The class in the index still knows that the quality was low.
  EXPECT_LT(found->found[0].fact.entry_quality, kMinUsablePdqQuality);
  EXPECT_GE(found->found[0].fact.entry_quality, 0);
}

TEST_F(MatcherTest, AnUnusableHashIsNoConflict) {
  AddList("csam");
  const Md5 md5 = {9};
  AddEntry("csam",
           {.source_id = "plain", .hashes = {DigestValue(Algorithm::kMd5, md5), PdqValue(kPicture, 10)}});
  scan::FileHashes hashes = Hashes(PdqOf(MakeHash(Algorithm::kPdq, 77)));
  hashes.md5 = md5;
  EXPECT_FALSE(Find(hashes)->found[0].fact.digest_conflict);
}

}  // namespace
}  // namespace hashgate::testing
