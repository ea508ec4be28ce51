// What AVIF and HEIC share of a file's further pictures.
#pragma once

#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::image {

/// DecodeHeifFurther (heif.h) of a file whose items are `counted` pictures of its frames_total: no more of
/// frames_seen are made of them.
void LookAtHeifPictures(ByteSpan bytes, std::uint32_t counted, const decode::Wanted& wanted,
                        const decode::Limits& limits, decode::DecodeResult& result);

}  // namespace hashgate::image
