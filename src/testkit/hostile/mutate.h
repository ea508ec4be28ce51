// Damages files as an attacker or a broken disk would.
#pragma once

#include <span>

#include "testkit/encode.h"
#include "testkit/random_source.h"

namespace hashgate::testkit::hostile {

/// A copy of `base` with one to six changes: bits, numbers at the edge, cuts, splices, words of the format's
/// dictionary, and chunks, segments or boxes that are swapped, repeated, dropped, moved, taken from another
/// file or given another length. Checksums and outer lengths are made right again in most, so that decoders
/// get past them. `others` are whole files to take parts from; not empty. At most 4 times the base and 64
/// KiB. Cost: about 10 us for each KiB.
Bytes Mutate(ByteSpan base, std::span<const Bytes> others, RandomSource& random);

}  // namespace hashgate::testkit::hostile
