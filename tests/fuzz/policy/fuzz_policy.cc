// Any text: a policy that decides every input soundly, or a bounded refusal that names lines.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/policy.h"

namespace {

using namespace hashgate;

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckDecisions(const policy::Policy& policy) {
  policy::MatchFact match;
  match.list = "a";
  match.purpose = Purpose::kCsam;
  match.trust = Trust::kTrusted;
  match.algorithms = {Algorithm::kPdq};
  match.identity = Identity::kStrong;
  match.distance_bits = 5;
  match.upload_quality = 80;
  for (const Cause cause : AllCauses()) {
    policy::Input input;
    input.cause = cause;
    input.outcome = OutcomeOf(cause);
    input.coverage = CoverageLevel::kExactOnly;
    const Verdict without = policy.Decide(input).verdict;
    Require(without >= Verdict::kAllow && without <= Verdict::kBlock && without != Verdict::kReview);
    input.matches = {&match, 1};
    input.outcome = Outcome::kMatched;
    const Verdict with = policy.Decide(input).verdict;
    Require(with >= without);
    Require(with != Verdict::kBlockAndReport);
    Require(policy.HasReviewers() || with != Verdict::kReview);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = policy::ParsePolicy(text, "fuzz.yaml");
  if (policy) {
    CheckDecisions(**policy);
    Require(!policy::Describe(**policy).empty());
  } else {
    const Error& error = policy.error();
    Require(error.reason == Reason::kPolicyInvalid);
    Require(error.message.starts_with("fuzz.yaml:") && error.message.size() < 16'384);
    Require(error.field.starts_with("fuzz.yaml:"));
  }
  return 0;
}
