// Lists and single entries: reading and changing. Imports are in import.cc.
#include <algorithm>
#include <set>

#include "lists/catalog_impl.h"
#include "lists/import.h"
#include "lists/indexed.h"
#include "lists/page_token.h"
#include "lists/protection.h"
#include "lists/validate.h"

namespace hashgate::lists {
namespace {

using store::Family;

std::unexpected<Error> NoSuchList(std::string_view name) {
  return Fail(Reason::kListNotFound, "there is no list '" + Bounded(name, kMaxNameBytes) + "'", "list");
}

std::unexpected<Error> NoSuchEntry(EntryId entry) {
  return Fail(Reason::kEntryNotFound, "the list has no entry " + std::to_string(entry), "entry");
}

Status CheckEtag(const HashList& list, std::string_view etag) {
  if (etag.empty() || etag == list.etag) return {};
  return Fail(Reason::kEtagMismatch,
              "list '" + list.config.name + "' changed since it was read: read it again", "etag");
}

bool SameConfig(const ListConfig& a, const ListConfig& b) {
  return a.name == b.name && a.tenant == b.tenant && a.purpose == b.purpose && a.source == b.source &&
         a.scheme == b.scheme && a.legal_basis == b.legal_basis && a.trust == b.trust &&
         a.max_distances == b.max_distances && a.pdq_pipeline == b.pdq_pipeline &&
         a.action_ceiling == b.action_ceiling && a.enabled == b.enabled && a.description == b.description;
}

Entry ToEntry(ListId list, EntryId id, const EntryView& view, const ContentInForce& content) {
  Entry entry;
  entry.list = list;
  entry.id = id;
  entry.record = view.ToRecord();
  entry.version = view.head.version;
  entry.first_seen = FromUnixMillis(view.head.first_seen_millis);
  entry.last_changed = FromUnixMillis(view.head.last_changed_millis);
  entry.last_seen = std::max(entry.last_changed, content.whole_read);
  entry.changed_generation = ChangedGeneration(view.head, content.since);
  return entry;
}

}  // namespace

Result<ListRecord*> CatalogImpl::FindForWrite(std::string_view name, bool system) {
  const auto at =
      std::ranges::find_if(records_, [&](const auto& row) { return row.second.list.config.name == name; });
  if (at == records_.end()) return NoSuchList(name);
  if (at->second.list.system != system) {
    return Fail(Reason::kNotPermitted,
                "list '" + at->second.list.config.name + "' is the system's own and cannot be changed",
                "list");
  }
  return &at->second;
}

Result<HashList> CatalogImpl::CreateList(const ListConfig& config) {
  return Create(config, false);
}

Result<HashList> CatalogImpl::Create(const ListConfig& config, bool system) {
  HASHGATE_RETURN_IF_ERROR(ValidateConfig(config, system));
  const TurnLock lock(write_mutex_);
  if (std::ranges::any_of(records_,
                          [&](const auto& row) { return row.second.list.config.name == config.name; })) {
    return Fail(Reason::kListExists, "a list '" + config.name + "' exists already", "list.name");
  }
  HASHGATE_RETURN_IF_ERROR(EnsureIndex());
  StateRecord next = NextGeneration();
  ListRecord record;
  record.list.id = next.next_list++;
  record.list.config = WithDefaults(config);
  record.list.etag = MakeEtag(record.list.id, record.revision);
  record.list.created = record.list.updated = FromUnixMillis(NowMillis());
  record.list.system = system;
  record.content = next.next_content++;
  record.content_generation = next.generation;
  store::Batch batch;
  batch.Put(Family::kLists, ListKey(record.list.id), EncodeList(record));
  HASHGATE_RETURN_IF_ERROR(Commit(batch, next));
  records_.emplace(record.list.id, record);
  Publish();
  return record.list;
}

Result<HashList> CatalogImpl::GetList(std::string_view name) const {
  const std::shared_ptr<const Generation> generation = Current();
  const HashList* list = generation->Find(name);
  if (list == nullptr) return NoSuchList(name);
  return *list;
}

std::vector<HashList> CatalogImpl::Lists(bool include_system) const {
  const std::shared_ptr<const Generation> generation = Current();
  std::vector<HashList> out;
  for (const auto& [id, list] : generation->lists) {
    if (include_system || !list.system) out.push_back(list);
  }
  std::ranges::sort(out, {}, [](const HashList& list) -> const std::string& { return list.config.name; });
  return out;
}

Result<HashList> CatalogImpl::UpdateList(const ListConfig& config, std::string_view etag) {
  HASHGATE_RETURN_IF_ERROR(ValidateConfig(config, false));
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(config.name, false));
  HASHGATE_RETURN_IF_ERROR(CheckEtag(record->list, etag));
  return ChangeConfig(*record, WithDefaults(config));
}

Result<HashList> CatalogImpl::SetEnabled(std::string_view name, bool enabled) {
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(name, false));
  ListConfig config = record->list.config;
  config.enabled = enabled;
  return ChangeConfig(*record, std::move(config));
}

Result<HashList> CatalogImpl::ChangeConfig(ListRecord& record, ListConfig config) {
  if (SameConfig(record.list.config, config)) return record.list;
  HASHGATE_RETURN_IF_ERROR(EnsureIndex());
  ListRecord changed = record;
  changed.list.config = std::move(config);
  ++changed.revision;
  changed.list.etag = MakeEtag(changed.list.id, changed.revision);
  changed.list.updated = FromUnixMillis(NowMillis());
  // The index knows the pipeline of each hash; all other configuration is looked up in the generation.
  const bool reload = changed.list.config.pdq_pipeline != record.list.config.pdq_pipeline;
  if (reload) HASHGATE_RETURN_IF_ERROR(ReloadList(changed, changed.content));
  store::Batch batch;
  batch.Put(Family::kLists, ListKey(changed.list.id), EncodeList(changed));
  HASHGATE_RETURN_IF_ERROR(Commit(batch, NextGeneration()));
  record = std::move(changed);
  Publish();
  return record.list;
}

Result<std::int64_t> CatalogImpl::DeleteList(std::string_view name, std::string_view etag) {
  ContentId content = 0;
  std::int64_t generation = 0;
  {
    const TurnLock lock(write_mutex_);
    HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(name, false));
    HASHGATE_RETURN_IF_ERROR(CheckEtag(record->list, etag));
    HASHGATE_RETURN_IF_ERROR(EnsureIndex());
    const ListId id = record->list.id;
    content = record->content;
    store::Batch batch;
    batch.Delete(Family::kLists, ListKey(id));
    batch.Put(Family::kMeta, RemovalKey(content), EncodeRemoval(Removal::kObsolete));
    for (const std::string& key : OpinionsOf(id)) batch.Delete(Family::kOpinions, key);
    HASHGATE_RETURN_IF_ERROR(Commit(batch, NextGeneration()));
    index_stale_ = true;  // until it is published
    for (const std::string& key : OpinionsOf(id)) opinions_.erase(key);
    in_force_.reset();
    records_.erase(id);
    builder_->WithdrawList(id);
    Publish();
    generation = state_.generation;
  }
  // An import of the list may be between its own calls, never inside one: it looks the list up again in each
  // and writes nothing once it is gone.
  remover_.Remove(content);
  return generation;
}

Result<std::optional<std::string>> CatalogImpl::GetExchangeState(std::string_view exchange) const {
  return store_.Get(Family::kExchanges, exchange);
}

Status CatalogImpl::PutExchangeState(const ExchangeState& state) {
  HASHGATE_RETURN_IF_ERROR(ValidateExchangeName(state.exchange));
  store::Batch batch;
  batch.Put(Family::kExchanges, state.exchange, state.bytes);
  return store_.Write(batch);
}

Result<std::int64_t> CatalogImpl::DeleteEntry(std::string_view list, EntryId entry) {
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(list, false));
  HASHGATE_RETURN_IF_ERROR(EnsureIndex());
  const std::string key = EntryKey(record->content, entry);
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store_.Get(Family::kEntries, key));
  if (!bytes) return NoSuchEntry(entry);
  HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntry(*bytes));
  const KeyedDigest identity = digests_.Identity(record->list.id, view.source_id, view.AllHashes());
  ListRecord changed = *record;
  if (changed.list.entry_count > 0) --changed.list.entry_count;
  index::IndexedRows hashes;
  AppendIndexed(*record, entry, view.classification, view.AllHashes(), classes_, hashes);
  changed.tally -= tallier_.Of(hashes);
  changed.list.kinds -= CountKinds(hashes);
  changed.list.updated = FromUnixMillis(NowMillis());
  store::Batch batch;
  batch.Delete(Family::kEntries, key);
  batch.Delete(Family::kEntryKeys, IdentityKey(record->content, identity));
  batch.Put(Family::kLists, ListKey(changed.list.id), EncodeList(changed));
  const StateRecord next = NextGeneration();
  MarkChanged({next.generation, record->content, entry}, batch);
  HASHGATE_RETURN_IF_ERROR(Commit(batch, next));
  ++changed_entries_;
  ++marked_entries_;
  *record = std::move(changed);
  index_stale_ = true;  // until it is published
  builder_->Withdraw(record->list.id, entry);
  Publish();
  return state_.generation;
}

Result<Entry> CatalogImpl::GetEntry(ListId list, EntryId entry) const {
  // A replaced content's records go once the new content is published, so a miss is looked at again there.
  for (Published pinned = Pinned();;) {
    const auto at = pinned.contents.find(list);
    if (at == pinned.contents.end()) {
      return Fail(Reason::kListNotFound, "there is no list with that number", "list");
    }
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                              store_.Get(Family::kEntries, EntryKey(at->second.id, entry)));
    if (bytes) {
      HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntry(*bytes));
      return ToEntry(list, entry, view, at->second);
    }
    Published newer = Pinned();
    const auto now = newer.contents.find(list);
    if (now != newer.contents.end() && now->second.id == at->second.id) return NoSuchEntry(entry);
    pinned = std::move(newer);
  }
}

Result<EntryPage> CatalogImpl::ListEntries(std::string_view list, std::string_view page_token,
                                           int page_size) const {
  if (page_size < 1 || page_size > kMaxPageSize) {
    return Fail(Reason::kRequestInvalid, "page_size is 1 to " + std::to_string(kMaxPageSize), "page_size");
  }
  const Published pinned = Pinned();
  const HashList* found = pinned.generation->Find(list);
  if (found == nullptr) return NoSuchList(list);
  const ContentInForce content = pinned.contents.at(found->id);
  PagePosition position{found->id, content.id, 0};
  const auto replaced = [] {
    return Fail(Reason::kRequestInvalid, "the list was replaced while it was being read: start again",
                "page_token");
  };
  if (!page_token.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(const PagePosition token, DecodePageToken(page_token, digests_));
    if (token.list != position.list) {
      return Fail(Reason::kRequestInvalid, "the page token belongs to another list", "page_token");
    }
    if (token.content != position.content) return replaced();
    position = token;
  }
  EntryPage page;
  Status failed;
  bool more = false;
  HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kEntries, ContentPrefix(position.content),
                                       EntryKey(position.content, position.after + 1),
                                       [&](std::string_view key, std::string_view value) {
                                         if (page.entries.size() == static_cast<std::size_t>(page_size)) {
                                           more = true;
                                           return false;
                                         }
                                         const Result<EntryId> id = ParseEntryKey(key);
                                         const Result<EntryView> view = DecodeEntry(value);
                                         if (!id || !view) {
                                           failed = std::unexpected(!id ? id.error() : view.error());
                                           return false;
                                         }
                                         page.entries.push_back(ToEntry(position.list, *id, *view, content));
                                         return true;
                                       }));
  HASHGATE_RETURN_IF_ERROR(failed);
  // A content is removed only after another is published: had that happened, the page might lack its end.
  const Published now = Pinned();
  const auto at = now.contents.find(position.list);
  if (at == now.contents.end() || at->second.id != position.content) return replaced();
  if (more) {
    position.after = page.entries.back().id;
    page.next_page_token = EncodePageToken(position, digests_);
  }
  return page;
}

Result<std::vector<Quarantined>> CatalogImpl::ListQuarantined(std::string_view list,
                                                              std::size_t limit) const {
  const Published pinned = Pinned();
  const HashList* found = pinned.generation->Find(list);
  if (found == nullptr) return NoSuchList(list);
  const std::string prefix = ContentPrefix(pinned.contents.at(found->id).id);
  std::vector<Quarantined> out;
  Status failed;
  HASHGATE_RETURN_IF_ERROR(
      store_.Scan(Family::kQuarantine, prefix, prefix, [&](std::string_view key, std::string_view value) {
        if (out.size() >= limit) return false;
        if (IsQuarantineMarkKey(key)) return true;
        Result<Quarantined> record = DecodeQuarantined(value);
        if (!record) {
          failed = std::unexpected(std::move(record).error());
          return false;
        }
        out.push_back(*std::move(record));
        return true;
      }));
  HASHGATE_RETURN_IF_ERROR(failed);
  return out;
}

Result<std::unique_ptr<Import>> CatalogImpl::StartImport(const ImportOptions& options) {
  return Start(options, false);
}

Result<bool> CatalogImpl::HoldsExactly(std::string_view list, std::span<const std::string> bodies) const {
  std::set<std::string> wanted(bodies.begin(), bodies.end());
  std::set<std::string> held;
  std::string token;
  do {
    HASHGATE_ASSIGN_OR_RETURN(const EntryPage page, ListEntries(list, token, kMaxPageSize));
    for (const Entry& entry : page.entries) held.insert(EncodeEntryBody(entry.record));
    token = page.next_page_token;
  } while (!token.empty());
  return wanted == held;
}

Status CatalogImpl::EnsureSystemList(const ListConfig& config, std::span<const EntryRecord> entries) {
  HASHGATE_RETURN_IF_ERROR(ValidateConfig(config, true));
  std::vector<ImportRecord> records;
  std::vector<std::string> bodies;
  for (const EntryRecord& entry : entries) {
    HASHGATE_RETURN_IF_ERROR(ValidateRecord(entry));
    EntryRecord canonical = entry;
    Canonicalise(canonical);
    bodies.push_back(EncodeEntryBody(canonical));
    records.push_back({records.size() + 1, std::move(canonical), {}});
  }
  if (Current()->Find(config.name) == nullptr) {
    HASHGATE_RETURN_IF_ERROR(Create(config, true));
  } else {
    const TurnLock lock(write_mutex_);
    HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(config.name, true));
    HASHGATE_RETURN_IF_ERROR(ChangeConfig(*record, WithDefaults(config)));
  }
  HASHGATE_ASSIGN_OR_RETURN(const bool right, HoldsExactly(config.name, bodies));
  if (right) return {};
  HASHGATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<Import> import,
      Start({.list = config.name, .file = "built in", .replace = true, .allow_empty = true}, true));
  HASHGATE_RETURN_IF_ERROR(import->Add(records));
  HASHGATE_RETURN_IF_ERROR(import->Finish());
  return {};
}

}  // namespace hashgate::lists
