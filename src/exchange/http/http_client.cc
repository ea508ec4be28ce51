#include "exchange/http/http_client.h"

#include <algorithm>
#include <expected>
#include <fstream>
#include <optional>
#include <utility>

#include "base/log.h"
#include "exchange/http/curl_transfer.h"
#include "exchange/http/retry.h"
#include "exchange/http/url.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;

/// Of any time that is configured.
constexpr milliseconds kLongest = std::chrono::hours(1);

// RFC 9110, 5.6.2: what names of headers and methods are made of.
bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

// A line break in a value would begin a header, or a request, of its own.
bool AreSendable(const std::vector<HttpHeader>& headers) {
  return std::ranges::all_of(headers, [](const HttpHeader& header) {
    return IsToken(header.name) && std::ranges::all_of(header.value, [](char c) {
             return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
           });
  });
}

std::unexpected<Error> BadOption(std::string field, std::string message) {
  return Fail(Reason::kConfigInvalid, std::move(message), std::move(field));
}

Status CheckProxy(const std::string& proxy) {
  if (proxy.empty()) return {};
  const Result<BaseUrl> url = ParseBaseUrl(proxy);
  if (!url || url->is_https || url->text.find('/', 7) != std::string::npos) {
    return BadOption("proxy", "must be http://host:port, without credentials");
  }
  return {};
}

Status CheckBounds(const HttpOptions& options) {
  const auto in_range = [](milliseconds time) { return time > milliseconds(0) && time <= kLongest; };
  if (!in_range(options.connect_timeout)) return BadOption("connect_timeout", "must be up to one hour");
  if (!in_range(options.request_timeout)) return BadOption("request_timeout", "must be up to one hour");
  if (!in_range(options.stall_timeout)) return BadOption("stall_timeout", "must be up to one hour");
  if (!in_range(options.first_backoff)) return BadOption("first_backoff", "must be up to one hour");
  if (!in_range(options.max_backoff)) return BadOption("max_backoff", "must be up to one hour");
  if (options.attempts < 1 || options.attempts > 20) return BadOption("attempts", "must be 1 to 20");
  if (options.max_response_bytes == 0) return BadOption("max_response_bytes", "must be above 0");
  if (options.max_header_bytes == 0) return BadOption("max_header_bytes", "must be above 0");
  return {};
}

Status CheckOptions(const HttpOptions& options, const BaseUrl& base) {
  if (!base.is_https && !base.is_loopback && !options.allow_plain_http) {
    return BadOption("base_url", "plain http is for loopback: use https, or allow plain http by name");
  }
  if (!AreSendable(options.headers)) return BadOption("headers", "hold a character that no header may hold");
  if (!options.ca_file.empty() && !std::ifstream(options.ca_file).good()) {
    return BadOption("ca_file", "cannot be read: " + options.ca_file);
  }
  HASHGATE_RETURN_IF_ERROR(CheckProxy(options.proxy));
  return CheckBounds(options);
}

// What an answer's status means before anybody looks at its body.
std::expected<HttpResponse, TransferFailure> Judge(HttpResponse response, const HttpOptions& options) {
  const int status = response.status;
  const auto fail = [&](Reason reason, std::string_view what, bool may_pass) {
    Error error{reason, "answers " + std::to_string(status) + ": " + std::string(what), {}, {}};
    if (may_pass) {
      error.retry_after = ParseRetryAfter(response.Header("retry-after"), options.clock->Wall());
      if (options.pause_of) error.retry_after = std::max(error.retry_after, options.pause_of(response));
    }
    return std::unexpected(TransferFailure{std::move(error), may_pass});
  };
  if (status >= 400 && options.asked_too_often && options.asked_too_often(response)) {
    return fail(Reason::kExchangeUnreachable, "it was asked too often", true);
  }
  if (IsTransientStatus(status)) return fail(Reason::kExchangeUnreachable, "it cannot answer now", true);
  if (status == 401 || status == 403) {
    return fail(Reason::kExchangeRefused, "the credentials are not accepted", false);
  }
  if (status == 407) return fail(Reason::kExchangeRefused, "the proxy's credentials are not accepted", false);
  // 304 answers a conditional request.
  if (status >= 300 && status < 400 && status != 304) {
    return fail(Reason::kExchangeProtocol, "it points elsewhere, and redirects are not followed", false);
  }
  return response;
}

class RetryingClient final : public HttpClient {
 public:
  RetryingClient(HttpOptions options, BaseUrl base)
      : options_(std::move(options)),
        base_(std::move(base)),
        jitter_(options_.first_backoff, options_.max_backoff, options_.seed) {
    if (!options_.wait) options_.wait = WaitUnlessStopped;
  }
  Status Start() {
    HASHGATE_ASSIGN_OR_RETURN(transfer_, CurlTransfer::Create(options_, base_));
    return {};
  }

  Result<HttpResponse> Send(const HttpRequest& request, const std::stop_token& stop) override {
    if (!IsToken(request.method) || !AreSendable(request.headers)) {
      return Fail(Reason::kRequestInvalid, "the method or a header holds a character that it may not hold");
    }
    HASHGATE_ASSIGN_OR_RETURN(const std::string url, UrlOf(request));
    for (int attempt = 1;; ++attempt) {
      std::expected<HttpResponse, TransferFailure> answer = transfer_->Run(request, url, stop);
      if (answer) answer = Judge(*std::move(answer), options_);
      if (answer) return *std::move(answer);
      const TransferFailure& failure = answer.error();
      const std::optional<milliseconds> pause = Pause(request, failure, attempt);
      if (!pause) return Told(failure, url, attempt);
      log::Warning("exchange_retry", "a request to an exchange failed and is sent again",
                   {{"url", SpeakableUrl(url)},
                    {"attempt", attempt},
                    {"error", failure.error.message},
                    {"pause_ms", pause->count()}});
      if (!options_.wait(*pause, stop)) return Fail(Reason::kCancelled, SpeakableUrl(url) + ": stopped");
    }
  }

 private:
  [[nodiscard]] Result<std::string> UrlOf(const HttpRequest& request) const {
    if (request.url.starts_with('/')) return JoinUrl(base_, request.url);
    HASHGATE_ASSIGN_OR_RETURN(const std::string path, PathBelowBase(base_, request.url));
    return base_.text + path;
  }

  // How long to wait before the next attempt; empty: there is none.
  std::optional<milliseconds> Pause(const HttpRequest& request, const TransferFailure& failure, int attempt) {
    if (!failure.may_pass || !request.retry || attempt >= options_.attempts) return std::nullopt;
    const milliseconds asked = failure.error.retry_after;
    if (asked > options_.max_backoff) return std::nullopt;
    return std::max(jitter_.After(attempt), asked);
  }

  static std::unexpected<Error> Told(const TransferFailure& failure, const std::string& url, int attempts) {
    Error error = failure.error;
    if (attempts > 1) error.message += " (attempt " + std::to_string(attempts) + ")";
    return Prefix(std::move(error), SpeakableUrl(url));
  }

  HttpOptions options_;
  const BaseUrl base_;
  Jitter jitter_;
  std::unique_ptr<CurlTransfer> transfer_;
};

}  // namespace

std::string_view HttpResponse::Header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HttpHeader::name);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpOptions options) {
  Result<BaseUrl> base = ParseBaseUrl(options.base_url);
  if (!base) return BadOption("base_url", std::move(base).error().message);
  HASHGATE_RETURN_IF_ERROR(CheckOptions(options, *base));
  auto client = std::make_unique<RetryingClient>(std::move(options), *std::move(base));
  HASHGATE_RETURN_IF_ERROR(client->Start());
  return client;
}

}  // namespace hashgate::exchange
