// Bytes of every record that lists keep in the store. FORMAT.md gives each of them; tests pin them.
//
// A value's first byte is the version of its record. Integers in values are little-endian, in keys
// big-endian, so that keys sort by number. Decoding checks every length and count, takes no trailing bytes,
// and allocates nothing beyond its bounded result.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hashgate/error.h"
#include "lists/catalog.h"
#include "lists/limits.h"

namespace hashgate::lists {

/// Which set of entries a list stands for at a time: a list's content changes as one when an import replaces
/// it. Never reused.
using ContentId = std::uint32_t;

/// 16 bytes of a keyed digest.
using KeyedDigest = std::array<std::uint8_t, 16>;

// Keys.
std::string ListKey(ListId list);
std::string ContentPrefix(ContentId content);
std::string EntryKey(ContentId content, EntryId entry);
std::string IdentityKey(ContentId content, const KeyedDigest& identity);
std::string QuarantineKey(ContentId content, std::uint64_t file, std::uint64_t line);
/// How far a file's records beyond those that are stored have been counted. Stands before them.
std::string QuarantineMarkKey(ContentId content, std::uint64_t file);
bool IsQuarantineMarkKey(std::string_view key);
std::string RemovalKey(ContentId content);
/// The numbers in keys. Errors: kStoreCorrupt.
Result<ListId> ParseListKey(std::string_view key);
Result<EntryId> ParseEntryKey(std::string_view key);
Result<ContentId> ParseRemovalKey(std::string_view key);

/// An entry that was there before and was changed or withdrawn by that generation.
struct ChangedEntry {
  std::int64_t generation = 0;
  ContentId content = 0;
  EntryId entry = 0;

  bool operator==(const ChangedEntry&) const = default;
};
/// In order of generation.
std::string ChangedKey(const ChangedEntry& changed);
Result<ChangedEntry> ParseChangedKey(std::string_view key);
/// The value of such a key, which says all.
std::string EncodeChanged();
inline constexpr std::string_view kChangedPrefix = "lists.changed/";
/// The index snapshots that the marks fit: the one in use, and while another is written that one too.
inline constexpr std::string_view kSnapshotsKey = "lists.snapshots";
using SnapshotNames = std::vector<std::array<std::uint8_t, 16>>;
std::string EncodeSnapshots(const SnapshotNames& names);
Result<SnapshotNames> DecodeSnapshots(std::string_view bytes);
inline constexpr std::string_view kStateKey = "lists.state";
inline constexpr std::string_view kSecretKey = "lists.secret";
inline constexpr std::string_view kRemovalPrefix = "lists.remove/";

/// Counters of the whole store; one record, part of every batch.
struct StateRecord {
  std::int64_t generation = 1;
  ListId next_list = 1;
  ContentId next_content = 1;
  EntryId next_entry = 1;

  bool operator==(const StateRecord&) const = default;
};
std::string EncodeState(const StateRecord& state);
Result<StateRecord> DecodeState(std::string_view bytes);

using Secret = std::array<std::uint8_t, 32>;
std::string EncodeSecret(const Secret& secret);
Result<Secret> DecodeSecret(std::string_view bytes);

/// A list as stored: what callers see, and what only this module needs. `list.id` is the key, and
/// `list.etag` is made from `revision`.
struct ListRecord {
  HashList list;
  ContentId content = 0;
  std::int64_t content_generation = 1;  ///< that put the content in force
  std::uint64_t revision = 1;           ///< rises with every change of the configuration
  std::uint32_t quarantine_kept = 0;    ///< quarantined records that are stored, not only counted
  std::uint32_t quarantine_files = 0;   ///< files of which records that are not stored are counted
  index::Tally tally;                   ///< of its hashes that the index holds
  bool counts_kinds = true;             ///< false: an older record, which does not say list.kinds
};
std::string EncodeList(const ListRecord& record);
Result<ListRecord> DecodeList(ListId id, std::string_view bytes);
std::string MakeEtag(ListId id, std::uint64_t revision);

/// An entry's bytes without a copy: valid as long as the value they were decoded from.
struct HashView {
  Algorithm algorithm = Algorithm::kUnspecified;
  Pipeline pipeline = Pipeline::kUnspecified;
  std::int16_t quality = kQualityUnknown;
  ByteSpan bytes;
};
/// What this module says of an entry; its body is what the source gave.
struct EntryHead {
  std::uint32_t version = 1;
  std::int64_t first_seen_millis = 0;
  std::int64_t last_changed_millis = 0;
  /// Generation that published the last change. 0: the one that put the entry's content in force, which is
  /// not known while an import stages it.
  std::int64_t changed_generation = 0;
};
/// Generation of an entry's last change; `since` is that of the content it stands in.
inline std::int64_t ChangedGeneration(const EntryHead& head, std::int64_t since) {
  return head.changed_generation != 0 ? head.changed_generation : since;
}

struct EntryView {
  EntryHead head;
  std::string_view source_id;
  std::string_view classification;
  std::array<std::string_view, kMaxLabels> labels;
  std::size_t label_count = 0;
  std::array<HashView, kMaxHashes> hashes;
  std::size_t hash_count = 0;

  [[nodiscard]] std::span<const HashView> AllHashes() const { return std::span(hashes).first(hash_count); }
  [[nodiscard]] EntryRecord ToRecord() const;
};

/// The part of an entry that its source gave: what "unchanged" compares. The record must be valid and in
/// canonical order (Canonicalise).
std::string EncodeEntryBody(const EntryRecord& record);
/// The same at the end of `out`.
void AppendEntryBody(const EntryRecord& record, std::string& out);
/// The whole value: head, then a body of EncodeEntryBody.
std::string EncodeEntry(const EntryHead& head, std::string_view body);
/// The same in place of what `out` held, whose memory is used again.
void EncodeEntry(const EntryHead& head, std::string_view body, std::string& out);
Result<EntryView> DecodeEntry(std::string_view bytes);
/// A body alone; the view's head is a default one.
Result<EntryView> DecodeEntryBody(std::string_view body);

/// What an identity leads to.
struct IdentityRecord {
  EntryId entry = 0;
  KeyedDigest content{};  ///< of the entry's body: equal means unchanged

  bool operator==(const IdentityRecord&) const = default;
};
std::string EncodeIdentity(const IdentityRecord& record);
Result<IdentityRecord> DecodeIdentity(std::string_view bytes);

std::string EncodeQuarantined(const Quarantined& record);
Result<Quarantined> DecodeQuarantined(std::string_view bytes);

/// The last line of a file that was counted without being stored.
std::string EncodeQuarantineMark(std::uint64_t line);
Result<std::uint64_t> DecodeQuarantineMark(std::string_view bytes);

/// Why a content is to be removed; only for people who look at a store.
enum class Removal : std::uint8_t { kStaged = 1, kObsolete = 2 };
std::string EncodeRemoval(Removal removal);
Result<Removal> DecodeRemoval(std::string_view bytes);

}  // namespace hashgate::lists
