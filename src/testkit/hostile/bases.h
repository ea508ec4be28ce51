// Sound files that damage starts from: small, of every format and mode the generator writes.
#pragma once

#include <string>
#include <vector>

#include "testkit/encode.h"

namespace hashgate::testkit::hostile {

struct Base {
  std::string name;  ///< format first: "png-interlaced"
  Bytes bytes;
  /// Pixels in the order they are stored, so that a file cut in its middle lacks some for certain.
  bool linear = false;
};

/// Sides from 40 to 120 px, 0.2 to 30 KiB. Errors: kInvariantBroken where a codec refuses.
Result<std::vector<Base>> MakeBases(std::uint64_t seed);

}  // namespace hashgate::testkit::hostile
