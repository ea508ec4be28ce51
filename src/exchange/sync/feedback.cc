#include "exchange/sync/feedback.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"

namespace hashgate::exchange {
namespace {

using lists::FeedbackState;
using lists::Opinion;
using lists::OpinionKind;

/// Sent before what became of them is noted down.
constexpr std::size_t kAtOnce = 50;

// A message to the source, and the opinion that it tells of.
struct Message {
  Opinion opinion;
  Feedback feedback;
};

bool IsDue(const Opinion& opinion) {
  if (opinion.feedback == FeedbackState::kWithdrawing) return true;
  return opinion.feedback == FeedbackState::kQueued && !opinion.ended && !opinion.IsPending();
}

FeedbackKind KindOf(const Opinion& opinion) {
  if (opinion.feedback == FeedbackState::kWithdrawing) return FeedbackKind::kWithdraw;
  return opinion.kind == OpinionKind::kConfirm ? FeedbackKind::kAffirm : FeedbackKind::kDispute;
}

// What came of it; a withdrawal is over either way.
FeedbackState StateAfter(const Opinion& opinion, FeedbackAnswer::Outcome outcome) {
  if (opinion.feedback == FeedbackState::kWithdrawing) return FeedbackState::kNone;
  return outcome == FeedbackAnswer::Outcome::kTaken ? FeedbackState::kSent : FeedbackState::kRefused;
}

Status SendSome(lists::Catalog& catalog, std::span<const Message> messages, ExchangeClient& client,
                const std::stop_token& stop) {
  std::vector<Feedback> feedback;
  for (const Message& message : messages) feedback.push_back(message.feedback);
  const FeedbackSent sent = client.SendFeedback(feedback, stop);
  for (std::size_t i = 0; i < std::min(sent.answers.size(), messages.size()); ++i) {
    const FeedbackAnswer& answer = sent.answers[i];
    const Opinion& opinion = messages[i].opinion;
    HASHGATE_RETURN_IF_ERROR(catalog.SetFeedback(opinion, StateAfter(opinion, answer.outcome)));
    if (answer.outcome == FeedbackAnswer::Outcome::kTaken) continue;
    log::Warning("feedback_refused", "an entry's source does not take an opinion: " + answer.detail,
                 {{"entry", opinion.entry}, {"kind", lists::Name(opinion.kind)}});
  }
  if (sent.error) return std::unexpected(*sent.error);
  return {};
}

}  // namespace

Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const std::stop_token& stop) {
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<Opinion> all, catalog.Opinions(list));
  std::vector<Message> messages;
  for (const Opinion& opinion : all) {
    if (!IsDue(opinion)) continue;
    Result<lists::Entry> entry = catalog.GetEntry(opinion.list, opinion.entry);
    const bool gone = !entry && entry.error().reason == Reason::kEntryNotFound;
    if (!entry && !gone) return std::unexpected(std::move(entry).error());
    if (gone || entry->version != opinion.entry_version) {
      HASHGATE_RETURN_IF_ERROR(catalog.SetFeedback(opinion, FeedbackState::kNone));
      continue;
    }
    messages.push_back({opinion,
                        {.source_id = entry->record.source_id,
                         .kind = KindOf(opinion),
                         .reason = opinion.reason,
                         .hashes = std::move(entry->record.hashes)}});
    if (messages.size() == kAtOnce) {
      HASHGATE_RETURN_IF_ERROR(SendSome(catalog, messages, client, stop));
      messages.clear();
    }
  }
  return messages.empty() ? Status() : SendSome(catalog, messages, client, stop);
}

}  // namespace hashgate::exchange
