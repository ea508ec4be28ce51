// What clients that read page by page look after, whatever the exchange.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// The way from page to page of one delta, which must have an end. A page that comes twice changes nothing;
/// one that leads to itself would do so for ever. Threads: confined. Memory: 50 bytes a page.
class PageChain {
 public:
  explicit PageChain(std::size_t most_pages) : most_pages_(most_pages) {}
  /// Goes on to the page of that link or token. Errors: kExchangeProtocol where a page was gone to more than
  /// three times, or there are more pages than can be.
  Status Follow(std::string_view link);

 private:
  const std::size_t most_pages_;
  std::unordered_map<std::size_t, int> seen_;  // hashes of links, and how often they were given
};

/// Errors: kExchangeProtocol where this machine's clock is over an hour behind what was reached before.
Status CheckClock(std::chrono::sys_seconds now, std::chrono::sys_seconds reached);

}  // namespace hashgate::exchange
