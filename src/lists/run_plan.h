// What a run of an import will do, worked out without a lock. Private to this module.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "index/hash_index.h"
#include "lists/action_classes.h"
#include "lists/identity_filter.h"
#include "lists/prepared_records.h"
#include "lists/record_codec.h"
#include "store/store.h"

namespace hashgate::lists {

/// The state that a plan starts from. Where the catalogue commits anything else meanwhile, the plan is void:
/// its numbers may be taken, its generation too, and what it read may be gone.
struct RunBasis {
  ListRecord target;          ///< the list
  StateRecord state;          ///< the store's counters
  std::uint64_t commits = 0;  ///< of the catalogue until then
  std::int64_t now_millis = 0;
};

/// What a replacing import has staged: becomes the list's counters at the swap.
struct StagedCounts {
  std::uint64_t entries = 0;
  std::uint64_t quarantined = 0;
  std::uint32_t quarantine_kept = 0;
  std::uint32_t quarantine_files = 0;
};

struct RunPlan {
  ListRecord target;  ///< the list as it will be
  std::uint64_t entries_before = 0;
  StateRecord next;
  store::Batch batch;  ///< entries, identities and quarantine
  ImportProgress progress;
  StagedCounts staged;
  // Of what is staged: entries in force that the run withdraws, and those withdrawn before that it gives.
  std::vector<KeyedDigest> withdrawn;
  std::vector<KeyedDigest> given_again;
  // Index changes of an import that does not replace.
  std::vector<EntryId> fresh;
  std::vector<EntryId> changed;  ///< entries that were there, withdrawn ones too
  index::IndexedRows new_hashes;
  index::IndexedRows old_hashes;  ///< of `changed`, to put them back
  ActionClasses classes;  ///< numbers the classes of both, as the catalogue's own must not be asked here
};

/// What is known of the identities that contents hold; empty where nothing is, so that all are looked up.
struct KnownIdentities {
  std::optional<IdentityFilter> in_force;
  std::optional<IdentityFilter> staged;
  /// Of a content being staged: entries in force that earlier runs withdrew, which leaves no other trace.
  /// Exact, so that nothing else goes. Planning leaves it alone, as a plan may be void.
  std::set<KeyedDigest> withdrawn;
};

/// Plans an import's runs. Threads: thread-safe.
class RunPlanner {
 public:
  /// `staging` is the content that the import stages, 0 where it does not replace. `mark_changes`: entries
  /// that were there before are marked as changed, for a start from an older index snapshot.
  RunPlanner(const store::Store& store, const index::Tallier& tallier, bool mark_changes,
             std::string list_name, std::uint64_t file_digest, ContentId staging)
      : store_(store),
        tallier_(tallier),
        mark_changes_(mark_changes),
        list_name_(std::move(list_name)),
        file_digest_(file_digest),
        staging_(staging) {}

  /// Reads what the store holds of the part's identities and decides what each record does. `progress` and
  /// `staged` are what earlier runs did. The part's identities are added to `known`, whether or not the plan
  /// is carried out. The memory of an earlier
  /// plan in `out` is used again. Errors: the store's; kStoreCorrupt also where the basis is void. Cost:
  /// about 2 us a record.
  Status Plan(const RunBasis& basis, const PreparedRecords& records, const PreparedRecords::Part& part,
              const ImportProgress& progress, const StagedCounts& staged, KnownIdentities& known,
              RunPlan& out) const;

 private:
  struct Slot;
  struct Work;

  Status ReadIdentities(ContentId content, std::span<const KeyedDigest> identities,
                        const std::optional<IdentityFilter>& known,
                        const std::function<void(std::size_t, const IdentityRecord&)>& take) const;
  Status ChooseRecords(Work& work) const;
  Status FillBatch(Work& work) const;
  Status FillSlots(Work& work, std::size_t from, std::size_t to) const;
  /// Has the hashes of an entry in force withdrawn from the index.
  void TakeFromIndex(Work& work, const Slot& slot, const EntryView& before) const;
  void PlanWithdrawal(Work& work, const Slot& slot) const;
  /// Of a content being staged: takes the entry in force over as it is.
  void PlanKept(Work& work, const Slot& slot, const EntryView& before, std::string& scratch) const;
  /// `before`: the entry in force, if there is one.
  Status PlanEntry(Work& work, Slot& slot, const std::optional<EntryView>& before,
                   std::string& scratch) const;
  Status PlanQuarantine(Work& work) const;

  const store::Store& store_;
  const index::Tallier& tallier_;
  const bool mark_changes_;
  const std::string list_name_;
  const std::uint64_t file_digest_;
  const ContentId staging_;
};

}  // namespace hashgate::lists
