#include <filesystem>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/policy_facts.h"
#include "app/cli/text_file.h"
#include "policy/policy.h"

namespace hashgate::cli {
namespace {

constexpr std::size_t kMaxPolicyBytes = 4 << 20;

// A file of that name wins; else a built-in profile.
Result<std::shared_ptr<const policy::Policy>> Load(const std::string& name, Environment& environment) {
  std::error_code ignored;
  if (name != "-" && !std::filesystem::exists(name, ignored) && policy::ProfileText(name)) {
    return policy::LoadProfile(name);
  }
  HASHGATE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(name, environment.in, kMaxPolicyBytes));
  return policy::ParsePolicy(text, name == "-" ? "standard input" : name);
}

std::string MatchJson(const policy::Step& step) {
  JsonObject object;
  if (step.match != policy::kNoMatch) object.Number("match", static_cast<std::int64_t>(step.match));
  return object.Text("ruleId", step.rule_id)
      .Text("ruleVerdict", Name(step.rule_verdict))
      .Text("verdict", Name(step.verdict))
      .Raw("limits", JsonTexts(step.limits))
      .Line();
}

Result<Facts> CollectFacts(const PolicyExplainArguments& arguments, Environment& environment) {
  Facts facts;
  if (!arguments.answer_file.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(std::string text,
                              ReadTextFile(arguments.answer_file, environment.in, kMaxPolicyBytes));
    HASHGATE_ASSIGN_OR_RETURN(facts, ParseAnswer(text));
  }
  for (const std::string& text : arguments.matches) {
    HASHGATE_ASSIGN_OR_RETURN(policy::MatchFact fact, ParseMatchFact(text));
    facts.matches.push_back(std::move(fact));
  }
  if (!arguments.cause.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(facts.cause, ParseCause(arguments.cause));
  }
  if (!arguments.outcome.empty()) {
    for (int i = 1; i <= static_cast<int>(Outcome::kNotEvaluated); ++i) {
      if (Name(static_cast<Outcome>(i)) == arguments.outcome) facts.outcome = static_cast<Outcome>(i);
    }
    if (facts.outcome == Outcome::kUnspecified) {
      return Fail(Reason::kRequestInvalid, "--outcome is MATCHED, NOT_MATCHED, UNSCANNABLE or NOT_EVALUATED",
                  "outcome");
    }
  } else if (!facts.matches.empty()) {
    facts.outcome = Outcome::kMatched;
  } else if (facts.outcome == Outcome::kUnspecified) {
    facts.outcome = facts.cause == Cause::kNone ? Outcome::kNotMatched : OutcomeOf(facts.cause);
  }
  if (facts.coverage == CoverageLevel::kUnspecified) facts.coverage = CoverageLevel::kComplete;
  return facts;
}

void PrintDecision(const policy::Policy& policy, const Facts& facts, const policy::Decision& decision,
                   std::ostream& out) {
  const std::string explained = std::string(Name(decision.verdict)) + " by rule " + decision.rule_id;
  out << Printable(explained) << " of " << Printable(policy.Name()) << " " << Printable(policy.Version())
      << " (" << policy.TextDigest() << ")\n";
  if (facts.answered_policy == policy.TextDigest() && facts.answered != explained) {
    out << "The answer itself, by the same policy, is " << Printable(facts.answered)
        << ": the notes say what it was decided by and does not hold.\n";
  }
  out << '\n';
  Table table;
  for (const policy::Step& step : decision.steps) {
    std::string what = "cause";
    if (step.match != policy::kNoMatch) {
      what = "match " + std::to_string(step.match + 1);
      if (step.match < facts.matches.size()) what += " (" + Printable(facts.matches[step.match].list) + ")";
    }
    std::string limits;
    if (step.verdict != step.rule_verdict) limits = "becomes " + std::string(Name(step.verdict));
    for (const std::string& limit : step.limits) limits += (limits.empty() ? "" : "; ") + Printable(limit);
    table.AddRow(
        {what, "rule " + Printable(step.rule_id), "says " + std::string(Name(step.rule_verdict)), limits});
  }
  table.Print(out);
  for (const std::string& assumption : facts.assumptions) out << "Note: " << assumption << ".\n";
}

}  // namespace

int RunPolicyCheck(const PolicyCheckArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  const auto policy = Load(arguments.policy, environment);
  if (!policy && policy.error().reason != Reason::kPolicyInvalid) {
    return ReportError(environment, options, policy.error());
  }
  if (options.json) {
    JsonObject object;
    object.Text("policy", arguments.policy).Bool("valid", policy.has_value());
    if (policy) {
      object.Text("name", (*policy)->Name())
          .Text("version", (*policy)->Version())
          .Text("textDigest", (*policy)->TextDigest());
    } else {
      object.Text("error", policy.error().message);
    }
    environment.out << object.Line() << '\n';
  } else if (policy) {
    environment.out << Printable(arguments.policy) << ": valid. " << Printable((*policy)->Name()) << " "
                    << Printable((*policy)->Version()) << " (" << (*policy)->TextDigest() << ")\n";
  } else {
    // Several lines, one for each finding; the text is this machine's own file.
    environment.out << policy.error().message << '\n';
  }
  return policy ? kDone : kFindings;
}

int RunPolicyExplain(const PolicyExplainArguments& arguments, const GlobalOptions& options,
                     Environment& environment) {
  const auto kind = ParseSurfaceKind(arguments.surface_kind);
  if (!kind) return ReportUsage(environment, "--surface-kind: " + kind.error().message);
  const auto facts = CollectFacts(arguments, environment);
  if (!facts) {
    if (facts.error().reason == Reason::kFileUnreadable) {
      return ReportError(environment, options, facts.error());
    }
    return ReportUsage(environment, facts.error().message);
  }
  const auto policy = Load(arguments.policy, environment);
  if (!policy) return ReportError(environment, options, policy.error());
  policy::Input input;
  input.matches = facts->matches;
  input.outcome = facts->outcome;
  input.cause = facts->cause;
  input.coverage = facts->coverage;
  input.frames_unseen = facts->frames_unseen;
  input.surface = arguments.surface;
  input.surface_kind = *kind;
  const policy::Decision decision = (*policy)->Decide(input);
  if (!options.json) {
    PrintDecision(**policy, *facts, decision, environment.out);
    return kDone;
  }
  std::string steps = "[";
  for (const policy::Step& step : decision.steps) {
    if (steps.size() > 1) steps += ',';
    steps += MatchJson(step);
  }
  environment.out << JsonObject()
                         .Text("verdict", Name(decision.verdict))
                         .Text("ruleId", decision.rule_id)
                         .Text("harmClass", Name(decision.harm_class))
                         .Text("policy", (*policy)->Name())
                         .Text("policyDigest", (*policy)->TextDigest())
                         .Raw("steps", steps + "]")
                         .Raw("assumptions", JsonTexts(facts->assumptions))
                         .Line()
                  << '\n';
  return kDone;
}

}  // namespace hashgate::cli
