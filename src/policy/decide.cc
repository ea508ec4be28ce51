#include <algorithm>
#include <compare>
#include <iterator>
#include <tuple>
#include <utility>

#include "policy/model.h"

namespace hashgate::policy {
namespace {

constexpr std::string_view kInconsistent = "inconsistent";

bool IsKnown(Verdict verdict) {
  return verdict >= Verdict::kAllow && verdict <= Verdict::kBlockAndReport;
}

bool IsFailure(Cause cause) {
  const Outcome outcome = OutcomeOf(cause);
  return outcome == Outcome::kUnscannable || outcome == Outcome::kNotEvaluated;
}

/// What is true of a match whatever the rules say. Ordered from harm to detail for messages.
struct Limits {
  Verdict at_most = Verdict::kBlockAndReport;
  std::vector<std::string> words;

  /// Lowers to `verdict` where the rule asked for more than that.
  void AtMost(Verdict asked, Verdict verdict, std::string_view why) {
    if (asked <= verdict) return;
    words.push_back(std::string(why) + ": " + std::string(Name(verdict)) + " at most");
    at_most = std::min(at_most, verdict);
  }
};

bool DigestsAloneAreStrong(const MatchFact& match) {
  std::vector<Algorithm> digests;
  std::ranges::copy_if(match.algorithms, std::back_inserter(digests), IsDigest);
  return IdentityOf(digests) == Identity::kStrong;
}

bool LowQuality(int quality) {
  return quality != kQualityUnknown && quality < kMinUsablePdqQuality;
}

/// Limits that no rule can lift.
void LimitReporting(const MatchFact& match, Identity identity, Verdict asked, Limits& limits) {
  if (identity != Identity::kStrong) {
    limits.AtMost(asked, Verdict::kBlock, "no strong identity");
  }
  if (match.purpose != Purpose::kCsam) {
    limits.AtMost(asked, Verdict::kBlock, "purpose " + std::string(Name(match.purpose)) + " never reports");
  }
}

void LimitToReview(const MatchFact& match, Identity identity, Verdict asked, Limits& limits) {
  if (match.disputed) limits.AtMost(asked, Verdict::kReview, "disputed entry");
  // A person has looked at this very entry, which is what trust in a list stands for.
  if (match.trust != Trust::kTrusted && !match.confirmed)
    limits.AtMost(asked, Verdict::kReview, "list below TRUSTED");
  if (match.digest_conflict) limits.AtMost(asked, Verdict::kReview, "digest conflict");
  if (identity == Identity::kPerceptual) {
    if (match.flooded) limits.AtMost(asked, Verdict::kReview, "flood brake on the entry");
    if (LowQuality(match.upload_quality)) limits.AtMost(asked, Verdict::kReview, "low quality of the upload");
    if (LowQuality(match.entry_quality)) limits.AtMost(asked, Verdict::kReview, "low quality of the entry");
    if (match.upload_degenerate) limits.AtMost(asked, Verdict::kReview, "degenerate hash of the upload");
    if (match.entry_degenerate) limits.AtMost(asked, Verdict::kReview, "degenerate hash of the entry");
    if (std::ranges::none_of(match.algorithms, IdentifiesAlone)) {
      limits.AtMost(asked, Verdict::kReview, "short or coarse hash alone");
    }
  }
  // The nn512 form can be forged, so it neither identifies nor corroborates.
  if (match.nn512_only && !DigestsAloneAreStrong(match)) {
    limits.AtMost(asked, Verdict::kReview, "nn512 hash alone");
  }
  // What nobody sees says what a file holds, not what its sender shows.
  if (match.hidden_only && !DigestsAloneAreStrong(match)) {
    limits.AtMost(asked, Verdict::kReview, "hidden view alone");
  }
}

/// Smaller sorts first among matches of one verdict.
auto OrderKey(const MatchFact& match, Identity identity) {
  // kUnspecified is the least grave, not the gravest.
  const int harm = match.purpose == Purpose::kUnspecified ? 255 : static_cast<int>(match.purpose);
  return std::make_tuple(harm, -static_cast<int>(identity), -static_cast<int>(match.trust),
                         match.PdqOrder(identity), match.LeastVectorDistance(), std::string_view(match.list),
                         match.entry);
}

// Empty where the policy does not say.
std::string_view MeaningOf(const std::vector<Label>& labels, const MatchFact& match) {
  for (const Label& label : labels) {
    if (!label.schemes.empty() && std::ranges::find(label.schemes, match.scheme) == label.schemes.end())
      continue;
    if (std::ranges::any_of(label.classifications, [&](const std::string& pattern) {
          return GlobMatches(pattern, match.classification);
        })) {
      return label.meaning;
    }
  }
  return {};
}

class RulePolicy final : public Policy {
 public:
  explicit RulePolicy(PolicyData data) : data_(std::move(data)) {}

  [[nodiscard]] Decision Decide(const Input& input) const override;
  [[nodiscard]] std::vector<CauseRule> FailPolicy() const override;
  [[nodiscard]] Verdict ForCause(Cause cause, SurfaceKind surface_kind) const override;
  [[nodiscard]] const std::string& Name() const override { return data_.name; }
  [[nodiscard]] const std::string& Version() const override { return data_.version; }
  [[nodiscard]] const std::string& TextDigest() const override { return data_.text_digest; }
  [[nodiscard]] const std::string& Jurisdiction() const override { return data_.jurisdiction; }
  [[nodiscard]] bool HasReviewers() const override { return data_.reviewers; }
  [[nodiscard]] std::vector<std::string> RuleIds() const override;

 private:
  [[nodiscard]] Step DecideMatch(const Input& input, std::size_t index, Identity identity) const;
  [[nodiscard]] Step DecideWithoutMatch(const Input& input) const;

  PolicyData data_;
};

Step RulePolicy::DecideMatch(const Input& input, std::size_t index, Identity identity) const {
  const MatchFact& match = input.matches[index];
  const std::string_view meaning = MeaningOf(data_.labels, match);
  // The parser makes sure that the last rule applies to every match.
  const auto found = std::ranges::find_if(
      data_.rules, [&](const Rule& rule) { return Applies(rule.when, match, identity, meaning, input); });
  const Rule& rule = found != data_.rules.end() ? *found : data_.rules.back();

  Step step;
  step.match = index;
  step.rule_id = rule.id;
  step.rule_verdict = rule.verdict;
  Verdict asked = rule.verdict;
  if (match.identity > identity) {
    step.limits.push_back("its algorithms prove only " + std::string(hashgate::Name(identity)) + " identity");
  }
  if (match.digest_conflict && asked < Verdict::kReview) {
    asked = Verdict::kReview;
    step.limits.emplace_back("digest conflict: REVIEW at least");
  }
  Limits limits;
  LimitReporting(match, identity, asked, limits);
  LimitToReview(match, identity, asked, limits);
  // A list without a ceiling of its own has none.
  if (IsKnown(match.action_ceiling)) limits.AtMost(asked, match.action_ceiling, "ceiling of the list");
  step.verdict = std::min(asked, limits.at_most);
  step.limits.insert(step.limits.end(), limits.words.begin(), limits.words.end());
  if (!data_.reviewers && step.verdict == Verdict::kReview) {
    step.verdict = Verdict::kHold;
    step.limits.emplace_back("no reviewers: HOLD instead of REVIEW");
  }
  return step;
}

Step RulePolicy::DecideWithoutMatch(const Input& input) const {
  const auto step = [](std::string_view rule_id, Verdict verdict) {
    Step out;
    out.match = kNoMatch;
    out.rule_id = rule_id;
    out.rule_verdict = verdict;
    out.verdict = verdict;
    return out;
  };
  if (IsFailure(input.cause)) {
    const std::string_view cause = hashgate::Name(input.cause);
    if (cause.empty()) return step(kInconsistent, Verdict::kHold);
    return step("cause/" + std::string(cause), ForCause(input.cause, input.surface_kind));
  }
  // From here on nothing is said to have failed. An outcome that says otherwise, a match that is not there or
  // a look that did not happen must not pass for clean.
  const bool matched = !input.matches.empty();
  if (!matched && input.outcome != Outcome::kNotMatched) return step(kInconsistent, Verdict::kHold);
  if (input.cause == Cause::kNotAnImage) {
    if (input.images_only) {
      return step("no_match/images_only", std::max(data_.no_match.images_only, data_.no_match.not_an_image));
    }
    return step("no_match/not_an_image", data_.no_match.not_an_image);
  }
  if (input.cause != Cause::kNone) return step(kInconsistent, Verdict::kHold);
  const auto looked = [&](std::string_view rule_id, Verdict verdict) {
    const NoMatch& least = data_.no_match;
    if (input.frames_unseen && least.frames_unseen > verdict) {
      rule_id = "no_match/frames_unseen";
      verdict = least.frames_unseen;
    }
    if (input.colours_unusual && least.colours_unusual > verdict) {
      rule_id = "no_match/colours_unusual";
      verdict = least.colours_unusual;
    }
    return step(rule_id, verdict);
  };
  switch (input.coverage) {
    case CoverageLevel::kComplete: return looked("default", data_.no_match.complete);
    case CoverageLevel::kPartial: return looked("no_match/partial", data_.no_match.partial);
    case CoverageLevel::kExactOnly: return looked("no_match/exact_only", data_.no_match.exact_only);
    case CoverageLevel::kNone:
    case CoverageLevel::kUnspecified: break;
  }
  if (matched) return step("default", data_.no_match.complete);
  return step(kInconsistent, Verdict::kHold);
}

Decision RulePolicy::Decide(const Input& input) const {
  Decision decision;
  std::vector<Identity> identities;
  identities.reserve(input.matches.size());
  decision.steps.reserve(input.matches.size() + 1);
  for (std::size_t i = 0; i < input.matches.size(); ++i) {
    identities.push_back(ProvenIdentity(input.matches[i]));
    decision.steps.push_back(DecideMatch(input, i, identities[i]));
  }

  const auto stronger = [&](std::size_t a, std::size_t b) {
    if (decision.steps[a].verdict != decision.steps[b].verdict) {
      return decision.steps[a].verdict > decision.steps[b].verdict;
    }
    return OrderKey(input.matches[a], identities[a]) < OrderKey(input.matches[b], identities[b]);
  };
  std::size_t strongest = kNoMatch;
  std::size_t strongest_real = kNoMatch;
  for (std::size_t i = 0; i < input.matches.size(); ++i) {
    if (strongest == kNoMatch || stronger(i, strongest)) strongest = i;
    const bool real =
        input.matches[i].purpose != Purpose::kTest && decision.steps[i].verdict > Verdict::kAllow;
    if (real && (strongest_real == kNoMatch || stronger(i, strongest_real))) strongest_real = i;
  }
  if (strongest != kNoMatch) {
    const std::size_t harm = strongest_real != kNoMatch ? strongest_real : strongest;
    decision.harm_class = input.matches[harm].purpose;
    decision.match = strongest;
    decision.verdict = decision.steps[strongest].verdict;
    decision.rule_id = decision.steps[strongest].rule_id;
  }

  Step rest = DecideWithoutMatch(input);
  if (strongest == kNoMatch || rest.verdict > decision.verdict) {
    decision.verdict = rest.verdict;
    decision.rule_id = rest.rule_id;
    decision.match = kNoMatch;
  }
  if (strongest == kNoMatch || rest.verdict > Verdict::kAllow) decision.steps.push_back(std::move(rest));
  return decision;
}

Verdict RulePolicy::ForCause(Cause cause, SurfaceKind surface_kind) const {
  if (cause == Cause::kNotAnImage) return data_.no_match.not_an_image;
  const auto found = data_.causes.find(cause);
  if (found == data_.causes.end()) return Verdict::kHold;
  const auto kind = static_cast<std::size_t>(surface_kind);
  const auto& overrides = found->second.by_surface_kind;
  if (kind < overrides.size() && overrides[kind]) return overrides[kind]->verdict;
  return found->second.choice.verdict;
}

std::vector<CauseRule> RulePolicy::FailPolicy() const {
  std::vector<CauseRule> rows;
  for (const Cause cause : AllCauses()) {
    CauseRule row{cause, ForCause(cause, SurfaceKind::kUnspecified), {}};
    if (const auto found = data_.causes.find(cause); found != data_.causes.end()) {
      row.reason = found->second.choice.reason;
      for (const auto& choice : found->second.by_surface_kind) {
        if (choice && choice->verdict > row.verdict) {
          row.verdict = choice->verdict;
          row.reason = choice->reason;
        }
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> RulePolicy::RuleIds() const {
  std::vector<std::string> ids;
  ids.reserve(data_.rules.size());
  for (const Rule& rule : data_.rules) ids.push_back(rule.id);
  return ids;
}

}  // namespace

bool IsReviewAtMost(const MatchFact& match) {
  Limits limits;
  LimitToReview(match, ProvenIdentity(match), Verdict::kBlockAndReport, limits);
  return limits.at_most <= Verdict::kReview;
}

std::shared_ptr<const Policy> MakePolicy(PolicyData data) {
  return std::make_shared<const RulePolicy>(std::move(data));
}

std::string Describe(const Policy& policy) {
  std::string out =
      "policy " + policy.Name() + ", version " + policy.Version() + ", " + policy.TextDigest() + "\n";
  const std::vector<std::string> ids = policy.RuleIds();
  if (!policy.Jurisdiction().empty()) out += "jurisdiction: " + policy.Jurisdiction() + "\n";
  out += "reviewers: " + std::string(policy.HasReviewers() ? "yes" : "no (nothing ends in REVIEW)") + "\n";
  out += "rules: " + std::to_string(ids.size()) + ", tried in this order:\n";
  for (const std::string& id : ids) out += "  " + id + "\n";
  out += "causes:\n";
  constexpr std::size_t kCauseWidth = 22;
  for (const CauseRule& row : policy.FailPolicy()) {
    std::string line = "  " + std::string(Name(row.cause));
    line.resize(std::max(line.size() + 1, kCauseWidth + 2), ' ');
    line += Name(row.verdict);
    if (!row.reason.empty()) line += "  (" + row.reason + ")";
    out += line + "\n";
  }
  return out;
}

}  // namespace hashgate::policy
