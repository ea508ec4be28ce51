// Any bytes as any stored record of casework: refused, or read and written back to what reads the same. The
// first byte chooses the record.
#include <cstdint>
#include <cstdlib>
#include <string>

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

// Times that no clock has are moved to the nearest that one has, so the bytes may differ. Nothing else does.
template <typename Decode, typename Encode>
void CheckTimed(std::string_view bytes, Decode decode, Encode encode) {
  const auto record = decode(bytes);
  if (!record) return;
  const std::string again = encode(*record);
  Require(again.size() == bytes.size());
  const auto read_again = decode(again);
  Require(read_again && *read_again == *record && encode(*read_again) == again);
}

void CheckVerdict(std::string_view bytes) {
  const VerdictId id{"tenant", std::string(kScanIdBytes, '0')};
  CheckTimed(bytes, [&](std::string_view in) { return DecodeVerdict(id, in); }, EncodeVerdict);
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
    case 0: CheckTimed(bytes, DecodeEvent, EncodeEvent); break;
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
