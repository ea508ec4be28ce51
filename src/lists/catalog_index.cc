// The catalogue's way from durable records to a published index.
#include <algorithm>

#include "base/log.h"
#include "lists/catalog_impl.h"
#include "lists/indexed.h"

namespace hashgate::lists {
namespace {
constexpr std::size_t kHashesAtOnce = 65'536;
constexpr std::uint64_t kProgressEvery = 65'536;
}  // namespace

const HashList* Generation::Find(std::string_view name) const {
  const auto at =
      std::ranges::find_if(lists, [&](const auto& row) { return row.second.config.name == name; });
  return at != lists.end() ? &at->second : nullptr;
}

std::vector<const HashList*> Generation::EnabledFor(std::string_view tenant,
                                                    std::span<const std::string> names) const {
  std::vector<const HashList*> out;
  for (const auto& [id, list] : lists) {
    const ListConfig& config = list.config;
    if (list.system || !config.enabled) continue;
    if (!config.tenant.empty() && config.tenant != tenant) continue;
    if (!names.empty() && std::ranges::find(names, config.name) == names.end()) continue;
    out.push_back(&list);
  }
  return out;
}

std::unique_ptr<index::IndexBuilder> CatalogImpl::MakeIndex() {
  index::IndexOptions options{
      .max_bytes = options_.index_max_bytes, .permutation_seed = digests_.IndexSeed(), .on_merged = {}};
  if (republisher_) options.on_merged = [this] { republisher_->LeaveWord(); };
  return options_.make_index ? options_.make_index(options) : index::NewIndexBuilder(options);
}

Status CatalogImpl::LoadContent(const ListRecord& record, ContentId content, std::uint64_t* entries,
                                const std::function<void(std::uint64_t)>& progress) {
  std::vector<index::IndexedHash> hashes;
  hashes.reserve(kHashesAtOnce + kMaxHashes);
  Status failed;
  const auto flush = [&]() HASHGATE_REQUIRES(write_mutex_) {
    if (!hashes.empty()) failed = builder_->Add(hashes);
    hashes.clear();
    return failed.has_value();
  };
  const std::string prefix = ContentPrefix(content);
  HASHGATE_RETURN_IF_ERROR(store_.Scan(
      store::Family::kEntries, prefix, prefix,
      [&](std::string_view key, std::string_view value) HASHGATE_REQUIRES(write_mutex_) {
        const Result<EntryId> id = ParseEntryKey(key);
        const Result<EntryView> view = DecodeEntry(value);
        if (!id || !view) {
          failed = std::unexpected(!id ? id.error() : view.error());
          return false;
        }
        if (*id >= state_.next_entry) {
          failed = Fail(Reason::kStoreCorrupt,
                        "an entry has a number that the store has not given out yet: restore a backup");
          return false;
        }
        AppendIndexed(record, *id, view->classification, view->AllHashes(), classes_, hashes);
        ++*entries;
        if (progress && *entries % kProgressEvery == 0) progress(*entries);
        return hashes.size() < kHashesAtOnce || flush();
      }));
  if (failed) flush();
  if (!failed) return Prefix(std::move(failed).error(), "list '" + record.list.config.name + "'");
  return {};
}

Status CatalogImpl::RebuildIndex(const std::function<void(std::uint64_t)>& progress) {
  index_stale_ = true;
  // The old builder goes first: its memory is needed for the new one. Readers keep their snapshot.
  builder_.reset();
  builder_ = MakeIndex();
  std::uint64_t total = 0;
  for (auto& [id, record] : records_) {
    const std::uint64_t before = total;
    HASHGATE_RETURN_IF_ERROR(LoadContent(record, record.content, &total, progress));
    record.list.entry_count = total - before;
  }
  index_stale_ = false;
  builder_->Settle();
  return {};
}

Status CatalogImpl::EnsureIndex() {
  if (!index_stale_) return {};
  return RebuildIndex({});
}

Status CatalogImpl::ReloadList(const ListRecord& record, ContentId content) {
  builder_->WithdrawList(record.list.id);
  std::uint64_t entries = 0;
  Status loaded = LoadContent(record, content, &entries, {});
  if (!loaded) index_stale_ = true;
  return loaded;
}

StateRecord CatalogImpl::NextGeneration() const {
  StateRecord next = state_;
  ++next.generation;
  return next;
}

Status CatalogImpl::Commit(store::Batch& batch, const StateRecord& next) {
  batch.Put(store::Family::kMeta, std::string(kStateKey), EncodeState(next));
  ++commits_;
  HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
  state_ = next;
  return {};
}

Status CatalogImpl::Commit(store::PreparedBatch& prepared, store::Batch rest, const StateRecord& next) {
  rest.Put(store::Family::kMeta, kStateKey, EncodeState(next));
  ++commits_;
  HASHGATE_RETURN_IF_ERROR(prepared.Apply(rest));
  state_ = next;
  return {};
}

void CatalogImpl::Publish() {
  auto generation = std::make_shared<Generation>();
  generation->number = state_.generation;
  generation->index = builder_->Snapshot();
  generation->action_classes = classes_.infos();
  Published next;
  for (const auto& [id, record] : records_) {
    generation->lists.emplace(id, record.list);
    next.contents.emplace(id, ContentInForce{record.content, record.content_generation});
  }
  next.generation = std::move(generation);
  // The old generation is let go of outside the lock: freeing a large index would make readers wait.
  const MutexLock lock(published_mutex_);
  std::swap(published_, next);
}

void CatalogImpl::PublishMerged() {
  const TurnLock lock(write_mutex_);
  // An index that is being taken down, or lacks entries, has nothing to show.
  if (builder_ == nullptr || index_stale_) return;
  try {
    Publish();
  } catch (const std::bad_alloc&) {
    // Readers keep what they have. What the index holds now is not known: the next write builds it anew.
    index_stale_ = true;
    log::Error("index_publish_failed", "there was no memory to publish what the index has merged");
  }
}

Published CatalogImpl::Pinned() const {
  const MutexLock lock(published_mutex_);
  return published_;
}

std::shared_ptr<const Generation> CatalogImpl::Current() const {
  const MutexLock lock(published_mutex_);
  return published_.generation;
}

}  // namespace hashgate::lists
