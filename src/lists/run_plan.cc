#include "lists/run_plan.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include "lists/indexed.h"
#include "lists/limits.h"
#include "lists/protection.h"

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

// Whether something that `before` matched is no longer matched by `after`.
bool LosesAHash(const EntryView& before, const EntryView& after) {
  return std::ranges::any_of(before.AllHashes(), [&](const HashView& had) {
    return std::ranges::none_of(after.AllHashes(), [&](const HashView& has) {
      return has.algorithm == had.algorithm && has.pipeline == had.pipeline &&
             std::ranges::equal(has.bytes, had.bytes);
    });
  });
}

std::size_t BytesOf(const PreparedRecords::Part& part) {
  if (part.records.empty()) return 0;
  return part.records.back().offset + part.records.back().size - part.records.front().offset;
}

}  // namespace

// One identity of a run and what becomes of it.
struct RunPlanner::Slot {
  const PreparedRecord* last = nullptr;    // the record that wins
  std::optional<IdentityRecord> in_force;  // of the list's content
  std::optional<IdentityRecord> staged;    // of the content being staged
  bool withdrawn = false;                  // by an earlier run of what is staged
  bool write = false;
  EntryId entry = 0;

  // What the next record of the identity finds; null where there is no entry.
  [[nodiscard]] const KeyedDigest* ContentBefore() const {
    if (last != nullptr && !last->keeps) return last->withdraws() ? nullptr : &last->content;
    if (staged) return &staged->content;
    return in_force ? &in_force->content : nullptr;
  }
};

struct RunPlanner::Work {
  const RunBasis& basis;
  const PreparedRecords& records;
  const PreparedRecords::Part& part;
  KnownIdentities& known;
  std::vector<Slot> slots;
  RunPlan& plan;
};

Status RunPlanner::Plan(const RunBasis& basis, const PreparedRecords& records,
                        const PreparedRecords::Part& part, const ImportProgress& progress,
                        const StagedCounts& staged, KnownIdentities& known, RunPlan& out) const {
  out.target = basis.target;
  out.entries_before = basis.target.list.entry_count;
  out.next = basis.state;
  out.batch.Clear();
  out.progress = progress;
  out.staged = staged;
  out.withdrawn.clear();
  out.given_again.clear();
  out.fresh.clear();
  out.changed.clear();
  out.new_hashes.clear();
  out.old_hashes.clear();
  out.classes = {};
  Work work{basis, records, part, known, {}, out};
  HASHGATE_RETURN_IF_ERROR(ChooseRecords(work));
  HASHGATE_RETURN_IF_ERROR(FillBatch(work));
  out.target.tally += tallier_.Of(out.new_hashes);
  out.target.tally -= tallier_.Of(out.old_hashes);
  out.target.list.kinds += CountKinds(out.new_hashes);
  out.target.list.kinds -= CountKinds(out.old_hashes);
  return PlanQuarantine(work);
}

// Calls `take` with the number of each identity that the content holds and what it leads to.
Status RunPlanner::ReadIdentities(ContentId content, std::span<const KeyedDigest> identities,
                                  const std::optional<IdentityFilter>& known,
                                  const std::function<void(std::size_t, const IdentityRecord&)>& take) const {
  std::vector<std::string> keys;
  std::vector<std::size_t> numbers;
  const auto look_up = [&]() -> Status {
    if (keys.empty()) return {};
    HASHGATE_ASSIGN_OR_RETURN(const auto values, store_.GetMany(Family::kEntryKeys, keys));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) continue;
      HASHGATE_ASSIGN_OR_RETURN(const IdentityRecord record, DecodeIdentity(*values[i]));
      take(numbers[i], record);
    }
    keys.clear();
    numbers.clear();
    return {};
  };
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (known && !known->MayHold(identities[i])) continue;
    keys.push_back(IdentityKey(content, identities[i]));
    numbers.push_back(i);
    if (keys.size() == kLookupKeys) HASHGATE_RETURN_IF_ERROR(look_up());
  }
  return look_up();
}

Status RunPlanner::ChooseRecords(Work& work) const {
  const std::span<const PreparedRecord> records = work.part.records;
  Numbering numbering(records.size());
  std::vector<std::uint32_t> slot_of;
  slot_of.reserve(records.size());
  for (const PreparedRecord& record : records) {
    slot_of.push_back(static_cast<std::uint32_t>(numbering.NumberOf(record.identity)));
  }
  work.slots.resize(numbering.digests().size());
  HASHGATE_RETURN_IF_ERROR(
      ReadIdentities(work.plan.target.content, numbering.digests(), work.known.in_force,
                     [&](std::size_t at, const IdentityRecord& held) { work.slots[at].in_force = held; }));
  if (staging_ != 0) {
    HASHGATE_RETURN_IF_ERROR(
        ReadIdentities(staging_, numbering.digests(), work.known.staged,
                       [&](std::size_t at, const IdentityRecord& held) { work.slots[at].staged = held; }));
    for (std::size_t i = 0; i < work.slots.size(); ++i) {
      work.slots[i].withdrawn = work.known.withdrawn.contains(numbering.digests()[i]);
    }
  }

  // Now, not after the commit: one that fails may have been written all the same.
  std::optional<IdentityFilter>& filled = staging_ != 0 ? work.known.staged : work.known.in_force;
  if (filled && !filled->IsFull()) {
    for (const KeyedDigest& identity : numbering.digests()) filled->Add(identity);
  }
  if (filled && filled->IsFull()) filled.reset();

  for (std::size_t i = 0; i < records.size(); ++i) {
    const PreparedRecord& record = records[i];
    Slot& slot = work.slots[slot_of[i]];
    if (record.keeps) {
      // Whatever else is said of the entry counts, before it or after.
      if (slot.last == nullptr) slot.last = &record;
      continue;
    }
    const KeyedDigest* const before = slot.ContentBefore();
    if (record.withdraws()) {
      ++(before != nullptr ? work.plan.progress.withdrawn : work.plan.progress.unchanged);
    } else if (before == nullptr) {
      ++work.plan.progress.added;
    } else if (*before == record.content) {
      ++work.plan.progress.unchanged;
    } else {
      ++work.plan.progress.updated;
    }
    slot.last = &record;
  }
  if (staging_ == 0) return {};
  for (std::size_t i = 0; i < work.slots.size(); ++i) {
    const Slot& slot = work.slots[i];
    if (slot.last->keeps) continue;
    if (!slot.last->withdraws()) {
      if (slot.withdrawn) work.plan.given_again.push_back(numbering.digests()[i]);
    } else if (slot.in_force) {
      work.plan.withdrawn.push_back(numbering.digests()[i]);
    }
  }
  return {};
}

Status RunPlanner::FillBatch(Work& work) const {
  RunPlan& plan = work.plan;
  // An estimate: most records are new, with keys, head and identity of about a hundred bytes.
  constexpr std::size_t kBesideBody = 112;
  constexpr std::size_t kUsualHashes = 3;
  if (!work.slots.empty()) {
    plan.batch.Reserve(2 * work.slots.size() + 2, BytesOf(work.part) + kBesideBody * work.slots.size());
    if (staging_ == 0) plan.new_hashes.hashes.reserve(kUsualHashes * work.slots.size());
  }
  for (std::size_t from = 0; from < work.slots.size(); from += kLookupKeys) {
    HASHGATE_RETURN_IF_ERROR(FillSlots(work, from, std::min(from + kLookupKeys, work.slots.size())));
  }
  return {};
}

Status RunPlanner::FillSlots(Work& work, std::size_t from, std::size_t to) const {
  // Entries in force that are written again or go, to carry over when they were first seen.
  std::vector<std::string> held_keys;
  std::vector<std::size_t> held_slots;
  for (std::size_t i = from; i < to; ++i) {
    Slot& slot = work.slots[i];
    const std::optional<IdentityRecord>& here = staging_ != 0 ? slot.staged : slot.in_force;
    if (slot.last->keeps) {
      slot.write = slot.in_force && !slot.staged && !slot.withdrawn;
    } else {
      slot.write = slot.last->withdraws() ? here.has_value() : !here || here->content != slot.last->content;
    }
    if (!slot.write || !slot.in_force) continue;
    held_keys.push_back(EntryKey(work.plan.target.content, slot.in_force->entry));
    held_slots.push_back(i);
  }
  HASHGATE_ASSIGN_OR_RETURN(const auto held, store_.GetMany(Family::kEntries, held_keys));

  std::size_t next_held = 0;
  std::string scratch;
  for (std::size_t i = from; i < to; ++i) {
    Slot& slot = work.slots[i];
    if (!slot.write) continue;
    std::optional<EntryView> before;
    if (next_held < held_slots.size() && held_slots[next_held] == i) {
      const std::optional<std::string>& bytes = held[next_held++];
      if (!bytes) {
        return Fail(Reason::kStoreCorrupt,
                    "an entry of list '" + list_name_ + "' is missing: restore a backup");
      }
      HASHGATE_ASSIGN_OR_RETURN(before, DecodeEntry(*bytes));
      if (staging_ == 0) TakeFromIndex(work, slot, *before);
    }
    if (slot.last->keeps) {
      PlanKept(work, slot, *before, scratch);
    } else if (slot.last->withdraws()) {
      PlanWithdrawal(work, slot);
    } else {
      HASHGATE_RETURN_IF_ERROR(PlanEntry(work, slot, before, scratch));
    }
  }
  return {};
}

void RunPlanner::TakeFromIndex(Work& work, const Slot& slot, const EntryView& before) const {
  RunPlan& plan = work.plan;
  const EntryId entry = slot.in_force->entry;
  AppendIndexed(plan.target, entry, before.classification, before.AllHashes(), plan.classes, plan.old_hashes);
  plan.changed.push_back(entry);
  if (mark_changes_) {
    plan.batch.Put(Family::kMeta, ChangedKey({plan.next.generation + 1, plan.target.content, entry}),
                   EncodeChanged());
  }
}

void RunPlanner::PlanWithdrawal(Work& work, const Slot& slot) const {
  RunPlan& plan = work.plan;
  const ContentId content = staging_ != 0 ? staging_ : plan.target.content;
  const IdentityRecord& held = staging_ != 0 ? *slot.staged : *slot.in_force;
  plan.batch.Delete(Family::kEntries, EntryKey(content, held.entry));
  plan.batch.Delete(Family::kEntryKeys, IdentityKey(content, slot.last->identity));
  std::uint64_t& entries = staging_ != 0 ? plan.staged.entries : plan.target.list.entry_count;
  if (entries > 0) --entries;
}

void RunPlanner::PlanKept(Work& work, const Slot& slot, const EntryView& before, std::string& scratch) const {
  RunPlan& plan = work.plan;
  EntryHead head = before.head;
  head.changed_generation = ChangedGeneration(before.head, plan.target.content_generation);
  EncodeEntry(head, EncodeEntryBody(before.ToRecord()), scratch);
  plan.batch.Put(Family::kEntries, EntryKey(staging_, slot.in_force->entry), scratch);
  plan.batch.Put(Family::kEntryKeys, IdentityKey(staging_, slot.last->identity),
                 EncodeIdentity(*slot.in_force));
  ++plan.staged.entries;
}

Status RunPlanner::PlanEntry(Work& work, Slot& slot, const std::optional<EntryView>& before,
                             std::string& scratch) const {
  RunPlan& plan = work.plan;
  const ContentId content = staging_ != 0 ? staging_ : plan.target.content;
  const PreparedRecord& record = *slot.last;
  const std::string_view body = work.records.Body(record);
  const std::int64_t now = work.basis.now_millis;
  // Of what is written here: that of this very commit, or of the swap to come.
  EntryHead head{1, now, now, staging_ != 0 ? 0 : plan.next.generation + 1};
  if (before) {
    const bool same = slot.in_force->content == record.content;
    head.version = same ? before->head.version : before->head.version + 1;
    head.first_seen_millis = before->head.first_seen_millis;
    if (same) {
      head.last_changed_millis = before->head.last_changed_millis;
      head.changed_generation = ChangedGeneration(before->head, plan.target.content_generation);
    }
    slot.entry = slot.in_force->entry;
    if (!same) {
      HASHGATE_ASSIGN_OR_RETURN(const EntryView after, DecodeEntryBody(body));
      if (LosesAHash(*before, after)) ++plan.progress.weakened;
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
    AppendIndexed(plan.target, slot.entry, view.classification, view.AllHashes(), plan.classes,
                  plan.new_hashes);
  }
  EncodeEntry(head, body, scratch);
  plan.batch.Put(Family::kEntries, EntryKey(content, slot.entry), scratch);
  plan.batch.Put(Family::kEntryKeys, IdentityKey(content, record.identity),
                 EncodeIdentity({slot.entry, record.content}));
  return {};
}

Status RunPlanner::PlanQuarantine(Work& work) const {
  RunPlan& plan = work.plan;
  const std::span<const Quarantined> bad = work.part.bad;
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
  HASHGATE_ASSIGN_OR_RETURN(const auto known, store_.GetMany(Family::kQuarantine, keys));
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

}  // namespace hashgate::lists
