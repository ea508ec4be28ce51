// Which hashes plug-ins may make.
#pragma once

#include "hashgate/hash.h"

namespace hashgate {

/// True for the algorithms whose hashes are compared and that a plug-in may make: PhotoDNA.
inline bool IsMadeByPlugins(Algorithm algorithm) {
  return algorithm == Algorithm::kPhotoDna;
}

}  // namespace hashgate
