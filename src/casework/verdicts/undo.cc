#include "casework/verdicts/undo.h"

#include <utility>

#include "casework/verdicts/verdict_codec.h"

namespace hashgate::casework {
namespace {

using store::Family;

/// Verdicts of one batch: answers that are to be recorded wait for it. Also of those that are put off.
constexpr std::size_t kVerdictsAtOnce = 64;

Status CheckWords(std::string_view words, std::size_t max, const std::string& field) {
  if (words.empty()) return Fail(Reason::kRequestInvalid, field + " is required", field);
  if (words.size() > max) {
    return Fail(Reason::kRequestInvalid, field + " has at most " + std::to_string(max) + " bytes", field);
  }
  return {};
}

Event EventOf(const Undone& undone, const UndoOptions& options) {
  const VerdictRecord& record = undone.record;
  return {.tenant = record.id.tenant,
          .what = VerdictReversed{.scan_id = record.id.scan_id,
                                  .content_id = record.content_id,
                                  .request_id = record.request_id,
                                  .given = record.time,
                                  .from = record.standing,
                                  .to = undone.verdict,
                                  .list = undone.match.list,
                                  .entry = undone.match.entry.entry,
                                  .author = options.author,
                                  .reason = options.reason}};
}

// What no later answer to the request is laxer than. HOLD that no match leads to asks for another look, which
// then has to be free to say what it finds.
Verdict RememberedAs(const Undone& undone) {
  const bool asks_again = undone.verdict == Verdict::kHold && undone.stands_by == kNoMatch;
  return asks_again ? Verdict::kAllow : undone.verdict;
}

}  // namespace

std::optional<Undone> EffectOn(const VerdictRecord& record, const EntryRef& entry) {
  Undone undone{.record = record, .verdict = record.standing};
  const RecordedMatch* const match = FindMatch(undone.record, entry);
  if (match == nullptr) return std::nullopt;
  undone.match = *match;
  if (match->undone) {
    undone.effect = UndoEffect::kUndoneBefore;
    return undone;
  }
  const Remaining remaining = Without(record, entry);
  undone.stands_by = remaining.stands_by;
  if (remaining.verdict < record.standing) {
    undone.effect = UndoEffect::kReversed;
    undone.verdict = remaining.verdict;
  } else {
    undone.effect = UndoEffect::kStands;
  }
  return undone;
}

VerdictRecord After(const Undone& undone) {
  VerdictRecord record = undone.record;
  FindMatch(record, undone.match.entry)->undone = true;
  record.standing = undone.verdict;
  return record;
}

Result<Undo> Undo::Start(const UndoParts& parts, UndoOptions options) {
  if (options.entry.entry == 0) {
    return Fail(Reason::kRequestInvalid, "entry numbers are positive", "entry_id");
  }
  if (!options.dry_run) {
    HASHGATE_RETURN_IF_ERROR(CheckWords(options.author, kMaxAuthorBytes, "author"));
    HASHGATE_RETURN_IF_ERROR(CheckWords(options.reason, kMaxReasonBytes, "reason"));
  }
  return Undo(parts, std::move(options));
}

Undo::Undo(const UndoParts& parts, UndoOptions options)
    : parts_(parts),
      options_(std::move(options)),
      until_(FirstScanIdAt(parts_.clock->Wall() + std::chrono::milliseconds(1))) {}

Result<std::vector<Undone>> Undo::Next() {
  Step step;
  if (done_) return step.undone;
  if (options_.dry_run) {
    HASHGATE_RETURN_IF_ERROR(Look(step));
    return std::move(step.undone);
  }
  if (parts_.idempotency != nullptr) step.relaxing = parts_.idempotency->StartRelaxing();
  // What cannot be written is looked at again by the next call.
  const Undo before = *this;
  const Status written = parts_.verdicts->Alone([&]() -> Status {
    HASHGATE_RETURN_IF_ERROR(Look(step));
    return Write(step);
  });
  if (!written) {
    *this = before;
    return std::unexpected(written.error());
  }
  return std::move(step.undone);
}

Status Undo::Look(Step& step) {
  HASHGATE_ASSIGN_OR_RETURN(const VerdictLog::Page page,
                            parts_.verdicts->OfEntry(options_.entry, position_, kVerdictsAtOnce));
  counts_.damaged += page.damaged;
  if (!page.last) {
    done_ = true;
    return LookAgain(step);
  }
  for (const VerdictRecord& record : page.records) {
    if (record.id.scan_id >= until_) continue;
    HASHGATE_RETURN_IF_ERROR(Take(record, step));
    if (done_) return {};
  }
  position_ = page.last;
  return {};
}

// The last call: those that were put off.
Status Undo::LookAgain(Step& step) {
  const std::vector<VerdictId> put_off = std::exchange(put_off_, {});
  HASHGATE_ASSIGN_OR_RETURN(const VerdictLog::Found found, parts_.verdicts->Get(put_off));
  counts_.damaged += found.damaged;
  for (const VerdictRecord& record : found.records) {
    HASHGATE_RETURN_IF_ERROR(Take(record, step));
  }
  more_ = more_ || !put_off_.empty();
  return {};
}

Status Undo::Take(const VerdictRecord& record, Step& step) {
  std::optional<Undone> undone = EffectOn(record, options_.entry);
  if (!undone) return {};
  const bool reverses = undone->effect == UndoEffect::kReversed;
  if (reverses && options_.max_reversals > 0 && counts_.reversed == options_.max_reversals) {
    done_ = more_ = true;
    return {};
  }
  if (!options_.dry_run) {
    HASHGATE_ASSIGN_OR_RETURN(const bool added, Add(*undone, step));
    if (!added) {
      PutOff(record.id);
      return {};
    }
  }
  ++counts_.seen;
  counts_.reversed += reverses ? 1 : 0;
  counts_.standing += undone->effect == UndoEffect::kStands ? 1 : 0;
  counts_.undone_before += undone->effect == UndoEffect::kUndoneBefore ? 1 : 0;
  step.undone.push_back(*std::move(undone));
  return {};
}

Result<bool> Undo::Add(const Undone& undone, Step& step) const {
  if (undone.effect == UndoEffect::kUndoneBefore) return true;
  const VerdictRecord& record = undone.record;
  if (undone.effect == UndoEffect::kReversed) {
    if (step.relaxing != nullptr && !record.request_id.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(
          const bool relaxed,
          step.relaxing->Relax({record.id.tenant, record.caller, record.request_id, record.file},
                               RememberedAs(undone), undone.stands_by != kNoMatch, step.batch));
      if (!relaxed) return false;
    }
    step.events.push_back(EventOf(undone, options_));
  }
  step.batch.Put(Family::kVerdicts, VerdictKey(record.id), EncodeVerdict(After(undone)));
  return true;
}

void Undo::PutOff(const VerdictId& id) {
  if (put_off_.size() < kVerdictsAtOnce) {
    put_off_.push_back(id);
  } else {
    more_ = true;
  }
}

Status Undo::Write(Step& step) {
  if (step.batch.empty()) return {};
  HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<EventLog::Pending> pending,
                            parts_.events->AddTo(step.batch, step.events));
  HASHGATE_RETURN_IF_ERROR(parts_.store->Write(step.batch));
  pending->Written();
  if (parts_.metrics != nullptr && !step.events.empty()) {
    parts_.metrics->Count(obs::Metric::kVerdictsReversed, {}, static_cast<double>(step.events.size()));
  }
  return {};
}

}  // namespace hashgate::casework
