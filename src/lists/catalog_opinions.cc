// Opinions and brakes: giving, agreeing to, taking back and ending them.
#include <algorithm>

#include "lists/catalog_impl.h"
#include "lists/validate.h"

namespace hashgate::lists {
namespace {

using store::Family;

// Longer ones are no emergency stop any more: that is what a list's ceiling is for.
constexpr std::chrono::hours kLongestBrake{24 * 366};

Status CheckPerson(std::string_view author, std::string_view reason) {
  HASHGATE_RETURN_IF_ERROR(ValidateText(author, kMaxOpinionAuthorBytes, "author"));
  return ValidateText(reason, kMaxOpinionReasonBytes, "reason");
}

Status CheckEnd(WallTime expires, WallTime now, const char* field) {
  if (expires == WallTime() || expires > now) return {};
  return Fail(Reason::kRequestInvalid, std::string(field) + " is over already", field);
}

// "Ann" and "ann " are one person.
std::string Person(std::string_view author) {
  std::string out;
  for (const char c : author) {
    if (c == ' ' || c == '\t') continue;
    out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
  }
  return out;
}

std::unexpected<Error> NoSuchOpinion(EntryId entry) {
  return Fail(Reason::kEntryNotFound, "there is no such opinion of entry " + std::to_string(entry), "kind");
}

}  // namespace

Status CatalogImpl::LoadOpinions() {
  Status failed;
  HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kOpinions, {}, {},
                                       [&](std::string_view key, std::string_view value)
                                           HASHGATE_REQUIRES(write_mutex_) {
                                             Result<Opinion> opinion = DecodeOpinion(key, value);
                                             if (!opinion) {
                                               failed = std::unexpected(std::move(opinion).error());
                                               return false;
                                             }
                                             opinions_.emplace(key, *std::move(opinion));
                                             return true;
                                           }));
  return failed;
}

Status CatalogImpl::CommitOpinions(const std::map<std::string, std::optional<Opinion>>& changes,
                                   const std::vector<ListRecord>& lists) {
  HASHGATE_RETURN_IF_ERROR(EnsureIndex());
  store::Batch batch;
  for (const auto& [key, opinion] : changes) {
    if (opinion) {
      batch.Put(Family::kOpinions, key, EncodeOpinion(*opinion));
    } else {
      batch.Delete(Family::kOpinions, key);
    }
  }
  for (const ListRecord& record : lists)
    batch.Put(Family::kLists, ListKey(record.list.id), EncodeList(record));
  HASHGATE_RETURN_IF_ERROR(Commit(batch, NextGeneration()));
  for (const auto& [key, opinion] : changes) {
    if (opinion) {
      opinions_.insert_or_assign(key, *opinion);
    } else {
      opinions_.erase(key);
    }
  }
  for (const ListRecord& record : lists) records_.at(record.list.id) = record;
  in_force_.reset();
  Publish();
  return {};
}

std::vector<std::string> CatalogImpl::OpinionsOf(ListId list) const {
  std::vector<std::string> keys;
  for (auto at = opinions_.lower_bound(OpinionKey(list, 0, OpinionKind::kUnspecified));
       at != opinions_.end() && at->second.list == list; ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

Result<std::uint32_t> CatalogImpl::VersionOf(const ListRecord& record, EntryId entry) const {
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            store_.Get(Family::kEntries, EntryKey(record.content, entry)));
  if (!bytes) {
    return Fail(Reason::kEntryNotFound, "the list has no entry " + std::to_string(entry), "entry_id");
  }
  HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntry(*bytes));
  return view.head.version;
}

Status CatalogImpl::MakeRoom(OpinionKind kind, std::map<std::string, std::optional<Opinion>>& changes) const {
  const bool of_people = IsOfPeople(kind);
  std::size_t count = 0;
  auto oldest = opinions_.end();
  for (auto at = opinions_.begin(); at != opinions_.end(); ++at) {
    if (IsOfPeople(at->second.kind) != of_people) continue;
    ++count;
    if (at->second.kind == OpinionKind::kConflict &&
        (oldest == opinions_.end() || at->second.created < oldest->second.created)) {
      oldest = at;
    }
  }
  if (count < (of_people ? kMaxOpinions : kMaxServiceOpinions)) return {};
  // A flag changes no verdict: the oldest makes room.
  if (!of_people && oldest != opinions_.end()) {
    changes.emplace(oldest->first, std::nullopt);
    return {};
  }
  return Fail(Reason::kMemoryLimit,
              "there are " + std::to_string(count) + " opinions, as many as are kept: take some back");
}

Result<Opinion> CatalogImpl::SetOpinion(const OpinionRequest& request) {
  HASHGATE_RETURN_IF_ERROR(CheckPerson(request.author, request.reason));
  if (request.kind == OpinionKind::kUnspecified || static_cast<int>(request.kind) >= kOpinionKindCount)
    return Fail(Reason::kRequestInvalid, "kind is required", "kind");
  if (request.copies.size() > kMaxOpinionCopies)
    return Fail(Reason::kRequestInvalid, "an opinion has too many copies", "copies");
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(const ListRecord* const record, FindForWrite(request.list, false));
  HASHGATE_ASSIGN_OR_RETURN(const std::uint32_t version, VersionOf(*record, request.entry));
  if (request.entry_version != 0 && request.entry_version != version) {
    return Fail(Reason::kEtagMismatch,
                "entry " + std::to_string(request.entry) + " is at version " + std::to_string(version) +
                    ", not " + std::to_string(request.entry_version) + ": look at it again",
                "entry_version");
  }
  Opinion opinion;
  opinion.list = record->list.id;
  opinion.entry = request.entry;
  opinion.kind = request.kind;
  opinion.entry_version = version;
  opinion.author = request.author;
  opinion.reason = request.reason;
  opinion.created = FromUnixMillis(NowMillis());
  opinion.expires = request.expires;
  opinion.needs_second = request.needs_second;
  const std::string key = OpinionKey(opinion.list, opinion.entry, opinion.kind);
  const auto before = opinions_.find(key);
  // What the source has heard of the opinion before is still to be put right there.
  const bool told = before != opinions_.end() && IsTold(before->second.feedback);
  if (request.feedback && IsOfPeople(request.kind)) {
    opinion.feedback = told ? FeedbackState::kSending : FeedbackState::kQueued;
  } else if (told) {
    opinion.feedback = FeedbackState::kWithdrawing;
  }
  opinion.copies = request.copies;
  HASHGATE_RETURN_IF_ERROR(CheckEnd(opinion.expires, opinion.created, "expire_time"));
  std::map<std::string, std::optional<Opinion>> changes = {{key, opinion}};
  if (before == opinions_.end()) HASHGATE_RETURN_IF_ERROR(MakeRoom(opinion.kind, changes));
  HASHGATE_RETURN_IF_ERROR(CommitOpinions(changes));
  return opinion;
}

Result<Opinion> CatalogImpl::FindOpinion(std::string_view list, EntryId entry, OpinionKind kind) {
  HASHGATE_ASSIGN_OR_RETURN(const ListRecord* const record, FindForWrite(list, false));
  const auto at = opinions_.find(OpinionKey(record->list.id, entry, kind));
  if (at == opinions_.end()) return NoSuchOpinion(entry);
  return at->second;
}

Result<Opinion> CatalogImpl::AgreeToOpinion(std::string_view list, EntryId entry, OpinionKind kind,
                                            std::string_view author, WallTime created) {
  HASHGATE_RETURN_IF_ERROR(ValidateText(author, kMaxOpinionAuthorBytes, "author"));
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(Opinion opinion, FindOpinion(list, entry, kind));
  HASHGATE_ASSIGN_OR_RETURN(const std::uint32_t version, VersionOf(records_.at(opinion.list), entry));
  if (version != opinion.entry_version || (created != WallTime() && created != opinion.created)) {
    return Fail(Reason::kEtagMismatch,
                "the opinion was given anew, or its entry has changed: look at both again", "create_time");
  }
  if (!opinion.IsPending() || opinion.ended)
    return Fail(Reason::kRequestInvalid, "the opinion does not wait for a second person", "kind");
  if (Person(author) == Person(opinion.author)) {
    return Fail(Reason::kRequestInvalid, "the second person has to be another one than the author", "author");
  }
  opinion.second_author = author;
  opinion.agreed = FromUnixMillis(NowMillis());
  HASHGATE_RETURN_IF_ERROR(CommitOpinions({{OpinionKey(opinion.list, entry, kind), opinion}}));
  return opinion;
}

Status CatalogImpl::RemoveOpinion(std::string_view list, EntryId entry, OpinionKind kind, bool tell_source) {
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(Opinion opinion, FindOpinion(list, entry, kind));
  const std::string key = OpinionKey(opinion.list, entry, kind);
  if (opinion.removed && tell_source) return NoSuchOpinion(entry);
  if (!tell_source || !IsTold(opinion.feedback)) return CommitOpinions({{key, std::nullopt}});
  opinion.ended = opinion.removed = true;
  opinion.feedback = FeedbackState::kWithdrawing;
  return CommitOpinions({{key, std::move(opinion)}});
}

Result<bool> CatalogImpl::SetFeedback(const Opinion& of, FeedbackState state) {
  const TurnLock lock(write_mutex_);
  const std::string key = OpinionKey(of.list, of.entry, of.kind);
  const auto at = opinions_.find(key);
  if (at == opinions_.end() || at->second.created != of.created || at->second.feedback != of.feedback) {
    return false;
  }
  if (state == of.feedback) return true;
  const bool is_over = at->second.removed && !IsTold(state);
  Opinion changed = at->second;
  changed.feedback = state;
  store::Batch batch;
  if (is_over) {
    batch.Delete(Family::kOpinions, key);
  } else {
    batch.Put(Family::kOpinions, key, EncodeOpinion(changed));
  }
  // Changes no verdict, so it is no generation.
  HASHGATE_RETURN_IF_ERROR(Commit(batch, state_));
  if (is_over) {
    opinions_.erase(at);
  } else {
    at->second = std::move(changed);
  }
  return true;
}

Result<std::vector<Opinion>> CatalogImpl::Opinions(std::string_view list) const {
  const TurnLock lock(write_mutex_);
  std::vector<Opinion> out;
  if (list.empty()) {
    for (const auto& [key, opinion] : opinions_) out.push_back(opinion);
    return out;
  }
  const auto at =
      std::ranges::find_if(records_, [&](const auto& row) { return row.second.list.config.name == list; });
  if (at == records_.end())
    return Fail(Reason::kListNotFound, "there is no list '" + Bounded(list, kMaxNameBytes) + "'", "list");
  for (const std::string& key : OpinionsOf(at->first)) out.push_back(opinions_.at(key));
  return out;
}

Result<HashList> CatalogImpl::SetBrake(std::string_view list, std::optional<Brake> brake) {
  const WallTime now = FromUnixMillis(NowMillis());
  if (brake) {
    HASHGATE_RETURN_IF_ERROR(CheckPerson(brake->author, brake->reason));
    if (brake->max_verdict != Verdict::kReview && brake->max_verdict != Verdict::kBlock)
      return Fail(Reason::kRequestInvalid, "a brake's max_verdict is REVIEW or BLOCK", "max_verdict");
    if (brake->until <= now || brake->until > now + kLongestBrake)
      return Fail(Reason::kRequestInvalid, "a brake ends in the future, within a year", "duration");
    brake->made = now;
  }
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(const ListRecord* const record, FindForWrite(list, false));
  ListRecord changed = *record;
  if (!brake && !changed.list.brake) return changed.list;
  changed.list.brake = std::move(brake);
  HASHGATE_RETURN_IF_ERROR(CommitOpinions({}, {changed}));
  return changed.list;
}

Status CatalogImpl::EndExpired() {
  const WallTime now = FromUnixMillis(NowMillis());
  const TurnLock lock(write_mutex_);
  std::map<std::string, std::optional<Opinion>> ended;
  for (const auto& [key, opinion] : opinions_) {
    if (opinion.ended && opinion.expires != WallTime() && opinion.expires <= now - kEndedOpinionsKept &&
        !IsTold(opinion.feedback)) {
      ended.emplace(key, std::nullopt);
      continue;
    }
    if (opinion.ended || opinion.expires == WallTime() || opinion.expires > now) continue;
    Opinion over = opinion;
    over.ended = true;
    over.feedback = IsTold(over.feedback) ? FeedbackState::kWithdrawing : FeedbackState::kNone;
    ended.emplace(key, std::move(over));
  }
  std::vector<ListRecord> released;
  for (const auto& [id, record] : records_) {
    if (!record.list.brake || record.list.brake->until > now) continue;
    released.push_back(record);
    released.back().list.brake.reset();
  }
  if (ended.empty() && released.empty()) return {};
  return CommitOpinions(ended, released);
}

}  // namespace hashgate::lists
