#include "exchange/sync/feedback.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"

namespace hashgate::exchange {
namespace {

using lists::FeedbackState;
using lists::Opinion;
using lists::OpinionKind;

/// Entries that have their turn before a sync that is due does.
constexpr int kAtOnce = 50;

bool IsDue(const Opinion& opinion) {
  switch (opinion.feedback) {
    case FeedbackState::kQueued: return !opinion.IsPending();
    case FeedbackState::kSending:
    case FeedbackState::kWithdrawing: return true;
    default: return false;
  }
}

// All opinions of one entry, and what its source is to know.
class EntryFeedback {
 public:
  EntryFeedback(lists::Catalog& catalog, std::span<const Opinion> opinions)
      : catalog_(catalog), opinions_(opinions.begin(), opinions.end()) {}

  Status Send(ExchangeClient& client, const std::stop_token& stop) {
    HASHGATE_RETURN_IF_ERROR(Read());
    if (!entry_) return Settle(FeedbackState::kNone);
    const std::optional<FeedbackKind> standing = Standing();
    const bool told = std::ranges::any_of(
        opinions_, [](const Opinion& opinion) { return lists::IsTold(opinion.feedback); });
    if (!standing && !told) return Settle(FeedbackState::kNone);
    for (Opinion& opinion : opinions_) {
      if (opinion.feedback == FeedbackState::kQueued && Stands(opinion))
        HASHGATE_RETURN_IF_ERROR(Note(opinion, FeedbackState::kSending));
    }
    const Feedback feedback{.source_id = entry_->record.source_id,
                            .kind = standing.value_or(FeedbackKind::kWithdraw),
                            .reason = reason_,
                            .hashes = entry_->record.hashes};
    const FeedbackSent sent = client.SendFeedback({&feedback, 1}, stop);
    if (sent.error) return std::unexpected(*sent.error);
    if (sent.answers.empty()) return Fail(Reason::kInvariantBroken, "feedback has neither answer nor error");
    const FeedbackAnswer& answer = sent.answers.front();
    const bool taken = answer.outcome == FeedbackAnswer::Outcome::kTaken;
    if (!taken) {
      log::Warning("feedback_refused", "an entry's source does not take what is said of it: " + answer.detail,
                   {{"entry", entry_->id}});
    } else if (!answer.detail.empty()) {
      log::Warning("feedback_taken_in_part",
                   "an entry's source takes a part of what is said of it: " + answer.detail,
                   {{"entry", entry_->id}});
    }
    return Settle(taken ? FeedbackState::kSent : FeedbackState::kRefused);
  }

 private:
  Status Read() {
    Result<lists::Entry> entry = catalog_.GetEntry(opinions_.front().list, opinions_.front().entry);
    if (entry) {
      entry_ = *std::move(entry);
    } else if (entry.error().reason != Reason::kEntryNotFound) {
      return std::unexpected(std::move(entry).error());
    }
    return {};
  }

  [[nodiscard]] bool Stands(const Opinion& opinion) const {
    return !opinion.ended && !opinion.IsPending() && opinion.entry_version == entry_->version &&
           (opinion.feedback == FeedbackState::kQueued || opinion.feedback == FeedbackState::kSending ||
            opinion.feedback == FeedbackState::kSent);
  }

  std::optional<FeedbackKind> Standing() {
    std::optional<FeedbackKind> kind;
    // In order of kind: a doubt comes after what it outweighs.
    for (const Opinion& opinion : opinions_) {
      if (!Stands(opinion)) continue;
      kind = opinion.kind == OpinionKind::kConfirm ? FeedbackKind::kAffirm : FeedbackKind::kDispute;
      reason_ = opinion.reason;
    }
    return kind;
  }

  Status Note(Opinion& opinion, FeedbackState state) {
    if (opinion.feedback == state) return {};
    HASHGATE_RETURN_IF_ERROR(catalog_.SetFeedback(opinion, state));
    opinion.feedback = state;
    return {};
  }

  // What stands is as the source has it; of the rest it knows nothing more.
  Status Settle(FeedbackState standing) {
    for (Opinion& opinion : opinions_) {
      if (!lists::IsOfPeople(opinion.kind)) continue;
      if (entry_ && Stands(opinion)) {
        HASHGATE_RETURN_IF_ERROR(Note(opinion, standing));
      } else if (IsDue(opinion) || lists::IsTold(opinion.feedback)) {
        HASHGATE_RETURN_IF_ERROR(Note(opinion, FeedbackState::kNone));
      }
    }
    return {};
  }

  lists::Catalog& catalog_;
  std::vector<Opinion> opinions_;
  std::optional<lists::Entry> entry_;
  std::string reason_;
};

}  // namespace

Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const std::stop_token& stop, FeedbackTurn& turn) {
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<Opinion> all, catalog.Opinions(list));
  turn.more = false;
  int done = 0;
  std::optional<Error> unreachable;  // of the entry before
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end =
        std::find_if(begin, all.end(), [&](const Opinion& opinion) { return opinion.entry != begin->entry; });
    const std::span opinions(begin, end);
    begin = end;
    if (opinions.front().entry <= turn.after || std::ranges::none_of(opinions, IsDue)) continue;
    // One that failed waits for the next one to say whose fault it is.
    if (done++ >= kAtOnce && !unreachable) {
      turn.more = true;
      return {};
    }
    turn.after = opinions.front().entry;
    const Status sent = EntryFeedback(catalog, opinions).Send(client, stop);
    if (sent) {
      unreachable.reset();
      continue;
    }
    const Error& error = sent.error();
    const bool may_be_this_one = error.reason == Reason::kExchangeUnreachable && !unreachable &&
                                 error.retry_after == std::chrono::milliseconds(0);
    if (error.reason != Reason::kExchangeProtocol && !may_be_this_one) {
      turn.began_behind = true;
      return sent;
    }
    if (may_be_this_one) unreachable = error;
    log::Warning("feedback_failed", "an entry's source could not be told of it: " + error.message,
                 {{"entry", opinions.front().entry}});
  }
  turn = {.more = turn.began_behind && !unreachable};
  if (unreachable) return std::unexpected(*std::move(unreachable));
  return {};
}

}  // namespace hashgate::exchange
