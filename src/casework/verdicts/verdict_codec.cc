#include "casework/verdicts/verdict_codec.h"

#include <algorithm>

#include "base/random.h"
#include "casework/record_bytes.h"

namespace hashgate::casework {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kRequestPrefix = "r";
constexpr std::string_view kWhat = "verdict";
constexpr std::size_t kEntryPrefixBytes = 4 + 8;
/// Of a scan id's 26 characters those that hold its time.
constexpr std::size_t kScanIdTimeBytes = 10;

constexpr std::uint8_t kFlagUnseen = 1;
constexpr std::uint8_t kFlagUndone = 1;

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void PutId(ByteWriter& writer, const VerdictId& id) {
  writer.Text<std::uint8_t>(id.tenant);
  writer.Raw(id.scan_id);
}

VerdictId TakeId(ByteReader& reader) {
  VerdictId id;
  id.tenant = reader.Text<std::uint8_t>(255);
  id.scan_id = reader.Raw(kScanIdBytes);
  return id;
}

// One flag; anything else marks the bytes as wrong.
bool TakeFlag(ByteReader& reader, std::uint8_t flag) {
  const auto flags = reader.Little<std::uint8_t>();
  reader.Require((flags & ~flag) == 0);
  return flags != 0;
}

void PutMatch(ByteWriter& writer, const RecordedMatch& match) {
  writer.Little(match.entry.list);
  writer.Little(match.entry.entry);
  writer.Text<std::uint8_t>(match.list);
  PutEnum(writer, match.verdict);
  writer.Little(match.undone ? kFlagUndone : std::uint8_t{0});
  writer.Little(static_cast<std::uint8_t>(match.algorithms.size()));
  for (const Algorithm algorithm : match.algorithms) PutEnum(writer, algorithm);
}

RecordedMatch TakeMatch(ByteReader& reader) {
  RecordedMatch match;
  match.entry.list = reader.Little<lists::ListId>();
  match.entry.entry = reader.Little<lists::EntryId>();
  match.list = reader.Text<std::uint8_t>(255);
  match.verdict = TakeVerdict(reader);
  match.undone = TakeFlag(reader, kFlagUndone);
  const auto count = reader.Little<std::uint8_t>();
  reader.Require(count < kAlgorithmCount);
  for (int i = 0; reader.ok() && i < count; ++i) {
    match.algorithms.push_back(TakeEnum(reader, Algorithm::kMd5, Algorithm::kColorMoment));
  }
  return match;
}

}  // namespace

std::string TenantPrefix(std::string_view tenant) {
  std::string key(kVerdictPrefix);
  ByteWriter(key).Text<std::uint8_t>(tenant);
  return key;
}

std::string VerdictKey(const VerdictId& id) {
  std::string key(kVerdictPrefix);
  ByteWriter writer(key);
  PutId(writer, id);
  return key;
}

Result<VerdictId> ParseVerdictKey(std::string_view key) {
  ByteReader reader(key);
  reader.Require(reader.Raw(kVerdictPrefix.size()) == kVerdictPrefix);
  VerdictId id = TakeId(reader);
  if (!reader.Complete()) return Corrupt("verdict's key");
  return id;
}

std::string ListNameKey(std::string_view name, lists::ListId list) {
  std::string key(kListNamePrefix);
  ByteWriter writer(key);
  writer.Text<std::uint8_t>(name);
  writer.Big(list);
  return key;
}

Result<std::pair<std::string, lists::ListId>> ParseListNameKey(std::string_view key) {
  ByteReader reader(key);
  reader.Require(reader.Raw(kListNamePrefix.size()) == kListNamePrefix);
  std::pair<std::string, lists::ListId> named;
  named.first = reader.Text<std::uint8_t>(255);
  named.second = reader.Big<lists::ListId>();
  if (!reader.Complete()) return Corrupt("list name's key");
  return named;
}

RequestKeys::RequestKeys(std::span<const std::uint8_t> store_key)
    : key_(HmacSha256(store_key, AsBytes("hashgate verdicts request"))) {}

std::string RequestKeys::Of(const VerdictRecord& record) const {
  // Lengths come first, so that no two different requests give the same bytes.
  std::string bytes;
  ByteWriter writer(bytes);
  for (const std::string* part : {&record.id.tenant, &record.caller, &record.request_id}) {
    writer.Text<std::uint32_t>(*part);
  }
  writer.Little(static_cast<std::int32_t>(record.file));
  const auto digest = key_.Of(AsBytes(bytes));
  return std::string(kRequestPrefix) + std::string(AsText(digest));
}

std::string EntryPrefix(const EntryRef& entry) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(entry.list);
  writer.Big(entry.entry);
  return key;
}

std::string VerdictEntryKey(const EntryRef& entry, const VerdictId& id) {
  std::string key = EntryPrefix(entry);
  ByteWriter writer(key);
  PutId(writer, id);
  return key;
}

Result<VerdictId> ParseVerdictEntryKey(std::string_view key) {
  ByteReader reader(key);
  reader.Raw(kEntryPrefixBytes);
  VerdictId id = TakeId(reader);
  if (!reader.Complete()) return Corrupt("verdict entry's key");
  return id;
}

std::string FirstScanIdAt(WallTime time) {
  const std::int64_t millis = std::max<std::int64_t>(0, ToUnixMillis(time));
  std::string id = NewUlid(millis).substr(0, kScanIdTimeBytes);
  id.resize(kScanIdBytes, '0');
  return id;
}

std::string EncodeVerdict(const VerdictRecord& record) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(kVersion);
  PutTime(writer, record.time);
  PutText(writer, record.caller);
  PutText(writer, record.request_id);
  writer.Little(static_cast<std::int32_t>(record.file));
  PutText(writer, record.content_id);
  PutText(writer, record.surface);
  PutEnum(writer, record.given);
  PutEnum(writer, record.standing);
  PutEnum(writer, record.without_matches);
  writer.Little(record.unseen ? kFlagUnseen : std::uint8_t{0});
  PutEnum(writer, record.outcome);
  PutText(writer, record.rule_id);
  PutText(writer, record.policy_digest);
  writer.Little(record.generation);
  writer.Little(static_cast<std::uint16_t>(record.matches.size()));
  for (const RecordedMatch& match : record.matches) PutMatch(writer, match);
  return bytes;
}

Result<VerdictRecord> DecodeVerdict(const VerdictId& id, std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, kVersion, kWhat));
  VerdictRecord record;
  record.id = id;
  record.time = TakeTime(reader);
  record.caller = TakeText(reader);
  record.request_id = TakeText(reader);
  record.file = reader.Little<std::int32_t>();
  record.content_id = TakeText(reader);
  record.surface = TakeText(reader);
  record.given = TakeVerdict(reader);
  record.standing = TakeVerdict(reader);
  record.without_matches = TakeVerdict(reader);
  record.unseen = TakeFlag(reader, kFlagUnseen);
  record.outcome = TakeEnum(reader, Outcome::kMatched, Outcome::kNotEvaluated);
  record.rule_id = TakeText(reader);
  record.policy_digest = TakeText(reader);
  record.generation = reader.Little<std::int64_t>();
  const auto count = reader.Little<std::uint16_t>();
  reader.Require(count <= kMaxRecordedMatches);
  for (int i = 0; reader.ok() && i < count; ++i) record.matches.push_back(TakeMatch(reader));
  if (!reader.Complete()) return Corrupt(kWhat);
  return record;
}

std::string EncodeVerdictId(const VerdictId& id) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(kVersion);
  PutId(writer, id);
  return bytes;
}

Result<VerdictId> DecodeVerdictId(std::string_view bytes) {
  constexpr std::string_view kRequest = "request's verdict";
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, kVersion, kRequest));
  VerdictId id = TakeId(reader);
  if (!reader.Complete()) return Corrupt(kRequest);
  return id;
}

std::string EncodePresent() {
  return std::string(1, static_cast<char>(kVersion));
}

}  // namespace hashgate::casework
