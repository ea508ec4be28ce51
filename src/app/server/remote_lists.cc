#include "app/server/remote_lists.h"

#include "base/log.h"
#include "exchange/http/url.h"
#include "exchange/kinds/kinds.h"
#include "lists/validate.h"
#include "rpc/status_service.h"

namespace hashgate::app {
namespace {

exchange::ClientSettings ClientOf(const Config::RemoteList& from) {
  exchange::ClientSettings client;
  client.kind = from.kind;
  client.base_url = from.base_url;
  client.allow_plain_http = from.allow_plain_http;
  client.credentials_file = from.credentials_file;
  client.credentials_env = from.credentials_env;
  client.ca_file = from.ca_file;
  client.proxy = from.proxy;
  return client;
}

bool IsAsked(const exchange::RemoteHealth& health) {
  return health.state == exchange::CircuitBreaker::State::kClosed;
}

// For a person.
std::string SentenceOf(const exchange::RemoteHealth& health) {
  using State = exchange::CircuitBreaker::State;
  std::string sentence;
  if (health.state == State::kOpen && health.open_for.count() > 0) {
    sentence = "not asked for another " + std::to_string((health.open_for.count() + 999) / 1'000) + " s";
  } else if (health.state != State::kClosed) {
    sentence = "tried again with the next picture";
  } else {
    sentence = health.last_answer ? "answers" : "not asked yet";
  }
  if (health.last_answer) sentence += "; answered last at " + FormatTime(*health.last_answer);
  if (!health.last_error.empty()) sentence += "; failed: " + health.last_error;
  return sentence + "; " + std::to_string(health.cached) + " answers are remembered";
}

}  // namespace

std::vector<std::string> ProblemsOf(const std::string& name, const Config::RemoteList& remote) {
  std::vector<std::string> problems;
  const std::string path = "remote_lists." + name;
  if (!lists::ValidateExchangeName(name)) {
    problems.push_back(
        path + ": a remote list's name is 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit");
  }
  if (remote.kind.empty()) problems.push_back(path + ".kind is required");
  const auto url = exchange::ParseBaseUrl(remote.base_url);
  if (!url) problems.push_back(path + ".base_url: " + url.error().message);
  if (!remote.credentials_file.empty() && !remote.credentials_env.empty()) {
    problems.push_back(path + " has both credentials_file and credentials_env");
  }
  if (remote.proxy.find('@') != std::string::npos) {
    problems.push_back(path + ".proxy must not hold a password, which would be printed");
  }
  if (remote.environment != kProduction && exchange::IsKnownProduction(remote.base_url)) {
    problems.push_back(path +
                       ".base_url is a production service: set environment: production if that is meant");
  }
  return problems;
}

RemoteLists StartRemoteLists(const Config& config, std::span<const std::uint8_t> key, obs::Metrics* metrics) {
  RemoteLists lists;
  for (const auto& [name, from] : config.remote_lists) {
    if (from.environment == kProduction) {
      log::Warning("remote_list_production", "a remote list is asked at its production service",
                   {{"list", name}, {"base_url", from.base_url}});
    }
    const std::chrono::milliseconds timeout(from.timeout_ms);
    exchange::RemoteListOptions options;
    options.facts = {.name = name, .kind = from.kind};
    // The choices are checked where the configuration is read.
    if (const auto purpose = ParseHarmClass(from.purpose)) options.facts.purpose = *purpose;
    if (const auto trust = ParseTrust(from.trust)) options.facts.trust = *trust;
    if (const auto ceiling = ParseVerdict(from.action_ceiling)) options.facts.action_ceiling = *ceiling;
    options.facts.min_quality = static_cast<int>(from.min_quality);
    options.make_client = [settings = ClientOf(from), timeout] {
      return exchange::NewRemoteClient(settings, timeout);
    };
    options.timeout = timeout;
    options.batch_hashes = static_cast<std::size_t>(from.batch_hashes);
    options.cache_entries = static_cast<std::size_t>(from.cache_entries);
    options.cache_for = std::chrono::seconds(from.cache_s);
    options.breaker = {.failures = static_cast<int>(from.breaker_failures),
                       .pause = std::chrono::seconds(from.breaker_pause_s)};
    options.max_in_flight = static_cast<int>(from.max_in_flight);
    options.key = key;
    options.metrics = metrics;
    lists.push_back(exchange::RemoteList::Start(std::move(options)));
  }
  return lists;
}

std::vector<exchange::RemoteList*> PointersTo(const RemoteLists& lists) {
  std::vector<exchange::RemoteList*> pointers;
  for (const auto& list : lists) pointers.push_back(list.get());
  return pointers;
}

void SetRemoteMetrics(const RemoteLists& lists, obs::Metrics& metrics) {
  for (const auto& list : lists) {
    metrics.Set(obs::Metric::kRemoteUp, IsAsked(list->Health()) ? 1 : 0, {{"list", list->facts().name}});
  }
}

void FillRemoteLists(const RemoteLists& lists, v1::GetStatusResponse& response) {
  if (lists.empty()) return;
  std::string names;
  for (const auto& list : lists) {
    const exchange::RemoteHealth health = list->Health();
    auto& out = *response.add_remote_lists();
    out.set_name(list->facts().name);
    out.set_kind(list->facts().kind);
    out.set_ok(IsAsked(health));
    out.set_detail(SentenceOf(health));
    names += (names.empty() ? "" : ", ") + list->facts().name;
  }
  if (response.protection() == v1::PROTECTION_NONE) {
    response.set_protection_sentence("Edited copies only, by remote lists: " + names + ". " +
                                     (rpc::HasEntries(response) ? response.protection_sentence()
                                                                : "No enabled list here holds an entry."));
  } else {
    *response.mutable_protection_sentence() += " Remote lists are asked as well: " + names + ".";
  }
  response.set_protection(v1::PROTECTION_PERCEPTUAL);
}

}  // namespace hashgate::app
