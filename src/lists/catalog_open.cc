// Opening: the store's counters and secret, removals left over, and the first generation.
#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "lists/catalog_impl.h"

namespace hashgate::lists {
namespace {

using store::Family;

// Whether anything stands in the store beside the records that a first start writes.
Result<bool> HoldsLists(const store::Store& store) {
  bool any = false;
  for (const Family family : {Family::kLists, Family::kEntries}) {
    HASHGATE_RETURN_IF_ERROR(store.Scan(family, {}, {}, [&](std::string_view, std::string_view) {
      any = true;
      return false;
    }));
  }
  return any;
}

Status WriteFirstRecords(store::Store& store) {
  HASHGATE_ASSIGN_OR_RETURN(const bool holds_lists, HoldsLists(store));
  if (holds_lists) {
    return Fail(Reason::kStoreCorrupt,
                "the store holds lists but not the counters that number them: restore a backup");
  }
  Secret secret{};
  FillRandom(secret);
  store::Batch batch;
  batch.Put(Family::kMeta, std::string(kStateKey), EncodeState({}));
  batch.Put(Family::kMeta, std::string(kSecretKey), EncodeSecret(secret));
  return store.Write(batch);
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::Open(store::Store& store, CatalogOptions options,
                                               const std::function<void(std::uint64_t)>& progress) {
  HASHGATE_ASSIGN_OR_RETURN(std::optional<std::string> state_bytes, store.Get(Family::kMeta, kStateKey));
  if (!state_bytes) {
    HASHGATE_RETURN_IF_ERROR(WriteFirstRecords(store));
    HASHGATE_ASSIGN_OR_RETURN(state_bytes, store.Get(Family::kMeta, kStateKey));
  }
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> secret_bytes,
                            store.Get(Family::kMeta, kSecretKey));
  if (!state_bytes || !secret_bytes) {
    return Fail(Reason::kStoreCorrupt,
                "the store's secret is missing, without which no entry can be found again: restore a backup");
  }
  HASHGATE_ASSIGN_OR_RETURN(const StateRecord state, DecodeState(*state_bytes));
  HASHGATE_ASSIGN_OR_RETURN(const Secret secret, DecodeSecret(*secret_bytes));
  auto catalog = std::make_unique<CatalogImpl>(store, std::move(options), secret, state);
  HASHGATE_RETURN_IF_ERROR(catalog->Load(progress));
  return catalog;
}

CatalogImpl::CatalogImpl(store::Store& store, CatalogOptions options, const Secret& secret,
                         const StateRecord& state)
    : store_(store),
      options_(std::move(options)),
      secret_(secret),
      digests_(secret),
      tallier_(digests_.IndexSeed()),
      state_(state),
      remover_(store, options_.remove_in_background) {
  if (options_.merge_in_background) republisher_.emplace([this] { PublishMerged(); });
  if (options_.commit_in_background) committer_.emplace();
}

CatalogImpl::~CatalogImpl() {
  stop_saving_.store(true);
  caretaker_.reset();
  const TurnLock lock(write_mutex_);
  builder_.reset();
}

Status CatalogImpl::Load(const std::function<void(std::uint64_t)>& progress) {
  HASHGATE_RETURN_IF_ERROR(FinishRemovals());
  const TurnLock lock(write_mutex_);
  Status failed;
  HASHGATE_RETURN_IF_ERROR(store_.Scan(
      Family::kLists, {}, {},
      [&](std::string_view key, std::string_view value) HASHGATE_REQUIRES(write_mutex_) {
        const Result<ListId> id = ParseListKey(key);
        Result<ListRecord> record = id ? DecodeList(*id, value) : std::unexpected(id.error());
        if (record && (*id >= state_.next_list || record->content >= state_.next_content)) {
          record = Fail(Reason::kStoreCorrupt,
                        "a list has a number that the store has not given out yet: restore a backup");
        }
        if (!record) {
          failed = std::unexpected(std::move(record).error());
          return false;
        }
        records_.emplace(*id, *std::move(record));
        return true;
      }));
  HASHGATE_RETURN_IF_ERROR(failed);
  HASHGATE_RETURN_IF_ERROR(LoadOpinions());

  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> names, store_.Get(Family::kMeta, kSnapshotsKey));
  if (names) {
    HASHGATE_ASSIGN_OR_RETURN(snapshots_, DecodeSnapshots(*names));
    // From here on changes are not marked: no snapshot of before may be taken again.
    if (options_.snapshot_path.empty()) HASHGATE_RETURN_IF_ERROR(ForgetSnapshot());
  }
  // Entries of which it was not counted yet what finds them have to be read once.
  const bool counted = std::ranges::all_of(records_, [](const auto& row) { return row.second.counts_kinds; });
  if (counted && RestoreIndex(progress)) {
    ever_saved_ = true;
  } else {
    HASHGATE_RETURN_IF_ERROR(RebuildAndRepair(progress));
  }
  Publish();
  saved_at_ = std::chrono::steady_clock::now();
  if (ever_saved_ && changed_entries_ == 0) saved_serial_ = serial_;
  if (options_.take_care) caretaker_.emplace(kCareInterval, [this] { Care(); });
  return {};
}

Status CatalogImpl::RebuildAndRepair(const std::function<void(std::uint64_t)>& progress) {
  const std::map<ListId, ListRecord> stored = records_;
  HASHGATE_RETURN_IF_ERROR(RebuildIndex(progress));
  store::Batch repairs;
  for (const auto& [id, record] : records_) {
    const ListRecord& before = stored.at(id);
    if (record.list.entry_count == before.list.entry_count && record.tally == before.tally &&
        record.list.kinds == before.list.kinds && before.counts_kinds) {
      continue;
    }
    repairs.Put(Family::kLists, ListKey(id), EncodeList(record));
    // Records of before there were tallies have none.
    if (record.list.entry_count == before.list.entry_count &&
        (before.tally == index::Tally{} || !before.counts_kinds)) {
      continue;
    }
    log::Warning("list_count_repaired", "a list's entries differ from its counters",
                 {{"list", record.list.config.name},
                  {"counter", before.list.entry_count},
                  {"entries", record.list.entry_count}});
  }
  return repairs.empty() ? Status() : Commit(repairs, NextGeneration());
}

Status CatalogImpl::FinishRemovals() {
  std::vector<ContentId> contents;
  Status failed;
  HASHGATE_RETURN_IF_ERROR(store_.Scan(
      Family::kMeta, kRemovalPrefix, kRemovalPrefix, [&](std::string_view key, std::string_view value) {
        const Result<ContentId> content = ParseRemovalKey(key);
        const Result<Removal> removal = DecodeRemoval(value);
        if (!content || !removal) {
          failed = std::unexpected(!content ? content.error() : removal.error());
          return false;
        }
        contents.push_back(*content);
        return true;
      }));
  HASHGATE_RETURN_IF_ERROR(failed);
  for (const ContentId content : contents) remover_.Remove(content);
  return {};
}

}  // namespace hashgate::lists
