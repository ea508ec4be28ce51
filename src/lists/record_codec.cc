#include "lists/record_codec.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/byte_codec.h"

namespace hashgate::lists {
namespace {

constexpr std::uint8_t kVersion1 = 1;
constexpr std::uint8_t kListVersion = 5;
constexpr std::uint8_t kListVersionWithTally = 2;
constexpr std::uint8_t kListVersionWithLongDistances = 3;
constexpr std::uint8_t kListVersionWithBrake = 4;
constexpr std::uint8_t kListVersionWithImgHash = 5;
constexpr std::uint8_t kFlagEnabled = 1;
constexpr std::uint8_t kFlagSystem = 2;
constexpr std::size_t kMaxStoredText = 65'535;

std::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(Reason::kStoreCorrupt, "a stored " + std::string(what) +
                                         " does not decode: the data folder is damaged, restore a backup");
}

std::unexpected<Error> WrongVersion(std::string_view what, std::uint8_t version) {
  return Fail(Reason::kSchemaTooNew, "a stored " + std::string(what) + " has record version " +
                                         std::to_string(version) +
                                         ", which this build does not know: start the newer version again");
}

// Takes the first byte, the record's version; those up to `newest` are read.
Result<std::uint8_t> TakeVersion(ByteReader& reader, std::string_view what, std::uint8_t newest = kVersion1) {
  const auto version = reader.Little<std::uint8_t>();
  if (!reader.ok() || version == 0) return Corrupt(what);
  if (version > newest) return WrongVersion(what, version);
  return version;
}

std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ByteSpan AsSpan(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename Enum>
Enum TakeEnum(ByteReader& reader, Enum last) {
  const auto number = reader.Little<std::uint8_t>();
  const bool known = number <= static_cast<std::uint8_t>(last);
  reader.Require(known);
  return known ? static_cast<Enum>(number) : Enum{};
}

void TakeDistances(ByteReader& reader, std::uint8_t version, std::map<Algorithm, int>& distances) {
  const bool is_long = version >= kListVersionWithLongDistances;
  const auto count = reader.Little<std::uint8_t>();
  reader.Require(count < kAlgorithmCount);
  distances.clear();
  for (int i = 0; reader.ok() && i < count; ++i) {
    const auto algorithm = TakeEnum(reader, Algorithm::kColorMoment);
    const std::uint32_t distance = is_long ? reader.Little<std::uint32_t>() : reader.Little<std::uint16_t>();
    reader.Require(std::in_range<int>(distance));
    reader.Require(distances.emplace(algorithm, static_cast<int>(distance)).second);
  }
  // Before, PhotoDNA was not matched: such a row was without effect, and not meant as a squared distance.
  if (!is_long) distances.erase(Algorithm::kPhotoDna);
  // Likewise, and within another bound.
  if (version < kListVersionWithImgHash) {
    for (const Algorithm algorithm : kImgHashes) distances.erase(algorithm);
  }
}

void TakeBrake(ByteReader& reader, HashList& list) {
  list.config.scheme = reader.Text<std::uint8_t>(kMaxNameBytes);
  list.whole_read = FromUnixMillis(reader.Little<std::int64_t>());
  const auto max_verdict = TakeEnum(reader, Verdict::kBlock);
  if (max_verdict == Verdict::kUnspecified) return;
  Brake& brake = list.brake.emplace(Brake{.max_verdict = max_verdict});
  brake.until = FromUnixMillis(reader.Little<std::int64_t>());
  brake.made = FromUnixMillis(reader.Little<std::int64_t>());
  brake.author = reader.Text<std::uint16_t>(kMaxOpinionAuthorBytes);
  brake.reason = reader.Text<std::uint16_t>(kMaxOpinionReasonBytes);
}

}  // namespace

std::string ListKey(ListId list) {
  std::string key;
  ByteWriter(key).Big(list);
  return key;
}

std::string ContentPrefix(ContentId content) {
  std::string key;
  ByteWriter(key).Big(content);
  return key;
}

std::string EntryKey(ContentId content, EntryId entry) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(content);
  writer.Big(entry);
  return key;
}

std::string IdentityKey(ContentId content, const KeyedDigest& identity) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(content);
  writer.Raw(AsText(identity));
  return key;
}

std::string QuarantineKey(ContentId content, std::uint64_t file, std::uint64_t line) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(content);
  writer.Big(file);
  writer.Big(line);
  return key;
}

std::string QuarantineMarkKey(ContentId content, std::uint64_t file) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(content);
  writer.Big(file);
  return key;
}

bool IsQuarantineMarkKey(std::string_view key) {
  return key.size() == sizeof(ContentId) + sizeof(std::uint64_t);
}

std::string RemovalKey(ContentId content) {
  std::string key(kRemovalPrefix);
  ByteWriter(key).Big(content);
  return key;
}

std::string ChangedKey(const ChangedEntry& changed) {
  std::string key(kChangedPrefix);
  ByteWriter writer(key);
  writer.Big(static_cast<std::uint64_t>(changed.generation));
  writer.Big(changed.content);
  writer.Big(changed.entry);
  return key;
}

Result<ChangedEntry> ParseChangedKey(std::string_view key) {
  ByteReader reader(key);
  reader.Require(reader.Raw(kChangedPrefix.size()) == kChangedPrefix);
  ChangedEntry changed;
  changed.generation = static_cast<std::int64_t>(reader.Big<std::uint64_t>());
  changed.content = reader.Big<ContentId>();
  changed.entry = reader.Big<EntryId>();
  if (!reader.Complete()) return Corrupt("changed entry's key");
  return changed;
}

std::string EncodeSnapshots(const SnapshotNames& names) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  for (const auto& name : names) writer.Raw(AsText(name));
  return out;
}

Result<SnapshotNames> DecodeSnapshots(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "names of index snapshots"));
  SnapshotNames names;
  while (reader.ok() && reader.remaining() > 0) {
    auto& name = names.emplace_back();
    std::ranges::copy(AsSpan(reader.Raw(name.size())), name.begin());
  }
  if (!reader.Complete()) return Corrupt("names of index snapshots");
  return names;
}

std::string EncodeChanged() {
  return std::string(1, static_cast<char>(kVersion1));
}

Result<ListId> ParseListKey(std::string_view key) {
  ByteReader reader(key);
  const auto list = reader.Big<ListId>();
  if (!reader.Complete()) return Corrupt("list's key");
  return list;
}

Result<EntryId> ParseEntryKey(std::string_view key) {
  ByteReader reader(key);
  reader.Big<ContentId>();
  const auto entry = reader.Big<EntryId>();
  if (!reader.Complete()) return Corrupt("entry's key");
  return entry;
}

Result<ContentId> ParseRemovalKey(std::string_view key) {
  ByteReader reader(key);
  reader.Require(reader.Raw(kRemovalPrefix.size()) == kRemovalPrefix);
  const auto content = reader.Big<ContentId>();
  if (!reader.Complete()) return Corrupt("removal's key");
  return content;
}

std::string EncodeState(const StateRecord& state) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(state.generation);
  writer.Little(state.next_list);
  writer.Little(state.next_content);
  writer.Little(state.next_entry);
  return out;
}

Result<StateRecord> DecodeState(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "state record"));
  StateRecord state;
  state.generation = reader.Little<std::int64_t>();
  state.next_list = reader.Little<ListId>();
  state.next_content = reader.Little<ContentId>();
  state.next_entry = reader.Little<EntryId>();
  reader.Require(state.generation > 0 && state.next_list > 0 && state.next_content > 0 &&
                 state.next_entry > 0);
  if (!reader.Complete()) return Corrupt("state record");
  return state;
}

std::string EncodeSecret(const Secret& secret) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Raw(AsText(secret));
  return out;
}

Result<Secret> DecodeSecret(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "secret"));
  Secret secret{};
  const std::string_view raw = reader.Raw(secret.size());
  if (!reader.Complete()) return Corrupt("secret");
  std::ranges::copy(AsSpan(raw), secret.begin());
  return secret;
}

std::string MakeEtag(ListId id, std::uint64_t revision) {
  return std::to_string(id) + "-" + std::to_string(revision);
}

std::string EncodeList(const ListRecord& record) {
  const ListConfig& config = record.list.config;
  std::string out;
  ByteWriter writer(out);
  writer.Little(kListVersion);
  writer.Little(record.content);
  writer.Little(record.content_generation);
  writer.Little(static_cast<std::uint8_t>((config.enabled ? kFlagEnabled : 0) |
                                          (record.list.system ? kFlagSystem : 0)));
  writer.Little(static_cast<std::uint8_t>(config.purpose));
  writer.Little(static_cast<std::uint8_t>(config.trust));
  writer.Little(static_cast<std::uint8_t>(config.pdq_pipeline));
  writer.Little(static_cast<std::uint8_t>(config.action_ceiling));
  writer.Little(record.revision);
  writer.Little(ToUnixMillis(record.list.created));
  writer.Little(ToUnixMillis(record.list.updated));
  writer.Little(record.list.entry_count);
  writer.Little(record.list.quarantined_count);
  writer.Little(record.quarantine_kept);
  writer.Little(record.quarantine_files);
  writer.Little(record.tally.hashes);
  writer.Little(record.tally.sum);
  writer.Little(static_cast<std::uint8_t>(config.max_distances.size()));
  for (const auto& [algorithm, distance] : config.max_distances) {
    writer.Little(static_cast<std::uint8_t>(algorithm));
    writer.Little(static_cast<std::uint32_t>(distance));
  }
  for (const std::string* text :
       {&config.name, &config.tenant, &config.source, &config.legal_basis, &config.description}) {
    writer.Text<std::uint16_t>(*text);
  }
  for (const std::uint64_t count : {record.list.kinds.digest, record.list.kinds.pdq,
                                    record.list.kinds.photodna, record.list.kinds.img_hash})
    writer.Little(count);
  writer.Text<std::uint8_t>(config.scheme);
  writer.Little(ToUnixMillis(record.list.whole_read));
  const Brake brake = record.list.brake.value_or(Brake{.max_verdict = Verdict::kUnspecified});
  writer.Little(static_cast<std::uint8_t>(brake.max_verdict));
  if (record.list.brake) {
    writer.Little(ToUnixMillis(brake.until));
    writer.Little(ToUnixMillis(brake.made));
    writer.Text<std::uint16_t>(brake.author);
    writer.Text<std::uint16_t>(brake.reason);
  }
  return out;
}

Result<ListRecord> DecodeList(ListId id, std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_ASSIGN_OR_RETURN(const std::uint8_t version, TakeVersion(reader, "list", kListVersion));
  ListRecord record;
  ListConfig& config = record.list.config;
  record.list.id = id;
  record.content = reader.Little<ContentId>();
  record.content_generation = reader.Little<std::int64_t>();
  reader.Require(record.content_generation > 0);
  const auto flags = reader.Little<std::uint8_t>();
  reader.Require((flags & ~(kFlagEnabled | kFlagSystem)) == 0);
  config.enabled = (flags & kFlagEnabled) != 0;
  record.list.system = (flags & kFlagSystem) != 0;
  config.purpose = TakeEnum(reader, Purpose::kTest);
  config.trust = TakeEnum(reader, Trust::kTrusted);
  config.pdq_pipeline = TakeEnum(reader, Pipeline::kNn512);
  config.action_ceiling = TakeEnum(reader, Verdict::kBlockAndReport);
  record.revision = reader.Little<std::uint64_t>();
  record.list.etag = MakeEtag(id, record.revision);
  record.list.created = FromUnixMillis(reader.Little<std::int64_t>());
  record.list.updated = FromUnixMillis(reader.Little<std::int64_t>());
  record.list.entry_count = reader.Little<std::uint64_t>();
  record.list.quarantined_count = reader.Little<std::uint64_t>();
  record.quarantine_kept = reader.Little<std::uint32_t>();
  record.quarantine_files = reader.Little<std::uint32_t>();
  // Older records do not say: the first start finds it out.
  if (version >= kListVersionWithTally) {
    record.tally.hashes = reader.Little<std::uint64_t>();
    record.tally.sum = reader.Little<std::uint64_t>();
  }
  TakeDistances(reader, version, config.max_distances);
  for (std::string* text :
       {&config.name, &config.tenant, &config.source, &config.legal_basis, &config.description}) {
    *text = reader.Text<std::uint16_t>(kMaxStoredText);
  }
  record.counts_kinds = version >= kListVersionWithBrake;
  if (version >= kListVersionWithBrake) {
    for (std::uint64_t* count :
         {&record.list.kinds.digest, &record.list.kinds.pdq, &record.list.kinds.photodna})
      *count = reader.Little<std::uint64_t>();
    // Older lists hold none.
    if (version >= kListVersionWithImgHash) record.list.kinds.img_hash = reader.Little<std::uint64_t>();
    TakeBrake(reader, record.list);
  }
  if (!reader.Complete()) return Corrupt("list");
  return record;
}

EntryRecord EntryView::ToRecord() const {
  EntryRecord record;
  record.source_id = source_id;
  record.classification = classification;
  record.labels.assign(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(label_count));
  record.hashes.reserve(hash_count);
  for (const HashView& hash : AllHashes()) {
    record.hashes.push_back({hash.algorithm, hash.pipeline, hash.quality,
                             std::vector<std::uint8_t>(hash.bytes.begin(), hash.bytes.end())});
  }
  return record;
}

std::string EncodeEntryBody(const EntryRecord& record) {
  std::string out;
  out.reserve(192);
  AppendEntryBody(record, out);
  return out;
}

void AppendEntryBody(const EntryRecord& record, std::string& out) {
  ByteWriter writer(out);
  writer.Text<std::uint16_t>(record.source_id);
  writer.Text<std::uint16_t>(record.classification);
  writer.Little(static_cast<std::uint8_t>(record.labels.size()));
  for (const std::string& label : record.labels) writer.Text<std::uint8_t>(label);
  writer.Little(static_cast<std::uint8_t>(record.hashes.size()));
  for (const HashValue& hash : record.hashes) {
    writer.Little(static_cast<std::uint8_t>(hash.algorithm));
    writer.Little(static_cast<std::uint8_t>(hash.pipeline));
    writer.Little(hash.quality);
    writer.Text<std::uint16_t>(AsText(hash.bytes));
  }
}

std::string EncodeEntry(const EntryHead& head, std::string_view body) {
  std::string out;
  out.reserve(1 + 4 + 8 + 8 + 8 + body.size());
  EncodeEntry(head, body, out);
  return out;
}

void EncodeEntry(const EntryHead& head, std::string_view body, std::string& out) {
  out.clear();
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(head.version);
  writer.Little(head.first_seen_millis);
  writer.Little(head.last_changed_millis);
  writer.Little(head.changed_generation);
  writer.Raw(body);
}

namespace {

Status TakeEntryBody(ByteReader& reader, EntryView& view) {
  view.source_id = reader.Text<std::uint16_t>(kMaxSourceIdBytes);
  view.classification = reader.Text<std::uint16_t>(kMaxClassificationBytes);
  view.label_count = reader.Little<std::uint8_t>();
  reader.Require(view.label_count <= kMaxLabels);
  for (std::size_t i = 0; reader.ok() && i < view.label_count; ++i) {
    view.labels[i] = reader.Text<std::uint8_t>(kMaxLabelBytes);
  }
  view.hash_count = reader.Little<std::uint8_t>();
  reader.Require(view.hash_count >= 1 && view.hash_count <= kMaxHashes);
  for (std::size_t i = 0; reader.ok() && i < view.hash_count; ++i) {
    HashView& hash = view.hashes[i];
    hash.algorithm = TakeEnum(reader, Algorithm::kColorMoment);
    hash.pipeline = TakeEnum(reader, Pipeline::kNn512);
    hash.quality = reader.Little<std::int16_t>();
    const std::size_t size = HashSize(hash.algorithm);
    hash.bytes = AsSpan(reader.Text<std::uint16_t>(size));
    // An entry whose hash has lost bytes would never match, in silence.
    reader.Require(size > 0 && hash.bytes.size() == size);
  }
  if (!reader.Complete()) return Corrupt("entry");
  return {};
}

}  // namespace

Result<EntryView> DecodeEntry(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "entry"));
  EntryView view;
  view.head.version = reader.Little<std::uint32_t>();
  view.head.first_seen_millis = reader.Little<std::int64_t>();
  view.head.last_changed_millis = reader.Little<std::int64_t>();
  view.head.changed_generation = reader.Little<std::int64_t>();
  reader.Require(view.head.changed_generation >= 0);
  HASHGATE_RETURN_IF_ERROR(TakeEntryBody(reader, view));
  return view;
}

Result<EntryView> DecodeEntryBody(std::string_view body) {
  ByteReader reader(body);
  EntryView view;
  HASHGATE_RETURN_IF_ERROR(TakeEntryBody(reader, view));
  return view;
}

std::string EncodeIdentity(const IdentityRecord& record) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(record.entry);
  writer.Raw(AsText(record.content));
  return out;
}

Result<IdentityRecord> DecodeIdentity(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "entry's identity"));
  IdentityRecord record;
  record.entry = reader.Little<EntryId>();
  const std::string_view content = reader.Raw(record.content.size());
  if (!reader.Complete()) return Corrupt("entry's identity");
  std::ranges::copy(AsSpan(content), record.content.begin());
  return record;
}

std::string EncodeQuarantined(const Quarantined& record) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(record.line);
  writer.Text<std::uint16_t>(record.file);
  writer.Text<std::uint16_t>(record.reason);
  return out;
}

Result<Quarantined> DecodeQuarantined(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "quarantined record"));
  Quarantined record;
  record.line = reader.Little<std::uint64_t>();
  record.file = reader.Text<std::uint16_t>(kMaxFileBytes);
  record.reason = reader.Text<std::uint16_t>(kMaxReasonBytes);
  if (!reader.Complete()) return Corrupt("quarantined record");
  return record;
}

std::string EncodeQuarantineMark(std::uint64_t line) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(line);
  return out;
}

Result<std::uint64_t> DecodeQuarantineMark(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "quarantine mark"));
  const auto line = reader.Little<std::uint64_t>();
  if (!reader.Complete()) return Corrupt("quarantine mark");
  return line;
}

std::string EncodeRemoval(Removal removal) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion1);
  writer.Little(static_cast<std::uint8_t>(removal));
  return out;
}

Result<Removal> DecodeRemoval(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, "removal"));
  const Removal removal = TakeEnum(reader, Removal::kObsolete);
  reader.Require(static_cast<std::uint8_t>(removal) != 0);
  if (!reader.Complete()) return Corrupt("removal");
  return removal;
}

}  // namespace hashgate::lists
