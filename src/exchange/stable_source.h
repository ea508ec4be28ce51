// A file that is read twice must hold the same bytes both times, or what was checked is not what is used.
#pragma once

#include <memory>

#include "exchange/byte_source.h"

namespace hashgate::exchange {

/// Hands out what `source` holds. After Rewind every byte is compared, by the SHA-256 of its block of 1 MiB,
/// with the first reading before it is handed out: bytes that changed meanwhile are never seen, and give
/// kFileUnreadable. Read it to its end before the first Rewind.
/// Memory: one block, and 32 bytes for each.
std::unique_ptr<ByteSource> NewStableSource(std::unique_ptr<ByteSource> source);

}  // namespace hashgate::exchange
