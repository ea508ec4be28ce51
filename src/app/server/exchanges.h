// Exchanges as the configuration names them.
#pragma once

#include <string>
#include <vector>

#include "app/server/config.h"
#include "exchange/sync/runner.h"
#include "obs/metrics.h"

namespace hashgate::app {

/// What is wrong with an exchange's keys taken together, a sentence each.
std::vector<std::string> ProblemsOf(const std::string& name, const Config::Exchange& exchange);

/// The list that it feeds.
std::string ListOf(const std::string& name, const Config::Exchange& exchange);

/// Counts a sync that ended.
void CountSync(const exchange::ExchangeSettings& settings, const exchange::SyncRecord& record,
               obs::Metrics& metrics);

/// For the runner, in the order of their names.
std::vector<exchange::ExchangeSettings> ExchangesOf(const Config& config);

}  // namespace hashgate::app
