#include "scan/remembering.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"

namespace hashgate::scan {
namespace {

RequestKey KeyOf(const ScanRequest& request, int file) {
  return {request.tenant, request.caller, request.request_id, file};
}

// Takes over what was answered to the same request before, where that was stricter.
void TakeOver(const RememberedAnswer& earlier, ScanAnswer& answer) {
  answer.replayed = true;
  if (earlier.verdict <= answer.verdict) return;
  answer.verdict = earlier.verdict;
  answer.rule_id = earlier.rule_id;
  answer.harm_class = earlier.harm_class;
}

// The answer cannot be promised to have its effects once.
void Hold(Verdict held, std::chrono::milliseconds retry_after, ScanAnswer& answer) {
  // A match stays what it is; anything laxer than the failure's own verdict does not.
  if (answer.outcome != Outcome::kMatched) {
    answer.outcome = Outcome::kNotEvaluated;
    answer.cause = Cause::kStoreUnavailable;
    answer.retry_after = retry_after;
  }
  if (held > answer.verdict) {
    answer.verdict = held;
    answer.rule_id = "cause/" + std::string(Name(Cause::kStoreUnavailable));
  }
  answer.without_matches = std::max(answer.without_matches, held);
}

}  // namespace

Remembering::Remembering(IdempotencyTable* table, const ScanRequest& request, FileNumbers files,
                         std::span<const ByteSpan> content_digests)
    : table_(table), request_(request), files_(files), content_digests_(content_digests) {}

Status Remembering::Begin(SteadyTime deadline) {
  if (!Wants(table_, request_)) return {};
  std::vector<RequestKey> keys;
  keys.reserve(files_.count);
  for (std::size_t i = 0; i < files_.count; ++i) keys.push_back(KeyOf(request_, files_.At(i)));
  HASHGATE_ASSIGN_OR_RETURN(ticket_, table_->Take(keys, deadline, request_.cancelled));
  seen_ = ticket_->SeenEach(content_digests_);
  // Refuse other bytes before any work is spent on them. A store that cannot be read is asked again later.
  if (!seen_ && seen_.error().reason == Reason::kRequestIdReused) return std::unexpected(seen_.error());
  return {};
}

Status Remembering::Remember(std::span<ScanAnswer> answers) {
  if (!seen_) seen_ = ticket_->SeenEach(content_digests_);
  if (!seen_) return std::unexpected(seen_.error());
  std::vector<std::optional<RememberedAnswer>> final_answers(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ScanAnswer& answer = answers[i];
    if (const std::optional<RememberedAnswer>& seen = (*seen_)[i]; seen) TakeOver(*seen, answer);
    // Our own failures are never replayed.
    if (answer.outcome == Outcome::kNotEvaluated) continue;
    final_answers[i] = {answer.verdict, answer.harm_class, answer.rule_id};
  }
  return ticket_->RememberEach(content_digests_, final_answers);
}

Status Remembering::End(std::span<ScanAnswer> answers, const std::function<Verdict()>& held,
                        std::chrono::milliseconds retry_after) {
  if (ticket_ == nullptr) return {};
  const Status remembered = Remember(answers);
  if (remembered) return {};
  if (remembered.error().reason == Reason::kRequestIdReused) return remembered;
  log::Error("request_not_remembered", "the store could not remember a request id",
             {{"reason", ReasonName(remembered.error().reason)}});
  const Verdict at_least = held();
  for (ScanAnswer& answer : answers) Hold(at_least, retry_after, answer);
  return {};
}

void Remembering::TakeOverEarlier(const IdempotencyTable* table, const ScanRequest& request, int file,
                                  ScanAnswer& answer) {
  if (!Wants(table, request)) return;
  const auto earlier = table->Peek(KeyOf(request, file));
  if (!earlier) return;
  if (const auto& before = *earlier; before) TakeOver(*before, answer);
}

}  // namespace hashgate::scan
