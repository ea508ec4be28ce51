#include "app/server/state_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace hashgate::app {
namespace {

using obs::Metric;

void SetClassMetrics(const decode::ClassStats& own, obs::Metrics& metrics) {
  const std::string_view name = decode::WorkerClassName(own.worker_class);
  metrics.Set(Metric::kDecoderLock, static_cast<double>(own.lock), {{"class", name}});
  for (std::size_t i = 0; i < own.restarts.size(); ++i) {
    metrics.Set(Metric::kDecoderRestarts, static_cast<double>(own.restarts[i]),
                {{"class", name}, {"reason", decode::RestartName(static_cast<decode::Restart>(i))}});
  }
  metrics.Set(Metric::kDecoderRestarts, static_cast<double>(own.start_failures),
              {{"class", name}, {"reason", "start_failed"}});
}

}  // namespace

void SetDecoderMetrics(const decode::PoolStats& stats, obs::Metrics& metrics) {
  metrics.Set(Metric::kDecoderJobs, static_cast<double>(stats.jobs));
  metrics.Set(Metric::kDecoderFailures, static_cast<double>(stats.crashes), {{"kind", "crash"}});
  metrics.Set(Metric::kDecoderFailures, static_cast<double>(stats.timeouts), {{"kind", "timeout"}});
  metrics.Set(Metric::kDecoderFailures, static_cast<double>(stats.protocol_errors), {{"kind", "protocol"}});
  metrics.Set(Metric::kDecoderWorkers, stats.workers_alive, {{"state", "alive"}});
  metrics.Set(Metric::kDecoderWorkers, stats.workers_busy, {{"state", "busy"}});
  metrics.Set(Metric::kDecoderStarted, static_cast<double>(stats.started));
  for (const decode::ClassStats& own : stats.classes) SetClassMetrics(own, metrics);
}

void SetListMetrics(const lists::Generation& generation, obs::Metrics& metrics) {
  int enabled = 0;
  int disabled = 0;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) continue;
    ++(list.config.enabled ? enabled : disabled);
    metrics.Set(Metric::kEntries, static_cast<double>(list.entry_count), {{"list", list.config.name}});
    if (list.brake) {
      metrics.Set(Metric::kBrakes, 1, {{"list", list.config.name}});
    } else {
      metrics.Remove(Metric::kBrakes, {{"list", list.config.name}});
    }
  }
  for (int i = 1; i < lists::kOpinionKindCount; ++i) {
    const auto kind = static_cast<lists::OpinionKind>(i);
    std::string name(lists::Name(kind));
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    metrics.Set(Metric::kOpinions, static_cast<double>(generation.opinions->Count(kind)), {{"kind", name}});
  }
  metrics.Set(Metric::kLists, enabled, {{"state", "enabled"}});
  metrics.Set(Metric::kLists, disabled, {{"state", "disabled"}});
}

void SetExchangeMetrics(std::span<const exchange::ExchangeStatus> exchanges, obs::Metrics& metrics) {
  for (const exchange::ExchangeStatus& status : exchanges) {
    const std::string& name = status.settings->name;
    const bool well = status.health == exchange::ExchangeHealth::kWell;
    metrics.Set(Metric::kExchangeHealth, well ? 1 : 0, {{"exchange", name}});
    const WallTime last = status.stored.last_success;
    const std::chrono::duration<double> age = Clock::System().Wall() - last;
    metrics.Set(Metric::kExchangeAge, last == WallTime() ? -1 : age.count(), {{"exchange", name}});
  }
}

}  // namespace hashgate::app
