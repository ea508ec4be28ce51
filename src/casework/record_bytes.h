// What the records of this module have in common. Private to it.
#pragma once

#include <string>
#include <string_view>

#include "base/byte_codec.h"
#include "base/clock.h"
#include "hashgate/error.h"
#include "hashgate/verdict.h"

namespace hashgate::casework {

inline std::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(Reason::kStoreCorrupt, "a stored " + std::string(what) +
                                         " does not decode: the data folder is damaged, restore a backup");
}

/// Takes the first byte, the record's version, where it is `known`.
inline Status TakeVersion(ByteReader& reader, std::uint8_t known, std::string_view what) {
  const auto version = reader.Little<std::uint8_t>();
  if (!reader.ok() || version == 0) return Corrupt(what);
  if (version <= known) return {};
  return Fail(Reason::kSchemaTooNew, "a stored " + std::string(what) + " has record version " +
                                         std::to_string(version) +
                                         ", which this build does not know: start the newer version again");
}

template <typename Enum>
void PutEnum(ByteWriter& writer, Enum value) {
  writer.Little(static_cast<std::uint8_t>(value));
}

/// A value from `first` to `last`; anything else marks the bytes as wrong.
template <typename Enum>
Enum TakeEnum(ByteReader& reader, Enum first, Enum last) {
  const auto number = reader.Little<std::uint8_t>();
  const bool known = number >= static_cast<std::uint8_t>(first) && number <= static_cast<std::uint8_t>(last);
  reader.Require(known);
  return known ? static_cast<Enum>(number) : first;
}

inline Verdict TakeVerdict(ByteReader& reader) {
  return TakeEnum(reader, Verdict::kAllow, Verdict::kBlockAndReport);
}

inline void PutText(ByteWriter& writer, std::string_view text) {
  writer.Text<std::uint16_t>(text);
}

inline std::string TakeText(ByteReader& reader) {
  constexpr std::size_t kMax = 65'535;
  return std::string(reader.Text<std::uint16_t>(kMax));
}

inline void PutTime(ByteWriter& writer, WallTime time) {
  writer.Little(ToUnixMillis(time));
}

inline WallTime TakeTime(ByteReader& reader) {
  return FromUnixMillis(reader.Little<std::int64_t>());
}

}  // namespace hashgate::casework
