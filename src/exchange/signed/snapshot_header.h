// What a signed snapshot says of itself.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "hashgate/verdict.h"

namespace hashgate::exchange {

struct SnapshotHeader {
  std::string list;    ///< its name where it was written
  std::string source;  ///< who supplied the list
  Purpose purpose = Purpose::kUnspecified;
  std::uint64_t sequence = 0;  ///< rises from one snapshot of a list to the next
  WallTime created{};
  WallTime expires{};  ///< from then on it is not to be used; the epoch: it is good for ever

  bool operator==(const SnapshotHeader&) const = default;
};

}  // namespace hashgate::exchange
