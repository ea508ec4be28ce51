// The profiles built in, as the text that `hashgate policy` prints and a policy of one's own can start from.
// docs/policy.md says why they differ; tests/golden/policy compares its tables with these texts.
#include <array>

#include "policy/policy.h"

namespace hashgate::policy {
namespace {

constexpr std::string_view kStandard =
    R"yaml(# Blocks what is known, reports what is certain, asks a person about the rest, and holds what a machine could not
# finish looking at.
version: "1"
name: standard

rules:
  # Statuses of ThreatExchange that say less than harmful, or are in dispute: a person looks first.
  - id: threatexchange-unsure
    when: {classification: ["threatexchange:DISPUTED", "threatexchange:SUSPICIOUS", "threatexchange:UNKNOWN"]}
    verdict: REVIEW
  # The very file that a trusted body listed: the only way to a report without a person.
  - id: csam-strong
    when: {purpose: CSAM, identity: STRONG, trust: TRUSTED}
    verdict: BLOCK_AND_REPORT
  # A digest that two different files can be made to share, or strong identity with a list not fully trusted.
  - id: csam-digest
    when: {purpose: CSAM, identity: [STRONG, WEAK_DIGEST]}
    verdict: BLOCK
  # A picture that looks the same, within its list's threshold.
  - id: csam-perceptual
    when: {purpose: CSAM}
    verdict: BLOCK
  - id: exploitative
    when: {purpose: EXPLOITATIVE}
    verdict: BLOCK
  - id: ncii-adult
    when: {purpose: NCII_ADULT}
    verdict: BLOCK
  - id: own-rules
    when: {purpose: OWN_RULES}
    verdict: BLOCK
  # Test lists block like real ones, so that an integration is seen to work; they never report.
  - id: test
    when: {purpose: TEST}
    verdict: BLOCK
  # Every policy ends with a rule without conditions.
  - id: any-other-match
    verdict: REVIEW

no_match:
  default: ALLOW
  partial: ALLOW
  exact_only: ALLOW
  frames_unseen: HOLD
  colours_unusual: HOLD
  not_an_image: ALLOW
  images_only: HOLD

# Every cause of UNSCANNABLE and NOT_EVALUATED is HOLD unless it is named here.
causes: {}
)yaml";

constexpr std::string_view kStrict =
    R"yaml(# For surfaces where nothing appears that was not looked at completely: matches as in standard; what was not looked
# at completely is held; what is damaged or beyond the limits is refused for good.
version: "1"
name: strict

rules:
  - id: threatexchange-unsure
    when: {classification: ["threatexchange:DISPUTED", "threatexchange:SUSPICIOUS", "threatexchange:UNKNOWN"]}
    verdict: REVIEW
  - id: csam-strong
    when: {purpose: CSAM, identity: STRONG, trust: TRUSTED}
    verdict: BLOCK_AND_REPORT
  - id: csam-digest
    when: {purpose: CSAM, identity: [STRONG, WEAK_DIGEST]}
    verdict: BLOCK
  - id: csam-perceptual
    when: {purpose: CSAM}
    verdict: BLOCK
  - id: exploitative
    when: {purpose: EXPLOITATIVE}
    verdict: BLOCK
  - id: ncii-adult
    when: {purpose: NCII_ADULT}
    verdict: BLOCK
  - id: own-rules
    when: {purpose: OWN_RULES}
    verdict: BLOCK
  - id: test
    when: {purpose: TEST}
    verdict: BLOCK
  - id: any-other-match
    verdict: REVIEW

no_match:
  default: ALLOW
  partial: HOLD
  exact_only: HOLD
  frames_unseen: HOLD
  colours_unusual: HOLD
  not_an_image: HOLD
  images_only: HOLD

# Final and the file's own doing: the sender can repair or shrink the picture and send it again.
# EMPTY, UNSUPPORTED_FORMAT and DECODER_CRASHED stay HOLD: there is nothing to keep, a later version may read the
# format, and a crash may be our own defect.
causes:
  CORRUPT: BLOCK
  TRUNCATED: BLOCK
  TOO_LARGE: BLOCK
  TOO_MANY_PIXELS: BLOCK
  TOO_MANY_FRAMES: BLOCK
  TOO_COSTLY: BLOCK
)yaml";

constexpr std::string_view kNoReviewers =
    R"yaml(# For platforms without people who review: decides as standard does, but whatever would wait for a person is held.
version: "1"
name: no-reviewers

# Limits that end in REVIEW elsewhere end in HOLD: not published, and no claim made that nobody has checked.
reviewers: false

rules:
  - id: threatexchange-unsure
    when: {classification: ["threatexchange:DISPUTED", "threatexchange:SUSPICIOUS", "threatexchange:UNKNOWN"]}
    verdict: HOLD
  - id: csam-strong
    when: {purpose: CSAM, identity: STRONG, trust: TRUSTED}
    verdict: BLOCK_AND_REPORT
  - id: csam-digest
    when: {purpose: CSAM, identity: [STRONG, WEAK_DIGEST]}
    verdict: BLOCK
  - id: csam-perceptual
    when: {purpose: CSAM}
    verdict: BLOCK
  - id: exploitative
    when: {purpose: EXPLOITATIVE}
    verdict: BLOCK
  - id: ncii-adult
    when: {purpose: NCII_ADULT}
    verdict: BLOCK
  - id: own-rules
    when: {purpose: OWN_RULES}
    verdict: BLOCK
  - id: test
    when: {purpose: TEST}
    verdict: BLOCK
  - id: any-other-match
    verdict: HOLD

no_match:
  default: ALLOW
  partial: ALLOW
  exact_only: ALLOW
  frames_unseen: HOLD
  colours_unusual: HOLD
  not_an_image: ALLOW
  images_only: HOLD

causes: {}
)yaml";

constexpr std::array<std::string_view, 3> kNames = {"standard", "strict", "no-reviewers"};
constexpr std::array<std::string_view, 3> kTexts = {kStandard, kStrict, kNoReviewers};

}  // namespace

std::span<const std::string_view> ProfileNames() {
  return kNames;
}

Result<std::string_view> ProfileText(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kTexts[i];
  }
  std::string message = "no policy profile '" + std::string(name.substr(0, 64)) + "': use one of";
  for (const std::string_view known : kNames) message += " " + std::string(known);
  return Fail(Reason::kPolicyInvalid, std::move(message));
}

Result<std::shared_ptr<const Policy>> LoadProfile(std::string_view name) {
  HASHGATE_ASSIGN_OR_RETURN(const std::string_view text, ProfileText(name));
  return ParsePolicy(text, std::string(name) + " (built in)");
}

}  // namespace hashgate::policy
