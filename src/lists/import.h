// An import in progress. Private to this module.
#pragma once

#include <string>
#include <vector>

#include "lists/catalog_impl.h"
#include "lists/prepared_records.h"

namespace hashgate::lists {

class ImportImpl final : public Import {
 public:
  /// `staging` is 0 unless the import replaces. The caller has registered the import as running.
  ImportImpl(CatalogImpl& catalog, ImportOptions options, ListId list, ContentId staging);
  ~ImportImpl() override;
  ImportImpl(const ImportImpl&) = delete;
  ImportImpl& operator=(const ImportImpl&) = delete;

  Result<ImportProgress> Add(std::span<const ImportRecord> records) override;
  Result<ImportProgress> Finish() override;

 private:
  struct Slot;
  struct Plan;

  /// What a replacing import has staged: becomes the list's counters at the swap.
  struct Staged {
    std::uint64_t entries = 0;
    std::uint64_t quarantined = 0;
    std::uint32_t quarantine_kept = 0;
    std::uint32_t quarantine_files = 0;
  };

  /// Whether what has been received may wait for more before it is committed.
  [[nodiscard]] bool MayWait() const;
  /// Commits what waits; after an error all of it still does.
  Status CommitWaiting() HASHGATE_EXCLUDES(catalog_.write_mutex_);
  /// Reads what the store holds of the records' identities and decides what each does.
  Result<Plan> MakePlan(const ListRecord& target) HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// Reads the entries that the plan changes and puts everything into its batch.
  Status FillBatch(Plan& plan) HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// The same for slots `from` to `to`.
  Status FillSlots(Plan& plan, std::size_t from, std::size_t to) HASHGATE_REQUIRES(catalog_.write_mutex_);
  Status PlanQuarantine(Plan& plan) HASHGATE_REQUIRES(catalog_.write_mutex_);
  Status CommitPublished(Plan& plan) HASHGATE_REQUIRES(catalog_.write_mutex_);
  Status CommitStaged(Plan& plan) HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// Refuses a replacement that looks like a wrong or broken file.
  [[nodiscard]] Status CheckReplacement(const ListRecord& target) const;
  /// Whether the staged content is what the list holds already, bad records included.
  Result<bool> SameAsHeld(const ListRecord& target) const HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// Puts the staged content in force. Returns the content that it takes the place of; 0 where both are the
  /// same and nothing changed.
  Result<ContentId> Swap() HASHGATE_REQUIRES(catalog_.write_mutex_);
  Result<ListRecord*> Target() HASHGATE_REQUIRES(catalog_.write_mutex_);

  CatalogImpl& catalog_;
  const ImportOptions options_;
  const std::uint64_t file_digest_;
  const ListId list_;
  const ContentId staging_;
  ImportProgress progress_;
  std::uint64_t taken_ = 0;  // records committed or staged
  PreparedRecords waiting_;  // those after them
  SteadyTime waiting_since_{};
  WaitingBytes waiting_bytes_;
  Staged staged_;
  std::string first_problem_;  // the first bad record's line and reason
  bool finished_ = false;
  bool staging_in_force_ = false;
};

}  // namespace hashgate::lists
