// The index snapshot: writing it, and starting from it. And the checks that what the index holds is what the
// store holds.
#include <algorithm>
#include <filesystem>
#include <new>
#include <system_error>

#include "base/log.h"
#include "index/snapshot_file.h"
#include "lists/catalog_impl.h"
#include "lists/index_snapshot.h"
#include "lists/indexed.h"

namespace hashgate::lists {
namespace {

using store::Family;

// A snapshot is written once so many entries have changed since the last, or this share of all hashes ...
constexpr std::uint64_t kChangesWorthSaving = 16'384;
constexpr std::uint64_t kShareWorthSaving = 64;
// ... and nothing has for this long; or after this long in any case.
constexpr std::chrono::seconds kQuiet{10};
constexpr std::chrono::minutes kLongest{15};
// Each look of the caretaker reads this part of the index again: all of it within half an hour.
constexpr std::size_t kMemoryParts = 180;
static_assert(kMemoryParts * kCareInterval <= std::chrono::minutes(30));
// Names of snapshots that failed on the way to their place, and of the one that stands there.
constexpr std::size_t kMostNames = 8;
// Marks of changed entries that are dropped in one write.
constexpr std::size_t kTrimAtOnce = 10'000;

}  // namespace

index::SnapshotFileOptions CatalogImpl::SnapshotFile() const {
  return {.path = options_.snapshot_path, .owner = digests_.SnapshotOwner(), .sealer = options_.sealer};
}

void CatalogImpl::Care() {
  try {
    if (const Status ended = EndExpired(); !ended) log::Error("opinions_not_ended", ended.error().message);
    CheckMemory();
    if (!options_.snapshot_path.empty()) SaveWhereDue();
  } catch (const std::bad_alloc&) {
    // An index that was being built anew is marked as stale: the next write builds it.
    log::Error("index_care_failed", "there was no memory to look after the index");
  }
}

void CatalogImpl::SaveWhereDue() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const Published pinned = Pinned();
  if (pinned.serial != seen_serial_) {
    seen_serial_ = pinned.serial;
    seen_since_ = now;
  }
  if (seen_serial_ == saved_serial_ || now < not_before_) return;
  const std::uint64_t changed = pinned.changed_entries - saved_changes_;
  std::uint64_t hashes = 0;
  for (const Algorithm algorithm : index::kIndexedAlgorithms) {
    hashes += pinned.generation->index->Count(algorithm);
  }
  const bool worth = !ever_saved_ || changed >= std::max(kChangesWorthSaving, hashes / kShareWorthSaving);
  const bool quiet = now - seen_since_ >= kQuiet;
  if ((worth && quiet) || now - saved_at_ >= kLongest) Save(pinned);
}

void CatalogImpl::SaveSnapshot() {
  if (options_.snapshot_path.empty()) return;
  // The caretaker goes first: from here on nobody else writes the file.
  caretaker_.reset();
  const Published pinned = Pinned();
  if (pinned.serial != saved_serial_) Save(pinned);
}

void CatalogImpl::Save(const Published& pinned) {
  const SteadyTime begin = std::chrono::steady_clock::now();
  saved_at_ = begin;
  if (const Status saved = WriteSnapshot(pinned); !saved) {
    if (saved.error().reason == Reason::kCancelled) return;
    // Whatever was in the way will not be gone at once.
    not_before_ = begin + kLongest;
    log::Warning("index_snapshot_failed",
                 "the index snapshot could not be written: the next start builds what is missing from the "
                 "store, which takes longer",
                 {{"reason", ReasonName(saved.error().reason)}, {"detail", saved.error().message}});
    if (pinned.marked_entries - saved_marks_ > options_.max_marked_changes) GiveUpOldSnapshot(pinned);
    return;
  }
  ever_saved_ = true;
  saved_serial_ = pinned.serial;
  health_.snapshot_generation.store(pinned.generation->number);
  saved_changes_ = pinned.changed_entries;
  saved_marks_ = pinned.marked_entries;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  log::Info("index_snapshot_written", "the index snapshot is written",
            {{"generation", pinned.generation->number},
             {"index_bytes", pinned.generation->index->MemoryBytes()},
             {"ms", static_cast<std::int64_t>(took.count())}});
  if (const Status trimmed = TrimChanged(pinned.generation->number); !trimmed) {
    log::Warning("index_snapshot_trim_failed",
                 "marks of changed entries that the index snapshot already holds could not be dropped",
                 {{"reason", ReasonName(trimmed.error().reason)}});
  }
}

void CatalogImpl::GiveUpOldSnapshot(const Published& pinned) {
  if (!ForgetSnapshot()) return;
  ever_saved_ = false;
  saved_marks_ = pinned.marked_entries;
  health_.snapshot_generation.store(0);
  log::Warning("index_snapshot_given_up",
               "the index snapshot is too old to be worth keeping, and a new one cannot be written: the next "
               "start builds the index from the store");
}

Status CatalogImpl::ForgetSnapshot() {
  // Its name first: without that, no start takes the file, whatever becomes of it and of the marks.
  snapshots_.clear();
  store::Batch batch;
  batch.Delete(Family::kMeta, std::string(kSnapshotsKey));
  HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
  HASHGATE_RETURN_IF_ERROR(store_.DeletePrefix(Family::kMeta, kChangedPrefix));
  std::error_code error;
  if (!options_.snapshot_path.empty()) std::filesystem::remove(options_.snapshot_path, error);
  return {};
}

Status CatalogImpl::NameSnapshots(SnapshotNames names) {
  store::Batch batch;
  batch.Put(Family::kMeta, std::string(kSnapshotsKey), EncodeSnapshots(names));
  HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
  snapshots_ = std::move(names);
  return {};
}

Status CatalogImpl::WriteSnapshot(const Published& pinned) {
  const std::uint64_t bytes = pinned.generation->index->MemoryBytes();
  std::error_code error;
  std::filesystem::remove(options_.snapshot_path + ".new", error);  // what a killed process left behind
  const std::filesystem::space_info space =
      std::filesystem::space(std::filesystem::path(options_.snapshot_path).parent_path(), error);
  // The store needs room more than the snapshot does.
  if (!error && space.available / 2 < bytes) {
    return Fail(Reason::kStoreFull, "it takes " + std::to_string(bytes) + " bytes, and of the " +
                                        std::to_string(space.available) +
                                        " that are free half are left to the store");
  }
  try {
    HASHGATE_ASSIGN_OR_RETURN(
        const std::unique_ptr<index::SnapshotWriter> writer,
        index::SnapshotWriter::Create(SnapshotFile(), [this] { return stop_saving_.load(); }));
    SnapshotHead head;
    head.generation = pinned.generation->number;
    head.next_entry = pinned.next_entry;
    for (const auto& [id, list] : pinned.generation->lists) {
      head.lists[id] = {pinned.contents.at(id).id, list.config.pdq_pipeline};
    }
    head.action_classes = pinned.generation->action_classes;
    WriteHead(head, writer->values());
    HASHGATE_RETURN_IF_ERROR(pinned.generation->index->Save(*writer));
    // While it is not sure which of the two a start will find, both are right: the marks of the older one are
    // all there until the next write.
    SnapshotNames both = snapshots_;
    if (both.size() >= kMostNames) both.erase(both.begin() + 1);
    both.push_back(writer->name());
    HASHGATE_RETURN_IF_ERROR(NameSnapshots(std::move(both)));
    HASHGATE_RETURN_IF_ERROR(writer->Commit());
    return NameSnapshots({writer->name()});
  } catch (const std::bad_alloc&) {
    return Fail(Reason::kMemoryLimit, "there was no memory to write the index snapshot");
  }
}

Status CatalogImpl::TrimChanged(std::int64_t generation) {
  // Each look begins where the last ended: what was deleted costs a scan as much as what is there.
  std::string start(kChangedPrefix);
  while (true) {
    store::Batch batch;
    std::size_t count = 0;
    Status failed;
    HASHGATE_RETURN_IF_ERROR(
        store_.Scan(Family::kMeta, kChangedPrefix, start, [&](std::string_view key, std::string_view) {
          const Result<ChangedEntry> changed = ParseChangedKey(key);
          if (!changed) {
            failed = std::unexpected(changed.error());
            return false;
          }
          if (changed->generation > generation) return false;
          batch.Delete(Family::kMeta, std::string(key));
          start = key;
          return ++count < kTrimAtOnce;
        }));
    HASHGATE_RETURN_IF_ERROR(failed);
    if (count == 0) return {};
    HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
    if (count < kTrimAtOnce) return {};
  }
}

bool CatalogImpl::RestoreIndex(const std::function<void(std::uint64_t)>& progress) {
  if (options_.snapshot_path.empty()) return false;
  const SteadyTime begin = std::chrono::steady_clock::now();
  Status restored;
  try {
    restored = TryRestoreIndex(progress);
  } catch (const std::bad_alloc&) {
    restored = Fail(Reason::kMemoryLimit, "there was no memory for it");
  }
  if (restored) {
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    log::Info("index_snapshot_read", "the index is read from its snapshot",
              {{"generation", state_.generation}, {"ms", static_cast<std::int64_t>(took.count())}});
    return true;
  }
  builder_.reset();
  classes_ = ActionClasses();
  std::error_code error;
  std::filesystem::remove(options_.snapshot_path, error);
  const bool absent = restored.error().reason == Reason::kEntryNotFound;
  if (!absent) {
    log::Warning("index_snapshot_ignored",
                 "the index snapshot cannot be used: the index is built from the store, which takes longer",
                 {{"reason", ReasonName(restored.error().reason)}, {"detail", restored.error().message}});
  }
  return false;
}

Status CatalogImpl::TryRestoreIndex(const std::function<void(std::uint64_t)>& progress) {
  HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<index::SnapshotReader> reader,
                            index::SnapshotReader::Open(SnapshotFile()));
  if (std::ranges::find(snapshots_, reader->name()) == snapshots_.end()) {
    return Fail(
        Reason::kStoreCorrupt,
        "it is not the index snapshot that the store has kept count for: it, or the store, was put back, "
        "or the server ran without it meanwhile");
  }
  HASHGATE_ASSIGN_OR_RETURN(SnapshotHead head, ReadHead(reader->values()));
  if (head.generation > state_.generation || head.next_entry > state_.next_entry) {
    return Fail(Reason::kStoreCorrupt, "the index snapshot is of generation " +
                                           std::to_string(head.generation) + ", and the store at " +
                                           std::to_string(state_.generation) +
                                           ": an older store was put in its place");
  }
  if (!classes_.Restore(std::move(head.action_classes))) {
    return Fail(Reason::kStoreCorrupt, "the index snapshot's action classes do not decode");
  }
  builder_ = MakeIndex();
  HASHGATE_RETURN_IF_ERROR(builder_->Restore(*reader));
  if (!reader->values().Complete()) {
    return Fail(Reason::kStoreCorrupt, "the index snapshot holds more than it should");
  }
  HASHGATE_RETURN_IF_ERROR(CatchUp(head, progress));
  builder_->Settle();
  const std::shared_ptr<const index::HashIndex> index = builder_->Snapshot();
  if (const ListRecord* const differing = FindDiffering(*index)) {
    return Fail(Reason::kStoreCorrupt,
                "with it, list '" + differing->list.config.name + "' differs from what the store holds");
  }
  health_.snapshot_generation.store(head.generation);
  snapshots_ = {reader->name()};
  return {};
}

Status CatalogImpl::CatchUp(const SnapshotHead& head, const std::function<void(std::uint64_t)>& progress) {
  std::uint64_t total = 0;
  std::uint64_t gone = 0;
  for (const auto& [id, list] : head.lists) {
    if (records_.contains(id)) continue;
    builder_->WithdrawList(id);
    ++gone;
  }
  std::map<ContentId, ListId> kept;
  for (const auto& [id, record] : records_) {
    const auto at = head.lists.find(id);
    const SnapshotList now{record.content, record.list.config.pdq_pipeline};
    Loaded loaded;
    if (at != head.lists.end() && at->second == now) {
      kept[record.content] = id;
      HASHGATE_RETURN_IF_ERROR(LoadContent(record, record.content, head.next_entry, loaded, progress));
    } else {
      builder_->WithdrawList(id);
      HASHGATE_RETURN_IF_ERROR(LoadContent(record, record.content, 0, loaded, progress));
      ++gone;
    }
    total += loaded.entries;
  }
  // What the file still holds of lists that are gone leaves the disk with the next one.
  changed_entries_ = total + gone;
  // Entries that were there and have changed since, or gone.
  Status failed;
  index::IndexedRows rows;
  HASHGATE_RETURN_IF_ERROR(
      store_.Scan(Family::kMeta, kChangedPrefix, ChangedKey({head.generation + 1, 0, 0}),
                  [&](std::string_view key, std::string_view) HASHGATE_REQUIRES(write_mutex_) {
                    const Result<ChangedEntry> changed = ParseChangedKey(key);
                    if (!changed) {
                      failed = std::unexpected(changed.error());
                      return false;
                    }
                    const auto list = kept.find(changed->content);
                    if (list == kept.end() || changed->entry >= head.next_entry) return true;
                    failed = Reindex(records_.at(list->second), changed->entry, rows);
                    ++total;
                    ++changed_entries_;
                    ++marked_entries_;
                    return failed.has_value();
                  }));
  HASHGATE_RETURN_IF_ERROR(failed);
  if (total > 0) {
    log::Info(
        "index_snapshot_caught_up", "changes since the index snapshot are read from the store",
        {{"snapshot_generation", head.generation}, {"generation", state_.generation}, {"entries", total}});
  }
  return {};
}

Status CatalogImpl::Reindex(const ListRecord& record, EntryId entry, index::IndexedRows& rows) {
  builder_->Withdraw(record.list.id, entry);
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            store_.Get(Family::kEntries, EntryKey(record.content, entry)));
  if (!bytes) return {};
  HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntry(*bytes));
  rows.clear();
  AppendIndexed(record, entry, view.classification, view.AllHashes(), classes_, rows);
  return builder_->Add(rows.hashes, rows.vectors);
}

void CatalogImpl::MarkChanged(const ChangedEntry& changed, store::Batch& batch) const {
  if (!options_.snapshot_path.empty()) batch.Put(Family::kMeta, ChangedKey(changed), EncodeChanged());
}

IndexHealth CatalogImpl::Health() const {
  return {.memory_damage = health_.memory_damage.load(),
          .differences = health_.differences.load(),
          .snapshot_generation = health_.snapshot_generation.load()};
}

const ListRecord* CatalogImpl::FindDiffering(const index::HashIndex& index,
                                             const std::map<ListId, index::Tally>& known) const {
  for (const auto& [id, record] : records_) {
    const index::Tally tally = index.TallyOf(id);
    if (tally == record.tally) continue;
    const auto at = known.find(id);
    // As it was left: by how much it differs has not changed.
    index::Tally difference = tally;
    difference -= record.tally;
    if (at == known.end() || at->second != difference) return &record;
  }
  return nullptr;
}

void CatalogImpl::CheckMemory() {
  const std::shared_ptr<const Generation> generation = Current();
  if (generation->index->CheckMemory(kMemoryParts)) return;
  log::Error("index_memory_damaged",
             "bytes of the index have changed in memory: it is built anew from the store; look at this "
             "machine's memory");
  health_.memory_damage.fetch_add(1);
  const TurnLock lock(write_mutex_);
  // Somebody else may have built it anew already.
  if (Current()->index->CheckMemory(1)) return;
  index_stale_ = true;
  if (const Status rebuilt = EnsureIndex(); !rebuilt) {
    log::Error("index_rebuild_failed", "the index could not be built anew: the next change tries again",
               {{"reason", ReasonName(rebuilt.error().reason)}});
    return;
  }
  Publish();
}

}  // namespace hashgate::lists
