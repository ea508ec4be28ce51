// Any bytes as any stored record of casework: refused, or read and written back to what reads the same. The
// first byte chooses the record.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <variant>

#include "base/clock.h"
#include "casework/events/event_codec.h"
#include "casework/verdicts/verdict_codec.h"

namespace {

using namespace hashgate::casework;  // NOLINT: both codecs are under test

void Require(bool holds) {
  if (!holds) std::abort();
}

template <typename Decode, typename Encode>
void CheckExact(std::string_view bytes, Decode decode, Encode encode) {
  const auto record = decode(bytes);
  if (record) Require(encode(*record) == bytes);
}

// A time that no clock has was moved to the nearest that one has.
bool IsAtTheEdge(hashgate::WallTime time) {
  using Limits = std::numeric_limits<std::int64_t>;
  return time == hashgate::FromUnixMillis(Limits::min()) || time == hashgate::FromUnixMillis(Limits::max());
}

// Only where times were moved the bytes may differ.
template <typename Record, typename Decode, typename Encode>
void CheckTimed(std::string_view bytes, const Record& record, bool moved, Decode decode, Encode encode) {
  const std::string again = encode(record);
  Require(again.size() == bytes.size() && (moved || again == bytes));
  const auto read_again = decode(again);
  Require(read_again && *read_again == record);
}

void CheckEvent(std::string_view bytes) {
  const auto event = DecodeEvent(bytes);
  if (!event) return;
  const auto* const reversed = std::get_if<VerdictReversed>(&event->what);
  const bool moved = IsAtTheEdge(event->time) || (reversed != nullptr && IsAtTheEdge(reversed->given));
  CheckTimed(bytes, *event, moved, DecodeEvent, EncodeEvent);
}

void CheckVerdict(std::string_view bytes) {
  const VerdictId id{"tenant", std::string(kScanIdBytes, '0')};
  const auto decode = [&](std::string_view in) { return DecodeVerdict(id, in); };
  const auto verdict = decode(bytes);
  if (verdict) CheckTimed(bytes, *verdict, IsAtTheEdge(verdict->time), decode, EncodeVerdict);
}

void CheckVerdictEntryKey(std::string_view key) {
  const auto id = ParseVerdictEntryKey(key);
  if (!id) return;
  // What stands before the id is the entry's, which the key does not lead back to.
  constexpr std::size_t kEntryBytes = 12;
  Require(VerdictEntryKey({}, *id).substr(kEntryBytes) == key.substr(kEntryBytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: CheckEvent(bytes); break;
    case 1: CheckVerdict(bytes); break;
    case 2: CheckExact(bytes, DecodeNextSequence, EncodeNextSequence); break;
    case 3: CheckExact(bytes, DecodeVerdictId, EncodeVerdictId); break;
    case 4: CheckExact(bytes, ParseEventKey, EventKey); break;
    case 5: CheckExact(bytes, ParseVerdictKey, VerdictKey); break;
    case 6: CheckVerdictEntryKey(bytes); break;
    default:
      CheckExact(bytes, ParseListNameKey,
                 [](const auto& named) { return ListNameKey(named.first, named.second); });
  }
  return 0;
}
