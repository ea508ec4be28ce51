// One answer to `FetchHashes`. Source: github.com/facebook/ThreatExchange (python-threatexchange, stopncii,
// commit baefb4ed); StopNCII publishes no description.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

struct HashesPage {
  /// Withdrawn where the hash's status says so. Source ids are digests of the hashes: there is nothing else
  /// that names them.
  std::vector<lists::ImportRecord> records;
  std::uint64_t left_out = 0;  ///< records of kinds that are not matched
  bool has_more = false;
  std::string next_token;               ///< where has_more
  std::chrono::sys_seconds next_set{};  ///< where the next reading begins, if this page is the last
};

/// A record that cannot be read is a problem and costs itself only. Errors: kExchangeProtocol where the text
/// is not JSON, breaks off, nests too deep, holds other numbers of records than it says or more than a page
/// has, or does not say how to go on.
Result<HashesPage> ParseHashesPage(std::string_view text);

/// The source id of the entry of an image's PDQ hash.
std::string StopNciiSourceId(const HashValue& hash);

}  // namespace hashgate::exchange
