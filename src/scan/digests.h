// Which digests of an upload are worth computing, and computing them after all where that turns out late.
#pragma once

#include <span>

#include "hash/core/digest_set.h"
#include "lists/catalog.h"
#include "scan/matcher.h"

namespace hashgate::scan {

/// Digests that some of the lists hold in that generation.
DigestKinds DigestsHeld(std::span<const lists::HashList* const> lists, const lists::Generation& generation);

/// Takes the digests that were computed over into `hashes`.
void SetDigests(const Digests& digests, FileHashes& hashes);

/// Computes `missing` of an upload's bytes, besides what `digests` has.
void AddDigests(DigestKinds missing, ByteSpan content, Digests& digests);

}  // namespace hashgate::scan
