// One entry or tombstone of NCMEC's hash sharing API v2, as its answers and saved files hold it. Private to
// the exchange modules. Source: the fixtures of github.com/facebook/ThreatExchange (python-threatexchange,
// ncmec) and NCMEC's public documentation.
#pragma once

#include <cstdint>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "lists/catalog.h"

namespace hashgate::exchange {

/// The local names of entries and tombstones.
inline constexpr std::string_view kNcmecElements[] = {"image", "video", "deletedImage", "deletedVideo"};

struct NcmecElement {
  std::string member;  ///< id of the member that submitted it; may be empty
  /// Withdrawn for tombstones, and for entries of which nothing can be matched any more.
  lists::ImportRecord record;
  std::uint64_t values_left_out = 0;   ///< fingerprints of kinds that are not matched, and malformed ones
  std::uint64_t malformed_values = 0;  ///< of these
};

/// Children are found by local name, in any order; unknown ones are passed over. A malformed fingerprint
/// costs itself only, unless nothing else is left of the entry: then the record is a problem.
NcmecElement ReadNcmecElement(const pugi::xml_node& element, std::uint64_t line);

/// The first child with that local name.
pugi::xml_node ChildNamed(const pugi::xml_node& node, std::string_view local_name);

}  // namespace hashgate::exchange
