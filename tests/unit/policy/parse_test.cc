#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"
#include "base/hex.h"
#include "policy/policy.h"

namespace hashgate::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(const std::string& yaml) {
  const auto policy = ParsePolicy(yaml, "p.yaml");
  if (policy) return "";
  EXPECT_EQ(policy.error().reason, Reason::kPolicyInvalid);
  return policy.error().message;
}

/// A sound policy around some lines; they start in line 3.
std::string WithLines(const std::string& lines) {
  return "version: '1'\nname: mine\n" + lines + "rules:\n  - {id: rest, verdict: REVIEW}\n";
}

/// The first rule starts in line 4.
std::string WithRules(const std::string& rules) {
  return "version: '1'\nname: mine\nrules:\n" + rules + "  - {id: rest, verdict: REVIEW}\n";
}

TEST(ParsePolicy, TakesTheSmallestPolicy) {
  const std::string text = WithLines("");
  const auto policy = ParsePolicy(text, "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ((*policy)->Name(), "mine");
  EXPECT_EQ((*policy)->Version(), "1");
  EXPECT_TRUE((*policy)->HasReviewers());
  EXPECT_THAT((*policy)->RuleIds(), ElementsAre("rest"));
  const auto digest = Sha256Of(AsBytes(text));
  EXPECT_EQ((*policy)->TextDigest(), "sha256:" + HexEncode(std::span(digest).first(8)));
  for (const CauseRule& row : (*policy)->FailPolicy()) {
    EXPECT_EQ(row.verdict, row.cause == Cause::kNotAnImage ? Verdict::kAllow : Verdict::kHold);
  }
}

TEST(ParsePolicy, RefusesLabelsThatSayNothing) {
  EXPECT_EQ(ErrorOf(WithLines("labels: []\n")), "p.yaml:3: labels: must be a list of 1 to 256 rows");
  EXPECT_EQ(ErrorOf(WithLines("labels:\n  - {classification: A}\n")),
            "p.yaml:4: labels[0]: key 'meaning' is missing");
  EXPECT_EQ(ErrorOf(WithLines("labels:\n  - {classification: A, meaning: Not A Name}\n")),
            "p.yaml:4: labels[0].meaning: 'Not A Name' is no meaning: 1 to 63 of a-z, 0-9 and '-'");
  EXPECT_EQ(ErrorOf(WithRules("  - id: a\n    when: {meaning: illegal}\n    verdict: BLOCK\n")),
            "p.yaml:5: rules[0].when.meaning: no row of 'labels' gives 'illegal'");
  EXPECT_EQ(ErrorOf(WithRules("  - id: a\n    when: {trust: LOCAL}\n    verdict: BLOCK\n")),
            "p.yaml:6: rules[0].verdict: BLOCK cannot happen: a list below TRUSTED leads to REVIEW at most, "
            "but for "
            "entries that are confirmed");
  EXPECT_TRUE(ParsePolicy(
      WithRules("  - id: a\n    when: {trust: LOCAL, confirmed: true}\n    verdict: BLOCK\n"), "p.yaml"));
}

TEST(ParsePolicy, RefusesUnknownAndDoubledKeysByNameAndLine) {
  EXPECT_EQ(ErrorOf(WithLines("no_matches: {}\n")),
            "p.yaml:3: unknown key 'no_matches': did you mean 'no_match'?");
  EXPECT_EQ(ErrorOf(WithLines("name: other\n")), "p.yaml:3: key 'name' is given twice (first in line 2)");
  EXPECT_EQ(ErrorOf(WithRules("  - id: a\n    when:\n      purpos: CSAM\n    verdict: BLOCK\n")),
            "p.yaml:6: rules[0].when: unknown key 'purpos': did you mean 'purpose'?");
  EXPECT_EQ(
      ErrorOf(WithRules("  - id: a\n    when: {purpose: CSAM}\n    verdict: BLOCK\n    verdict: ALLOW\n")),
      "p.yaml:7: key 'verdict' is given twice (first in line 6)");
  EXPECT_EQ(ErrorOf(WithLines("causes:\n  TRUNCATE: BLOCK\n")),
            "p.yaml:4: causes: unknown key 'TRUNCATE': did you mean 'TRUNCATED'?");
  EXPECT_EQ(ErrorOf(WithLines(
                "causes:\n  TRUNCATED:\n    verdict: HOLD\n    surface_kind: {AVATR: {verdict: HOLD}}\n")),
            "p.yaml:6: causes.TRUNCATED.surface_kind: unknown key 'AVATR': did you mean 'AVATAR'?");
  EXPECT_EQ(ErrorOf(WithLines("no_match:\n  exactonly: HOLD\n")),
            "p.yaml:4: no_match: unknown key 'exactonly': did you mean 'exact_only'?");
}

TEST(ParsePolicy, RefusesWrongKindsAndNames) {
  EXPECT_EQ(ErrorOf(WithLines("reviewers: yes\n")),
            "p.yaml:3: reviewers: 'yes' is not a truth value: write true or false");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {purpose: CASM}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when.purpose: 'CASM' is not known here: did you mean 'CSAM'?");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {purpose: CSAM}, verdict: 5}\n")),
            "p.yaml:4: rules[0].verdict: '5' is not one of ALLOW HOLD REVIEW BLOCK BLOCK_AND_REPORT");
  EXPECT_EQ(
      ErrorOf(WithRules("  - {id: a, when: {purpose: CSAM}, verdict: UNSPECIFIED}\n")),
      "p.yaml:4: rules[0].verdict: 'UNSPECIFIED' is not one of ALLOW HOLD REVIEW BLOCK BLOCK_AND_REPORT");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {max_distance_bits: 64}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when.max_distance_bits: '64' is out of range: 0 to 63");
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {max_distance_bits: 010}, verdict: BLOCK}\n")),
              HasSubstr("p.yaml:4: rules[0].when.max_distance_bits: '010' is not a whole number"));
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {max_distances: {photodna: 9363601}}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when.max_distances.photodna: '9363601' is out of range: 0 to 9363600");
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {max_distances: {pdq: 5}}, verdict: BLOCK}\n")),
              HasSubstr("p.yaml:4: rules[0].when.max_distances: unknown key 'pdq'"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {max_distances: {}}, verdict: BLOCK}\n")),
              HasSubstr("p.yaml:4: rules[0].when.max_distances: names no algorithm"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {max_distances: 5}, verdict: BLOCK}\n")),
              HasSubstr("p.yaml:4: rules[0].when.max_distances"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {min_quality: 101}, verdict: BLOCK}\n")),
              HasSubstr("p.yaml:4: rules[0].when.min_quality: '101' is out of range: 0 to 100"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {min_corroboration: 5}, verdict: BLOCK}\n")),
              HasSubstr("out of range: 1 to 4"));
  EXPECT_THAT(
      ErrorOf(WithRules("  - {id: a, when: {corroborated_by: photodnb}, verdict: BLOCK}\n")),
      HasSubstr(
          "p.yaml:4: rules[0].when.corroborated_by: 'photodnb' is not known here: did you mean 'photodna'?"));
  EXPECT_THAT(ErrorOf(WithRules(
                  "  - {id: a, when: {identity: WEAK_DIGEST, corroborated_by: pdq}, verdict: BLOCK}\n")),
              HasSubstr("WEAK_DIGEST is one hash family alone"));
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {list: IWF List}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when.list: 'IWF List' is no list name: 1 to 63 of a-z, 0-9 and '-'");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {purpose: []}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when.purpose: is an empty list: leave the key out for \"any\"");
  EXPECT_EQ(ErrorOf("version: 1.0\nname: mine\nrules: [{id: rest, verdict: REVIEW}]\n"),
            "p.yaml:1: version: '1.0' is not plain text to every YAML reader: put it in quotes");
  EXPECT_EQ(ErrorOf("- a\n"), "p.yaml:1: the text must be a map of keys, not a list");
  EXPECT_EQ(ErrorOf("{}\n"),
            "p.yaml:1: key 'version' is missing\np.yaml:1: key 'name' is missing\np.yaml:1: key 'rules' is "
            "missing");
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {trust: LOCAL, min_trust: LOCAL}, verdict: REVIEW}\n")),
              HasSubstr("'trust' and 'min_trust' exclude each other"));
}

TEST(ParsePolicy, DistancesOfVectorsTellMatchesApart) {
  const auto policy = ParsePolicy(
      WithRules(
          "  - {id: near, when: {algorithm: photodna, max_distances: {photodna: 5000}}, verdict: BLOCK}\n"),
      "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  MatchFact match;
  match.purpose = Purpose::kCsam;
  match.trust = Trust::kTrusted;
  match.algorithms = {Algorithm::kPhotoDna};
  match.identity = Identity::kPerceptual;
  for (const auto& [distance, rule] : {std::pair{5'000, "near"}, {5'001, "rest"}}) {
    match.distances = {{Algorithm::kPhotoDna, distance, 20'000}};
    EXPECT_EQ(
        (*policy)
            ->Decide(
                {.matches = {&match, 1}, .outcome = Outcome::kMatched, .coverage = CoverageLevel::kComplete})
            .rule_id,
        rule);
  }
}

TEST(ParsePolicy, RefusesRulesWithoutOwnId) {
  EXPECT_EQ(ErrorOf(WithRules("  - {when: {purpose: CSAM}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0]: key 'id' is missing");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {purpose: CSAM}, verdict: BLOCK}\n"
                              "  - {id: a, when: {purpose: TEST}, verdict: BLOCK}\n")),
            "p.yaml:5: rules[1]: id 'a' is taken by the rule in line 4");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: cause/EMPTY, when: {purpose: CSAM}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].id: 'cause/EMPTY' is no rule id: 1 to 63 of a-z, 0-9 and '-'");
  EXPECT_EQ(ErrorOf("version: '1'\nname: m\nextends: standard\n"
                    "rules:\n  - {id: test, when: {list: a}, verdict: BLOCK}\n"),
            "p.yaml:5: rules[0]: id 'test' is taken by an inherited rule");
}

TEST(ParsePolicy, RefusesRulesThatCanNeverApply) {
  EXPECT_EQ(ErrorOf(WithRules("  - {id: all, verdict: BLOCK}\n")),
            "p.yaml:5: rules[1]: can never apply: the rule in line 4 takes every match that this one would");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {purpose: [CSAM, TEST]}, verdict: BLOCK}\n"
                              "  - {id: b, when: {purpose: TEST, min_quality: 50}, verdict: BLOCK}\n")),
            "p.yaml:5: rules[1]: can never apply: the rule in line 4 takes every match that this one would");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {list: x, list_not: x}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0]: can never apply: every list of 'list' is also in 'list_not'");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {}, verdict: BLOCK}\n")),
            "p.yaml:4: rules[0].when: is empty: leave it out for a rule that applies to every match");
  EXPECT_EQ(ErrorOf("version: '1'\nname: m\nrules:\n  - {id: a, when: {purpose: CSAM}, verdict: BLOCK}\n"),
            "p.yaml:4: rules: the last rule must apply to every match: add one without 'when' behind it");
}

TEST(ParsePolicy, RefusesVerdictsThatTheLimitsNeverLetThrough) {
  EXPECT_THAT(
      ErrorOf(WithRules("  - id: a\n    when: {purpose: NCII_ADULT}\n    verdict: BLOCK_AND_REPORT\n")),
      HasSubstr("p.yaml:6: rules[0].verdict: BLOCK_AND_REPORT cannot happen: only lists of purpose CSAM"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {identity: PERCEPTUAL}, verdict: BLOCK_AND_REPORT}\n")),
              HasSubstr("only STRONG identity may report"));
  EXPECT_THAT(ErrorOf(WithRules("  - {id: a, when: {trust: [LOCAL, UNVERIFIED]}, verdict: BLOCK}\n")),
              HasSubstr("BLOCK cannot happen: a list below TRUSTED leads to REVIEW at most"));
  EXPECT_THAT(ErrorOf("version: '1'\nname: m\nreviewers: false\nrules: [{id: rest, verdict: REVIEW}]\n"),
              HasSubstr("p.yaml:4: rules[0].verdict: REVIEW needs people"));
  EXPECT_THAT(ErrorOf("version: '1'\nname: m\nextends: standard\nreviewers: false\n"),
              HasSubstr("p.yaml:4: reviewers: the profile has rules that end in REVIEW"));
}

TEST(ParsePolicy, RefusesLaxSettingsWithoutTheirReason) {
  EXPECT_EQ(
      ErrorOf(WithLines("causes:\n  DEADLINE: ALLOW\n")),
      "p.yaml:4: causes.DEADLINE.verdict: ALLOW for what was not scanned needs 'accept_unscanned: true'\n"
      "p.yaml:4: causes.DEADLINE.verdict: ALLOW for what was not scanned needs a 'reason'");
  EXPECT_EQ(ErrorOf(WithLines("causes:\n  DEADLINE:\n    verdict: ALLOW\n    accept_unscanned: true\n")),
            "p.yaml:5: causes.DEADLINE.verdict: ALLOW for what was not scanned needs a 'reason'");
  EXPECT_EQ(
      ErrorOf(WithLines(
          "causes:\n  DEADLINE:\n    verdict: ALLOW\n    accept_unscanned: false\n    reason: x\n")),
      "p.yaml:5: causes.DEADLINE.verdict: ALLOW for what was not scanned needs 'accept_unscanned: true'");
  EXPECT_EQ(ErrorOf(WithLines(
                "causes:\n  DEADLINE:\n    verdict: ALLOW\n    accept_unscanned: true\n    reason: ''\n")),
            "p.yaml:7: causes.DEADLINE.reason: must not be empty");
  EXPECT_THAT(
      ErrorOf(WithLines("causes:\n  DEADLINE: {surface_kind: {GROUP: {verdict: ALLOW}}}\n")),
      HasSubstr(
          "causes.DEADLINE.surface_kind.GROUP.verdict: ALLOW for what was not scanned needs a 'reason'"));
  EXPECT_EQ(ErrorOf(WithLines("causes:\n  EMPTY: {verdict: HOLD, accept_unscanned: true}\n")),
            "p.yaml:4: causes.EMPTY.accept_unscanned: goes with 'verdict: ALLOW' only");
  EXPECT_EQ(ErrorOf(WithRules("  - {id: a, when: {list: x}, verdict: ALLOW}\n")),
            "p.yaml:4: rules[0].verdict: ALLOW for a match needs a 'reason'");
}

TEST(ParsePolicy, RefusesVerdictsThatNeedAMatch) {
  EXPECT_EQ(ErrorOf(WithLines("causes:\n  CORRUPT: REVIEW\n")),
            "p.yaml:4: causes.CORRUPT.verdict: REVIEW takes a match: use ALLOW, HOLD or BLOCK here");
  EXPECT_EQ(
      ErrorOf(WithLines("causes:\n  CORRUPT: BLOCK_AND_REPORT\n")),
      "p.yaml:4: causes.CORRUPT.verdict: BLOCK_AND_REPORT takes a match: use ALLOW, HOLD or BLOCK here");
  EXPECT_EQ(ErrorOf(WithLines("causes:\n  OVERLOADED: BLOCK\n")),
            "p.yaml:4: causes.OVERLOADED.verdict: BLOCK takes a match: use ALLOW or HOLD here");
  EXPECT_EQ(ErrorOf(WithLines("no_match: {default: BLOCK}\n")),
            "p.yaml:3: no_match.default: BLOCK takes a match: use ALLOW or HOLD here");
  EXPECT_EQ(ErrorOf(WithLines("causes: {NOT_AN_IMAGE: HOLD}\n")),
            "p.yaml:3: causes.NOT_AN_IMAGE: is no failure: set 'not_an_image' under 'no_match'");
}

TEST(ParsePolicy, TellsAllProblemsAtOnce) {
  EXPECT_EQ(
      ErrorOf("version: 010\nname: m\nnmae: m\nrules:\n  - id: a\n    when: {purpose: CASM, views: WHOLE}\n"
              "    verdict: BLOK\n  - {id: rest, verdict: REVIEW}\n"),
      "p.yaml:1: version: '010' is not plain text to every YAML reader: put it in quotes\n"
      "p.yaml:3: unknown key 'nmae': did you mean 'name'?\n"
      "p.yaml:6: rules[0].when.purpose: 'CASM' is not known here: did you mean 'CSAM'?\n"
      "p.yaml:6: rules[0].when: unknown key 'views': did you mean 'view'?\n"
      "p.yaml:7: rules[0].verdict: 'BLOK' is not known here: did you mean 'BLOCK'?");
}

TEST(ParsePolicy, CausesTakeExceptionsBySurfaceKind) {
  const auto policy = ParsePolicy(WithLines("causes:\n"
                                            "  TRUNCATED: BLOCK\n"
                                            "  DEADLINE:\n"
                                            "    verdict: ALLOW\n"
                                            "    accept_unscanned: true\n"
                                            "    reason: chat must not stall\n"
                                            "    surface_kind:\n"
                                            "      AVATAR: {verdict: HOLD}\n"
                                            "  CORRUPT:\n"
                                            "    surface_kind: {PUBLIC: {verdict: BLOCK}}\n"),
                                  "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  const Policy& p = **policy;
  EXPECT_EQ(p.ForCause(Cause::kTruncated, SurfaceKind::kGroup), Verdict::kBlock);
  EXPECT_EQ(p.ForCause(Cause::kDeadline, SurfaceKind::kGroup), Verdict::kAllow);
  EXPECT_EQ(p.ForCause(Cause::kDeadline, SurfaceKind::kAvatar), Verdict::kHold);
  EXPECT_EQ(p.ForCause(Cause::kCorrupt, SurfaceKind::kPublic), Verdict::kBlock);
  EXPECT_EQ(p.ForCause(Cause::kCorrupt, SurfaceKind::kGroup), Verdict::kHold);
  for (const CauseRule& row : p.FailPolicy()) {
    if (row.cause == Cause::kDeadline) {
      EXPECT_EQ(row.verdict, Verdict::kHold) << "the table for any surface is the strictest of them";
    }
    if (row.cause == Cause::kCorrupt) {
      EXPECT_EQ(row.verdict, Verdict::kBlock);
    }
  }
}

TEST(ParsePolicy, FailPolicyGivesTheReasonOfAnAllow) {
  const auto policy = ParsePolicy(
      WithLines(
          "causes:\n  UNREACHABLE: {verdict: ALLOW, accept_unscanned: true, reason: chat must not stall}\n"),
      "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  int found = 0;
  for (const CauseRule& row : (*policy)->FailPolicy()) {
    if (row.cause != Cause::kUnreachable) continue;
    ++found;
    EXPECT_EQ(row.verdict, Verdict::kAllow);
    EXPECT_EQ(row.reason, "chat must not stall");
  }
  EXPECT_EQ(found, 1);
  EXPECT_THAT(Describe(**policy), HasSubstr("UNREACHABLE           ALLOW  (chat must not stall)\n"));
}

TEST(ParsePolicy, ExtendsPutsOwnRulesFirstAndKeepsTheRest) {
  const std::string text =
      "version: '7'\nname: mine\nextends: strict\n"
      "rules:\n  - {id: watch-only, when: {list: new-list}, verdict: ALLOW, reason: on trial}\n"
      "no_match: {exact_only: ALLOW}\ncauses: {CORRUPT: HOLD}\n";
  const auto policy = ParsePolicy(text, "p.yaml");
  ASSERT_TRUE(policy) << policy.error().message;
  const auto base = LoadProfile("strict");
  ASSERT_TRUE(base);
  std::vector<std::string> ids = (*base)->RuleIds();
  ids.insert(ids.begin(), "watch-only");
  EXPECT_EQ((*policy)->RuleIds(), ids);
  EXPECT_EQ((*policy)->Name(), "mine");
  EXPECT_EQ((*policy)->ForCause(Cause::kCorrupt, SurfaceKind::kPublic), Verdict::kHold);
  EXPECT_EQ((*policy)->ForCause(Cause::kTruncated, SurfaceKind::kPublic), Verdict::kBlock);
  Input input;
  input.outcome = Outcome::kNotMatched;
  input.coverage = CoverageLevel::kExactOnly;
  EXPECT_EQ((*policy)->Decide(input).verdict, Verdict::kAllow);
  input.coverage = CoverageLevel::kPartial;
  EXPECT_EQ((*policy)->Decide(input).verdict, Verdict::kHold);
  EXPECT_THAT(ErrorOf("version: '1'\nname: m\nextends: strikt\n"),
              HasSubstr("p.yaml:3: extends: 'strikt' is not known here: did you mean 'strict'?"));
}

TEST(ParsePolicy, TheDigestChangesWithTheTextAndTheProfileBelow) {
  const auto digest = [](const std::string& text) {
    const auto policy = ParsePolicy(text, "p.yaml");
    EXPECT_TRUE(policy);
    return policy ? (*policy)->TextDigest() : "";
  };
  EXPECT_EQ(digest(WithLines("")), digest(WithLines("")));
  EXPECT_NE(digest(WithLines("")), digest(WithLines("# a comment\n")));
  const std::string text = "version: '1'\nname: m\nextends: standard\n";
  const auto alone = Sha256Of(AsBytes(text));
  EXPECT_NE(digest(text), "sha256:" + HexEncode(std::span(alone).first(8)));
}

TEST(Profiles, LoadAndAreNamed) {
  EXPECT_THAT(ProfileNames(), ElementsAre("standard", "strict", "no-reviewers"));
  for (const std::string_view name : ProfileNames()) {
    const auto policy = LoadProfile(name);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ((*policy)->Name(), name);
    EXPECT_EQ((*policy)->HasReviewers(), name != "no-reviewers");
    EXPECT_THAT(Describe(**policy), HasSubstr((*policy)->TextDigest()));
  }
  const auto unknown = LoadProfile("lax");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, Reason::kPolicyInvalid);
}

}  // namespace
}  // namespace hashgate::policy
