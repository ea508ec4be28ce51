// Any bytes as any stored record: refused, or read and written back to the same bytes. The first byte chooses
// the record.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lists/record_codec.h"

namespace {

using namespace hashgate::lists;  // NOLINT: the whole codec is under test

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckEntry(std::string_view bytes) {
  const auto entry = DecodeEntry(bytes);
  if (!entry) return;
  const std::string body = EncodeEntryBody(entry->ToRecord());
  Require(EncodeEntry(entry->head, body) == bytes);
}

void CheckList(std::string_view bytes) {
  const auto list = DecodeList(7, bytes);
  if (!list) return;
  // Distances are stored in order; bytes in another order read to the same list but are not what is written.
  const std::string again = EncodeList(*list);
  const auto read_again = DecodeList(7, again);
  Require(read_again.has_value() && EncodeList(*read_again) == again);
}

template <typename Decode, typename Encode>
void CheckExact(std::string_view bytes, Decode decode, Encode encode) {
  const auto record = decode(bytes);
  if (record) Require(encode(*record) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: CheckEntry(bytes); break;
    case 1: CheckList(bytes); break;
    case 2: CheckExact(bytes, DecodeState, EncodeState); break;
    case 3: CheckExact(bytes, DecodeSecret, EncodeSecret); break;
    case 4: CheckExact(bytes, DecodeIdentity, EncodeIdentity); break;
    case 5: CheckExact(bytes, DecodeQuarantined, EncodeQuarantined); break;
    case 6: CheckExact(bytes, DecodeRemoval, EncodeRemoval); break;
    default:
      static_cast<void>(ParseEntryKey(bytes));
      static_cast<void>(ParseListKey(bytes));
      static_cast<void>(ParseRemovalKey(bytes));
  }
  return 0;
}
