// How a run comes into force: planned and written ahead of the writer's turn where it is large, so that
// nobody waits for it, and in small parts within turns where others write too often for that.
#include <algorithm>
#include <new>
#include <utility>

#include "base/log.h"
#include "lists/import.h"
#include "lists/limits.h"
#include "lists/validate.h"

namespace hashgate::lists {
namespace {

using store::Family;

}  // namespace

Result<ListRecord*> ImportImpl::Target() {
  const auto at = catalog_.records_.find(list_);
  if (at == catalog_.records_.end()) {
    return Fail(Reason::kListNotFound, "list '" + options_.list + "' was deleted during the import", "list");
  }
  return &at->second;
}

Result<RunBasis> ImportImpl::Basis() {
  HASHGATE_ASSIGN_OR_RETURN(const ListRecord* const target, Target());
  HASHGATE_RETURN_IF_ERROR(catalog_.EnsureIndex());
  if (known_.in_force && !catalog_.IsAlone(list_)) known_.in_force.reset();
  return RunBasis{*target, catalog_.state_, catalog_.commits_, catalog_.NowMillis()};
}

Status ImportImpl::CommitWhole() {
  // Other writers wait for as long as it takes within the turn.
  constexpr int kAttempts = 8;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    HASHGATE_ASSIGN_OR_RETURN(const bool committed, CommitAhead(kWholeRun));
    if (committed) return {};
  }
  return CommitInTurn(kWholeRun);
}

PlannedChange ImportImpl::ChangeOf(const RunPlan& plan) const {
  const ImportProgress& progress = plan.progress;
  return {.generation = plan.next.generation + (plan.batch.empty() ? 0 : 1),
          .entries_before = plan.entries_before,
          .received = run_.received(),
          .added = progress.added,
          .updated = progress.updated,
          .unchanged = progress.unchanged,
          .weakened = progress.weakened,
          .removed = progress.withdrawn,
          .quarantined = progress.quarantined};
}

Status ImportImpl::AskGate(const PlannedChange& change) {
  if (!options_.gate) return {};
  HASHGATE_ASSIGN_OR_RETURN(state_, options_.gate(change));
  if (!state_.exchange.empty()) HASHGATE_RETURN_IF_ERROR(ValidateExchangeName(state_.exchange));
  return {};
}

void ImportImpl::StoreState(store::Batch& batch) const {
  if (!state_.exchange.empty()) batch.Put(Family::kExchanges, state_.exchange, state_.bytes);
}

Status ImportImpl::StoreStateAlone() {
  if (state_stored_ || !(options_.atomic || staging_ != 0)) return {};
  HASHGATE_ASSIGN_OR_RETURN(const ListRecord* const target, Target());
  PlannedChange change = ChangeOf(*target, catalog_.state_);
  change.removed = 0;
  HASHGATE_RETURN_IF_ERROR(AskGate(change));
  if (!state_.exchange.empty()) HASHGATE_RETURN_IF_ERROR(catalog_.PutExchangeState(state_));
  state_stored_ = true;
  return {};
}

Status ImportImpl::CommitRun() {
  try {
    if (options_.atomic) return CommitWhole();
    // The more often others write, the less is planned at a time, so that most plans hold until their turn.
    const RunOptions& runs = catalog_.options_.runs;
    while (run_.received() > 0) {
      if (std::min(portion_, run_.received()) <= runs.in_turn_records) {
        HASHGATE_RETURN_IF_ERROR(CommitInTurn(runs.in_turn_records));
        portion_ = 2 * runs.in_turn_records;
        continue;
      }
      HASHGATE_ASSIGN_OR_RETURN(const bool committed, CommitAhead(portion_));
      portion_ = committed ? std::min(2 * portion_, kWholeRun) : std::min(portion_, run_.received()) / 2;
    }
    return {};
  } catch (const std::bad_alloc&) {
    // What the index holds now is not known.
    const TurnLock lock(catalog_.write_mutex_);
    catalog_.index_stale_ = true;
    return Fail(Reason::kMemoryLimit, "there was no memory to import into list '" + options_.list + "'");
  }
}

Status ImportImpl::CommitInTurn(std::size_t most) {
  const PreparedRecords::Part part = run_.First(most);
  const TurnLock lock(catalog_.write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(const RunBasis basis, Basis());
  HASHGATE_RETURN_IF_ERROR(planner_.Plan(basis, run_, part, done_.progress, done_.staged, known_, plan_));
  if (!plan_.batch.empty()) {
    if (options_.atomic) HASHGATE_RETURN_IF_ERROR(AskGate(ChangeOf(plan_)));
    HASHGATE_ASSIGN_OR_RETURN(const auto prepared, catalog_.store_.Prepare(plan_.batch));
    HASHGATE_RETURN_IF_ERROR(Commit(plan_, *prepared));
  }
  Took(plan_, part);
  return {};
}

Result<bool> ImportImpl::CommitAhead(std::size_t most) {
  const PreparedRecords::Part part = run_.First(most);
  RunBasis basis;
  {
    const TurnLock lock(catalog_.write_mutex_);
    HASHGATE_ASSIGN_OR_RETURN(basis, Basis());
  }
  const Status planned = planner_.Plan(basis, run_, part, done_.progress, done_.staged, known_, plan_);
  const bool asks = planned && options_.atomic && !plan_.batch.empty();
  const Status passed = asks ? AskGate(ChangeOf(plan_)) : Status();
  Result<std::unique_ptr<store::PreparedBatch>> prepared;
  if (planned && passed && !plan_.batch.empty()) prepared = catalog_.store_.Prepare(plan_.batch);
  if (dropped_) return Fail(Reason::kCancelled, "the import was dropped");
  const TurnLock lock(catalog_.write_mutex_);
  // A void plan's failure says nothing either.
  if (catalog_.commits_ != basis.commits) return false;
  if (!planned) return std::unexpected(planned.error());
  if (!passed) return std::unexpected(passed.error());
  if (!prepared) return std::unexpected(std::move(prepared).error());
  if (*prepared != nullptr) {
    HASHGATE_RETURN_IF_ERROR(catalog_.EnsureIndex());
    HASHGATE_RETURN_IF_ERROR(Commit(plan_, **prepared));
  }
  Took(plan_, part);
  return true;
}

Status ImportImpl::Commit(RunPlan& plan, store::PreparedBatch& prepared) {
  if (staging_ == 0) return CommitPublished(plan, prepared);
  return catalog_.Commit(prepared, {}, plan.next);
}

Status ImportImpl::CommitPublished(RunPlan& plan, store::PreparedBatch& prepared) {
  ListRecord& target = catalog_.records_.at(list_);
  Renumber(plan.classes, catalog_.classes_, plan.new_hashes);
  Renumber(plan.classes, catalog_.classes_, plan.old_hashes);
  index::IndexBuilder& builder = *catalog_.builder_;
  for (const EntryId entry : plan.changed) builder.Withdraw(list_, entry);
  // Undoing needs memory only where entries were changed; where even that is not to be had, the index is
  // built again from the store.
  const auto put_back = [&]() HASHGATE_REQUIRES(catalog_.write_mutex_) {
    if (!plan.changed.empty() && !builder.Add(plan.old_hashes.hashes, plan.old_hashes.vectors))
      catalog_.index_stale_ = true;
  };
  if (Status added = builder.Add(plan.new_hashes.hashes, plan.new_hashes.vectors); !added) {
    put_back();
    return Prefix(std::move(added).error(), "list '" + options_.list + "' cannot grow");
  }
  plan.target.list.updated = FromUnixMillis(catalog_.NowMillis());
  store::Batch rest;
  rest.Put(Family::kLists, ListKey(list_), EncodeList(plan.target));
  StoreState(rest);
  ++plan.next.generation;
  if (Status written = catalog_.Commit(prepared, std::move(rest), plan.next); !written) {
    for (const EntryId entry : plan.fresh) builder.Withdraw(list_, entry);
    for (const EntryId entry : plan.changed) builder.Withdraw(list_, entry);
    put_back();
    return written;
  }
  catalog_.changed_entries_ += plan.fresh.size() + plan.changed.size();
  catalog_.marked_entries_ += plan.changed.size();
  target = std::move(plan.target);
  state_stored_ = options_.atomic;
  catalog_.Publish();
  return {};
}

void ImportImpl::Took(RunPlan& plan, const PreparedRecords::Part& part) {
  taken_ += part.received;
  done_.progress = plan.progress;
  done_.staged = plan.staged;
  done_.progress.received = taken_;
  if (done_.first_problem.empty() && !part.bad.empty()) {
    const Quarantined& first = part.bad.front();
    done_.first_problem = "line " + std::to_string(first.line) + ": " + first.reason;
  }
  if (staging_ != 0) {
    done_.progress.staged = taken_;
  } else {
    done_.progress.committed = taken_;
    done_.progress.generation = catalog_.state_.generation;
  }
  RememberWithdrawn(plan);
  run_.DropFirst(part);
}

void ImportImpl::RememberWithdrawn(const RunPlan& plan) {
  std::set<KeyedDigest>& known = known_.withdrawn;
  for (const KeyedDigest& identity : plan.given_again) known.erase(identity);
  for (const KeyedDigest& identity : plan.withdrawn) {
    if (known.size() < kMaxWithdrawnKnown) {
      known.insert(identity);
    } else if (!std::exchange(withdrawn_beyond_, true)) {
      log::Warning(
          "withdrawals_not_remembered",
          "an import that replaces a list withdraws too many entries to remember: a later record of one "
          "that cannot be taken keeps it",
          {{"list", options_.list}});
    }
  }
}

}  // namespace hashgate::lists
