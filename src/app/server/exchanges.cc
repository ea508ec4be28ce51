#include "app/server/exchanges.h"

#include "exchange/http/url.h"
#include "exchange/kinds/kinds.h"
#include "lists/validate.h"

namespace hashgate::app {
namespace {

exchange::GateLimits GatesOf(const Config::Exchange::Gates& gates) {
  const auto limit = [](std::int64_t percent, std::int64_t floor) {
    return exchange::GateLimits::Limit{static_cast<double>(percent), static_cast<std::uint64_t>(floor)};
  };
  return {.limits = {limit(gates.growth_percent, gates.growth_entries),
                     limit(gates.shrink_percent, gates.shrink_entries),
                     limit(gates.malformed_percent, gates.malformed_records), limit(0, gates.benign_entries),
                     limit(gates.degenerate_percent, gates.degenerate_entries)},
          .first_entries = static_cast<std::uint64_t>(gates.growth_first_entries)};
}

std::string SourceOf(const Config::Exchange& from) {
  std::string source = from.kind + " " + from.base_url;
  for (const std::string& member : from.only_members) source += " +" + member;
  for (const std::string& member : from.except_members) source += " -" + member;
  if (!from.privacy_group.empty()) source += " group " + from.privacy_group;
  return source;
}

exchange::ClientSettings ClientOf(const Config::Exchange& from) {
  return {.kind = from.kind,
          .base_url = from.base_url,
          .allow_plain_http = from.allow_plain_http,
          .credentials_file = from.credentials_file,
          .credentials_env = from.credentials_env,
          .ca_file = from.ca_file,
          .proxy = from.proxy,
          .only_members = {from.only_members.begin(), from.only_members.end()},
          .except_members = {from.except_members.begin(), from.except_members.end()},
          .privacy_group = from.privacy_group,
          .public_key_file = from.public_key_file};
}

}  // namespace

std::vector<std::string> ProblemsOf(const std::string& name, const Config::Exchange& exchange) {
  std::vector<std::string> problems;
  const std::string path = "exchanges." + name;
  if (const Status named = lists::ValidateExchangeName(name); !named)
    problems.push_back(named.error().message);
  if (exchange.kind.empty()) {
    problems.push_back(path + ".kind is required");
  } else if (const Status own = exchange::CheckClientSettings(ClientOf(exchange)); !own) {
    problems.push_back(path + "." + own.error().field + ": " + own.error().message);
  }
  const auto url = exchange::ParseBaseUrl(exchange.base_url);
  if (!url) problems.push_back(path + ".base_url: " + url.error().message);
  if (!exchange.credentials_file.empty() && !exchange.credentials_env.empty()) {
    problems.push_back(path + " has both credentials_file and credentials_env");
  }
  if (!exchange.only_members.empty() && !exchange.except_members.empty()) {
    problems.push_back(path + " has both only_members and except_members");
  }
  if (exchange.proxy.find('@') != std::string::npos) {
    problems.push_back(path + ".proxy must not hold a password, which would be printed");
  }
  if (exchange.environment != kProduction && exchange::IsKnownProduction(exchange.base_url)) {
    problems.push_back(path +
                       ".base_url is a production service: set environment: production if that is meant");
  }
  return problems;
}

std::string ListOf(const std::string& name, const Config::Exchange& exchange) {
  return exchange.list.empty() ? name : exchange.list;
}

std::vector<exchange::ExchangeSettings> ExchangesOf(const Config& config) {
  std::vector<exchange::ExchangeSettings> all;
  for (const auto& [name, from] : config.exchanges) {
    exchange::ExchangeSettings& out = all.emplace_back();
    out.name = name;
    out.kind = from.kind;
    out.list = ListOf(name, from);
    out.base_url = from.base_url;
    out.source = SourceOf(from);
    out.production = from.environment == kProduction;
    out.allow_export = from.allow_export;
    out.feedback = from.feedback;
    out.interval = std::chrono::seconds(from.interval_s);
    out.stale_after = std::chrono::seconds(from.stale_after_s);
    out.gates = GatesOf(from.gates);
    out.make_client = [settings = ClientOf(from)](exchange::Patience patience) {
      return exchange::NewExchangeClient(settings, patience);
    };
  }
  return all;
}

void CountSync(const exchange::ExchangeSettings& settings, const exchange::SyncRecord& record,
               obs::Metrics& metrics) {
  metrics.Count(obs::Metric::kExchangeSyncs,
                {{"exchange", settings.name}, {"outcome", exchange::SyncOutcomeName(record.outcome)}}, 1);
  const auto count = [&](std::string_view result, std::uint64_t records) {
    metrics.Count(obs::Metric::kExchangeRecords, {{"exchange", settings.name}, {"result", result}},
                  static_cast<double>(records));
  };
  count("added", record.counts.added);
  count("updated", record.counts.updated);
  count("removed", record.counts.removed);
  count("unchanged", record.counts.unchanged);
  count("quarantined", record.counts.quarantined);
}

}  // namespace hashgate::app
