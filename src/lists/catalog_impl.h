// The catalogue behind catalog.h. Private to this module.
//
// Every write takes the writer's mutex and goes: change the index builder where that can fail, write one
// atomic batch, publish a snapshot. What is durable and what the index holds agree after each step, or
// `index_stale_` says that the index must be rebuilt from the store before the next write: set before what
// can end half way, by an error or by an exception for want of memory, and taken back by Publish. Readers
// take the published generation under a mutex of its own that is held for the copy of a pointer.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "index/snapshot_file.h"
#include "lists/action_classes.h"
#include "lists/caretaker.h"
#include "lists/catalog.h"
#include "lists/index_snapshot.h"
#include "lists/keyed_digests.h"
#include "lists/record_codec.h"
#include "lists/remover.h"
#include "lists/republisher.h"
#include "lists/run_committer.h"

namespace hashgate::lists {

class ImportImpl;

/// The content that stands behind a list.
struct ContentInForce {
  ContentId id = 0;
  std::int64_t since = 1;  ///< generation that put it in force
  WallTime whole_read{};   ///< when its source last gave all of it
};

/// What readers pin, and which content stands behind each list in it.
struct Published {
  std::shared_ptr<const Generation> generation;
  std::map<ListId, ContentInForce> contents;
  EntryId next_entry = 1;             ///< every entry in it has a lesser number
  std::uint64_t changed_entries = 0;  ///< since the process began
  std::uint64_t marked_entries = 0;   ///< of which were there before, so that there are marks of them
  std::uint64_t serial = 0;           ///< of the publication; a generation may be published more than once
};

/// What was read of a list's entries.
struct Loaded {
  std::uint64_t entries = 0;
  index::Tally tally;
  KindCounts kinds;
};

/// How often the caretaker looks.
inline constexpr std::chrono::seconds kCareInterval{10};

/// One import's share of the bytes that wait for a run. Threads: confined; the total is shared.
class WaitingBytes {
 public:
  explicit WaitingBytes(std::atomic<std::size_t>& total) : total_(total) {}
  ~WaitingBytes() { Set(0); }
  WaitingBytes(const WaitingBytes&) = delete;
  WaitingBytes& operator=(const WaitingBytes&) = delete;

  void Set(std::size_t bytes) {
    total_ += bytes - bytes_;  // modulo 2^n: right in both directions
    bytes_ = bytes;
  }
  /// Of all imports.
  [[nodiscard]] std::size_t Total() const { return total_; }

 private:
  std::atomic<std::size_t>& total_;
  std::size_t bytes_ = 0;
};

class CatalogImpl final : public Catalog {
 public:
  CatalogImpl(store::Store& store, CatalogOptions options, const Secret& secret, const StateRecord& state);
  ~CatalogImpl() override;
  CatalogImpl(const CatalogImpl&) = delete;
  CatalogImpl& operator=(const CatalogImpl&) = delete;

  /// Finishes removals, loads all lists into the index, repairs counters, publishes. Once, before any use.
  Status Load(const std::function<void(std::uint64_t)>& progress) HASHGATE_EXCLUDES(write_mutex_);

  [[nodiscard]] std::shared_ptr<const Generation> Current() const override;
  Result<HashList> CreateList(const ListConfig& config) override;
  Result<HashList> GetList(std::string_view name) const override;
  [[nodiscard]] std::vector<HashList> Lists(bool include_system) const override;
  Result<HashList> UpdateList(const ListConfig& config, std::string_view etag) override;
  Result<HashList> SetEnabled(std::string_view name, bool enabled) override;
  Result<std::int64_t> DeleteList(std::string_view name, std::string_view etag) override;
  Result<std::unique_ptr<Import>> StartImport(const ImportOptions& options) override;
  Result<std::optional<std::string>> GetExchangeState(std::string_view exchange) const override;
  Status PutExchangeState(const ExchangeState& state) override;
  Result<std::int64_t> DeleteEntry(std::string_view list, EntryId entry) override;
  Result<Opinion> SetOpinion(const OpinionRequest& request) override;
  Result<Opinion> AgreeToOpinion(std::string_view list, EntryId entry, OpinionKind kind,
                                 std::string_view author, WallTime created) override;
  Status RemoveOpinion(std::string_view list, EntryId entry, OpinionKind kind, bool tell_source) override;
  Result<bool> SetFeedback(const Opinion& of, FeedbackState state) override;
  Result<std::vector<Opinion>> Opinions(std::string_view list) const override;
  Result<HashList> SetBrake(std::string_view list, std::optional<Brake> brake) override;
  Status EndExpired() override;
  Result<Entry> GetEntry(ListId list, EntryId entry) const override;
  Result<EntryPage> ListEntries(std::string_view list, std::string_view page_token,
                                int page_size) const override;
  Result<std::vector<Quarantined>> ListQuarantined(std::string_view list, std::size_t limit) const override;
  Status EnsureSystemList(const ListConfig& config, std::span<const EntryRecord> entries) override;
  [[nodiscard]] std::span<const std::uint8_t> StoreKey() const override { return secret_; }
  void SaveSnapshot() override;
  [[nodiscard]] IndexHealth Health() const override;

 private:
  friend class ImportImpl;

  /// Imports under way of a list.
  struct Running {
    int plain = 0;
    bool replacing = false;
    bool alone = false;  // and no other has been under way since it began
  };

  [[nodiscard]] Published Pinned() const HASHGATE_EXCLUDES(published_mutex_);
  [[nodiscard]] std::int64_t NowMillis() const { return ToUnixMillis(options_.clock->Wall()); }

  // Writer's steps. catalog_index.cc
  std::unique_ptr<index::IndexBuilder> MakeIndex();
  /// Adds the content's entries from number `first` on to the index.
  Status LoadContent(const ListRecord& record, ContentId content, EntryId first, Loaded& loaded,
                     const std::function<void(std::uint64_t)>& progress) HASHGATE_REQUIRES(write_mutex_);
  Status RebuildIndex(const std::function<void(std::uint64_t)>& progress) HASHGATE_REQUIRES(write_mutex_);
  Status RebuildAndRepair(const std::function<void(std::uint64_t)>& progress) HASHGATE_REQUIRES(write_mutex_);
  Status EnsureIndex() HASHGATE_REQUIRES(write_mutex_);
  /// Takes the list's entries from that content, and its tally from them.
  Status ReloadList(ListRecord& record, ContentId content) HASHGATE_REQUIRES(write_mutex_);

  /// Marks an entry that was there before as changed or gone, for a start from an older index snapshot.
  void MarkChanged(const ChangedEntry& changed, store::Batch& batch) const;
  /// Writes the batch with the next state in it; `state_` is `next` afterwards.
  Status Commit(store::Batch& batch, const StateRecord& next) HASHGATE_REQUIRES(write_mutex_);
  /// The same for a batch that is prepared, with what comes after it.
  Status Commit(store::PreparedBatch& prepared, store::Batch rest, const StateRecord& next)
      HASHGATE_REQUIRES(write_mutex_);
  [[nodiscard]] StateRecord NextGeneration() const HASHGATE_REQUIRES(write_mutex_);
  void Publish() HASHGATE_REQUIRES(write_mutex_);
  /// A snapshot of the index that agrees with the store, if that can be had; `stale` where the index must be
  /// built anew before the next write.
  std::shared_ptr<const index::HashIndex> AgreedSnapshot(bool& stale) HASHGATE_REQUIRES(write_mutex_);
  /// Publishes the generation in force again, with what the index has merged meanwhile.
  void PublishMerged() HASHGATE_EXCLUDES(write_mutex_);

  // The index snapshot, and what watches over the index. catalog_snapshot.cc
  [[nodiscard]] index::SnapshotFileOptions SnapshotFile() const;
  /// False where there is no snapshot that can be used: then nothing is loaded.
  bool RestoreIndex(const std::function<void(std::uint64_t)>& progress) HASHGATE_REQUIRES(write_mutex_);
  Status TryRestoreIndex(const std::function<void(std::uint64_t)>& progress) HASHGATE_REQUIRES(write_mutex_);
  /// Brings a restored index up to what the store holds.
  Status CatchUp(const SnapshotHead& head, const std::function<void(std::uint64_t)>& progress)
      HASHGATE_REQUIRES(write_mutex_);
  Status Reindex(const ListRecord& record, EntryId entry, index::IndexedRows& rows)
      HASHGATE_REQUIRES(write_mutex_);
  /// A list of which the index holds something else than the store; null where they agree.
  /// `known`: lists that building anew did not mend, and by what they differed then; they are passed over as
  /// long as that stays the same.
  const ListRecord* FindDiffering(const index::HashIndex& index,
                                  const std::map<ListId, index::Tally>& known = {}) const
      HASHGATE_REQUIRES(write_mutex_);
  void Care() HASHGATE_EXCLUDES(write_mutex_);
  void SaveWhereDue() HASHGATE_EXCLUDES(write_mutex_);
  void CheckMemory() HASHGATE_EXCLUDES(write_mutex_);
  void Save(const Published& pinned);
  Status WriteSnapshot(const Published& pinned);
  /// Drops a snapshot that has become old, and the marks that it would need.
  void GiveUpOldSnapshot(const Published& pinned);
  Status ForgetSnapshot();
  /// Says durably which snapshots the marks fit.
  Status NameSnapshots(SnapshotNames names);
  /// Drops the marks of entries changed up to that generation.
  Status TrimChanged(std::int64_t generation);

  // Opinions and brakes. catalog_opinions.cc
  Status LoadOpinions() HASHGATE_REQUIRES(write_mutex_);
  /// Writes opinions (null: gone) and lists, and publishes them.
  Status CommitOpinions(const std::map<std::string, std::optional<Opinion>>& changes,
                        const std::vector<ListRecord>& lists = {}) HASHGATE_REQUIRES(write_mutex_);
  Result<Opinion> FindOpinion(std::string_view list, EntryId entry, OpinionKind kind)
      HASHGATE_REQUIRES(write_mutex_);
  /// Makes room for one more opinion of the kind, or refuses it. Errors: kMemoryLimit.
  Status MakeRoom(OpinionKind kind, std::map<std::string, std::optional<Opinion>>& changes) const
      HASHGATE_REQUIRES(write_mutex_);
  /// The version at which the entry stands.
  Result<std::uint32_t> VersionOf(const ListRecord& record, EntryId entry) const;
  /// Keys of a list's opinions.
  [[nodiscard]] std::vector<std::string> OpinionsOf(ListId list) const HASHGATE_REQUIRES(write_mutex_);

  Result<ListRecord*> FindForWrite(std::string_view name, bool system) HASHGATE_REQUIRES(write_mutex_);
  Result<HashList> Create(const ListConfig& config, bool system) HASHGATE_EXCLUDES(write_mutex_);
  Result<HashList> ChangeConfig(ListRecord& record, ListConfig config) HASHGATE_REQUIRES(write_mutex_);
  Result<std::unique_ptr<Import>> Start(const ImportOptions& options, bool system)
      HASHGATE_EXCLUDES(write_mutex_);
  /// Counts an import as under way, or refuses it where it does not go together with another.
  Status Enter(ListId list, const ImportOptions& options) HASHGATE_EXCLUDES(running_mutex_);
  /// Whether the one import of the list that is under way has been the only one since it began.
  bool IsAlone(ListId list) HASHGATE_EXCLUDES(running_mutex_);
  void Leave(ListId list, bool replace) HASHGATE_EXCLUDES(running_mutex_);
  /// Has everything removed whose marker an earlier run left behind.
  Status FinishRemovals();
  Result<bool> HoldsExactly(std::string_view list, std::span<const std::string> bodies) const;

  store::Store& store_;
  const CatalogOptions options_;
  const Secret secret_;
  const KeyedDigests digests_;
  const index::Tallier tallier_;

  // In turn, because an import takes it again and again, and whoever withdraws something must not wait for
  // that.
  mutable TurnMutex write_mutex_;
  StateRecord state_ HASHGATE_GUARDED_BY(write_mutex_);
  std::uint64_t commits_ HASHGATE_GUARDED_BY(write_mutex_) = 0;  // that changed anything, or may have
  std::map<ListId, ListRecord> records_ HASHGATE_GUARDED_BY(write_mutex_);
  std::unique_ptr<index::IndexBuilder> builder_ HASHGATE_GUARDED_BY(write_mutex_);
  bool index_stale_ HASHGATE_GUARDED_BY(write_mutex_) = false;
  ActionClasses classes_ HASHGATE_GUARDED_BY(write_mutex_);
  std::map<std::string, Opinion> opinions_ HASHGATE_GUARDED_BY(write_mutex_);  // by OpinionKey
  // Of opinions_; null where they have changed since.
  std::shared_ptr<const OpinionsInForce> in_force_ HASHGATE_GUARDED_BY(write_mutex_);
  std::uint64_t changed_entries_ HASHGATE_GUARDED_BY(write_mutex_) = 0;
  std::uint64_t marked_entries_ HASHGATE_GUARDED_BY(write_mutex_) = 0;
  std::uint64_t serial_ HASHGATE_GUARDED_BY(write_mutex_) = 0;
  // Where building the index anew did not help against a difference, so many publications pass before it is
  // tried again, and next time twice as many.
  std::map<ListId, index::Tally> unmended_ HASHGATE_GUARDED_BY(write_mutex_);
  int publications_to_wait_ HASHGATE_GUARDED_BY(write_mutex_) = 0;
  int next_wait_ HASHGATE_GUARDED_BY(write_mutex_) = 1;

  mutable Mutex published_mutex_;
  Published published_ HASHGATE_GUARDED_BY(published_mutex_);

  // A mutex of its own, taken last and for moments only: an import that is dropped waits for no writer.
  Mutex running_mutex_;
  std::map<ListId, Running> running_ HASHGATE_GUARDED_BY(running_mutex_);

  std::atomic<std::size_t> waiting_bytes_ = 0;

  Remover remover_;
  // The index leaves word here: it goes after the index, which the destructor takes down first.
  std::optional<Republisher> republisher_;

  struct {
    std::atomic<std::uint64_t> memory_damage = 0;
    std::atomic<std::uint64_t> differences = 0;
    std::atomic<std::int64_t> snapshot_generation = 0;
  } health_;
  std::atomic<bool> stop_saving_ = false;
  // The caretaker's own; before it begins and after it has gone, those of whoever opens or closes.
  std::uint64_t seen_serial_ = 0;
  SteadyTime seen_since_{};
  std::uint64_t saved_serial_ = 0;
  std::uint64_t saved_changes_ = 0;
  std::uint64_t saved_marks_ = 0;
  SteadyTime not_before_{};
  SnapshotNames snapshots_;  // those that the store names
  SteadyTime saved_at_{};
  bool ever_saved_ = false;
  std::optional<Caretaker> caretaker_;
  std::optional<RunCommitter> committer_;
};

}  // namespace hashgate::lists
