// Pure rules: what was found, and where, to a verdict. No clock, no store, no network.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"

namespace hashgate::policy {

/// How far a vector of the upload lies from the entry's, in the algorithm's unit (PhotoDNA: squared;
/// img_hash: bits).
struct VectorDistance {
  Algorithm algorithm = Algorithm::kUnspecified;
  int distance = 0;
  int max_distance = 0;  ///< the list's threshold

  bool operator==(const VectorDistance&) const = default;
};

/// One match as policy sees it: an entry and everything that points at it in this upload.
struct MatchFact {
  std::string list;
  Purpose purpose = Purpose::kUnspecified;
  Trust trust = Trust::kUnverified;
  Verdict action_ceiling = Verdict::kBlockAndReport;
  std::string scheme;  ///< the list's: what its classifications mean
  std::string classification;
  std::uint64_t entry = 0;
  /// Counts only as far as `algorithms` prove it (IdentityOf): a claim of kStrong with PDQ alone is
  /// kPerceptual.
  Identity identity = Identity::kPerceptual;
  /// Algorithms that agree on this entry, each once. Required.
  std::vector<Algorithm> algorithms;
  int distance_bits = -1;                ///< least PDQ distance; -1 where PDQ did not match
  int upload_quality = kQualityUnknown;  ///< of the view that came nearest
  int entry_quality = kQualityUnknown;
  bool upload_degenerate = false;
  bool entry_degenerate = false;
  bool digest_conflict =
      false;  ///< a digest agrees but the entry's PDQ is more than 90 bits from the upload's
  ViewKind view = ViewKind::kUnspecified;
  bool nn512_only = false;  ///< found by the nn512 pipeline, and no full hash is known to be within 63 bits
  /// Found only in views that no usual viewer shows. Such a view neither identifies nor corroborates.
  bool hidden_only = false;
  // What people, and the flood brake, say of the entry (docs/opinions.md).
  bool confirmed = false;
  bool disputed = false;
  /// Many dissimilar pictures match the entry, and this one is not like an identified copy of it.
  bool flooded = false;
  /// Of the perceptual algorithms beside PDQ that agree, each once.
  std::vector<VectorDistance> distances;

  /// -1 where no vector matched. Only distances of one algorithm can be compared.
  [[nodiscard]] int LeastVectorDistance() const {
    int least = -1;
    for (const VectorDistance& row : distances) {
      if (least < 0 || row.distance < least) least = row.distance;
    }
    return least;
  }
  /// What matches of one identity are sorted by: the PDQ distance. A perceptual match by vectors alone has
  /// none, and comes after those that have one.
  [[nodiscard]] int PdqOrder(Identity proven) const {
    const bool vectors_alone = proven == Identity::kPerceptual && distance_bits < 0;
    return vectors_alone ? std::numeric_limits<int>::max() : distance_bits;
  }
};

/// MD5, SHA-1 and SHA-256.
bool IsDigest(Algorithm algorithm);

/// The strongest identity that these algorithms, agreeing on one entry, can prove: kStrong by SHA-256, by MD5
/// and SHA-1, or by one of them and a perceptual algorithm that identifies alone; kWeakDigest by MD5 or SHA-1
/// alone; else kPerceptual.
Identity IdentityOf(std::span<const Algorithm> algorithms);

/// Whether what is known of the match leaves it at REVIEW at most, whatever the rules ask for.
bool IsReviewAtMost(const MatchFact& match);

/// Everything a verdict depends on. Equal inputs give equal decisions.
struct Input {
  std::span<const MatchFact> matches;
  Outcome outcome = Outcome::kUnspecified;
  /// Also with kMatched: what failed besides. A match never makes the verdict laxer than its cause alone
  /// would.
  Cause cause = Cause::kNone;
  CoverageLevel coverage = CoverageLevel::kUnspecified;
  std::string surface = "default";
  SurfaceKind surface_kind = SurfaceKind::kPublic;
  bool images_only = false;  ///< the surface takes pictures only, as its configuration says
  /// Frames or pages that a viewer shows were not looked at; coverage is not kComplete then.
  bool frames_unseen = false;
  /// The file asks viewers for colours that were not looked at; coverage is not kComplete then.
  bool colours_unusual = false;
};

/// Why one match led to what it did; for `policy explain`.
struct Step {
  std::size_t match = 0;  ///< index into Input::matches, or kNoMatch
  std::string rule_id;
  Verdict rule_verdict = Verdict::kUnspecified;  ///< what the rule says
  Verdict verdict = Verdict::kUnspecified;       ///< after limits
  std::vector<std::string> limits;  ///< which limits changed it, in words: "low quality: REVIEW at most"
};
inline constexpr std::size_t kNoMatch = static_cast<std::size_t>(-1);

struct Decision {
  Verdict verdict = Verdict::kHold;
  /// The rule that decided. Without a match: "cause/DEADLINE" for a failure cause, "default" for a clean
  /// look, "no_match/exact_only", "no_match/partial", "no_match/frames_unseen",
  /// "no_match/colours_unusual", "no_match/not_an_image",
  /// "no_match/images_only"; and
  /// "inconsistent" where outcome, cause and coverage do not fit together (always kHold).
  std::string rule_id;
  /// Of the strongest match; of the strongest real one where any counts, so that a planted TEST picture hides
  /// nothing. kUnspecified without matches.
  HarmClass harm_class = HarmClass::kUnspecified;
  std::size_t match = kNoMatch;  ///< the match that decided
  /// One a match in input order; then the cause or the lack of a match where it counts.
  std::vector<Step> steps;
};

/// A row of the table cause -> verdict.
struct CauseRule {
  Cause cause;
  Verdict verdict;
  std::string reason;  ///< required where verdict is ALLOW by accept_unscanned
};

/// A loaded policy. Immutable. Threads: thread-safe.
class Policy {
 public:
  virtual ~Policy() = default;
  /// Never fails and never gives kUnspecified. The strictest match decides; of equals the one with the
  /// gravest harm, then the strongest identity, trust and distance, so the order of `matches` does not count.
  /// Cost: rules * matches.
  [[nodiscard]] virtual Decision Decide(const Input& input) const = 0;
  /// The verdict for calls that get no answer from the gate, by cause; all causes in numeric order. Where
  /// surfaces differ it is the strictest of them, because such a caller may not know its surface's kind.
  [[nodiscard]] virtual std::vector<CauseRule> FailPolicy() const = 0;
  [[nodiscard]] virtual Verdict ForCause(Cause cause, SurfaceKind surface_kind) const = 0;
  [[nodiscard]] virtual const std::string& Name() const = 0;
  /// What the author calls this text ("version:" in YAML).
  [[nodiscard]] virtual const std::string& Version() const = 0;
  /// "sha256:" and 16 hex digits of the text as loaded: the same text has the same digest everywhere. With
  /// `extends` the profile's text is part of it.
  [[nodiscard]] virtual const std::string& TextDigest() const = 0;
  /// The law that it is written for, as its author calls it; empty where they do not say.
  [[nodiscard]] virtual const std::string& Jurisdiction() const = 0;
  /// Whether people review candidates; without them no decision is kReview.
  [[nodiscard]] virtual bool HasReviewers() const = 0;
  /// Ids of the rules in the order they are tried, inherited ones last.
  [[nodiscard]] virtual std::vector<std::string> RuleIds() const = 0;
};

/// Names of the profiles built in: "standard", "strict", "no-reviewers".
std::span<const std::string_view> ProfileNames();
/// YAML text of a profile. Errors: kPolicyInvalid for an unknown name.
Result<std::string_view> ProfileText(std::string_view name);

/// Parses policy text. `source` names it in messages ("policy.yaml"). Unknown and doubled keys, values of the
/// wrong kind, rules that can never apply and lax settings without their reason are refused by name and line,
/// all of them in one message (first 20). Errors: kPolicyInvalid.
Result<std::shared_ptr<const Policy>> ParsePolicy(std::string_view yaml, std::string_view source);
/// A built-in profile's policy. Errors: kPolicyInvalid for an unknown name.
Result<std::shared_ptr<const Policy>> LoadProfile(std::string_view name);

/// What a person wants to see after loading: name, version, digest, rules and the verdict of every cause.
/// Several lines of plain text, each ended.
std::string Describe(const Policy& policy);

}  // namespace hashgate::policy
