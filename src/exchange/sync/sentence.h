// How an exchange does, in words.
#pragma once

#include <string>

#include "base/clock.h"
#include "exchange/sync/exchange_state.h"
#include "exchange/sync/runner.h"

namespace hashgate::exchange {

ExchangeHealth HealthOf(const StoredExchange& state);

/// When the list becomes stale unless a sync succeeds: `after` the last success, or after the first sync
/// began where there was none; never where there was no sync.
WallTime StaleFrom(const StoredExchange& state, std::chrono::seconds after);

/// "Failing since TIME (3 times): WHY. The list is as of TIME."
std::string SentenceOf(const StoredExchange& state, const ExchangeSettings& settings, WallTime now);

}  // namespace hashgate::exchange
