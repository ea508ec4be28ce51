#include "scan/decide.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/random.h"
#include "scan/file_hashes.h"

namespace hashgate::scan {
namespace {

// Which limit ended the decoding; empty where none did.
std::string_view LimitWords(Cause cause, decode::Limit limit) {
  using decode::Limit;
  if (cause == Cause::kTooLarge) return "the file has more bytes than are decoded";
  if (cause == Cause::kTooCostly && limit == Limit::kNone) {
    return "decoding took more processor time than is allowed";
  }
  switch (limit) {
    case Limit::kNone: break;
    case Limit::kBytes: return "the file has more bytes than are decoded";
    case Limit::kPixels: return "the picture has more pixels than are decoded";
    case Limit::kSide: return "a side of the picture is longer than is decoded";
    case Limit::kFrames: return "the file holds more frames than are looked at";
    case Limit::kScans: return "the picture comes in more scans than are decoded";
    case Limit::kScanPixels: return "the picture's scans have more pixels in all than are decoded";
    case Limit::kMemory: return "decoding takes more memory than is allowed";
  }
  return {};
}

// How complete the look was, and what was missing. Returns how complete it would have been without a match.
CoverageLevel DescribeLook(Look& look) {
  CoverageDetail& coverage = look.coverage;
  coverage.views = static_cast<int>(look.hashes.views.size());
  coverage.frames_seen = look.image.frames_seen;
  coverage.frames_total = look.image.frames_total;
  if (const std::string_view words = LimitWords(look.cause, look.image.limit); !words.empty()) {
    coverage.missing.emplace_back(words);
  }
  if (look.image.frames_seen < look.image.frames_total) {
    coverage.missing.push_back(std::to_string(look.image.frames_seen) + " of " +
                               std::to_string(look.image.frames_total) + " frames were looked at");
  }
  if (look.image.embedded_unseen) {
    coverage.missing.emplace_back("a picture inside the file, such as a thumbnail, was not looked at");
  }
  if (look.image.colour_unusual) {
    coverage.missing.emplace_back(
        "the file asks for a colour profile or gamma that is not applied: a viewer may show something else");
  }
  if (look.image.cause == Cause::kTruncated) coverage.missing.emplace_back("part of the picture is missing");
  if (!look.matched_at_all) return coverage.level;
  const int best_quality = BestQuality(look.hashes);
  if (look.hashes.md5) coverage.algorithms.push_back(Algorithm::kMd5);
  if (look.hashes.sha1) coverage.algorithms.push_back(Algorithm::kSha1);
  if (look.hashes.sha256) coverage.algorithms.push_back(Algorithm::kSha256);
  if (best_quality >= 0) coverage.algorithms.push_back(Algorithm::kPdq);
  const std::vector<FileVector> vectors = VectorsOf(look.hashes);
  for (const FileVector& vector : vectors) {
    if (std::ranges::find(coverage.algorithms, vector.algorithm) != coverage.algorithms.end()) continue;
    coverage.algorithms.push_back(vector.algorithm);
  }
  // A vector that there is nothing to compare with says nothing.
  const auto is_held = [&look](const FileVector& vector) {
    return std::ranges::find(look.vectors_held, vector.algorithm) != look.vectors_held.end();
  };
  const bool too_small = look.hashes.turned &&
                         std::max(look.image.width, look.image.height) < kMinUsableSide && best_quality >= 0;
  const bool good_vector = !too_small && std::ranges::any_of(vectors, [&](const FileVector& vector) {
    return is_held(vector) && IdentifiesAlone(vector.algorithm) &&
           !IsDegenerate(vector.algorithm, vector.bytes);
  });
  const bool perceptual = best_quality >= 0 || std::ranges::any_of(vectors, is_held);
  const bool unusable = !good_vector && (too_small || best_quality < kMinUsablePdqQuality);
  const bool any_digest = look.hashes.md5 || look.hashes.sha1 || look.hashes.sha256;
  const CoverageLevel by_picture =
      coverage.missing.empty() ? CoverageLevel::kComplete : CoverageLevel::kPartial;
  const CoverageLevel by_digests = any_digest ? CoverageLevel::kExactOnly : CoverageLevel::kPartial;
  if (!perceptual || (unusable && look.matches.found.empty())) {
    coverage.level = by_digests;
    if (perceptual) {
      coverage.missing.emplace_back(too_small ? "the picture is too small to recognise edited copies of it"
                                              : "the picture is too plain to recognise edited copies of it");
    }
  } else {
    coverage.level = by_picture;
  }
  return perceptual && !unusable ? by_picture : by_digests;
}

// The verdict if nothing had matched. `input` is that of the answer itself.
Verdict WithoutMatches(const Look& look, policy::Input input, CoverageLevel coverage) {
  input.matches = {};
  input.outcome = look.cause == Cause::kNone ? Outcome::kNotMatched : OutcomeOf(look.cause);
  input.coverage = coverage;
  const Verdict verdict = look.policy->Decide(input).verdict;
  const bool unknown = look.by_digests || look.matches.truncated;
  return unknown ? std::max(verdict, Verdict::kHold) : verdict;
}

// What is known of a match before the picture is decoded.
policy::MatchFact DigestsOf(const policy::MatchFact& match) {
  policy::MatchFact fact;
  fact.list = match.list;
  fact.purpose = match.purpose;
  fact.trust = match.trust;
  fact.action_ceiling = match.action_ceiling;
  fact.scheme = match.scheme;
  fact.classification = match.classification;
  fact.confirmed = match.confirmed;
  fact.disputed = match.disputed;
  fact.entry = match.entry;
  std::ranges::copy_if(match.algorithms, std::back_inserter(fact.algorithms), policy::IsDigest);
  fact.identity = policy::IdentityOf(fact.algorithms);
  return fact;
}

// A look whose digests prove more than all of it together: its picture contradicts them, or a rule thinks
// less of it. The digests stand.
void TakeProven(DigestProof proof, Matches& matches, policy::Decision& decision) {
  for (const policy::Step& step : proof.decision.steps) {
    if (step.match >= proof.matches.size() || step.verdict != Verdict::kBlockAndReport) continue;
    matches.found[proof.matches[step.match]].verdict = step.verdict;
  }
  decision = std::move(proof.decision);
}

}  // namespace

std::optional<DigestProof> ProvenByDigests(const ScanRequest& request, const Look& look) {
  if (look.digest_answers == DigestAnswers::kNever) return std::nullopt;
  DigestProof proof;
  std::vector<policy::MatchFact> facts;
  for (std::size_t i = 0; i < look.matches.found.size(); ++i) {
    policy::MatchFact fact = DigestsOf(look.matches.found[i].fact);
    if (fact.algorithms.empty()) continue;
    if (look.matches.found[i].has_pdq && look.digest_answers != DigestAnswers::kAlways) return std::nullopt;
    facts.push_back(std::move(fact));
    proof.matches.push_back(i);
  }
  if (facts.empty()) return std::nullopt;
  proof.decision = look.policy->Decide({.matches = facts,
                                        .outcome = Outcome::kMatched,
                                        .coverage = CoverageLevel::kExactOnly,
                                        .surface = request.surface.name,
                                        .surface_kind = request.surface.kind,
                                        .images_only = request.surface.images_only});
  if (proof.decision.verdict != Verdict::kBlockAndReport) return std::nullopt;
  return proof;
}

ScanAnswer Decide(const ScanRequest& request, Look look, std::chrono::milliseconds retry_after,
                  WallTime now) {
  ScanAnswer answer;
  answer.scan_id = NewUlid(ToUnixMillis(now));
  answer.cause = look.cause;
  if (!look.matches.found.empty()) {
    answer.outcome = Outcome::kMatched;
  } else if (look.cause != Cause::kNone) {
    answer.outcome = OutcomeOf(look.cause);
  } else {
    answer.outcome = Outcome::kNotMatched;
  }

  const CoverageLevel coverage_without_matches = DescribeLook(look);

  // The picture could not be looked at now. Whether it contradicts a digest cannot be told, then, and load
  // must not turn what is for a person into a report: a later look may.
  const bool is_late = OutcomeOf(look.cause) == Outcome::kNotEvaluated && !request.exact_only;
  if (is_late && look.digest_answers != DigestAnswers::kAlways) {
    for (MatchDetail& match : look.matches.found) {
      if (match.has_pdq) match.fact.action_ceiling = std::min(match.fact.action_ceiling, Verdict::kBlock);
    }
  }

  std::vector<policy::MatchFact> facts;
  facts.reserve(look.matches.found.size());
  for (const MatchDetail& match : look.matches.found) facts.push_back(match.fact);
  const policy::Input input{.matches = facts,
                            .outcome = answer.outcome,
                            .cause = answer.cause,
                            .coverage = look.coverage.level,
                            .surface = request.surface.name,
                            .surface_kind = request.surface.kind,
                            .images_only = request.surface.images_only,
                            .frames_unseen = look.image.frames_seen < look.image.frames_total,
                            .colours_unusual = look.image.colour_unusual};
  policy::Decision decision = look.policy->Decide(input);
  for (const policy::Step& step : decision.steps) {
    if (step.match < look.matches.found.size()) look.matches.found[step.match].verdict = step.verdict;
  }
  if (decision.verdict != Verdict::kBlockAndReport) {
    if (auto proof = ProvenByDigests(request, look)) TakeProven(*std::move(proof), look.matches, decision);
  }
  answer.verdict = decision.verdict;
  answer.without_matches =
      facts.empty() ? decision.verdict : WithoutMatches(look, input, coverage_without_matches);
  answer.rule_id = decision.rule_id;
  answer.harm_class = decision.harm_class;
  std::ranges::stable_sort(look.matches.found, [](const MatchDetail& a, const MatchDetail& b) {
    if (a.verdict != b.verdict) return a.verdict > b.verdict;
    if (a.fact.identity != b.fact.identity) return a.fact.identity > b.fact.identity;
    const int a_order = a.fact.PdqOrder(a.fact.identity);
    const int b_order = b.fact.PdqOrder(b.fact.identity);
    if (a_order != b_order) return a_order < b_order;
    return a.fact.LeastVectorDistance() < b.fact.LeastVectorDistance();
  });

  if (answer.outcome == Outcome::kNotEvaluated) answer.retry_after = retry_after;
  answer.coverage = std::move(look.coverage);
  answer.matches = std::move(look.matches.found);
  answer.matches_truncated = look.matches.truncated;
  answer.matches_suppressed = look.matches.suppressed;
  answer.policy = std::move(look.policy);
  answer.generation = look.generation->number;
  answer.image = std::move(look.image);
  answer.format = look.format;
  answer.size = look.size;
  answer.digests = look.digests;
  answer.by_digests = look.by_digests;
  answer.timings = look.timings;
  return answer;
}

}  // namespace hashgate::scan
