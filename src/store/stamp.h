// The schema stamp: the first thing read of a data folder, and the only value that no sealer touches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hashgate/error.h"

namespace hashgate::store {

/// What a store says of itself. On disk: see FORMAT.md.
struct Stamp {
  std::uint32_t schema = 0;
  std::string sealer;    ///< Sealer::Name() of the sealer that sealed the values; at most 64 bytes
  std::string store_id;  ///< 32 hex digits, made at random
};

/// Where the stamp stands: in RocksDB's family "default", which holds nothing else.
inline constexpr std::string_view kStampKey = "hashgate.stamp";

std::string EncodeStamp(const Stamp& stamp);

/// Reads a stamp. A newer schema's stamp may be longer: its number is still read. Errors: kSchemaUnknown
/// where the bytes are no stamp.
Result<Stamp> DecodeStamp(std::string_view bytes);

/// Whether this build may open a store with this stamp. Errors: kSchemaTooNew, kSchemaUnknown, kConfigInvalid
/// (sealed by another sealer); each names `path` and says what to do.
Status CheckStamp(const Stamp& stamp, std::string_view sealer, std::string_view path);

}  // namespace hashgate::store
