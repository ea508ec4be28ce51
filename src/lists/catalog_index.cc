// The catalogue's way from durable records to a published index.
#include <algorithm>

#include "base/log.h"
#include "lists/catalog_impl.h"
#include "lists/entry_reader.h"
#include "lists/indexed.h"

namespace hashgate::lists {

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
      .max_bytes = options_.index_max_bytes, .seed = digests_.IndexSeed(), .on_merged = {}};
  if (republisher_) options.on_merged = [this] { republisher_->LeaveWord(); };
  return options_.make_index ? options_.make_index(options) : index::NewIndexBuilder(options);
}

Status CatalogImpl::LoadContent(const ListRecord& record, ContentId content, EntryId first, Loaded& loaded,
                                const std::function<void(std::uint64_t)>& progress) {
  EntryReader reader(store_, tallier_, record, content, first, state_.next_entry);
  const auto of_list = [&](Error error) {
    return Prefix(std::move(error), "list '" + record.list.config.name + "'");
  };
  while (true) {
    Result<std::optional<EntryBatch>> next = reader.Next();
    if (!next) return of_list(std::move(next).error());
    std::optional<EntryBatch>& batch = *next;
    if (!batch) return {};
    Renumber(batch->classes, classes_, batch->rows);
    const Status added = builder_->Add(batch->rows.hashes, batch->rows.vectors);
    if (!added) return of_list(added.error());
    loaded.tally += batch->tally;
    loaded.kinds += batch->kinds;
    loaded.entries += batch->entries;
    if (progress) progress(loaded.entries);
  }
}

Status CatalogImpl::RebuildIndex(const std::function<void(std::uint64_t)>& progress) {
  index_stale_ = true;
  // The old builder goes first: its memory is needed for the new one. Readers keep their snapshot.
  builder_.reset();
  builder_ = MakeIndex();
  std::uint64_t total = 0;
  const auto all_so_far = [&](std::uint64_t entries) {
    if (progress) progress(total + entries);
  };
  for (auto& [id, record] : records_) {
    Loaded loaded;
    HASHGATE_RETURN_IF_ERROR(LoadContent(record, record.content, 0, loaded, all_so_far));
    total += loaded.entries;
    record.list.entry_count = loaded.entries;
    record.tally = loaded.tally;
    record.list.kinds = loaded.kinds;
    record.counts_kinds = true;
  }
  builder_->Settle();
  index_stale_ = false;
  return {};
}

Status CatalogImpl::EnsureIndex() {
  if (!index_stale_) return {};
  return RebuildIndex({});
}

Status CatalogImpl::ReloadList(ListRecord& record, ContentId content) {
  // Until the change is published: an error on the way, or an exception, leaves the index stale.
  index_stale_ = true;
  builder_->WithdrawList(record.list.id);
  Loaded loaded;
  HASHGATE_RETURN_IF_ERROR(LoadContent(record, content, 0, loaded, {}));
  record.tally = loaded.tally;
  record.list.kinds = loaded.kinds;
  changed_entries_ += loaded.entries;
  return {};
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

std::shared_ptr<const index::HashIndex> CatalogImpl::AgreedSnapshot(bool& stale) {
  constexpr int kLongestWait = 1'024;
  std::shared_ptr<const index::HashIndex> index = builder_->Snapshot();
  if (FindDiffering(*index) == nullptr) {
    unmended_.clear();
    next_wait_ = 1;
    publications_to_wait_ = 0;
    return index;
  }
  health_.differences.fetch_add(1);
  if (publications_to_wait_ > 0) --publications_to_wait_;
  if (publications_to_wait_ == 0) unmended_.clear();
  const ListRecord* const differing = FindDiffering(*index, unmended_);
  if (differing == nullptr) return index;
  log::Error("index_differs_from_store",
             "the index holds something else of a list than the store: it is built anew",
             {{"list", differing->list.config.name}});
  // Where that fails, what there is is published, and the next write tries again.
  stale = !RebuildIndex({});
  if (stale) return index;
  index = builder_->Snapshot();
  unmended_.clear();
  for (const auto& [id, record] : records_) {
    index::Tally difference = index->TallyOf(id);
    difference -= record.tally;
    if (difference != index::Tally{}) unmended_[id] = difference;
  }
  if (!unmended_.empty()) {
    next_wait_ = std::min(2 * next_wait_, kLongestWait);
    publications_to_wait_ = next_wait_;
  }
  return index;
}

void CatalogImpl::Publish() {
  // Where memory for it cannot be had, nobody knows what the index holds: the next write builds it anew.
  index_stale_ = true;
  bool stale = false;
  auto generation = std::make_shared<Generation>();
  generation->index = AgreedSnapshot(stale);
  generation->number = state_.generation;
  generation->action_classes = classes_.infos();
  if (in_force_ == nullptr) in_force_ = std::make_shared<const OpinionsInForce>(opinions_);
  generation->opinions = in_force_;
  Published next;
  for (const auto& [id, record] : records_) {
    generation->lists.emplace(id, record.list);
    next.contents.emplace(id,
                          ContentInForce{record.content, record.content_generation, record.list.whole_read});
  }
  next.next_entry = state_.next_entry;
  next.changed_entries = changed_entries_;
  next.marked_entries = marked_entries_;
  next.serial = ++serial_;
  next.generation = std::move(generation);
  index_stale_ = stale;
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
    // Readers keep what they have.
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
