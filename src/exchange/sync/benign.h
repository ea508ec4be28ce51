// Hashes of pictures that anybody has: what a list must not hold, for it would accuse everybody.
#pragma once

#include "hashgate/hash.h"

namespace hashgate::exchange {

/// Whether a hash stands for something known to be harmless: a digest of the empty file or of the smallest
/// tracking pixel, or a PDQ hash within `max_distance_bits` of one of the generated pictures of
/// tools/benign-corpus in any of its eight turned forms. Threads: thread-safe. Cost: about a
/// microsecond for a PDQ hash.
bool IsBenign(const HashValue& hash, int max_distance_bits);

/// Pictures in the corpus.
std::size_t BenignPictureCount();

}  // namespace hashgate::exchange
