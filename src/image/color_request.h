// What a file asks viewers to do with its colours. Decoding passes all of it over.
#pragma once

#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::image {

/// True where the file asks for a change of colours that may be far from showing its samples as sRGB: an
/// unusual profile (color_profile.h), gamma or primaries, or one that cannot be read. Where a file says the
/// same in several ways each must be usual, for viewers differ in which one they take. Profiles of more than
/// `max_profile_bytes` are not read and count as unusual; RGB ones of phones and editors have 0.4 to 4 KiB.
/// `bytes` have the format's magic. Cost: one walk over the file's chunks and `max_profile_bytes`; allocates
/// that much at most.
bool AsksForUnusualColors(decode::Format format, ByteSpan bytes, std::size_t max_profile_bytes);

}  // namespace hashgate::image
