// What must hold for every policy, match and upload, on seeded random ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "testing/seed.h"

namespace hashgate::policy {
namespace {

class PolicyProperties : public ::testing::TestWithParam<const char*> {
 protected:
  PolicyProperties() : random_(testing::Seed()) {
    const std::string name = GetParam();
    const auto policy = name == "own" ? ParsePolicy(kOwn, "own") : LoadProfile(name);
    EXPECT_TRUE(policy) << policy.error().message;
    policy_ = *policy;
  }

  /// As lax and as odd as the parser lets a policy be.
  static constexpr const char* kOwn = R"yaml(
version: x
name: own
rules:
  - {id: watched, when: {list: list-1}, verdict: ALLOW, reason: on trial}
  - {id: near, when: {max_distance_bits: 20, min_quality: 60}, verdict: BLOCK_AND_REPORT}
  - {id: held, when: {min_corroboration: 2, surface_kind: GROUP}, verdict: HOLD}
  - {id: seconded, when: {corroborated_by: [photodna, md5], purpose: CSAM}, verdict: BLOCK}
  - {id: classed, when: {classification: ["A*", ""]}, verdict: REVIEW}
  - {id: rest, verdict: BLOCK_AND_REPORT}
no_match: {partial: HOLD, not_an_image: BLOCK, images_only: ALLOW}
causes:
  DEADLINE: {verdict: ALLOW, accept_unscanned: true, reason: r, surface_kind: {AVATAR: {verdict: HOLD}}}
  CORRUPT: BLOCK
)yaml";

  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  MatchFact NextMatch() {
    MatchFact m;
    m.list = "list-" + std::to_string(Pick(3));
    m.purpose = static_cast<Purpose>(Pick(6));
    m.trust = Pick(2) == 0 ? Trust::kTrusted : static_cast<Trust>(Pick(4));
    if (Pick(4) == 0) m.action_ceiling = static_cast<Verdict>(Pick(6));
    m.classification = std::vector<std::string>{"", "A1", "B"}[static_cast<std::size_t>(Pick(3))];
    m.entry = static_cast<std::uint64_t>(Pick(1000));
    for (int i = 1; i <= 6; ++i) {
      if (Pick(3) == 0) m.algorithms.push_back(static_cast<Algorithm>(i));
    }
    m.identity = Pick(2) == 0 ? IdentityOf(m.algorithms) : static_cast<Identity>(Pick(4));
    m.distance_bits = Pick(65) - 1;
    m.upload_quality = Pick(102) - 1;
    m.entry_quality = Pick(102) - 1;
    m.upload_degenerate = Pick(8) == 0;
    m.entry_degenerate = Pick(8) == 0;
    m.digest_conflict = Pick(8) == 0;
    m.nn512_only = Pick(8) == 0;
    m.hidden_only = Pick(8) == 0;
    m.view = static_cast<ViewKind>(Pick(6));
    return m;
  }

  Input NextInput(const std::vector<MatchFact>& matches) {
    Input input;
    input.matches = matches;
    const auto causes = AllCauses();
    input.cause =
        Pick(2) == 0 ? Cause::kNone : causes[static_cast<std::size_t>(Pick(static_cast<int>(causes.size())))];
    input.outcome = !matches.empty()              ? Outcome::kMatched
                    : input.cause == Cause::kNone ? Outcome::kNotMatched
                                                  : OutcomeOf(input.cause);
    input.coverage = static_cast<CoverageLevel>(1 + Pick(4));
    input.surface_kind = static_cast<SurfaceKind>(Pick(6));
    input.images_only = Pick(2) == 0;
    input.frames_unseen = Pick(3) == 0;
    input.colours_unusual = Pick(3) == 0;
    return input;
  }

  std::vector<MatchFact> NextMatches(int most) {
    std::vector<MatchFact> matches;
    const int count = Pick(most + 1);
    for (int i = 0; i < count; ++i) matches.push_back(NextMatch());
    return matches;
  }

  static constexpr int kRounds = 20'000;
  std::mt19937_64 random_;
  std::shared_ptr<const Policy> policy_;
};

TEST_P(PolicyProperties, AddingAMatchNeverMakesTheVerdictLaxer) {
  int raised = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<MatchFact> matches = NextMatches(3);
    Input input = NextInput(matches);
    const Verdict before = policy_->Decide(input).verdict;
    matches.insert(matches.begin() + Pick(static_cast<int>(matches.size()) + 1), NextMatch());
    // The outcome alone changes with the first match; what failed and how far the look got stay as they are.
    input.matches = matches;
    input.outcome = Outcome::kMatched;
    const Verdict after = policy_->Decide(input).verdict;
    // A look that never happened cannot have found the match: this pair exists only here.
    if (input.coverage == CoverageLevel::kNone) continue;
    ASSERT_GE(after, before) << "round " << round;
    raised += after > before ? 1 : 0;
  }
  EXPECT_GT(raised, 100);
}

TEST_P(PolicyProperties, EveryVerdictIsOneAndFitsTheFacts) {
  int reports = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<MatchFact> matches = NextMatches(4);
    const Input input = NextInput(matches);
    const Decision decision = policy_->Decide(input);
    ASSERT_GE(decision.verdict, Verdict::kAllow);
    ASSERT_LE(decision.verdict, Verdict::kBlockAndReport);
    ASSERT_FALSE(decision.rule_id.empty());
    ASSERT_GE(decision.steps.size(), std::max<std::size_t>(1, matches.size()));
    ASSERT_TRUE(policy_->HasReviewers() || decision.verdict != Verdict::kReview);
    if (matches.empty()) {
      ASSERT_EQ(decision.harm_class, HarmClass::kUnspecified);
      ASSERT_NE(decision.verdict, Verdict::kReview) << "no review without a candidate";
      ASSERT_NE(decision.verdict, Verdict::kBlockAndReport);
    }
    for (const Step& step : decision.steps) {
      ASSERT_NE(step.verdict, Verdict::kUnspecified);
      ASSERT_LE(step.verdict, decision.verdict);
      if (step.match == kNoMatch) continue;
      const MatchFact& m = matches[step.match];
      const bool reviewable = m.trust != Trust::kTrusted || m.digest_conflict;
      ASSERT_TRUE(!reviewable || step.verdict <= Verdict::kReview);
      ASSERT_TRUE(!m.hidden_only || IdentityOf(m.algorithms) == Identity::kStrong ||
                  step.verdict <= Verdict::kReview);
      ASSERT_TRUE(m.action_ceiling == Verdict::kUnspecified || step.verdict <= m.action_ceiling);
      if (step.verdict != Verdict::kBlockAndReport) continue;
      ++reports;
      ASSERT_EQ(m.purpose, Purpose::kCsam);
      ASSERT_EQ(m.identity, Identity::kStrong);
      ASSERT_TRUE(std::ranges::any_of(m.algorithms, [](Algorithm a) {
        return a == Algorithm::kMd5 || a == Algorithm::kSha1 || a == Algorithm::kSha256;
      })) << "perceptual hashes alone never report";
    }
  }
  EXPECT_GT(reports, 20) << "the draw must produce reports for this test to mean anything";
}

TEST_P(PolicyProperties, EqualInputsAndAnyOrderGiveOneDecision) {
  for (int round = 0; round < kRounds / 2; ++round) {
    const std::vector<MatchFact> matches = NextMatches(4);
    const Input input = NextInput(matches);
    const Decision first = policy_->Decide(input);
    const Decision again = policy_->Decide(input);
    ASSERT_EQ(first.verdict, again.verdict);
    ASSERT_EQ(first.match, again.match);
    ASSERT_EQ(first.rule_id, again.rule_id);

    std::vector<std::size_t> order(matches.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random_);
    std::vector<MatchFact> shuffled;
    for (const std::size_t i : order) shuffled.push_back(matches[i]);
    Input turned = input;
    turned.matches = shuffled;
    const Decision other = policy_->Decide(turned);
    ASSERT_EQ(first.verdict, other.verdict);
    ASSERT_EQ(first.harm_class, other.harm_class);
    ASSERT_EQ(first.match == kNoMatch, other.match == kNoMatch);
    // Two matches of one list and entry are equal in rank; scans give each entry once.
    std::vector<std::pair<std::string, std::uint64_t>> ids;
    for (const MatchFact& m : matches) ids.emplace_back(m.list, m.entry);
    std::ranges::sort(ids);
    if (std::ranges::adjacent_find(ids) != ids.end()) continue;
    ASSERT_EQ(first.rule_id, other.rule_id);
    ASSERT_TRUE(first.match == kNoMatch || first.match == order[other.match]);
  }
}

TEST_P(PolicyProperties, EveryCauseHasAVerdictForEverySurfaceKind) {
  const std::vector<CauseRule> table = policy_->FailPolicy();
  ASSERT_EQ(table.size(), AllCauses().size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table[i].cause, AllCauses()[i]);
    for (int kind = 0; kind < 6; ++kind) {
      const Verdict verdict = policy_->ForCause(table[i].cause, static_cast<SurfaceKind>(kind));
      EXPECT_GE(verdict, Verdict::kAllow);
      EXPECT_LE(verdict, table[i].verdict) << "the table must not be laxer than any surface";
      Input input;
      input.outcome = OutcomeOf(table[i].cause);
      input.cause = table[i].cause;
      input.coverage = CoverageLevel::kExactOnly;
      input.surface_kind = static_cast<SurfaceKind>(kind);
      EXPECT_EQ(policy_->Decide(input).verdict, verdict);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, PolicyProperties,
                         ::testing::Values("standard", "strict", "no-reviewers", "own"));

}  // namespace
}  // namespace hashgate::policy
