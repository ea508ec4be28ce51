// What has to be computed of an upload so that the lists can be asked about it.
#pragma once

#include <span>

#include "decode/decoder_pool.h"
#include "lists/catalog.h"

namespace hashgate::scan {

/// What a decoder has to compute for `lists` of `generation`. nn512 only where one of them holds a PDQ hash
/// of that pipeline or of an unknown one: it costs 1 to 3 ms more. Vectors only of algorithms that one of
/// them holds, and that are of img_hash or made by one of `makers`. Cost: one look at each list.
decode::Wanted WantedFor(const lists::Generation& generation, std::span<const lists::HashList* const> lists,
                         std::span<const decode::VectorMaker> makers);

/// Whether the list holds PDQ hashes that an nn512 hash has to be compared with.
bool NeedsNn512(const lists::Generation& generation, const lists::HashList& list);

}  // namespace hashgate::scan
