#include "lists/import.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "lists/validate.h"

namespace hashgate::lists {
namespace {

using store::Family;

// Numbers digests from 0 in the order in which they are first seen. Open addressing: imports ask it for each
// of their records.
class Numbering {
 public:
  explicit Numbering(std::size_t most) : table_(std::bit_ceil(2 * most + 1), kFree) {
    digests_.reserve(most);
  }

  std::size_t NumberOf(const KeyedDigest& digest) {
    // The digest is keyed and as good as random: any eight bytes of it spread evenly.
    std::size_t at = 0;
    std::memcpy(&at, digest.data(), sizeof(at));
    for (;; ++at) {
      std::uint32_t& number = table_[at & (table_.size() - 1)];
      if (number == kFree) {
        number = static_cast<std::uint32_t>(digests_.size());
        digests_.push_back(digest);
      }
      if (digests_[number] == digest) return number;
    }
  }
  [[nodiscard]] std::span<const KeyedDigest> digests() const { return digests_; }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  std::vector<std::uint32_t> table_;
  std::vector<KeyedDigest> digests_;
};

std::vector<std::string> KeysOf(ContentId content, std::span<const KeyedDigest> identities) {
  std::vector<std::string> keys;
  keys.reserve(identities.size());
  for (const KeyedDigest& identity : identities) keys.push_back(IdentityKey(content, identity));
  return keys;
}

// Calls `take` with the number of each identity that the content holds and what it leads to.
template <typename Take>
Status ReadIdentities(const store::Store& store, ContentId content, std::span<const KeyedDigest> identities,
                      const Take& take) {
  for (std::size_t from = 0; from < identities.size(); from += kLookupKeys) {
    const std::size_t count = std::min(kLookupKeys, identities.size() - from);
    HASHGATE_ASSIGN_OR_RETURN(
        const auto values,
        store.GetMany(Family::kEntryKeys, KeysOf(content, identities.subspan(from, count))));
    for (std::size_t i = 0; i < count; ++i) {
      const std::optional<std::string>& value = values[i];
      if (!value) continue;
      HASHGATE_ASSIGN_OR_RETURN(const IdentityRecord record, DecodeIdentity(*value));
      take(from + i, record);
    }
  }
  return {};
}

}  // namespace

// One identity of a commit and what becomes of it.
struct ImportImpl::Slot {
  const PreparedRecord* last = nullptr;    // the record that wins
  std::optional<IdentityRecord> in_force;  // of the list's content
  std::optional<IdentityRecord> staged;    // of the content being staged
  bool write = false;
  EntryId entry = 0;
};

struct ImportImpl::Plan {
  ListRecord target;  // the list as it will be
  std::vector<Slot> slots;
  StateRecord next;
  store::Batch batch;
  ImportProgress progress;
  Staged staged;
  // Index changes of an import that does not replace.
  std::vector<EntryId> fresh;
  std::vector<EntryId> changed;
  std::vector<index::IndexedHash> new_hashes;
  std::vector<index::IndexedHash> old_hashes;  // of `changed`, to put them back
};

ImportImpl::ImportImpl(CatalogImpl& catalog, ImportOptions options, ListId list, ContentId staging)
    : catalog_(catalog),
      options_(std::move(options)),
      file_digest_(catalog.digests_.File(options_.file)),
      list_(list),
      staging_(staging),
      waiting_(catalog.digests_, list, options_.file),
      waiting_bytes_(catalog.waiting_bytes_) {}

ImportImpl::~ImportImpl() {
  catalog_.Leave(list_, staging_ != 0);
  if (staging_ != 0 && !staging_in_force_) catalog_.remover_.Remove(staging_);
}

Status CatalogImpl::Enter(ListId list, const ImportOptions& options) {
  const MutexLock lock(running_mutex_);
  const auto at = running_.find(list);
  if (at != running_.end() && (at->second.replacing || options.replace)) {
    return Fail(Reason::kStoreBusy,
                "another import of list '" + options.list +
                    "' is under way, and one that replaces it has to be alone: try again when it is done",
                "list");
  }
  if (options.replace) {
    running_[list].replacing = true;
  } else {
    ++running_[list].plain;
  }
  return {};
}

void CatalogImpl::Leave(ListId list, bool replace) {
  const MutexLock lock(running_mutex_);
  const auto at = running_.find(list);
  if (replace) {
    at->second.replacing = false;
  } else {
    --at->second.plain;
  }
  if (at->second.plain == 0 && !at->second.replacing) running_.erase(at);
}

Result<std::unique_ptr<Import>> CatalogImpl::Start(const ImportOptions& options, bool system) {
  const MutexLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(options.list, system));
  const ListId id = record->list.id;
  HASHGATE_RETURN_IF_ERROR(Enter(id, options));
  ContentId staging = 0;
  if (options.replace) {
    // The marker is durable before the first staged record, so that nothing staged outlives a crash.
    StateRecord next = state_;
    staging = next.next_content++;
    store::Batch batch;
    batch.Put(Family::kMeta, RemovalKey(staging), EncodeRemoval(Removal::kStaged));
    if (Status written = Commit(batch, next); !written) {
      Leave(id, true);
      return std::unexpected(std::move(written).error());
    }
  }
  ImportOptions kept = options;
  kept.file = Bounded(options.file, kMaxFileBytes);
  return std::make_unique<ImportImpl>(*this, std::move(kept), id, staging);
}

Result<ListRecord*> ImportImpl::Target() {
  const auto at = catalog_.records_.find(list_);
  if (at == catalog_.records_.end()) {
    return Fail(Reason::kListNotFound, "list '" + options_.list + "' was deleted during the import", "list");
  }
  return &at->second;
}

bool ImportImpl::MayWait() const {
  const RunOptions& runs = catalog_.options_.runs;
  return taken_ >= runs.after_records && waiting_.received() < runs.records &&
         waiting_.MemoryBytes() < runs.bytes && waiting_bytes_.Total() < kMaxWaitingBytes &&
         catalog_.options_.clock->Steady() - waiting_since_ < runs.longest;
}

Result<ImportProgress> ImportImpl::Add(std::span<const ImportRecord> records) {
  if (finished_) return Fail(Reason::kRequestInvalid, "the import is finished: start another");
  if (records.size() > kMaxAddRecords) {
    return Fail(Reason::kRequestInvalid,
                "at most " + std::to_string(kMaxAddRecords) + " records at a time can be imported",
                "records");
  }
  const PreparedRecords::Mark before = waiting_.End();
  if (before.received == 0) waiting_since_ = catalog_.options_.clock->Steady();
  waiting_.Append(records, taken_ + before.received + 1);
  waiting_bytes_.Set(waiting_.MemoryBytes());
  if (MayWait()) {
    progress_.received = taken_ + waiting_.received();
    return progress_;
  }
  if (Status committed = CommitWaiting(); !committed) {
    waiting_.CutTo(before);
    waiting_bytes_.Set(waiting_.MemoryBytes());
    return std::unexpected(std::move(committed).error());
  }
  return progress_;
}

Status ImportImpl::CommitWaiting() {
  const MutexLock lock(catalog_.write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const target, Target());
  HASHGATE_RETURN_IF_ERROR(catalog_.EnsureIndex());
  HASHGATE_ASSIGN_OR_RETURN(Plan plan, MakePlan(*target));
  HASHGATE_RETURN_IF_ERROR(FillBatch(plan));
  HASHGATE_RETURN_IF_ERROR(PlanQuarantine(plan));
  HASHGATE_RETURN_IF_ERROR(staging_ != 0 ? CommitStaged(plan) : CommitPublished(plan));
  taken_ += waiting_.received();
  progress_ = plan.progress;
  progress_.received = taken_;
  if (first_problem_.empty() && !waiting_.bad().empty()) {
    const Quarantined& first = waiting_.bad().front();
    first_problem_ = "line " + std::to_string(first.line) + ": " + first.reason;
  }
  if (staging_ != 0) {
    progress_.staged = taken_;
  } else {
    progress_.committed = taken_;
    progress_.generation = catalog_.state_.generation;
  }
  waiting_.Clear();
  waiting_bytes_.Set(0);
  return {};
}

Result<ImportImpl::Plan> ImportImpl::MakePlan(const ListRecord& target) {
  Plan plan;
  plan.target = target;
  plan.next = catalog_.state_;
  plan.progress = progress_;
  plan.staged = staged_;

  const std::span<const PreparedRecord> records = waiting_.records();
  Numbering numbering(records.size());
  std::vector<std::uint32_t> slot_of;
  slot_of.reserve(records.size());
  for (const PreparedRecord& record : records) {
    slot_of.push_back(static_cast<std::uint32_t>(numbering.NumberOf(record.identity)));
  }
  plan.slots.resize(numbering.digests().size());
  HASHGATE_RETURN_IF_ERROR(
      ReadIdentities(catalog_.store_, target.content, numbering.digests(),
                     [&](std::size_t at, const IdentityRecord& held) { plan.slots[at].in_force = held; }));
  if (staging_ != 0) {
    HASHGATE_RETURN_IF_ERROR(
        ReadIdentities(catalog_.store_, staging_, numbering.digests(),
                       [&](std::size_t at, const IdentityRecord& held) { plan.slots[at].staged = held; }));
  }

  for (std::size_t i = 0; i < records.size(); ++i) {
    const PreparedRecord& record = records[i];
    Slot& slot = plan.slots[slot_of[i]];
    const KeyedDigest* before = nullptr;
    if (slot.last != nullptr) {
      before = &slot.last->content;
    } else if (slot.staged) {
      before = &slot.staged->content;
    } else if (slot.in_force) {
      before = &slot.in_force->content;
    }
    if (before == nullptr) {
      ++plan.progress.added;
    } else if (*before == record.content) {
      ++plan.progress.unchanged;
    } else {
      ++plan.progress.updated;
    }
    slot.last = &record;
  }
  return plan;
}

Status ImportImpl::FillBatch(Plan& plan) {
  // An estimate: most records are new, with keys, head and identity of about a hundred bytes.
  constexpr std::size_t kBesideBody = 112;
  constexpr std::size_t kUsualHashes = 3;
  if (!plan.slots.empty()) {
    plan.batch.Reserve(2 * plan.slots.size() + 2, waiting_.BodyBytes() + kBesideBody * plan.slots.size());
    if (staging_ == 0) plan.new_hashes.reserve(kUsualHashes * plan.slots.size());
  }
  for (std::size_t from = 0; from < plan.slots.size(); from += kLookupKeys) {
    HASHGATE_RETURN_IF_ERROR(FillSlots(plan, from, std::min(from + kLookupKeys, plan.slots.size())));
  }
  return {};
}

Status ImportImpl::FillSlots(Plan& plan, std::size_t from, std::size_t to) {
  const ContentId content = staging_ != 0 ? staging_ : plan.target.content;
  // Entries in force that are written again, to carry over when they were first seen.
  std::vector<std::string> known_keys;
  std::vector<std::size_t> known_slots;
  for (std::size_t i = from; i < to; ++i) {
    Slot& slot = plan.slots[i];
    const std::optional<IdentityRecord>& here = staging_ != 0 ? slot.staged : slot.in_force;
    slot.write = !here || here->content != slot.last->content;
    if (!slot.write || !slot.in_force) continue;
    known_keys.push_back(EntryKey(plan.target.content, slot.in_force->entry));
    known_slots.push_back(i);
  }
  HASHGATE_ASSIGN_OR_RETURN(const auto known, catalog_.store_.GetMany(Family::kEntries, known_keys));

  const std::int64_t now = catalog_.NowMillis();
  // Of what is written here: that of this very commit, or of the swap to come.
  const std::int64_t changed_generation = staging_ != 0 ? 0 : plan.next.generation + 1;
  std::size_t next_known = 0;
  std::string value;
  for (std::size_t i = from; i < to; ++i) {
    Slot& slot = plan.slots[i];
    if (!slot.write) continue;
    const PreparedRecord& record = *slot.last;
    const std::string_view body = waiting_.Body(record);
    EntryHead head{1, now, now, changed_generation};
    const std::optional<IdentityRecord>& in_force = slot.in_force;
    if (in_force && next_known < known_slots.size() && known_slots[next_known] == i) {
      const std::optional<std::string>& bytes = known[next_known++];
      if (!bytes) {
        return Fail(Reason::kStoreCorrupt,
                    "an entry of list '" + options_.list + "' is missing: restore a backup");
      }
      HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntry(*bytes));
      const bool same = in_force->content == record.content;
      head.version = same ? view.head.version : view.head.version + 1;
      head.first_seen_millis = view.head.first_seen_millis;
      if (same) {
        head.last_changed_millis = view.head.last_changed_millis;
        head.changed_generation = ChangedGeneration(view.head, plan.target.content_generation);
      }
      slot.entry = in_force->entry;
      if (staging_ == 0) {
        catalog_.AppendIndexed(plan.target, slot.entry, view.classification, view.AllHashes(),
                               plan.old_hashes);
        plan.changed.push_back(slot.entry);
      }
    } else if (slot.staged) {
      slot.entry = slot.staged->entry;
    } else {
      slot.entry = plan.next.next_entry++;
      plan.fresh.push_back(slot.entry);
    }
    if (staging_ != 0) {
      if (!slot.staged) ++plan.staged.entries;
    } else {
      if (!slot.in_force) ++plan.target.list.entry_count;
      HASHGATE_ASSIGN_OR_RETURN(const EntryView view, DecodeEntryBody(body));
      catalog_.AppendIndexed(plan.target, slot.entry, view.classification, view.AllHashes(), plan.new_hashes);
    }
    EncodeEntry(head, body, value);
    plan.batch.Put(Family::kEntries, EntryKey(content, slot.entry), value);
    plan.batch.Put(Family::kEntryKeys, IdentityKey(content, record.identity),
                   EncodeIdentity({slot.entry, record.content}));
  }
  return {};
}

Status ImportImpl::PlanQuarantine(Plan& plan) {
  const std::span<const Quarantined> bad = waiting_.bad();
  plan.progress.quarantined += bad.size();
  if (bad.empty()) return {};
  const ContentId content = staging_ != 0 ? staging_ : plan.target.content;
  std::uint64_t& count = staging_ != 0 ? plan.staged.quarantined : plan.target.list.quarantined_count;
  std::uint32_t& kept = staging_ != 0 ? plan.staged.quarantine_kept : plan.target.quarantine_kept;
  std::uint32_t& files = staging_ != 0 ? plan.staged.quarantine_files : plan.target.quarantine_files;
  // A line's key is its file and number: importing the same file again finds its records there.
  std::map<std::string, const Quarantined*> rows;
  for (const Quarantined& record : bad) {
    rows[QuarantineKey(content, file_digest_, record.line)] = &record;
  }
  std::vector<std::string> keys;
  keys.reserve(rows.size() + 1);
  for (const auto& [key, record] : rows) keys.push_back(key);
  // Lines that are not stored have no key: a mark says how far this file's have been counted.
  const std::string mark_key = QuarantineMarkKey(content, file_digest_);
  keys.push_back(mark_key);
  HASHGATE_ASSIGN_OR_RETURN(const auto known, catalog_.store_.GetMany(Family::kQuarantine, keys));
  std::optional<std::uint64_t> mark;
  if (const std::optional<std::string>& row = known.back()) {
    HASHGATE_ASSIGN_OR_RETURN(mark, DecodeQuarantineMark(*row));
  }
  const std::optional<std::uint64_t> mark_before = mark;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::optional<std::string>& before = known[i];
    const Quarantined& record = *rows.at(keys[i]);
    std::string value = EncodeQuarantined(record);
    if (before == value) continue;
    if (!before) {
      if (kept >= kMaxQuarantineKept) {
        const bool counted = mark ? record.line <= *mark : files >= kMaxQuarantineFiles;
        if (counted) continue;
        if (!mark) ++files;
        mark = record.line;
        ++count;
        continue;
      }
      ++count;
      ++kept;
    }
    plan.batch.Put(Family::kQuarantine, keys[i], std::move(value));
  }
  if (mark && mark != mark_before) plan.batch.Put(Family::kQuarantine, mark_key, EncodeQuarantineMark(*mark));
  return {};
}

Status ImportImpl::CommitPublished(Plan& plan) {
  ListRecord& target = catalog_.records_.at(list_);
  if (plan.batch.empty()) return {};
  index::IndexBuilder& builder = *catalog_.builder_;
  for (const EntryId entry : plan.changed) builder.Withdraw(list_, entry);
  // Undoing needs memory only where entries were changed; where even that is not to be had, the index is
  // built again from the store.
  const auto put_back = [&]() HASHGATE_REQUIRES(catalog_.write_mutex_) {
    if (!plan.changed.empty() && !builder.Add(plan.old_hashes)) catalog_.index_stale_ = true;
  };
  if (Status added = builder.Add(plan.new_hashes); !added) {
    put_back();
    return Prefix(std::move(added).error(), "list '" + options_.list + "' cannot grow");
  }
  plan.target.list.updated = FromUnixMillis(catalog_.NowMillis());
  plan.batch.Put(Family::kLists, ListKey(list_), EncodeList(plan.target));
  ++plan.next.generation;
  if (Status written = catalog_.Commit(plan.batch, plan.next); !written) {
    for (const EntryId entry : plan.fresh) builder.Withdraw(list_, entry);
    for (const EntryId entry : plan.changed) builder.Withdraw(list_, entry);
    put_back();
    return written;
  }
  target = std::move(plan.target);
  catalog_.Publish();
  return {};
}

Status ImportImpl::CommitStaged(Plan& plan) {
  if (!plan.batch.empty()) HASHGATE_RETURN_IF_ERROR(catalog_.Commit(plan.batch, plan.next));
  staged_ = plan.staged;
  return {};
}

Result<ImportProgress> ImportImpl::Finish() {
  if (finished_) return progress_;
  if (waiting_.received() > 0) HASHGATE_RETURN_IF_ERROR(CommitWaiting());
  ContentId old = 0;
  {
    const MutexLock lock(catalog_.write_mutex_);
    if (staging_ != 0) {
      HASHGATE_ASSIGN_OR_RETURN(old, Swap());
    } else {
      HASHGATE_RETURN_IF_ERROR(Target());
    }
    finished_ = true;
    progress_.committed = progress_.received;
    progress_.staged = 0;
    progress_.generation = catalog_.state_.generation;
  }
  // Removed after readers have the new content, and outside the lock.
  if (old != 0) catalog_.remover_.Remove(old);
  return progress_;
}

}  // namespace hashgate::lists
