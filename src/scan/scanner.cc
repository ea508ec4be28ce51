#include "scan/scanner.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "scan/digests.h"
#include "scan/file_hashes.h"
#include "scan/wanted.h"

namespace hashgate::scan {
namespace {

/// Below this longer side a picture says too little for a perceptual hash to tell copies from lookalikes.
constexpr std::uint32_t kMinUsableSide = 24;
/// Looks at newer generations where matched entries keep changing under a scan.
constexpr int kMaxMatchAttempts = 3;

std::int64_t MicrosBetween(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

bool IsCancelled(const ScanRequest& request) {
  return request.cancelled && request.cancelled();
}

std::unexpected<Error> Cancelled() {
  return Fail(Reason::kCancelled, "the caller went away");
}

// Work ends here, so that the answer itself still leaves in time.
SteadyTime WorkDeadline(const ScanRequest& request, std::chrono::milliseconds reserve) {
  return request.deadline == SteadyTime::max() ? request.deadline : request.deadline - reserve;
}

// Every list that the request names exists and may be used by its tenant.
Status CheckLists(const ScanRequest& request, const lists::Generation& generation) {
  for (const std::string& name : request.lists) {
    const lists::HashList* list = generation.Find(name);
    const bool usable = list != nullptr && (request.system_lists || !list->system) &&
                        (list->config.tenant.empty() || list->config.tenant == request.tenant);
    if (!usable) {
      return Fail(Reason::kListNotFound, "there is no list '" + name.substr(0, 64) + "'",
                  "header.options.lists");
    }
  }
  return {};
}

// Cause of a file that is not handed to a decoder at all; kNone where it is.
Cause CauseWithoutDecoding(const ScanRequest& request, const Upload& upload, std::uint64_t max_bytes) {
  if (upload.size == 0) return Cause::kEmpty;
  // Limits of decoding are none where nothing is to be decoded.
  if (request.exact_only && decode::IsImage(upload.format)) return Cause::kNone;
  if (decode::IsDecodable(upload.format)) return upload.size > max_bytes ? Cause::kTooLarge : Cause::kNone;
  if (decode::IsImage(upload.format) || upload.format == decode::Format::kUnknown)
    return Cause::kUnsupportedFormat;
  return Cause::kNotAnImage;
}

Cause CauseOf(const Error& error) {
  switch (error.reason) {
    case Reason::kDeadlineExceeded: return Cause::kDeadline;
    case Reason::kDecoderUnavailable: return Cause::kDecoderUnavailable;
    case Reason::kDecoderCrashed: return Cause::kDecoderCrashed;
    default: return Cause::kStoreUnavailable;
  }
}

// Takes over what was answered to the same request before, where that was stricter.
void TakeOver(const RememberedAnswer& earlier, ScanAnswer& answer) {
  answer.replayed = true;
  if (earlier.verdict <= answer.verdict) return;
  answer.verdict = earlier.verdict;
  answer.rule_id = earlier.rule_id;
  answer.harm_class = earlier.harm_class;
}

}  // namespace

// Everything one scan learns on its way.
struct Scanner::Look {
  std::shared_ptr<const policy::Policy> policy;
  std::shared_ptr<const lists::Generation> generation;
  FileHashes hashes;
  std::optional<Digests> digests;
  ByteSpan content;  ///< for digests that are still missing; empty where the bytes are gone
  decode::DecodeResult image;
  decode::Format format = decode::Format::kUnknown;
  std::uint64_t size = 0;
  Cause cause = Cause::kNone;
  bool matched_at_all = false;  ///< the look-up ran
  CoverageDetail coverage;
  Matches matches;
  StageTimings timings;
};

Scanner::Scanner(ScannerParts parts, ScannerOptions options, std::shared_ptr<const policy::Policy> policy)
    : parts_(parts), options_(options), policy_(std::move(policy)) {}

void Scanner::SetPolicy(std::shared_ptr<const policy::Policy> policy) {
  const MutexLock lock(policy_mutex_);
  policy_ = std::move(policy);
}

std::shared_ptr<const policy::Policy> Scanner::CurrentPolicy() const {
  const MutexLock lock(policy_mutex_);
  return policy_;
}

void Scanner::Decode(const ScanRequest& request, const Upload& upload, const decode::Wanted& wanted,
                     SteadyTime deadline, Look& look) const {
  const SteadyTime start = parts_.clock->Steady();
  Result<decode::DecodeResult> decoded =
      parts_.decoder == nullptr
          ? Fail(Reason::kDecoderUnavailable, "no decoder is configured")
          : parts_.decoder->Decode(upload.content, upload.format, wanted, deadline, request.cancelled);
  const std::int64_t waited = MicrosBetween(start, parts_.clock->Steady());
  if (!decoded) {
    look.timings.decode_wait += waited;
    look.cause = CauseOf(decoded.error());
    look.coverage.missing.emplace_back("the picture was not decoded");
    return;
  }
  look.image = *std::move(decoded);
  look.cause = look.image.cause;
  const std::int64_t worked = std::int64_t{look.image.decode_micros} + look.image.hash_micros;
  look.timings.decode += look.image.decode_micros;
  look.timings.hash += look.image.hash_micros;
  look.timings.decode_wait += std::max<std::int64_t>(0, waited - worked);
  look.hashes.views = look.image.views;
}

std::vector<const lists::HashList*> Scanner::ListsFor(const ScanRequest& request,
                                                      const lists::Generation& generation) {
  if (!request.system_lists) return generation.EnabledFor(request.tenant, request.lists);
  std::vector<const lists::HashList*> lists;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) lists.push_back(&list);
  }
  return lists;
}

void Scanner::MatchLook(const ScanRequest& request, std::shared_ptr<const lists::Generation> generation,
                        Look& look) const {
  const SteadyTime start = parts_.clock->Steady();
  const std::int64_t matched_before = look.timings.match;
  // The scan pins its generation here: everything after reads this one only.
  look.generation = std::move(generation);
  const std::vector<const lists::HashList*> lists = ListsFor(request, *look.generation);
  const bool any_entry = std::ranges::any_of(lists, [](const auto* list) { return list->entry_count > 0; });
  if (!any_entry) {
    look.cause = Cause::kNoLists;
    look.coverage.missing.emplace_back("no enabled list holds an entry");
    return;
  }
  // No list can mean the empty file by its digest.
  if (look.cause != Cause::kEmpty) {
    for (int attempt = 0;; ++attempt) {
      const auto lists_now = ListsFor(request, *look.generation);
      DigestForLists(lists_now, look);
      Result<Matches> matches = FindMatches(
          *look.generation, lists_now, look.hashes,
          [this](lists::ListId list, lists::EntryId entry) { return parts_.catalog->GetEntry(list, entry); });
      look.timings.match = matched_before + MicrosBetween(start, parts_.clock->Steady());
      if (!matches) {
        // Nothing that was not looked up may look like "clean".
        log::Error("match_failed", "the index could not be searched",
                   {{"reason", ReasonName(matches.error().reason)}});
        look.cause = Cause::kStoreUnavailable;
        look.coverage.missing.emplace_back("the lists could not be searched");
        return;
      }
      look.matches = *std::move(matches);
      // An entry that changed meanwhile is looked at again, so that no verdict mixes two states of a list.
      if (look.matches.changed == 0 || attempt == kMaxMatchAttempts) break;
      look.generation = parts_.catalog->Current();
    }
    if (look.matches.unreadable > 0) {
      log::Error("entry_unreadable", "the store could not read matched entries",
                 {{"entries", look.matches.unreadable}});
      look.coverage.missing.emplace_back("the records of matched entries could not be read");
    }
  }
  look.matched_at_all = true;
  DescribeCoverage(request, look);
}

// The lists may hold a digest that none held when the upload began to arrive.
void Scanner::DigestForLists(std::span<const lists::HashList* const> lists, Look& look) {
  if (!look.digests) return;
  const DigestKinds missing = DigestsHeld(lists, *look.generation).Without(look.digests->kinds);
  if (missing.IsEmpty()) return;
  if (look.content.size() != look.size) {
    // An upload reader leaves nothing out of what it does not keep; another caller must not get "clean" by
    // it.
    look.coverage.missing.emplace_back("a digest that the lists hold was not computed");
    return;
  }
  const SteadyTime start = std::chrono::steady_clock::now();
  AddDigests(missing, look.content, *look.digests);
  SetDigests(*look.digests, look.hashes);
  look.timings.digest += MicrosBetween(start, std::chrono::steady_clock::now());
}

DigestKinds Scanner::WantedDigests() const {
  if (options_.all_digests) return DigestKinds::All();
  const auto generation = parts_.catalog->Current();
  std::vector<const lists::HashList*> lists;
  for (const auto& [id, list] : generation->lists) {
    if (!list.system && list.config.enabled) lists.push_back(&list);
  }
  return DigestsHeld(lists, *generation).With(DigestKind::kSha256);
}

// What was consulted, and what it could not be compared with.
void Scanner::DescribeCoverage(const ScanRequest& request, Look& look) {
  const std::vector<const lists::HashList*> lists = ListsFor(request, *look.generation);
  for (const std::string& name : request.lists) {
    if (std::ranges::none_of(lists, [&name](const auto* list) { return list->config.name == name; })) {
      look.coverage.missing.push_back("the list '" + name + "' is disabled");
    }
  }
  const bool lacks_nn512 = look.hashes.turned && LacksNn512(look.hashes);
  for (const lists::HashList* list : lists) {
    look.coverage.lists.push_back(list->config.name);
    if (lacks_nn512 && NeedsNn512(*look.generation, *list)) {
      look.coverage.missing.push_back(
          "the picture's nn512 hash was not computed; hashes of that or of unknown "
          "pipeline on the list '" +
          list->config.name + "' were compared with its full one");
    }
  }
  if (look.hashes.turned) return;
  // Hashes from elsewhere: what the caller did not send could not be compared.
  const struct {
    Algorithm algorithm;
    bool given;
  } algorithms[] = {{Algorithm::kMd5, look.hashes.md5.has_value()},
                    {Algorithm::kSha1, look.hashes.sha1.has_value()},
                    {Algorithm::kSha256, look.hashes.sha256.has_value()},
                    {Algorithm::kPdq, !look.hashes.views.empty()}};
  for (const auto& [algorithm, given] : algorithms) {
    const bool held = std::ranges::any_of(
        lists, [&](const auto* list) { return look.generation->index->HoldsAny(list->id, algorithm); });
    if (held && !given) {
      look.coverage.missing.push_back("no " + std::string(AlgorithmName(algorithm)) +
                                      " hash was given, and the lists hold some");
    }
  }
}

ScanAnswer Scanner::Decide(const ScanRequest& request, Look look) const {
  const SteadyTime start = parts_.clock->Steady();
  ScanAnswer answer;
  answer.scan_id = NewUlid(ToUnixMillis(parts_.clock->Wall()));
  answer.cause = look.cause;
  if (!look.matches.found.empty()) {
    answer.outcome = Outcome::kMatched;
  } else if (look.cause != Cause::kNone) {
    answer.outcome = OutcomeOf(look.cause);
  } else {
    answer.outcome = Outcome::kNotMatched;
  }

  CoverageDetail& coverage = look.coverage;
  coverage.views = static_cast<int>(look.hashes.views.size());
  coverage.frames_seen = look.image.frames_seen;
  coverage.frames_total = look.image.frames_total;
  if (look.image.frames_seen < look.image.frames_total) {
    coverage.missing.push_back(std::to_string(look.image.frames_seen) + " of " +
                               std::to_string(look.image.frames_total) + " frames were looked at");
  }
  if (look.image.colour_unusual) {
    coverage.missing.emplace_back(
        "the file asks for a colour profile or gamma that is not applied: a viewer may show something else");
  }
  if (look.image.cause == Cause::kTruncated) coverage.missing.emplace_back("part of the picture is missing");
  const int best_quality = BestQuality(look.hashes);
  if (look.matched_at_all) {
    if (look.hashes.md5) coverage.algorithms.push_back(Algorithm::kMd5);
    if (look.hashes.sha1) coverage.algorithms.push_back(Algorithm::kSha1);
    if (look.hashes.sha256) coverage.algorithms.push_back(Algorithm::kSha256);
    if (best_quality >= 0) coverage.algorithms.push_back(Algorithm::kPdq);
    const bool too_small = look.hashes.turned &&
                           std::max(look.image.width, look.image.height) < kMinUsableSide &&
                           best_quality >= 0;
    const bool unusable = too_small || best_quality < kMinUsablePdqQuality;
    const bool any_digest = look.hashes.md5 || look.hashes.sha1 || look.hashes.sha256;
    if (best_quality < 0 || (unusable && look.matches.found.empty())) {
      coverage.level = any_digest ? CoverageLevel::kExactOnly : CoverageLevel::kPartial;
      if (best_quality >= 0) {
        coverage.missing.emplace_back(too_small
                                          ? "the picture is too small to recognise edited copies of it"
                                          : "the picture is too plain to recognise edited copies of it");
      }
    } else {
      coverage.level = coverage.missing.empty() ? CoverageLevel::kComplete : CoverageLevel::kPartial;
    }
  }

  std::vector<policy::MatchFact> facts;
  facts.reserve(look.matches.found.size());
  for (const MatchDetail& match : look.matches.found) facts.push_back(match.fact);
  const policy::Input input{.matches = facts,
                            .outcome = answer.outcome,
                            .cause = answer.cause,
                            .coverage = coverage.level,
                            .surface = request.surface.name,
                            .surface_kind = request.surface.kind,
                            .images_only = request.surface.images_only};
  const policy::Decision decision = look.policy->Decide(input);
  answer.verdict = decision.verdict;
  answer.rule_id = decision.rule_id;
  answer.harm_class = decision.harm_class;
  for (const policy::Step& step : decision.steps) {
    if (step.match < look.matches.found.size()) look.matches.found[step.match].verdict = step.verdict;
  }
  std::ranges::stable_sort(look.matches.found, [](const MatchDetail& a, const MatchDetail& b) {
    if (a.verdict != b.verdict) return a.verdict > b.verdict;
    if (a.fact.identity != b.fact.identity) return a.fact.identity > b.fact.identity;
    return a.fact.distance_bits < b.fact.distance_bits;
  });

  if (answer.outcome == Outcome::kNotEvaluated) answer.retry_after = options_.retry_after;
  answer.coverage = std::move(coverage);
  answer.matches = std::move(look.matches.found);
  answer.matches_truncated = look.matches.truncated;
  answer.policy_version = look.policy->Name() + "/" + look.policy->Version();
  answer.policy_digest = look.policy->TextDigest();
  answer.generation = look.generation->number;
  answer.image = std::move(look.image);
  answer.format = look.format;
  answer.size = look.size;
  answer.digests = look.digests;
  answer.timings = look.timings;
  answer.timings.decide = MicrosBetween(start, parts_.clock->Steady());
  return answer;
}

Result<ScanAnswer> Scanner::Finish(const ScanRequest& request, ByteSpan content_digest,
                                   IdempotencyTable::Ticket* ticket, ScanAnswer answer) const {
  if (ticket != nullptr) {
    Result<std::optional<RememberedAnswer>> seen = ticket->Seen(content_digest);
    Status remembered;
    if (!seen) {
      if (seen.error().reason == Reason::kRequestIdReused) return std::unexpected(std::move(seen).error());
      remembered = std::unexpected(std::move(seen).error());
    } else {
      if (const auto& before = *seen; before) TakeOver(*before, answer);
      // Our own failures are never replayed.
      if (answer.outcome != Outcome::kNotEvaluated) {
        remembered = ticket->Remember(content_digest, {answer.verdict, answer.harm_class, answer.rule_id});
      }
    }
    if (!remembered) {
      log::Error("request_not_remembered", "the store could not remember a request id",
                 {{"reason", ReasonName(remembered.error().reason)}});
      const Verdict held = CurrentPolicy()->ForCause(Cause::kStoreUnavailable, request.surface.kind);
      // A match stays what it is; anything laxer than the failure's own verdict cannot be promised to happen
      // once.
      if (answer.outcome != Outcome::kMatched) {
        answer.outcome = Outcome::kNotEvaluated;
        answer.cause = Cause::kStoreUnavailable;
        answer.retry_after = options_.retry_after;
      }
      if (held > answer.verdict) {
        answer.verdict = held;
        answer.rule_id = "cause/" + std::string(Name(Cause::kStoreUnavailable));
      }
    }
  }
  if (answer.verdict == Verdict::kBlock) answer.retain_until = parts_.clock->Wall() + options_.retain_blocked;
  if (request.accepted != SteadyTime{}) {
    answer.timings.total = MicrosBetween(request.accepted, parts_.clock->Steady());
  }
  return answer;
}

void Scanner::Record(const ScanAnswer& answer, std::string_view method) const {
  if (parts_.metrics == nullptr || answer.harm_class == HarmClass::kTest) return;
  using obs::Metric;
  obs::Metrics& metrics = *parts_.metrics;
  metrics.Count(Metric::kScans, {{"method", method},
                                 {"verdict", Name(answer.verdict)},
                                 {"outcome", Name(answer.outcome)},
                                 {"cause", Name(answer.cause)}});
  metrics.Count(Metric::kScanBytes, {}, static_cast<double>(answer.size));
  metrics.Observe(Metric::kScanSeconds, static_cast<double>(answer.timings.total) * 1e-6,
                  {{"method", method}});
  const std::pair<const char*, std::int64_t> stages[] = {{"queue", answer.timings.queue},
                                                         {"digest", answer.timings.digest},
                                                         {"decode_wait", answer.timings.decode_wait},
                                                         {"decode", answer.timings.decode},
                                                         {"hash", answer.timings.hash},
                                                         {"match", answer.timings.match},
                                                         {"decide", answer.timings.decide}};
  for (const auto& [stage, micros] : stages) {
    metrics.Observe(Metric::kStageSeconds, static_cast<double>(micros) * 1e-6, {{"stage", stage}});
  }
}

Result<Scanner::Look> Scanner::LookUp(const ScanRequest& request, const Upload& upload) {
  Look look;
  look.policy = CurrentPolicy();
  look.digests = upload.digests;
  look.content = upload.content;
  SetDigests(upload.digests, look.hashes);
  look.format = upload.format;
  look.size = upload.size;
  look.timings.digest = upload.digest_micros;
  // What there is to match is looked at first, and the look-up below must not see more than this did.
  const auto current = parts_.catalog->Current();
  const SteadyTime begun = parts_.clock->Steady();
  // The digests were computed between the two moments and have a figure of their own.
  if (request.accepted != SteadyTime{}) {
    look.timings.queue =
        std::max<std::int64_t>(0, MicrosBetween(request.accepted, begun) - upload.digest_micros);
  }

  HASHGATE_RETURN_IF_ERROR(CheckLists(request, *current));
  const SteadyTime work_deadline = WorkDeadline(request, options_.answer_reserve);
  look.cause = CauseWithoutDecoding(request, upload, options_.max_decode_bytes);
  const std::vector<const lists::HashList*> lists = ListsFor(request, *current);
  const bool nothing_to_match = lists.empty();
  if (begun >= work_deadline) {
    look.cause = Cause::kDeadline;
    look.coverage.missing.emplace_back("the deadline left no time to decode");
  } else if (look.cause == Cause::kNone && !request.exact_only && !nothing_to_match) {
    HASHGATE_RETURN_IF_ERROR(
        DecodeAndMatch(request, upload, WantedFor(*current, lists), work_deadline, look));
    return look;
  }
  // Where nothing was decoded because there was nothing to match, a list that appeared meanwhile must not
  // make that look like a complete look.
  MatchLook(request, nothing_to_match ? current : parts_.catalog->Current(), look);
  return look;
}

Status Scanner::DecodeAndMatch(const ScanRequest& request, const Upload& upload, decode::Wanted wanted,
                               SteadyTime deadline, Look& look) const {
  for (;;) {
    Decode(request, upload, wanted, deadline, look);
    if (IsCancelled(request)) return Cancelled();
    MatchLook(request, parts_.catalog->Current(), look);
    // A list that needs the other pipeline may have appeared since the picture was hashed without it: then
    // the picture is decoded once more, for it.
    const bool complete = wanted.pdq_nn512 || look.hashes.views.empty() ||
                          !WantedFor(*look.generation, ListsFor(request, *look.generation)).pdq_nn512;
    if (complete) return {};
    wanted.pdq_nn512 = true;
    look.cause = Cause::kNone;
    look.coverage = {};
    look.matches = {};
    look.matched_at_all = false;
  }
}

Result<ScanAnswer> Scanner::Answer(const ScanRequest& request, int file, ByteSpan content_digest,
                                   std::string_view method, const std::function<Result<Look>()>& look_up) {
  std::unique_ptr<IdempotencyTable::Ticket> ticket;
  if (!request.request_id.empty() && parts_.idempotency != nullptr) {
    auto taken = parts_.idempotency->Take({request.tenant, request.caller, request.request_id, file},
                                          WorkDeadline(request, options_.answer_reserve), request.cancelled);
    if (!taken && taken.error().reason == Reason::kCancelled) return Cancelled();
    if (!taken) return NotEvaluated(request, Cause::kDeadline, taken.error().message, file);
    ticket = *std::move(taken);
    // Refuse other bytes before any work is spent on them.
    if (const auto seen = ticket->Seen(content_digest);
        !seen && seen.error().reason == Reason::kRequestIdReused) {
      return std::unexpected(seen.error());
    }
  }
  HASHGATE_ASSIGN_OR_RETURN(Look look, look_up());
  HASHGATE_ASSIGN_OR_RETURN(ScanAnswer answer,
                            Finish(request, content_digest, ticket.get(), Decide(request, std::move(look))));
  if (!request.system_lists) Record(answer, method);
  return answer;
}

ScanAnswer Scanner::NotEvaluated(const ScanRequest& request, Cause cause, std::string missing,
                                 int file) const {
  Look look;
  look.policy = CurrentPolicy();
  look.generation = parts_.catalog->Current();
  look.cause = cause;
  look.coverage.missing.push_back(std::move(missing));
  ScanAnswer answer = Decide(request, std::move(look));
  if (!request.request_id.empty() && parts_.idempotency != nullptr) {
    // No answer to an id is laxer than an earlier one, not even one that saw nothing.
    const auto earlier = parts_.idempotency->Peek({request.tenant, request.caller, request.request_id, file});
    if (earlier) {
      if (const auto& before = *earlier; before) TakeOver(*before, answer);
    }
  }
  answer.timings.total = MicrosBetween(request.accepted, parts_.clock->Steady());
  Record(answer, file < 0 ? "upload" : "hashes");
  return answer;
}

Result<ScanAnswer> Scanner::Scan(const ScanRequest& request, const Upload& upload) {
  return Answer(request, -1, upload.digests.sha256, "upload", [&] { return LookUp(request, upload); });
}

Result<std::vector<ScanAnswer>> Scanner::Match(const ScanRequest& request,
                                               std::span<const FileHashes> files) {
  std::vector<ScanAnswer> answers;
  answers.reserve(files.size());
  HASHGATE_RETURN_IF_ERROR(CheckLists(request, *parts_.catalog->Current()));
  const SteadyTime work_deadline = WorkDeadline(request, options_.answer_reserve);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (IsCancelled(request)) return Cancelled();
    const int file = static_cast<int>(i);
    if (parts_.clock->Steady() >= work_deadline) {
      answers.push_back(
          NotEvaluated(request, Cause::kDeadline, "the deadline came before this file's turn", file));
      continue;
    }
    HASHGATE_ASSIGN_OR_RETURN(ScanAnswer answer,
                              Answer(request, file, DigestOf(files[i]), "hashes", [&]() -> Result<Look> {
                                Look look;
                                look.policy = CurrentPolicy();
                                look.hashes = files[i];
                                MatchLook(request, parts_.catalog->Current(), look);
                                return look;
                              }));
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace hashgate::scan
