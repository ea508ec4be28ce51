#include "scan/scanner.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/no_memory.h"
#include "index/flat.h"
#include "scan/decide.h"
#include "scan/digests.h"
#include "scan/file_hashes.h"
#include "scan/look.h"
#include "scan/remembering.h"
#include "scan/remote_asking.h"
#include "scan/scan_metrics.h"
#include "scan/verdict_recorder.h"
#include "scan/wanted.h"

namespace hashgate::scan {
namespace {

/// Hashes of one call that are matched before its deadline is looked at again. A search of so many takes 8 ms
/// at ten million entries, and no more than one file may have.
constexpr std::size_t kHashesAtOnce = 128;
/// What a vector counts for, which is compared with all there are.
constexpr std::size_t kHashesAVector = 16;

// Values of the label `method`.
constexpr std::string_view kUploadMethod = "upload";
constexpr std::string_view kHashesMethod = "hashes";
constexpr std::string_view kBackgroundMethod = "background";
// Of the label `found`, besides.
constexpr std::string_view kFoundBehind = "behind";

bool IsCancelled(const ScanRequest& request) {
  return request.cancelled && request.cancelled();
}

std::unexpected<Error> Cancelled() {
  return Fail(Reason::kCancelled, "the caller went away");
}

std::string_view MethodOf(const ScanRequest& request) {
  return request.background ? kBackgroundMethod : kUploadMethod;
}

// Work ends here, so that the answer itself still leaves in time.
SteadyTime WorkDeadline(const ScanRequest& request, std::chrono::milliseconds reserve) {
  return request.deadline == SteadyTime::max() ? request.deadline : request.deadline - reserve;
}

// Every list that the request names exists and may be used by its tenant.
Status CheckLists(const ScanRequest& request, const lists::Generation& generation,
                  const RemoteAsking& remote) {
  for (const std::string& name : request.lists) {
    const lists::HashList* list = generation.Find(name);
    const bool usable = list != nullptr && (request.system_lists || !list->system) &&
                        (list->config.tenant.empty() || list->config.tenant == request.tenant);
    if (!usable && !remote.Knows(name)) {
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

// How many of the files, at least one, are matched in one search.
std::size_t FilesAtOnce(std::span<const FileHashes> files) {
  std::size_t count = 0;
  for (std::size_t hashes = 0; count < files.size(); ++count) {
    hashes +=
        std::max<std::size_t>(1, files[count].views.size() + kHashesAVector * files[count].vectors.size());
    if (count > 0 && hashes > kHashesAtOnce) break;
  }
  return count;
}

// Makes the look one that has not been matched yet.
void ForgetMatches(Look& look) {
  look.cause = Cause::kNone;
  look.coverage = {};
  look.matches = {};
  look.matched_at_all = false;
}

Cause CauseOf(const Error& error) {
  switch (error.reason) {
    case Reason::kDeadlineExceeded: return Cause::kDeadline;
    case Reason::kDecoderUnavailable: return Cause::kDecoderUnavailable;
    case Reason::kDecoderCrashed: return Cause::kDecoderCrashed;
    default: return Cause::kStoreUnavailable;
  }
}

}  // namespace

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
  look.vectors_wanted = wanted.vectors;
  // The canary is there to see the decoder work.
  SeenPictures* const seen = request.system_lists ? nullptr : parts_.seen_pictures;
  if (const auto result = seen == nullptr ? nullptr : seen->Find(upload.digests.sha256, wanted)) {
    look.image = *result;
    look.cause = look.image.cause;
    look.hashes.views = look.image.views;
    if (parts_.metrics != nullptr) parts_.metrics->Count(obs::Metric::kPicturesReused);
    return;
  }
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
  if (seen != nullptr) seen->Remember(upload.digests.sha256, wanted, *decoded);
  look.image = *std::move(decoded);
  look.cause = look.image.cause;
  const std::int64_t worked = std::int64_t{look.image.decode_micros} + look.image.hash_micros;
  look.timings.decode += look.image.decode_micros;
  look.timings.hash += look.image.hash_micros;
  look.timings.decode_wait += std::max<std::int64_t>(0, waited - worked);
  look.hashes.views = look.image.views;
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

std::span<const decode::VectorMaker> Scanner::VectorMakers() const {
  return parts_.decoder == nullptr ? std::span<const decode::VectorMaker>() : parts_.decoder->vector_makers();
}

std::uint64_t Scanner::VectorsHeld() const {
  const auto generation = parts_.catalog->Current();
  std::uint64_t held = 0;
  for (const index::FlatAlgorithm& flat : index::kFlatAlgorithms)
    held += generation->index->Count(flat.algorithm);
  return held;
}

Look Scanner::LookAt(const Upload& upload) const {
  Look look;
  look.policy = CurrentPolicy();
  look.digests = upload.digests;
  look.content = upload.content;
  SetDigests(upload.digests, look.hashes);
  look.format = upload.format;
  look.size = upload.size;
  look.timings.digest = upload.digest_micros;
  look.digest_answers = options_.answer_by_digests;
  return look;
}

Result<Look> Scanner::LookUp(const ScanRequest& request, const Upload& upload) {
  if (IsCancelled(request)) return Cancelled();
  Look look = LookAt(upload);
  // What there is to match is looked at first, and the look-up below must not see more than this did.
  const auto current = parts_.catalog->Current();
  const SteadyTime begun = parts_.clock->Steady();
  // The digests were computed between the two moments and have a figure of their own.
  if (request.accepted != SteadyTime{}) {
    look.timings.queue =
        std::max<std::int64_t>(0, MicrosBetween(request.accepted, begun) - upload.digest_micros);
  }

  RemoteAsking remote(parts_.remote_lists, request);
  HASHGATE_RETURN_IF_ERROR(CheckLists(request, *current, remote));
  const SteadyTime work_deadline = WorkDeadline(request, options_.answer_reserve);
  look.cause = CauseWithoutDecoding(request, upload, options_.max_decode_bytes);
  const std::vector<const lists::HashList*> lists = ListsFor(request, *current);
  const bool nothing_to_match = lists.empty() && remote.empty();
  if (begun >= work_deadline) {
    look.cause = Cause::kDeadline;
    look.coverage.missing.emplace_back("the deadline left no time to decode");
  } else if (look.cause == Cause::kNone && !request.exact_only && !nothing_to_match) {
    if (DecideByDigests(request, remote, look)) return look;
    HASHGATE_RETURN_IF_ERROR(DecodeAndMatch(request, upload, WantedFor(*current, lists, VectorMakers()),
                                            work_deadline, remote, look));
    return look;
  }
  // Where nothing was decoded because there was nothing to match, a list that appeared meanwhile must not
  // make that look like a complete look.
  MatchLooks(request, *parts_.catalog, *parts_.clock, nothing_to_match ? current : parts_.catalog->Current(),
             remote, {&look, 1});
  return look;
}

// True where the look is done. Whether it is depends on bytes, lists, policy and request alone, never on what
// was decoded before, so that equal uploads have equal answers.
bool Scanner::DecideByDigests(const ScanRequest& request, const RemoteAsking& remote, Look& look) const {
  if (look.digest_answers == DigestAnswers::kNever || request.include_hashes) return false;
  MatchLooks(request, *parts_.catalog, *parts_.clock, parts_.catalog->Current(), remote, {&look, 1});
  if (!ProvenByDigests(request, look)) {
    ForgetMatches(look);
    return false;
  }
  look.by_digests = true;
  look.coverage.missing.emplace_back("the picture was not decoded: its digests decided");
  return true;
}

Status Scanner::DecodeAndMatch(const ScanRequest& request, const Upload& upload, decode::Wanted wanted,
                               SteadyTime deadline, RemoteAsking& remote, Look& look) const {
  for (;;) {
    Decode(request, upload, wanted, deadline, look);
    if (IsCancelled(request)) return Cancelled();
    remote.Begin({&look, 1}, deadline);
    MatchLooks(request, *parts_.catalog, *parts_.clock, parts_.catalog->Current(), remote, {&look, 1});
    // A list that needs the other pipeline, or a vector, may have appeared since the picture was hashed
    // without it: then the picture is decoded once more, for it.
    const decode::Wanted now =
        WantedFor(*look.generation, ListsFor(request, *look.generation), VectorMakers());
    const bool complete = (wanted.pdq_nn512 || !now.pdq_nn512) && wanted.vectors.HasAll(now.vectors);
    if (complete || look.hashes.views.empty()) {
      remote.Finish({&look, 1});
      return {};
    }
    wanted.pdq_nn512 |= now.pdq_nn512;
    wanted.vectors.bits |= now.vectors.bits;
    ForgetMatches(look);
  }
}

Result<std::vector<ScanAnswer>> Scanner::Answer(const ScanRequest& request, FileNumbers files,
                                                std::span<const ByteSpan> content_digests,
                                                std::string_view method, const LookUpFunction& look_up) {
  Remembering remembering(parts_.idempotency, request, files, content_digests);
  if (const Status begun = remembering.Begin(WorkDeadline(request, options_.answer_reserve)); !begun) {
    if (begun.error().reason != Reason::kDeadlineExceeded) return std::unexpected(begun.error());
    return NotEvaluatedEach(request, files, begun.error().message);
  }
  HASHGATE_ASSIGN_OR_RETURN(std::vector<Look> looks, look_up());
  const SteadyTime start = parts_.clock->Steady();
  const WallTime now = parts_.clock->Wall();
  std::vector<ScanAnswer> answers;
  answers.reserve(looks.size());
  for (Look& look : looks) answers.push_back(Decide(request, std::move(look), options_.retry_after, now));
  // As with matching, each file has its share.
  const std::int64_t decide = MicrosBetween(start, parts_.clock->Steady());
  for (ScanAnswer& answer : answers) {
    answer.timings.decide = decide / static_cast<std::int64_t>(answers.size());
  }
  const auto held = [&] { return CurrentPolicy()->ForCause(Cause::kStoreUnavailable, request.surface.kind); };
  HASHGATE_RETURN_IF_ERROR(remembering.End(answers, held, options_.retry_after));
  for (ScanAnswer& answer : answers) {
    if (answer.verdict == Verdict::kBlock) {
      answer.retain_until = now + options_.retain_blocked;
    }
  }
  RecordVerdicts(request, files, answers);
  if (request.accepted != SteadyTime{}) {
    const std::int64_t total = MicrosBetween(request.accepted, parts_.clock->Steady());
    for (ScanAnswer& answer : answers) answer.timings.total = total;
  }
  if (request.system_lists) return answers;
  if (parts_.metrics != nullptr) RecordScans(*parts_.metrics, answers, method);
  if (parts_.watch != nullptr) {
    const auto by = method == kHashesMethod ? EntryWatch::By::kHashes : EntryWatch::By::kPicture;
    for (const ScanAnswer& answer : answers) {
      if (!answer.replayed) parts_.watch->Observe(by, request.account_id, answer.matches);
    }
  }
  // That hashes sent to us contradict each other says nothing of the list.
  if (method == kHashesMethod) return answers;
  for (const ScanAnswer& answer : answers) RaiseConflicts(parts_.metrics, answer.matches, method);
  return answers;
}

void Scanner::RecordVerdicts(const ScanRequest& request, FileNumbers files,
                             std::span<const ScanAnswer> answers) const try {
  if (parts_.verdicts == nullptr || request.system_lists) return;
  std::vector<NumberedAnswer> recorded;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (IsRecorded(answers[i])) recorded.push_back({files.At(i), &answers[i]});
  }
  // Half of what is kept back for the answer may go into this: the other half is for its way.
  if (!recorded.empty()) {
    parts_.verdicts->Record(request, recorded, WorkDeadline(request, options_.answer_reserve / 2));
  }
} catch (const std::bad_alloc&) {
  log::Error("verdict_not_recorded", "no memory to record which entries led to a verdict");
}

std::vector<ScanAnswer> Scanner::NotEvaluatedEach(const ScanRequest& request, FileNumbers files,
                                                  const std::string& missing) const {
  std::vector<ScanAnswer> answers;
  answers.reserve(files.count);
  for (std::size_t i = 0; i < files.count; ++i) {
    answers.push_back(NotEvaluated(request, Cause::kDeadline, missing, files.At(i)));
  }
  return answers;
}

ScanAnswer Scanner::NotEvaluated(const ScanRequest& request, Cause cause, std::string missing,
                                 int file) const {
  Look look;
  look.policy = CurrentPolicy();
  look.generation = parts_.catalog->Current();
  look.cause = cause;
  look.coverage.missing.push_back(std::move(missing));
  ScanAnswer answer = Decide(request, std::move(look), options_.retry_after, parts_.clock->Wall());
  // No answer to an id is laxer than an earlier one, not even one that saw nothing.
  Remembering::TakeOverEarlier(parts_.idempotency, request, file, answer);
  answer.timings.total = MicrosBetween(request.accepted, parts_.clock->Steady());
  if (parts_.metrics != nullptr) {
    RecordScans(*parts_.metrics, {&answer, 1}, file < 0 ? MethodOf(request) : kHashesMethod);
  }
  return answer;
}

Result<ScanAnswer> Scanner::Scan(const ScanRequest& request, const Upload& upload) try {
  const ByteSpan content = upload.digests.sha256;
  HASHGATE_ASSIGN_OR_RETURN(
      std::vector<ScanAnswer> answers,
      Answer(request, {}, {&content, 1}, MethodOf(request), [&]() -> Result<std::vector<Look>> {
        std::vector<Look> looks;
        HASHGATE_ASSIGN_OR_RETURN(looks.emplace_back(), LookUp(request, upload));
        return looks;
      }));
  ScanAnswer& answer = answers.front();
  if (answer.by_digests && !answer.replayed) CheckBehind(request, upload, answer);
  return std::move(answer);
} catch (const std::bad_alloc&) {
  return NoMemory();
}

// The answer is decided and is not lost whatever becomes of this: what the picture says can only show that an
// entry is wrong.
void Scanner::CheckBehind(const ScanRequest& request, const Upload& upload, const ScanAnswer& answer) try {
  if (parts_.metrics != nullptr) parts_.metrics->Count(obs::Metric::kScansByDigests);
  if (parts_.checks_behind == nullptr || !std::ranges::any_of(answer.matches, &MatchDetail::has_pdq)) return;
  // Nothing of the call but what says which lists are asked, and what policy says of them: it is over by
  // then.
  ScanRequest later{.tenant = request.tenant,
                    .account_id = request.account_id,
                    .surface = request.surface,
                    .lists = request.lists};
  Upload kept = upload;
  kept.content = {};
  parts_.checks_behind->Add(upload.content, [this, later = std::move(later), kept, scan_id = answer.scan_id](
                                                ByteSpan content, const ChecksBehind::Until& until) mutable {
    kept.content = content;
    later.cancelled = until.stopped;
    return Compare(later, kept, scan_id, until.deadline);
  });
} catch (const std::bad_alloc&) {
  log::Error("check_behind_lost", "no memory to compare a reported picture with its entries");
}

ChecksBehind::Finding Scanner::Compare(const ScanRequest& request, const Upload& upload,
                                       const std::string& scan_id, SteadyTime deadline) const {
  Look look = LookAt(upload);
  const auto current = parts_.catalog->Current();
  // The verdict is given, and remote lists hold no digest that a picture could contradict.
  RemoteAsking none({}, request);
  const Status compared =
      DecodeAndMatch(request, upload, WantedFor(*current, ListsFor(request, *current), VectorMakers()),
                     deadline, none, look);
  RaiseConflicts(parts_.metrics, look.matches.found, kFoundBehind);
  if (parts_.watch != nullptr)
    parts_.watch->Observe(EntryWatch::By::kPicture, request.account_id, look.matches.found);
  const ChecksBehind::Finding finding{
      .compared = compared && look.matched_at_all && !look.hashes.views.empty(), .timings = look.timings};
  const bool looked = compared && look.matched_at_all && OutcomeOf(look.cause) != Outcome::kNotEvaluated;
  if (looked && parts_.verdicts != nullptr) {
    const ScanAnswer whole = Decide(request, std::move(look), options_.retry_after, parts_.clock->Wall());
    parts_.verdicts->Complete(request.tenant, scan_id, whole);
  }
  return finding;
}

Result<std::vector<ScanAnswer>> Scanner::MatchFiles(const ScanRequest& request, FileNumbers numbers,
                                                    std::span<FileHashes> files) {
  std::vector<std::array<std::uint8_t, 32>> digests;
  std::vector<ByteSpan> contents;
  if (Remembering::Wants(parts_.idempotency, request)) {
    digests.reserve(files.size());
    for (const FileHashes& file : files) contents.emplace_back(digests.emplace_back(DigestOf(file)));
  }
  return Answer(request, numbers, contents, kHashesMethod, [&]() -> Result<std::vector<Look>> {
    const std::shared_ptr<const policy::Policy> policy = CurrentPolicy();
    const std::int64_t queued =
        request.accepted != SteadyTime{} ? MicrosBetween(request.accepted, parts_.clock->Steady()) : 0;
    std::vector<Look> looks(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
      looks[i].policy = policy;
      looks[i].digest_answers = options_.answer_by_digests;
      looks[i].hashes = std::move(files[i]);
      looks[i].timings.queue = queued;
    }
    RemoteAsking remote(parts_.remote_lists, request);
    remote.Begin(looks, WorkDeadline(request, options_.answer_reserve));
    MatchLooks(request, *parts_.catalog, *parts_.clock, parts_.catalog->Current(), remote, looks);
    remote.Finish(looks);
    return looks;
  });
}

Result<std::vector<ScanAnswer>> Scanner::Match(const ScanRequest& request,
                                               std::vector<FileHashes> files) try {
  std::vector<ScanAnswer> answers;
  HASHGATE_RETURN_IF_ERROR(
      CheckLists(request, *parts_.catalog->Current(), RemoteAsking(parts_.remote_lists, request)));
  const SteadyTime work_deadline = WorkDeadline(request, options_.answer_reserve);
  for (std::size_t begin = 0; begin < files.size();) {
    if (IsCancelled(request)) return Cancelled();
    const bool late = parts_.clock->Steady() >= work_deadline;
    const std::size_t count = late ? files.size() - begin : FilesAtOnce(std::span(files).subspan(begin));
    const FileNumbers numbers{.first = static_cast<int>(begin), .count = count};
    std::vector<ScanAnswer> some;
    if (late) {
      some = NotEvaluatedEach(request, numbers, "the deadline came before this file's turn");
    } else {
      HASHGATE_ASSIGN_OR_RETURN(some, MatchFiles(request, numbers, std::span(files).subspan(begin, count)));
    }
    if (answers.empty()) {
      answers = std::move(some);
    } else {
      std::ranges::move(some, std::back_inserter(answers));
    }
    begin += count;
  }
  return answers;
} catch (const std::bad_alloc&) {
  return NoMemory();
}

}  // namespace hashgate::scan
