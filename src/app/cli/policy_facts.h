// The facts of `policy explain`, from the command line or from an answer of `scan --json`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "policy/policy.h"

namespace hashgate::cli {

struct Facts {
  std::vector<policy::MatchFact> matches;
  Outcome outcome = Outcome::kUnspecified;
  Cause cause = Cause::kNone;
  bool frames_unseen = false;
  CoverageLevel coverage = CoverageLevel::kUnspecified;
  /// Of an answer: what it says itself ("REVIEW by rule near"), and the digest of the policy that said so.
  std::string answered;
  std::string answered_policy;
  /// What an answer does not say and was taken instead, in words.
  std::vector<std::string> assumptions;
};

/// One match from "key=value,key=value". Errors: kRequestInvalid naming the key.
Result<policy::MatchFact> ParseMatchFact(std::string_view text);

/// Facts from one line of `scan --json` or `match --json`. Errors: kRequestInvalid.
Result<Facts> ParseAnswer(std::string_view json);

}  // namespace hashgate::cli
