#include "exchange/sync/feedback.h"

#include <algorithm>
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

  /// Whether the source is to hear something, or the catalogue that it will not. Before Send.
  Result<bool> IsDue() {
    const bool told = std::ranges::any_of(
        opinions_, [](const Opinion& opinion) { return opinion.feedback == FeedbackState::kSent; });
    const bool due = std::ranges::any_of(opinions_, exchange::IsDue);
    // Only of these the entry is looked up: of most opinions there is nothing to be told any more.
    if (!told && !due) return false;
    HASHGATE_RETURN_IF_ERROR(Read());
    return due || std::ranges::any_of(opinions_, [this](const Opinion& opinion) {
             return opinion.feedback == FeedbackState::kSent && !IsOfTheEntry(opinion);
           });
  }

  /// False, and nothing was sent: the opinions are others since they were read.
  Result<bool> Send(ExchangeClient& client, const std::stop_token& stop) {
    const std::optional<FeedbackKind> standing = Standing();
    const bool told = std::ranges::any_of(
        opinions_, [](const Opinion& opinion) { return lists::IsTold(opinion.feedback); });
    if (!entry_ || (!standing && !told)) {
      HASHGATE_RETURN_IF_ERROR(Settle());
      return true;
    }
    HASHGATE_ASSIGN_OR_RETURN(const bool prepared, Prepare());
    if (!prepared) return false;
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
    HASHGATE_RETURN_IF_ERROR(taken || !standing ? Settle() : SettleRefused());
    return true;
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

  [[nodiscard]] bool IsOfTheEntry(const Opinion& opinion) const {
    return entry_ && opinion.entry_version == entry_->version;
  }

  [[nodiscard]] bool Stands(const Opinion& opinion) const {
    return !opinion.ended && !opinion.IsPending() && IsOfTheEntry(opinion) &&
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

  // False where an opinion is another one, or gone, since it was read: many calls may lie between.
  Result<bool> Prepare() {
    for (const Opinion& opinion : opinions_) {
      if (!lists::IsOfPeople(opinion.kind)) continue;
      HASHGATE_ASSIGN_OR_RETURN(const bool same, catalog_.SetFeedback(opinion, opinion.feedback));
      if (!same) return false;
    }
    for (Opinion& opinion : opinions_) {
      if (opinion.feedback != FeedbackState::kQueued || !Stands(opinion)) continue;
      HASHGATE_ASSIGN_OR_RETURN(const bool noted, catalog_.SetFeedback(opinion, FeedbackState::kSending));
      if (!noted) return false;
      opinion.feedback = FeedbackState::kSending;
      first_told_.push_back(opinion.kind);
    }
    return true;
  }

  // An opinion that is another one meanwhile has a state of its own.
  Status Note(const Opinion& opinion, FeedbackState state) {
    HASHGATE_ASSIGN_OR_RETURN([[maybe_unused]] const bool noted, catalog_.SetFeedback(opinion, state));
    return {};
  }

  // What stands is as the source has it; of the rest it knows nothing more.
  Status Settle() {
    for (const Opinion& opinion : opinions_) {
      if (!lists::IsOfPeople(opinion.kind)) continue;
      if (Stands(opinion)) {
        HASHGATE_RETURN_IF_ERROR(Note(opinion, FeedbackState::kSent));
      } else if (exchange::IsDue(opinion) || lists::IsTold(opinion.feedback)) {
        const bool waits = opinion.IsPending() && !opinion.ended && IsOfTheEntry(opinion) &&
                           opinion.feedback != FeedbackState::kWithdrawing;
        HASHGATE_RETURN_IF_ERROR(Note(opinion, waits ? FeedbackState::kQueued : FeedbackState::kNone));
      }
    }
    return {};
  }

  // The source still has what it had: what it heard before is to be taken back one day, or in the next turn.
  Status SettleRefused() {
    for (const Opinion& opinion : opinions_) {
      if (!lists::IsOfPeople(opinion.kind)) continue;
      if (Stands(opinion)) {
        const bool is_new = std::ranges::find(first_told_, opinion.kind) != first_told_.end();
        HASHGATE_RETURN_IF_ERROR(Note(opinion, is_new ? FeedbackState::kRefused : FeedbackState::kSent));
      } else if (exchange::IsDue(opinion) && !lists::IsTold(opinion.feedback)) {
        HASHGATE_RETURN_IF_ERROR(Note(opinion, FeedbackState::kNone));
      }
    }
    return {};
  }

  lists::Catalog& catalog_;
  std::vector<Opinion> opinions_;
  std::vector<OpinionKind> first_told_;
  std::optional<lists::Entry> entry_;
  std::string reason_;
};

}  // namespace

Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const Clock& clock, const std::stop_token& stop, FeedbackTurn& turn) {
  HASHGATE_ASSIGN_OR_RETURN(std::vector<Opinion> all, catalog.Opinions(list));
  turn.more = false;
  const SteadyTime until = clock.Steady() + kLongestFeedbackTurn;
  int done = 0;
  std::optional<Error> unreachable;  // of the entry before
  for (auto begin = std::as_const(all).begin(); begin != all.end();) {
    const lists::EntryId id = begin->entry;
    const auto end = std::find_if(begin, std::as_const(all).end(),
                                  [&](const Opinion& opinion) { return opinion.entry != id; });
    const std::span opinions(begin, end);
    begin = end;
    if (id <= turn.after) continue;
    EntryFeedback entry(catalog, opinions);
    HASHGATE_ASSIGN_OR_RETURN(const bool due, entry.IsDue());
    if (!due) continue;
    // One that failed waits for the next one to say whose fault it is.
    const bool is_long = done >= kAtOnce || (done > 0 && clock.Steady() >= until);
    if (is_long && !unreachable) {
      turn.more = true;
      return {};
    }
    ++done;
    const Result<bool> sent = entry.Send(client, stop);
    if (sent && !*sent) {
      HASHGATE_ASSIGN_OR_RETURN(all, catalog.Opinions(list));
      begin = std::ranges::lower_bound(std::as_const(all), id, {}, &Opinion::entry);
      continue;
    }
    turn.after = id;
    if (sent) {
      unreachable.reset();
      continue;
    }
    const Error& error = sent.error();
    const bool may_be_this_one = error.reason == Reason::kExchangeUnreachable && !unreachable &&
                                 error.retry_after == std::chrono::milliseconds(0);
    if (error.reason != Reason::kExchangeProtocol && !may_be_this_one) {
      turn.began_behind = true;
      return std::unexpected(error);
    }
    if (may_be_this_one) unreachable = error;
    log::Warning("feedback_failed", "an entry's source could not be told of it: " + error.message,
                 {{"entry", id}});
  }
  turn = {.more = turn.began_behind && !unreachable};
  if (unreachable) return std::unexpected(*std::move(unreachable));
  return {};
}

}  // namespace hashgate::exchange
