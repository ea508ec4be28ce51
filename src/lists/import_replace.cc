// The end of an import that replaces: whether its content may take the list's place, and the swap.
#include <algorithm>

#include "lists/import.h"

namespace hashgate::lists {

using store::Family;

Status ImportImpl::CheckReplacement(const ListRecord& target) const {
  const std::string unchanged = ": list '" + options_.list + "' is as it was";
  if (done_.progress.quarantined > done_.progress.received / 2) {
    return Fail(Reason::kRequestInvalid,
                std::to_string(done_.progress.quarantined) + " of " +
                    std::to_string(done_.progress.received) +
                    " records could not be taken, too many to replace a list with" + unchanged + "; " +
                    done_.first_problem,
                "records");
  }
  if (done_.staged.entries == 0 && target.list.entry_count > 0 && !options_.allow_empty) {
    return Fail(Reason::kRequestInvalid,
                "the import holds no entry and would remove all " + std::to_string(target.list.entry_count) +
                    unchanged + "; to empty it on purpose, set allow_empty (--allow-empty)",
                "header.allow_empty");
  }
  return {};
}

PlannedChange ImportImpl::ChangeOf(const ListRecord& target, const StateRecord& next) const {
  const ImportProgress& progress = done_.progress;
  const std::uint64_t kept = done_.staged.entries - std::min(done_.staged.entries, progress.added);
  return {.generation = next.generation,
          .entries_before = target.list.entry_count,
          .received = progress.received,
          .added = progress.added,
          .updated = progress.updated,
          .unchanged = progress.unchanged,
          .weakened = progress.weakened,
          .removed = target.list.entry_count - std::min(target.list.entry_count, kept),
          .quarantined = progress.quarantined};
}

Result<bool> ImportImpl::SameAsHeld(const ListRecord& target) const {
  if (done_.progress.added != 0 || done_.progress.updated != 0 ||
      done_.staged.entries != target.list.entry_count ||
      done_.staged.quarantined != target.list.quarantined_count ||
      done_.staged.quarantine_kept != target.quarantine_kept) {
    return false;
  }
  // At most 11,000 rows, and only here, where nothing else differs.
  const auto rows_of = [&](ContentId content) -> Result<std::vector<std::pair<std::string, std::string>>> {
    std::vector<std::pair<std::string, std::string>> rows;
    const std::string prefix = ContentPrefix(content);
    HASHGATE_RETURN_IF_ERROR(catalog_.store_.Scan(Family::kQuarantine, prefix, prefix,
                                                  [&](std::string_view key, std::string_view value) {
                                                    rows.emplace_back(key.substr(prefix.size()), value);
                                                    return true;
                                                  }));
    return rows;
  };
  HASHGATE_ASSIGN_OR_RETURN(const auto held, rows_of(target.content));
  HASHGATE_ASSIGN_OR_RETURN(const auto staged, rows_of(staging_));
  return held == staged;
}

Result<ContentId> ImportImpl::Swap() {
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const target, Target());
  HASHGATE_RETURN_IF_ERROR(CheckReplacement(*target));
  HASHGATE_ASSIGN_OR_RETURN(const bool same, SameAsHeld(*target));
  if (same) {
    ListRecord read = *target;
    read.list.whole_read = FromUnixMillis(catalog_.NowMillis());
    store::Batch batch;
    batch.Put(Family::kLists, ListKey(list_), EncodeList(read));
    HASHGATE_RETURN_IF_ERROR(catalog_.Commit(batch, catalog_.state_));
    *target = std::move(read);
    catalog_.Publish();
    return 0;
  }
  HASHGATE_RETURN_IF_ERROR(catalog_.EnsureIndex());
  ListRecord changed = *target;
  const StateRecord next = catalog_.NextGeneration();
  const PlannedChange planned = ChangeOf(*target, next);
  HASHGATE_RETURN_IF_ERROR(AskGate(planned));
  changed.content = staging_;
  changed.content_generation = next.generation;
  changed.list.entry_count = done_.staged.entries;
  changed.list.quarantined_count = done_.staged.quarantined;
  changed.quarantine_kept = done_.staged.quarantine_kept;
  changed.quarantine_files = done_.staged.quarantine_files;
  changed.list.updated = changed.list.whole_read = FromUnixMillis(catalog_.NowMillis());
  HASHGATE_RETURN_IF_ERROR(catalog_.ReloadList(changed, staging_));
  store::Batch batch;
  batch.Put(Family::kLists, ListKey(list_), EncodeList(changed));
  batch.Delete(Family::kMeta, RemovalKey(staging_));
  batch.Put(Family::kMeta, RemovalKey(target->content), EncodeRemoval(Removal::kObsolete));
  StoreState(batch);
  if (Status written = catalog_.Commit(batch, next); !written) {
    catalog_.index_stale_ = true;
    return std::unexpected(std::move(written).error());
  }
  const ContentId old = target->content;
  *target = std::move(changed);
  done_.progress.removed = planned.removed;
  staging_in_force_ = true;
  state_stored_ = true;
  catalog_.Publish();
  return old;
}

}  // namespace hashgate::lists
