// What /metrics says of the state that parts of the server are in, rather than of what they did. Private to
// the server.
#pragma once

#include <span>

#include "decode/decoder_pool.h"
#include "exchange/sync/runner.h"
#include "lists/catalog.h"
#include "obs/metrics.h"

namespace hashgate::app {

void SetDecoderMetrics(const decode::PoolStats& stats, obs::Metrics& metrics);
/// Lists, their entries and brakes, and opinions.
void SetListMetrics(const lists::Generation& generation, obs::Metrics& metrics);
void SetExchangeMetrics(std::span<const exchange::ExchangeStatus> exchanges, obs::Metrics& metrics);

}  // namespace hashgate::app
