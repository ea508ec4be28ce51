// What can be said of a file's hashes by themselves.
#pragma once

#include <array>
#include <cstdint>

#include "scan/matcher.h"

namespace hashgate::scan {

/// Best PDQ quality of all views, 0..100; -1 where there is no PDQ hash. Hashes from elsewhere may come
/// without a quality; nothing speaks against them, so they count as 100.
int BestQuality(const FileHashes& hashes);

/// True where a view has a full hash and no nn512 one.
bool LacksNn512(const FileHashes& hashes);

/// Names the hashes, for the idempotency of hash look-ups: the same hashes, the same bytes.
std::array<std::uint8_t, 32> DigestOf(const FileHashes& file);

}  // namespace hashgate::scan
