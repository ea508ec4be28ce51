#include "exchange/kinds/kinds.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "exchange/feed/feed_client.h"
#include "exchange/http/http_client.h"
#include "exchange/http/url.h"
#include "exchange/ncmec/ncmec_client.h"
#include "exchange/shield/shield_client.h"
#include "exchange/stopncii/stopncii_client.h"
#include "exchange/threatexchange/threatexchange_client.h"

namespace hashgate::exchange {
namespace {

constexpr std::chrono::milliseconds kTestTimeout{10'000};
constexpr std::size_t kMaxCredentialBytes = 4'096;
/// A page of 1,000 entries of NCMEC's has about one MiB, and one of 500 updates of ThreatExchange's, too.
constexpr std::size_t kMostPageBytes = std::size_t{8} << 20;
/// A part of a feed ends soon behind half of it.
constexpr std::size_t kMostFeedFileBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxKeyBytes = 16'384;
constexpr std::string_view kStopNciiForm = "FETCHKEY:SUBSCRIPTIONKEY or FETCHKEY:SUBSCRIPTIONKEY:FEEDBACKKEY";
constexpr std::chrono::milliseconds kMostRemoteTime{5'000};
/// What is said of one hash has a few hundred bytes.
constexpr std::size_t kMostRemoteBytes = std::size_t{1} << 20;
constexpr std::string_view kRemoteKinds[] = {"arachnid_shield"};

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

Result<Credentials> ReadPair(const ClientSettings& settings, std::string_view form) {
  HASHGATE_ASSIGN_OR_RETURN(const std::string text, ReadCredentials(settings));
  if (text.empty()) return Credentials{};
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos) {
    return Fail(Reason::kConfigInvalid, "the exchange's credentials are not of the form " + std::string(form),
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
  http.max_response_bytes = kMostPageBytes;
  HASHGATE_ASSIGN_OR_RETURN(Credentials credentials, ReadPair(settings, "USER:PASSWORD"));
  http.username = std::move(credentials.username);
  http.password = std::move(credentials.password);
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewNcmecClient(std::move(client), {.only_members = settings.only_members,
                                            .except_members = settings.except_members,
                                            .clock = settings.clock});
}

Result<std::unique_ptr<ExchangeClient>> NewThreatExchange(const ClientSettings& settings, Patience patience) {
  HttpOptions http = HttpOf(settings, patience);
  http.max_response_bytes = kMostPageBytes;
  http.asked_too_often = AskedTooOften;
  HASHGATE_ASSIGN_OR_RETURN(std::string token, ReadCredentials(settings));
  if (token.empty()) {
    return Fail(Reason::kConfigInvalid, "an access token is required, as the exchange's credentials",
                "credentials_file");
  }
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewThreatExchangeClient(std::move(client), {.base_url = settings.base_url,
                                                     .privacy_group = settings.privacy_group,
                                                     .access_token = std::move(token),
                                                     .clock = settings.clock});
}

Result<std::unique_ptr<ExchangeClient>> NewStopNcii(const ClientSettings& settings, Patience patience) {
  HttpOptions http = HttpOf(settings, patience);
  http.max_response_bytes = kMostPageBytes;
  HASHGATE_ASSIGN_OR_RETURN(const Credentials keys, ReadPair(settings, kStopNciiForm));
  StopNciiOptions options{.fetch_key = keys.username, .clock = settings.clock};
  const std::size_t colon = std::min(keys.password.find(':'), keys.password.size());
  options.subscription_key = keys.password.substr(0, colon);
  if (colon < keys.password.size()) options.feedback_key = keys.password.substr(colon + 1);
  const std::string all = options.fetch_key + options.subscription_key + options.feedback_key;
  const bool visible = std::ranges::all_of(all, [](char c) { return c > ' ' && c < '\x7f'; });
  if (options.fetch_key.empty() || options.subscription_key.empty() || !visible) {
    return Fail(Reason::kConfigInvalid,
                "the exchange's credentials are not of the form " + std::string(kStopNciiForm),
                "credentials_file");
  }
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewStopNciiClient(std::move(client), std::move(options));
}

Result<VerifyingKey> ReadPublicKey(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string pem(kMaxKeyBytes, '\0');
  file.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  pem.resize(static_cast<std::size_t>(file.gcount()));
  Result<VerifyingKey> key = VerifyingKey::FromPem(pem);
  if (key) return key;
  return Fail(Reason::kFileUnreadable, "cannot read a public key from " + path + ": " + key.error().message,
              "public_key_file");
}

Result<std::unique_ptr<ExchangeClient>> NewFeed(const ClientSettings& settings, Patience patience) {
  HttpOptions http = HttpOf(settings, patience);
  http.max_response_bytes = kMostFeedFileBytes;
  HASHGATE_ASSIGN_OR_RETURN(Credentials credentials, ReadPair(settings, "USER:PASSWORD"));
  http.username = std::move(credentials.username);
  http.password = std::move(credentials.password);
  HASHGATE_ASSIGN_OR_RETURN(VerifyingKey key, ReadPublicKey(settings.public_key_file));
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewFeedClient(std::move(client), {.key = std::move(key), .clock = settings.clock});
}

struct Kind {
  std::string_view name;
  Result<std::unique_ptr<ExchangeClient>> (*make)(const ClientSettings&, Patience);
  bool has_members = false;  ///< of which a choice can be made
  bool has_groups = false;   ///< of which one must be named
  bool is_signed = false;    ///< by a key that must be given
};
constexpr Kind kKinds[] = {{.name = "ncmec", .make = NewNcmec, .has_members = true},
                           {.name = "stopncii", .make = NewStopNcii},
                           {.name = "threatexchange", .make = NewThreatExchange, .has_groups = true},
                           {.name = "feed", .make = NewFeed, .is_signed = true}};
constexpr std::string_view kKindNames[] = {kKinds[0].name, kKinds[1].name, kKinds[2].name, kKinds[3].name};
static_assert(std::size(kKindNames) == std::size(kKinds));

const Kind* FindKind(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &Kind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

// Source: NCMEC's Hash Sharing documentation, and the others' addresses, by python-threatexchange's clients.
constexpr std::string_view kProductionHosts[] = {"report.cybertip.org",      "lesp.ncmec.org",
                                                 "hashsharing.ncmec.org",    "graph.facebook.com",
                                                 "api.stopncii.org",         "shield.projectarachnid.com",
                                                 "shield.projectarachnid.ca"};

}  // namespace

std::span<const std::string_view> ExchangeKinds() {
  return kKindNames;
}

Status CheckClientSettings(const ClientSettings& settings) {
  const Kind* const kind = FindKind(settings.kind);
  if (kind == nullptr)
    return Fail(Reason::kConfigInvalid, "there is no kind of exchange of that name", "kind");
  const auto has_no = [&](std::string key) {
    return Fail(Reason::kConfigInvalid, "exchanges of kind " + settings.kind + " have no such key", key);
  };
  if (!kind->has_members && !settings.only_members.empty()) return has_no("only_members");
  if (!kind->has_members && !settings.except_members.empty()) return has_no("except_members");
  if (!kind->has_groups && !settings.privacy_group.empty()) return has_no("privacy_group");
  if (kind->is_signed == settings.public_key_file.empty()) {
    if (!kind->is_signed) return has_no("public_key_file");
    return Fail(Reason::kConfigInvalid, "the file of the public key that signs the feed is required",
                "public_key_file");
  }
  return kind->has_groups ? CheckPrivacyGroup(settings.privacy_group) : Status();
}

Result<std::unique_ptr<ExchangeClient>> NewExchangeClient(const ClientSettings& settings, Patience patience) {
  HASHGATE_RETURN_IF_ERROR(CheckClientSettings(settings));
  return FindKind(settings.kind)->make(settings, patience);
}

std::span<const std::string_view> RemoteKinds() {
  return kRemoteKinds;
}

Result<std::unique_ptr<RemoteClient>> NewRemoteClient(const ClientSettings& settings,
                                                      std::chrono::milliseconds timeout) {
  if (settings.kind != kRemoteKinds[0]) {
    return Fail(Reason::kConfigInvalid, "there is no kind of remote list of that name", "kind");
  }
  HttpOptions http = HttpOf(settings, Patience::kTest);
  http.max_response_bytes = kMostRemoteBytes;
  http.request_timeout = std::max(timeout, kMostRemoteTime);
  http.connect_timeout = http.request_timeout;
  http.pause_of = PauseAskedFor;
  HASHGATE_ASSIGN_OR_RETURN(Credentials credentials, ReadPair(settings, "USER:PASSWORD"));
  http.username = std::move(credentials.username);
  http.password = std::move(credentials.password);
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return NewShieldClient(std::move(client));
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
