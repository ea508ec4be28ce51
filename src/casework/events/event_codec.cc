#include "casework/events/event_codec.h"

#include "casework/record_bytes.h"

namespace hashgate::casework {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kWhat = "event";

void Put(ByteWriter& writer, const VerdictReversed& reversed) {
  PutText(writer, reversed.scan_id);
  PutText(writer, reversed.content_id);
  PutText(writer, reversed.request_id);
  PutTime(writer, reversed.given);
  PutEnum(writer, reversed.from);
  PutEnum(writer, reversed.to);
  PutText(writer, reversed.list);
  writer.Little(reversed.entry);
  PutText(writer, reversed.author);
  PutText(writer, reversed.reason);
}

void Put(ByteWriter& writer, const ListAlarm& alarm) {
  PutText(writer, alarm.list);
  writer.Little(alarm.entry);
  PutText(writer, alarm.alarm);
  PutText(writer, alarm.detail);
}

VerdictReversed TakeVerdictReversed(ByteReader& reader) {
  VerdictReversed reversed;
  reversed.scan_id = TakeText(reader);
  reversed.content_id = TakeText(reader);
  reversed.request_id = TakeText(reader);
  reversed.given = TakeTime(reader);
  reversed.from = TakeVerdict(reader);
  reversed.to = TakeVerdict(reader);
  reversed.list = TakeText(reader);
  reversed.entry = reader.Little<lists::EntryId>();
  reversed.author = TakeText(reader);
  reversed.reason = TakeText(reader);
  return reversed;
}

ListAlarm TakeListAlarm(ByteReader& reader) {
  ListAlarm alarm;
  alarm.list = TakeText(reader);
  alarm.entry = reader.Little<lists::EntryId>();
  alarm.alarm = TakeText(reader);
  alarm.detail = TakeText(reader);
  return alarm;
}

}  // namespace

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kVerdictReversed: return "VERDICT_REVERSED";
    case EventKind::kListAlarm: return "LIST_ALARM";
  }
  return "UNSPECIFIED";
}

std::string EventKey(Sequence sequence) {
  std::string key(kEventPrefix);
  ByteWriter(key).Big(sequence);
  return key;
}

Result<Sequence> ParseEventKey(std::string_view key) {
  ByteReader reader(key);
  reader.Require(reader.Raw(kEventPrefix.size()) == kEventPrefix);
  const auto sequence = reader.Big<Sequence>();
  if (!reader.Complete()) return Corrupt("event's key");
  return sequence;
}

std::string EncodeNextSequence(Sequence next) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(kVersion);
  writer.Little(next);
  return bytes;
}

Result<Sequence> DecodeNextSequence(std::string_view bytes) {
  constexpr std::string_view kNumber = "number of the next event";
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, kVersion, kNumber));
  const auto next = reader.Little<Sequence>();
  if (!reader.Complete() || next == 0) return Corrupt(kNumber);
  return next;
}

std::string EncodeEvent(const Event& event) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(kVersion);
  PutEnum(writer, event.kind());
  PutTime(writer, event.time);
  PutText(writer, event.tenant);
  std::visit([&writer](const auto& what) { Put(writer, what); }, event.what);
  return bytes;
}

Result<Event> DecodeEvent(std::string_view bytes) {
  ByteReader reader(bytes);
  HASHGATE_RETURN_IF_ERROR(TakeVersion(reader, kVersion, kWhat));
  const auto kind = TakeEnum(reader, EventKind::kVerdictReversed, EventKind::kListAlarm);
  Event event;
  event.time = TakeTime(reader);
  event.tenant = TakeText(reader);
  switch (kind) {
    case EventKind::kVerdictReversed: event.what = TakeVerdictReversed(reader); break;
    case EventKind::kListAlarm: event.what = TakeListAlarm(reader); break;
  }
  if (!reader.Complete()) return Corrupt(kWhat);
  return event;
}

}  // namespace hashgate::casework
