#include "policy/conditions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "testing/seed.h"

namespace hashgate::policy {
namespace {

using A = Algorithm;

TEST(GlobMatches, StarStandsForAnyText) {
  EXPECT_TRUE(GlobMatches("A1", "A1"));
  EXPECT_FALSE(GlobMatches("A1", "a1"));
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("", ""));
  EXPECT_FALSE(GlobMatches("", "x"));
  EXPECT_TRUE(GlobMatches("A*", "A"));
  EXPECT_TRUE(GlobMatches("*.b*c", "a.bb.bc"));
  EXPECT_FALSE(GlobMatches("*.b*c", "a.bb.bd"));
  EXPECT_FALSE(GlobMatches("A?", "A1"));
  EXPECT_FALSE(GlobMatches(std::string(64, '*') + "b", std::string(256, 'a')));
}

TEST(IdentityOf, NeedsWhatTheDefinitionSays) {
  const auto of = [](std::initializer_list<A> algorithms) { return IdentityOf(std::vector<A>(algorithms)); };
  EXPECT_EQ(of({}), Identity::kPerceptual);
  EXPECT_EQ(of({A::kPdq}), Identity::kPerceptual);
  EXPECT_EQ(of({A::kPdq, A::kPhotoDna, A::kPHash}), Identity::kPerceptual);
  EXPECT_EQ(of({A::kMd5}), Identity::kWeakDigest);
  EXPECT_EQ(of({A::kSha1}), Identity::kWeakDigest);
  EXPECT_EQ(of({A::kMd5, A::kSha1}), Identity::kStrong);
  EXPECT_EQ(of({A::kSha256}), Identity::kStrong);
  EXPECT_EQ(of({A::kMd5, A::kPdq}), Identity::kStrong);
  EXPECT_EQ(of({A::kPhotoDna, A::kSha1}), Identity::kStrong);
  EXPECT_EQ(of({A::kMarrHildreth, A::kSha1}), Identity::kStrong);
  EXPECT_EQ(of({A::kMd5, A::kPHash, A::kBlockMean, A::kAverage}), Identity::kWeakDigest) << "too short";
  EXPECT_EQ(of({A::kMd5, A::kUnspecified}), Identity::kWeakDigest);
  EXPECT_EQ(of({A::kMd5, static_cast<A>(200)}), Identity::kWeakDigest);
}

TEST(HashFamilies, CountsKindsNotHashes) {
  const auto of = [](std::initializer_list<A> algorithms) {
    return HashFamilies(std::vector<A>(algorithms));
  };
  EXPECT_EQ(of({}), 0);
  EXPECT_EQ(of({A::kMd5, A::kSha1, A::kSha256}), 1);
  EXPECT_EQ(of({A::kPHash, A::kAverage}), 1);
  EXPECT_EQ(of({A::kMd5, A::kPdq, A::kPhotoDna, A::kBlockMean}), 4);
}

MatchFact PdqMatch() {
  MatchFact match;
  match.list = "iwf";
  match.purpose = Purpose::kCsam;
  match.trust = Trust::kTrusted;
  match.classification = "A1";
  match.algorithms = {A::kPdq};
  match.distance_bits = 10;
  match.upload_quality = 90;
  match.view = ViewKind::kWhole;
  return match;
}

bool Holds(const Condition& condition, const MatchFact& match, const Input& input = {}) {
  return Applies(condition, match, ProvenIdentity(match), {}, input);
}

TEST(Applies, EachConditionCanRefuse) {
  const MatchFact match = PdqMatch();
  Input input;
  input.surface = "wall";
  input.surface_kind = SurfaceKind::kGroup;
  input.coverage = CoverageLevel::kComplete;
  Condition c;
  EXPECT_TRUE(Holds(c, match, input));
  const auto expect = [&](bool holds, const Condition& condition) {
    EXPECT_EQ(Holds(condition, match, input), holds);
  };
  c = {};
  c.lists = {"iwf"};
  expect(true, c);
  c.lists = {"ncmec"};
  expect(false, c);
  c = {};
  c.lists_not = {"iwf"};
  expect(false, c);
  c.lists_not = {"ncmec"};
  expect(true, c);
  c = {};
  c.classifications = {"B*", "A*"};
  expect(true, c);
  c.classifications = {"B*"};
  expect(false, c);
  c = {};
  c.surfaces = {"wall"};
  expect(true, c);
  c.surfaces = {"default"};
  expect(false, c);
  c = {};
  c.purposes.Insert(Purpose::kTest);
  expect(false, c);
  c.purposes.Insert(Purpose::kCsam);
  expect(true, c);
  c = {};
  c.trusts.Insert(Trust::kLocal);
  expect(false, c);
  c = {};
  c.algorithms.Insert(A::kMd5);
  expect(false, c);
  c.algorithms.Insert(A::kPdq);
  expect(true, c);
  c = {};
  c.identities.Insert(Identity::kStrong);
  expect(false, c);
  c = {};
  c.views.Insert(ViewKind::kFrame);
  expect(false, c);
  c = {};
  c.surface_kinds.Insert(SurfaceKind::kAvatar);
  expect(false, c);
  c = {};
  c.coverages.Insert(CoverageLevel::kPartial);
  expect(false, c);
  c = {};
  c.min_corroboration = 2;
  expect(false, c);
  c.min_corroboration = 1;
  expect(true, c);
}

TEST(Applies, ASecondOpinionIsOneOfAnotherFamily) {
  MatchFact match = PdqMatch();
  Condition c;
  c.corroborated_by.Insert(A::kPhotoDna);
  c.corroborated_by.Insert(A::kSha1);
  match.algorithms = {A::kPdq};
  EXPECT_FALSE(Holds(c, match));
  // By itself it corroborates nothing, and neither does one of its own family.
  match.algorithms = {A::kPhotoDna};
  EXPECT_FALSE(Holds(c, match));
  match.algorithms = {A::kSha1, A::kMd5};
  EXPECT_FALSE(Holds(c, match));
  match.algorithms = {A::kPdq, A::kPhotoDna};
  EXPECT_TRUE(Holds(c, match));
  match.algorithms = {A::kSha1, A::kPdq};
  EXPECT_TRUE(Holds(c, match));
  // Others that agree are not the ones that are asked.
  match.algorithms = {A::kMd5, A::kPdq};
  EXPECT_FALSE(Holds(c, match));
}

TEST(Contradiction, ASecondOpinionThatCannotBeIsNamed) {
  Condition c;
  c.corroborated_by.Insert(A::kSha1);
  EXPECT_EQ(Contradiction(c), "");
  c.identities.Insert(Identity::kWeakDigest);
  EXPECT_EQ(Contradiction(c), "") << "beside a short hash a digest stays weak";
  c.identities = {};
  c.identities.Insert(Identity::kPerceptual);
  EXPECT_NE(Contradiction(c), "");
  c.corroborated_by.Insert(A::kPhotoDna);
  EXPECT_EQ(Contradiction(c), "");
}

TEST(Applies, DistanceAndQualityAtTheirEdges) {
  MatchFact match = PdqMatch();
  Condition c;
  c.max_distance_bits = 10;
  EXPECT_TRUE(Holds(c, match));
  c.max_distance_bits = 9;
  EXPECT_FALSE(Holds(c, match));
  match.distance_bits = -1;
  EXPECT_FALSE(Holds(c, match)) << "no perceptual hash is no distance, not distance -1";
  c = {};
  c.min_quality = 50;
  match.upload_quality = 50;
  EXPECT_TRUE(Holds(c, match)) << "an entry's unknown quality is not low";
  match.upload_quality = 49;
  EXPECT_FALSE(Holds(c, match));
  match.upload_quality = 50;
  match.entry_quality = 49;
  EXPECT_FALSE(Holds(c, match));
}

TEST(Applies, DistancesOfVectorsAtTheirEdges) {
  MatchFact match = PdqMatch();
  match.algorithms = {A::kPdq, A::kPhotoDna};
  match.distances = {{A::kPhotoDna, 1'000, 20'000}};
  Condition c;
  c.algorithms.Insert(A::kPhotoDna);
  EXPECT_TRUE(Holds(c, match));
  c.max_distances = {{A::kPhotoDna, 1'000}};
  EXPECT_TRUE(Holds(c, match));
  c.max_distances = {{A::kPhotoDna, 999}};
  EXPECT_FALSE(Holds(c, match));
  c.max_distances = {{A::kPhotoDna, 1'000}, {A::kRadialVariance, 9}};
  EXPECT_FALSE(Holds(c, match)) << "all of them must have matched";
  match.distances.clear();
  match.algorithms = {A::kPdq};
  c = {};
  c.max_distances = {{A::kPhotoDna, kMaxPhotoDnaDistance}};
  EXPECT_FALSE(Holds(c, match)) << "no vector is no distance";
  EXPECT_EQ(match.LeastVectorDistance(), -1);
  match.distances = {{A::kRadialVariance, 5, 9}, {A::kPhotoDna, 0, 9}};
  EXPECT_EQ(match.LeastVectorDistance(), 0);
}

TEST(Applies, IdentityIsWhatTheAlgorithmsProve) {
  MatchFact match = PdqMatch();
  match.identity = Identity::kStrong;
  EXPECT_EQ(ProvenIdentity(match), Identity::kPerceptual);
  match.algorithms = {A::kSha256};
  EXPECT_EQ(ProvenIdentity(match), Identity::kStrong);
  match.identity = Identity::kWeakDigest;
  EXPECT_EQ(ProvenIdentity(match), Identity::kWeakDigest);
  match.identity = Identity::kUnspecified;
  EXPECT_EQ(ProvenIdentity(match), Identity::kPerceptual);
}

TEST(Contradiction, NamesRulesThatNoMatchFulfils) {
  Condition c;
  EXPECT_EQ(Contradiction(c), "");
  c.lists = {"a", "b"};
  c.lists_not = {"a"};
  EXPECT_EQ(Contradiction(c), "");
  c.lists_not = {"b", "a"};
  EXPECT_NE(Contradiction(c), "");
  c = {};
  c.identities.Insert(Identity::kWeakDigest);
  c.max_distance_bits = 31;
  EXPECT_NE(Contradiction(c), "");
  c.max_distance_bits.reset();
  EXPECT_EQ(Contradiction(c), "");
  c.max_distances = {{A::kPhotoDna, 1}};
  EXPECT_NE(Contradiction(c), "");
  // Beside a short hash a weak digest stays weak.
  c.max_distances = {{A::kPHash, 1}};
  EXPECT_EQ(Contradiction(c), "");
  c.max_distances.clear();
  c.algorithms.Insert(A::kPHash);
  c.corroborated_by.Insert(A::kAverage);
  c.min_corroboration = 2;
  EXPECT_EQ(Contradiction(c), "");
  c.min_corroboration = 3;
  EXPECT_NE(Contradiction(c), "");
  c.min_corroboration.reset();
  c.corroborated_by = {};
  c.corroborated_by.Insert(A::kMarrHildreth);
  EXPECT_NE(Contradiction(c), "");
  c.corroborated_by = {};
  c.algorithms = {};
  c.algorithms.Insert(A::kMarrHildreth);
  EXPECT_NE(Contradiction(c), "");
  c.algorithms = {};
  c.max_distances = {{A::kPhotoDna, 1}};
  c.identities.Insert(Identity::kStrong);
  EXPECT_EQ(Contradiction(c), "");
  c = {};
  c.identities.Insert(Identity::kPerceptual);
  c.algorithms.Insert(A::kMd5);
  EXPECT_NE(Contradiction(c), "");
  c.algorithms.Insert(A::kPdq);
  EXPECT_EQ(Contradiction(c), "");
}

/// Conditions and matches drawn from few values, so that they often meet.
class RandomFacts {
 public:
  explicit RandomFacts(std::uint64_t seed) : random_(seed) {}

  Condition NextCondition() {
    Condition c;
    if (Chance()) c.lists = Some({"a", "b", "c"});
    if (Chance()) c.lists_not = Some({"a", "b", "c"});
    if (Chance()) c.classifications = Some({"A*", "A1", "*", "*1", "", "A*1"});
    if (Chance()) c.surfaces = Some({"default", "wall"});
    FillSet(c.purposes, 5);
    FillSet(c.trusts, 3);
    FillSet(c.algorithms, kAlgorithmCount - 1);
    FillSet(c.corroborated_by, kAlgorithmCount - 1);
    FillSet(c.identities, 3);
    if (Chance()) c.max_distance_bits = Pick(64);
    if (Chance()) c.max_distances[A::kPhotoDna] = Pick(64);
    if (Chance()) c.min_quality = Pick(101);
    if (Chance()) c.min_corroboration = 1 + Pick(4);
    return c;
  }

  MatchFact NextMatch() {
    MatchFact m;
    m.list = std::vector<std::string>{"a", "b", "c"}[static_cast<std::size_t>(Pick(3))];
    m.classification =
        std::vector<std::string>{"", "A", "A1", "A21", "B1"}[static_cast<std::size_t>(Pick(5))];
    m.purpose = static_cast<Purpose>(Pick(6));
    m.trust = static_cast<Trust>(Pick(4));
    for (int i = 1; i < kAlgorithmCount; ++i) {
      if (Chance()) m.algorithms.push_back(static_cast<A>(i));
    }
    m.identity = static_cast<Identity>(Pick(4));
    m.distance_bits = Pick(65) - 1;
    m.upload_quality = Pick(102) - 1;
    m.entry_quality = Pick(102) - 1;
    return m;
  }

  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

 private:
  bool Chance() { return Pick(3) == 0; }
  std::vector<std::string> Some(const std::vector<std::string>& all) {
    std::vector<std::string> out;
    for (const std::string& text : all) {
      if (Chance()) out.push_back(text);
    }
    return out;
  }
  void FillSet(EnumSet& set, int count) {
    if (!Chance()) return;
    for (int i = 1; i <= count; ++i) {
      if (Pick(2) == 0) set.Insert(static_cast<std::uint8_t>(i));
    }
  }

  std::mt19937_64 random_;
};

TEST(Covers, NeverClaimsARuleDeadThatAMatchWakes) {
  RandomFacts facts(testing::Seed());
  int covered = 0;
  for (int round = 0; round < 100'000; ++round) {
    const Condition earlier = facts.NextCondition();
    const Condition later = facts.NextCondition();
    if (!Covers(earlier, later)) continue;
    ++covered;
    for (int i = 0; i < 20; ++i) {
      const MatchFact match = facts.NextMatch();
      Input input;
      input.surface = facts.Pick(2) == 0 ? "default" : "wall";
      ASSERT_TRUE(!Holds(later, match, input) || Holds(earlier, match, input)) << "round " << round;
    }
  }
  EXPECT_GT(covered, 200) << "the draw must produce covered pairs for this test to mean anything";
}

TEST(Contradiction, NeverClaimsARuleDeadThatAMatchFulfils) {
  RandomFacts facts(testing::Seed() + 1);
  int dead = 0;
  for (int round = 0; round < 50'000; ++round) {
    const Condition condition = facts.NextCondition();
    if (Contradiction(condition).empty()) continue;
    ++dead;
    for (int i = 0; i < 50; ++i) {
      MatchFact match = facts.NextMatch();
      // As the contract has it: a distance says that PDQ agrees.
      if (std::ranges::find(match.algorithms, A::kPdq) == match.algorithms.end()) match.distance_bits = -1;
      // The claim is at its strongest where the scan reports what the algorithms prove.
      match.identity = IdentityOf(match.algorithms);
      ASSERT_FALSE(Holds(condition, match)) << "round " << round;
    }
  }
  EXPECT_GT(dead, 200);
}

TEST(Covers, FindsThePlainCases) {
  Condition any;
  Condition csam;
  csam.purposes.Insert(Purpose::kCsam);
  EXPECT_TRUE(Covers(any, csam));
  EXPECT_FALSE(Covers(csam, any));
  Condition near = csam;
  near.max_distance_bits = 10;
  Condition nearer = csam;
  nearer.max_distance_bits = 9;
  EXPECT_TRUE(Covers(near, nearer));
  EXPECT_FALSE(Covers(nearer, near));
  near = nearer = csam;
  near.max_distances = {{A::kPhotoDna, 10}};
  EXPECT_TRUE(Covers(csam, near));
  EXPECT_FALSE(Covers(near, csam));
  nearer.max_distances = {{A::kPhotoDna, 9}};
  EXPECT_TRUE(Covers(near, nearer));
  EXPECT_FALSE(Covers(nearer, near));
  Condition classed;
  classed.classifications = {"A*"};
  Condition narrower;
  narrower.classifications = {"A1", "A*b"};
  EXPECT_TRUE(Covers(classed, narrower));
  EXPECT_FALSE(Covers(narrower, classed));
  Condition not_a;
  not_a.lists_not = {"a"};
  Condition only_b;
  only_b.lists = {"b"};
  EXPECT_TRUE(Covers(not_a, only_b));
  EXPECT_FALSE(Covers(only_b, not_a));
}

}  // namespace
}  // namespace hashgate::policy
