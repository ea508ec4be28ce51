// The gates against pictures with too little structure that hashgate/hash.h does not name. Private to this
// module.
#pragma once

#include "hashgate/hash.h"

namespace hashgate {

/// REQUIRES: IsImgHash(algorithm), and a value of its length.
bool IsDegenerateImgHash(Algorithm algorithm, ByteSpan value);

}  // namespace hashgate
