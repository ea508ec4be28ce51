#include "hashgate/version.h"

namespace hashgate {
std::string_view EngineVersion() {
  return HASHGATE_VERSION;
}
}  // namespace hashgate
