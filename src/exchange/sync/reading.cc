#include "exchange/sync/reading.h"

#include <functional>

namespace hashgate::exchange {
namespace {

constexpr int kMostRepeats = 3;
constexpr std::chrono::hours kClockSlack{1};

}  // namespace

Status PageChain::Follow(std::string_view link) {
  if (++seen_[std::hash<std::string_view>()(link)] > kMostRepeats || seen_.size() > most_pages_) {
    return Fail(Reason::kExchangeProtocol, "the server's pages have no end");
  }
  return {};
}

Status CheckClock(std::chrono::sys_seconds now, std::chrono::sys_seconds reached) {
  if (now + kClockSlack >= reached) return {};
  return Fail(Reason::kExchangeProtocol,
              "this machine's clock is behind the last sync, which reached " + FormatTime(reached));
}

}  // namespace hashgate::exchange
