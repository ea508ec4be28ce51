#include "exchange/kinds/kinds.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "exchange/http/http_client.h"
#include "exchange/http/url.h"
#include "exchange/ncmec/ncmec_client.h"

namespace hashgate::exchange {
namespace {

constexpr std::chrono::milliseconds kTestTimeout{10'000};
constexpr std::size_t kMaxCredentialBytes = 4'096;
/// A page of 1,000 entries has about one MiB.
constexpr std::size_t kMostNcmecPageBytes = std::size_t{8} << 20;

struct Credentials {
  std::string username;
  std::string password;
};

Result<std::string> ReadCredentials(const ClientSettings& settings) {
  if (!settings.credentials_env.empty()) {
    const char* const value = std::getenv(settings.credentials_env.c_str());
    if (value == nullptr || *value == '\0') {
      return Fail(Reason::kFileUnreadable,
                  "the variable " + settings.credentials_env + " with the exchange's credentials is not set",
                  "credentials_env");
    }
    return std::string(value);
  }
  if (settings.credentials_file.empty()) return std::string();
  std::ifstream file(settings.credentials_file, std::ios::binary);
  std::string line;
  if (!std::getline(file, line) || line.size() > kMaxCredentialBytes) {
    return Fail(Reason::kFileUnreadable,
                "cannot read the exchange's credentials from " + settings.credentials_file,
                "credentials_file");
  }
  while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
  return line;
}

Result<Credentials> ReadUserAndPassword(const ClientSettings& settings) {
  HASHGATE_ASSIGN_OR_RETURN(const std::string text, ReadCredentials(settings));
  if (text.empty()) return Credentials{};
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos) {
    return Fail(Reason::kConfigInvalid, "the exchange's credentials are not of the form USER:PASSWORD",
                "credentials_file");
  }
  return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

HttpOptions HttpOf(const ClientSettings& settings, Patience patience) {
  HttpOptions http;
  http.base_url = settings.base_url;
  http.allow_plain_http = settings.allow_plain_http;
  http.ca_file = settings.ca_file;
  http.proxy = settings.proxy;
  http.clock = settings.clock;
  if (patience == Patience::kTest) {
    http.attempts = 1;
    http.connect_timeout = kTestTimeout / 2;
    http.request_timeout = kTestTimeout;
  }
  return http;
}

Result<std::unique_ptr<ExchangeClient>> NewNcmec(const ClientSettings& settings, Patience patience) {
  HttpOptions http = HttpOf(settings, patience);
  http.max_response_bytes = kMostNcmecPageBytes;
  HASHGATE_ASSIGN_OR_RETURN(Credentials credentials, ReadUserAndPassword(settings));
  http.username = std::move(credentials.username);
  http.password = std::move(credentials.password);
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewNcmecClient(std::move(client), {.only_members = settings.only_members,
                                            .except_members = settings.except_members,
                                            .clock = settings.clock});
}

struct Kind {
  std::string_view name;
  Result<std::unique_ptr<ExchangeClient>> (*make)(const ClientSettings&, Patience);
};
constexpr Kind kKinds[] = {{"ncmec", NewNcmec}};
constexpr std::string_view kKindNames[] = {kKinds[0].name};
static_assert(std::size(kKindNames) == std::size(kKinds));

// Source: NCMEC's Hash Sharing documentation, by python-threatexchange's client.
constexpr std::string_view kProductionHosts[] = {"report.cybertip.org", "lesp.ncmec.org",
                                                 "hashsharing.ncmec.org"};

}  // namespace

std::span<const std::string_view> ExchangeKinds() {
  return kKindNames;
}

Result<std::unique_ptr<ExchangeClient>> NewExchangeClient(const ClientSettings& settings, Patience patience) {
  for (const Kind& kind : kKinds) {
    if (kind.name == settings.kind) return kind.make(settings, patience);
  }
  return Fail(Reason::kConfigInvalid, "there is no kind of exchange of that name", "kind");
}

bool IsKnownProduction(std::string_view base_url) {
  const Result<BaseUrl> url = ParseBaseUrl(base_url);
  if (!url) return false;
  std::string host = url->host;
  for (char& c : host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  while (host.ends_with('.')) host.pop_back();
  return std::ranges::find(kProductionHosts, host) != std::end(kProductionHosts);
}

}  // namespace hashgate::exchange
