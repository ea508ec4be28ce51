#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/policy.h"

namespace hashgate::policy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::shared_ptr<const Policy> Profile(std::string_view name) {
  auto policy = LoadProfile(name);
  EXPECT_TRUE(policy) << policy.error().message;
  return *policy;
}

MatchFact Match(std::vector<Algorithm> algorithms, Purpose purpose = Purpose::kCsam) {
  MatchFact match;
  match.list = "trusted-list";
  match.purpose = purpose;
  match.trust = Trust::kTrusted;
  match.entry = 7;
  match.algorithms = std::move(algorithms);
  match.identity = IdentityOf(match.algorithms);
  for (const Algorithm algorithm : match.algorithms) {
    if (algorithm == Algorithm::kPdq) {
      match.distance_bits = 12;
      match.upload_quality = 90;
      match.view = ViewKind::kWhole;
    }
  }
  return match;
}

Decision Decide(const Policy& policy, const std::vector<MatchFact>& matches, Cause cause = Cause::kNone) {
  Input input;
  input.matches = matches;
  input.outcome =
      matches.empty() ? (cause == Cause::kNone ? Outcome::kNotMatched : OutcomeOf(cause)) : Outcome::kMatched;
  input.cause = cause;
  input.coverage = CoverageLevel::kComplete;
  return policy.Decide(input);
}

TEST(Decide, StepsSayWhatTheRuleAskedAndWhichLimitsChangedIt) {
  const auto policy = Profile("standard");
  MatchFact match = Match({Algorithm::kSha256});
  match.trust = Trust::kLocal;
  match.action_ceiling = Verdict::kBlock;
  const Decision decision = Decide(*policy, {match});
  EXPECT_EQ(decision.verdict, Verdict::kReview);
  EXPECT_EQ(decision.rule_id, "csam-digest");
  EXPECT_EQ(decision.harm_class, HarmClass::kCsam);
  EXPECT_EQ(decision.match, 0U);
  ASSERT_THAT(decision.steps, SizeIs(1));
  EXPECT_EQ(decision.steps[0].rule_verdict, Verdict::kBlock);
  EXPECT_EQ(decision.steps[0].verdict, Verdict::kReview);
  EXPECT_THAT(decision.steps[0].limits, ElementsAre("list below TRUSTED: REVIEW at most"));
}

TEST(Decide, NoRuleLiftsTheHardLimits) {
  const auto parsed =
      ParsePolicy("version: '1'\nname: m\nrules: [{id: all, verdict: BLOCK_AND_REPORT}]\n", "p.yaml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Policy& policy = **parsed;
  const auto verdict = [&](const MatchFact& match) { return Decide(policy, {match}).verdict; };

  EXPECT_EQ(verdict(Match({Algorithm::kSha256})), Verdict::kBlockAndReport);
  EXPECT_EQ(verdict(Match({Algorithm::kMd5, Algorithm::kPdq})), Verdict::kBlockAndReport);
  EXPECT_EQ(verdict(Match({Algorithm::kMd5})), Verdict::kBlock);
  EXPECT_EQ(verdict(Match({Algorithm::kPdq, Algorithm::kPhotoDna})), Verdict::kBlock);
  for (const Purpose purpose : {Purpose::kUnspecified, Purpose::kExploitative, Purpose::kNciiAdult,
                                Purpose::kOwnRules, Purpose::kTest}) {
    EXPECT_EQ(verdict(Match({Algorithm::kSha256}, purpose)), Verdict::kBlock);
  }
  MatchFact m = Match({Algorithm::kSha256});
  for (const Trust trust : {Trust::kUnspecified, Trust::kUnverified, Trust::kLocal}) {
    m.trust = trust;
    EXPECT_EQ(verdict(m), Verdict::kReview);
  }
  m = Match({Algorithm::kSha256});
  m.digest_conflict = true;
  EXPECT_EQ(verdict(m), Verdict::kReview);
  for (const Verdict ceiling : {Verdict::kAllow, Verdict::kHold, Verdict::kReview, Verdict::kBlock}) {
    m = Match({Algorithm::kSha256});
    m.action_ceiling = ceiling;
    EXPECT_EQ(verdict(m), ceiling);
    m.digest_conflict = true;
    EXPECT_EQ(verdict(m), std::min(ceiling, Verdict::kReview)) << "the ceiling is the last word";
  }
}

TEST(Decide, QualityLimitsOnlyPerceptualIdentity) {
  const auto policy = Profile("standard");
  const auto verdict = [&](std::vector<Algorithm> algorithms, int upload, int entry, bool up_flat,
                           bool entry_flat) {
    MatchFact match = Match(std::move(algorithms));
    match.upload_quality = upload;
    match.entry_quality = entry;
    match.upload_degenerate = up_flat;
    match.entry_degenerate = entry_flat;
    return Decide(*policy, {match}).verdict;
  };
  const std::vector<Algorithm> pdq = {Algorithm::kPdq};
  EXPECT_EQ(verdict(pdq, 50, 50, false, false), Verdict::kBlock);
  EXPECT_EQ(verdict(pdq, 50, kQualityUnknown, false, false), Verdict::kBlock);
  EXPECT_EQ(verdict(pdq, 49, 50, false, false), Verdict::kReview);
  EXPECT_EQ(verdict(pdq, 50, 49, false, false), Verdict::kReview);
  EXPECT_EQ(verdict(pdq, 0, kQualityUnknown, false, false), Verdict::kReview);
  EXPECT_EQ(verdict(pdq, 90, 90, true, false), Verdict::kReview);
  EXPECT_EQ(verdict(pdq, 90, kQualityUnknown, false, true), Verdict::kReview);
  EXPECT_EQ(verdict({Algorithm::kSha256, Algorithm::kPdq}, 0, 0, true, true), Verdict::kBlockAndReport);
  EXPECT_EQ(verdict({Algorithm::kMd5}, kQualityUnknown, kQualityUnknown, false, true), Verdict::kBlock);
}

TEST(Decide, TheForgeablePipelineNeitherIdentifiesNorCorroborates) {
  const auto policy = Profile("standard");
  const auto verdict = [&](std::vector<Algorithm> algorithms) {
    MatchFact match = Match(std::move(algorithms));
    match.nn512_only = true;
    return Decide(*policy, {match}).verdict;
  };
  EXPECT_EQ(verdict({Algorithm::kPdq}), Verdict::kReview);
  EXPECT_EQ(verdict({Algorithm::kPdq, Algorithm::kMd5}), Verdict::kReview);
  EXPECT_EQ(verdict({Algorithm::kPdq, Algorithm::kMd5, Algorithm::kSha1}), Verdict::kBlockAndReport);
  EXPECT_EQ(verdict({Algorithm::kPdq, Algorithm::kSha256}), Verdict::kBlockAndReport);
}

// Not even a policy of one rule that reports everything can lift it.
TEST(Decide, WhatNobodySeesNeitherIdentifiesNorCorroborates) {
  const auto all = ParsePolicy("version: '1'\nname: m\nrules: [{id: all, verdict: BLOCK_AND_REPORT}]\n", "p");
  ASSERT_TRUE(all) << all.error().message;
  for (const std::shared_ptr<const Policy>& policy : {Profile("standard"), *all}) {
    const auto decide = [&](std::vector<Algorithm> algorithms, bool hidden_only) {
      MatchFact match = Match(std::move(algorithms));
      match.hidden_only = hidden_only;
      return Decide(*policy, {match});
    };
    EXPECT_EQ(decide({Algorithm::kPdq}, false).verdict, Verdict::kBlock);
    EXPECT_EQ(decide({Algorithm::kPdq}, true).verdict, Verdict::kReview);
    EXPECT_THAT(decide({Algorithm::kPdq}, true).steps[0].limits,
                ::testing::Contains("hidden view alone: REVIEW at most"));
    EXPECT_EQ(decide({Algorithm::kPdq, Algorithm::kPhotoDna}, true).verdict, Verdict::kReview);
    EXPECT_EQ(decide({Algorithm::kPdq, Algorithm::kMd5}, true).verdict, Verdict::kReview);
    EXPECT_EQ(decide({Algorithm::kPdq, Algorithm::kSha256}, true).verdict, Verdict::kBlockAndReport);
  }
}

TEST(Decide, FramesNotLookedAtAreHeldUnlessThePolicySaysElse) {
  const auto decide = [](const Policy& policy, CoverageLevel coverage, bool unseen) {
    return policy.Decide({.outcome = Outcome::kNotMatched, .coverage = coverage, .frames_unseen = unseen});
  };
  const auto standard = Profile("standard");
  EXPECT_EQ(decide(*standard, CoverageLevel::kPartial, false).verdict, Verdict::kAllow);
  EXPECT_EQ(decide(*standard, CoverageLevel::kPartial, true).verdict, Verdict::kHold);
  EXPECT_EQ(decide(*standard, CoverageLevel::kPartial, true).rule_id, "no_match/frames_unseen");
  // Told of a complete look too: the two contradict each other, and the stricter holds.
  EXPECT_EQ(decide(*standard, CoverageLevel::kComplete, true).verdict, Verdict::kHold);
  const auto lax = ParsePolicy(
      "version: '1'\nname: m\nextends: standard\nno_match: {frames_unseen: ALLOW, exact_only: HOLD}\n", "p");
  ASSERT_TRUE(lax) << lax.error().message;
  EXPECT_EQ(decide(**lax, CoverageLevel::kPartial, true).verdict, Verdict::kAllow);
  EXPECT_EQ(decide(**lax, CoverageLevel::kPartial, true).rule_id, "no_match/partial");
  // What viewers show in other colours is decided apart.
  const Input colours{
      .outcome = Outcome::kNotMatched, .coverage = CoverageLevel::kPartial, .colours_unusual = true};
  EXPECT_EQ(standard->Decide(colours).rule_id, "no_match/colours_unusual");
  EXPECT_EQ(standard->Decide(colours).verdict, Verdict::kHold);
  EXPECT_EQ((*lax)->Decide(colours).verdict, Verdict::kHold);
  // It never makes a look laxer.
  EXPECT_EQ(decide(**lax, CoverageLevel::kExactOnly, true).verdict, Verdict::kHold);
}

TEST(Decide, AConflictIsReviewAtLeastToo) {
  const auto parsed =
      ParsePolicy("version: '1'\nname: m\nrules: [{id: all, verdict: ALLOW, reason: on trial}]\n", "p.yaml");
  ASSERT_TRUE(parsed);
  MatchFact match = Match({Algorithm::kMd5});
  EXPECT_EQ(Decide(**parsed, {match}).verdict, Verdict::kAllow);
  match.digest_conflict = true;
  const Decision decision = Decide(**parsed, {match});
  EXPECT_EQ(decision.verdict, Verdict::kReview);
  EXPECT_THAT(decision.steps[0].limits, ElementsAre("digest conflict: REVIEW at least"));
}

TEST(Decide, AClaimedIdentityMustBeProven) {
  MatchFact match = Match({Algorithm::kPdq});
  match.identity = Identity::kStrong;
  const Decision decision = Decide(*Profile("standard"), {match});
  EXPECT_EQ(decision.verdict, Verdict::kBlock);
  EXPECT_EQ(decision.rule_id, "csam-perceptual");
  EXPECT_THAT(decision.steps[0].limits, Contains("its algorithms prove only PERCEPTUAL identity"));
}

TEST(Decide, TheStrictestMatchDecidesAndTiesDoNotDependOnOrder) {
  const auto policy = Profile("standard");
  const MatchFact own = Match({Algorithm::kSha256}, Purpose::kOwnRules);
  const MatchFact csam = Match({Algorithm::kPdq});
  MatchFact nearer = csam;
  nearer.distance_bits = 3;
  nearer.entry = 99;
  const Decision a = Decide(*policy, {own, csam, nearer});
  EXPECT_EQ(a.verdict, Verdict::kBlock);
  EXPECT_EQ(a.match, 2U);
  EXPECT_EQ(a.harm_class, HarmClass::kCsam);
  EXPECT_EQ(a.rule_id, "csam-perceptual");
  EXPECT_THAT(a.steps, SizeIs(3));
  const Decision b = Decide(*policy, {nearer, own, csam});
  EXPECT_EQ(b.match, 0U);
  EXPECT_EQ(b.rule_id, a.rule_id);
}

TEST(Decide, AMatchByAVectorAloneIsNotNearerThanPdq) {
  const auto policy = Profile("standard");
  MatchFact vector = Match({Algorithm::kPhotoDna});
  vector.distance_bits = -1;
  vector.distances = {{Algorithm::kPhotoDna, 0, 20'000}};
  vector.entry = 1;
  MatchFact pdq = Match({Algorithm::kPdq});
  pdq.distance_bits = 0;
  pdq.entry = 2;
  EXPECT_EQ(Decide(*policy, {vector, pdq}).match, 1U);
  EXPECT_EQ(Decide(*policy, {pdq, vector}).match, 0U);
}

TEST(Decide, APlantedTestPictureHidesNothing) {
  const auto policy = Profile("standard");
  MatchFact candidate = Match({Algorithm::kPdq});
  candidate.upload_quality = 10;
  const Decision decision = Decide(*policy, {Match({Algorithm::kSha256}, Purpose::kTest), candidate});
  EXPECT_EQ(decision.verdict, Verdict::kBlock);
  EXPECT_EQ(decision.rule_id, "test");
  EXPECT_EQ(decision.harm_class, HarmClass::kCsam) << "harm class TEST would make no case of it";
  EXPECT_EQ(Decide(*policy, {Match({Algorithm::kSha256}, Purpose::kTest)}).harm_class, HarmClass::kTest);
}

TEST(Decide, AMatchOnlyAddsStrictness) {
  const auto policy = Profile("standard");
  MatchFact watched = Match({Algorithm::kSha256});
  watched.action_ceiling = Verdict::kAllow;
  EXPECT_EQ(Decide(*policy, {watched}).verdict, Verdict::kAllow);
  const Decision decision = Decide(*policy, {watched}, Cause::kTruncated);
  EXPECT_EQ(decision.verdict, Verdict::kHold) << "a match that may do nothing must not open the gate";
  EXPECT_EQ(decision.rule_id, "cause/TRUNCATED");
  EXPECT_EQ(decision.match, kNoMatch);
  EXPECT_EQ(decision.harm_class, HarmClass::kCsam);
  ASSERT_THAT(decision.steps, SizeIs(2));
  EXPECT_EQ(decision.steps[1].match, kNoMatch);
  EXPECT_EQ(Decide(*policy, {Match({Algorithm::kMd5})}, Cause::kDeadline).verdict, Verdict::kBlock);
}

TEST(Decide, NothingThatWasNotLookedAtPassesForClean) {
  const auto policy = Profile("standard");
  const auto decide = [&](Outcome outcome, Cause cause, CoverageLevel coverage) {
    Input input;
    input.outcome = outcome;
    input.cause = cause;
    input.coverage = coverage;
    return policy->Decide(input);
  };
  const auto expect_inconsistent = [](const Decision& decision) {
    EXPECT_EQ(decision.verdict, Verdict::kHold);
    EXPECT_EQ(decision.rule_id, "inconsistent");
  };
  expect_inconsistent(policy->Decide(Input{}));
  expect_inconsistent(decide(Outcome::kNotMatched, Cause::kNone, CoverageLevel::kNone));
  expect_inconsistent(decide(Outcome::kNotMatched, Cause::kNone, CoverageLevel::kUnspecified));
  expect_inconsistent(decide(Outcome::kMatched, Cause::kNone, CoverageLevel::kComplete));
  expect_inconsistent(decide(Outcome::kUnscannable, Cause::kNone, CoverageLevel::kComplete));
  expect_inconsistent(decide(Outcome::kNotEvaluated, Cause::kNone, CoverageLevel::kComplete));
  expect_inconsistent(decide(Outcome::kUnscannable, static_cast<Cause>(15), CoverageLevel::kComplete));
  expect_inconsistent(decide(Outcome::kNotMatched, static_cast<Cause>(99), CoverageLevel::kComplete));
  const Decision contradiction = decide(Outcome::kNotMatched, Cause::kDeadline, CoverageLevel::kComplete);
  EXPECT_EQ(contradiction.verdict, Verdict::kHold);
  EXPECT_EQ(contradiction.rule_id, "cause/DEADLINE");
}

TEST(Decide, NoMatchNamesHowFarTheLookGot) {
  const auto policy = Profile("strict");
  Input input;
  input.outcome = Outcome::kNotMatched;
  input.coverage = CoverageLevel::kComplete;
  EXPECT_EQ(policy->Decide(input).rule_id, "default");
  EXPECT_EQ(policy->Decide(input).verdict, Verdict::kAllow);
  EXPECT_THAT(policy->Decide(input).steps, SizeIs(1));
  EXPECT_THAT(policy->Decide(input).steps[0].limits, IsEmpty());
  input.coverage = CoverageLevel::kPartial;
  EXPECT_EQ(policy->Decide(input).rule_id, "no_match/partial");
  input.coverage = CoverageLevel::kExactOnly;
  EXPECT_EQ(policy->Decide(input).rule_id, "no_match/exact_only");
  input.cause = Cause::kNotAnImage;
  EXPECT_EQ(policy->Decide(input).rule_id, "no_match/not_an_image");
  input.images_only = true;
  EXPECT_EQ(policy->Decide(input).rule_id, "no_match/images_only");
}

TEST(Decide, ShortHashesAloneAreForAPerson) {
  const auto policy = Profile("standard");
  const auto verdict = [&](std::vector<Algorithm> algorithms) {
    return Decide(*policy, {Match(std::move(algorithms))}).verdict;
  };
  using A = Algorithm;
  for (const A algorithm : {A::kPHash, A::kBlockMean, A::kAverage}) {
    EXPECT_EQ(verdict({algorithm}), Verdict::kReview);
    EXPECT_EQ(verdict({A::kPdq, algorithm}), Verdict::kBlock);
    EXPECT_EQ(verdict({A::kMd5, algorithm}), Verdict::kBlock) << "by the digest, and no report";
  }
  EXPECT_EQ(verdict({A::kPHash, A::kBlockMean, A::kAverage}), Verdict::kReview);
  EXPECT_EQ(verdict({A::kMarrHildreth}), Verdict::kBlock);
  EXPECT_EQ(verdict({A::kMarrHildreth, A::kPHash}), Verdict::kBlock);
  const Decision decision = Decide(*policy, {Match({A::kPHash})});
  EXPECT_THAT(decision.steps[0].limits, ElementsAre("short or coarse hash alone: REVIEW at most"));
}

TEST(Decide, WithoutReviewersNothingEndsInReview) {
  const auto policy = Profile("no-reviewers");
  MatchFact match = Match({Algorithm::kPdq});
  match.entry_degenerate = true;
  const Decision decision = Decide(*policy, {match});
  EXPECT_EQ(decision.verdict, Verdict::kHold);
  EXPECT_THAT(decision.steps[0].limits,
              ElementsAre(HasSubstr("degenerate hash of the entry"), "no reviewers: HOLD instead of REVIEW"));
}

TEST(Decide, OpinionsLimitAndLift) {
  const auto policy = Profile("standard");
  MatchFact match = Match({Algorithm::kSha256});
  match.disputed = true;
  EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kReview);
  EXPECT_THAT(Decide(*policy, {match}).steps[0].limits, Contains("disputed entry: REVIEW at most"));
  match = Match({Algorithm::kPdq});
  match.flooded = true;
  EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kReview);
  match = Match({Algorithm::kMd5});
  match.flooded = true;
  EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kBlock) << "the flood is of perceptual matches";
  for (const Trust trust : {Trust::kLocal, Trust::kUnverified}) {
    match = Match({Algorithm::kPdq});
    match.trust = trust;
    EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kReview);
    match.confirmed = true;
    EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kBlock);
    match = Match({Algorithm::kSha256});
    match.trust = trust;
    match.confirmed = true;
    EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kBlock)
        << "a report takes a trusted list, or a rule";
    match.disputed = true;
    EXPECT_EQ(Decide(*policy, {match}).verdict, Verdict::kReview);
  }
  EXPECT_EQ(Decide(*Profile("no-reviewers"), {match}).verdict, Verdict::kHold);
}

TEST(Decide, MeaningsOfLabelsDecideUnderALaw) {
  const auto parsed = ParsePolicy(R"(
version: "1"
name: uk
jurisdiction: GB
extends: standard
labels:
  - {scheme: iwf, classification: ["A", "B", "C"], meaning: illegal}
  - {scheme: [industry, iwf], classification: "*", meaning: unclear}
  - {classification: "drawing*", meaning: unclear}
rules:
  - id: unclear
    when: {meaning: unclear}
    verdict: REVIEW
  - id: own-illegal
    when: {meaning: illegal, confirmed: true, identity: STRONG, purpose: CSAM}
    verdict: BLOCK_AND_REPORT
)",
                                  "p.yaml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->Jurisdiction(), "GB");
  EXPECT_THAT(Describe(**parsed), HasSubstr("jurisdiction: GB"));
  MatchFact match = Match({Algorithm::kSha256});
  const auto rule = [&](const std::string& scheme, const std::string& classification) {
    match.scheme = scheme;
    match.classification = classification;
    return Decide(**parsed, {match}).rule_id;
  };
  EXPECT_EQ(rule("iwf", "A"), "csam-strong");
  EXPECT_EQ(rule("iwf", "D"), "unclear");
  EXPECT_EQ(rule("industry", "A1"), "unclear");
  EXPECT_EQ(rule("", "A"), "csam-strong") << "another scheme's A means nothing here";
  EXPECT_EQ(rule("vics", "drawing-2"), "unclear");
  match.confirmed = true;
  match.trust = Trust::kLocal;
  EXPECT_EQ(rule("iwf", "A"), "own-illegal");
  EXPECT_EQ(Decide(**parsed, {match}).verdict, Verdict::kBlockAndReport);
}

}  // namespace
}  // namespace hashgate::policy
