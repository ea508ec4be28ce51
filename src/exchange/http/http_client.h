// HTTP towards exchanges and authorities: one server a client, its connection kept, answers bounded while
// they arrive, nothing followed that the server points to, failures tried again with growing pauses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  /// A path with its query, below the base URL ("/v2/status"); or a whole URL that begins with the base URL,
  /// as JoinUrl() makes it.
  std::string url;
  std::vector<HttpHeader> headers;  ///< beside those of the client; none may hold a line break
  std::string body;
  /// May it be sent again after it might have had its effect? Where false, it is sent once, on a connection
  /// of its own: on a kept one that just died it would be repeated silently.
  bool retry = true;
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  ///< in their order, names in lower case
  std::string body;                 ///< without its content encoding

  /// The first header of that name (lower case); empty where there is none.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

struct HttpOptions {
  std::string base_url;
  /// Plain http is refused but to loopback: credentials and lists would be open to everybody on the way.
  bool allow_plain_http = false;
  std::string username;  ///< HTTP Basic; empty: none
  std::string password;
  std::vector<HttpHeader> headers;  ///< sent with every request, e.g. keys
  /// PEM file of the authorities that are trusted instead of the system's; empty: the system's.
  std::string ca_file;
  /// "http://host:port"; empty: none. Variables of the environment are not looked at. Never used to loopback.
  std::string proxy;
  std::string proxy_username;
  std::string proxy_password;

  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{120'000};  ///< of one attempt as a whole
  std::chrono::seconds stall_timeout{30};              ///< with fewer than 100 bytes a second; whole seconds
  std::size_t max_response_bytes = 64U << 20;          ///< of a body, packed and unpacked
  std::size_t max_header_bytes = 64U << 10;            ///< of all headers of one answer

  int attempts = 4;  ///< in all, 1..20
  /// The pause after attempt n is random between zero and min(max_backoff, first_backoff * 2^(n-1)), and at
  /// least what `Retry-After` asks for. Where that is more than max_backoff the request fails at once, with
  /// Error::retry_after.
  std::chrono::milliseconds first_backoff{500};
  std::chrono::milliseconds max_backoff{60'000};
  /// What an answer that may be another one later asks for beside `Retry-After`, by headers of the server's
  /// own; the longer counts. Empty: nothing.
  std::function<std::chrono::milliseconds(const HttpResponse&)> pause_of;
  /// Whether an answer with an error's status says, in the server's own words, that it was asked too often:
  /// then it is as 429, whatever its status. Empty: none does.
  std::function<bool(const HttpResponse&)> asked_too_often;
  std::uint64_t seed = 0;  ///< of the pauses; 0: a random one
  const Clock* clock = &Clock::System();
  /// Waits and returns true, or returns false as soon as it is asked to stop. Empty: really waits.
  std::function<bool(std::chrono::milliseconds, const std::stop_token&)> wait;
};

/// An exchange's HTTP server as the code of an exchange sees it; tests put fakes in its place. Threads:
/// confined; stop tokens are asked for from any thread.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  /// Errors: kConfigInvalid, with the option's name as the error's field.
  static Result<std::unique_ptr<HttpClient>> Create(HttpOptions options);

  /// Sends and waits for the whole answer, at most attempts * (request_timeout + max_backoff). Statuses that
  /// are not errors below are answers, whatever they say. Errors: kExchangeUnreachable (no connection, no
  /// trusted one, no answer in time, or 429, 500, 502, 503, 504, after all attempts; retry_after where the
  /// server named a time); kExchangeRefused (401, 403, or the proxy's 407); kExchangeProtocol (redirects,
  /// answers over a limit or not HTTP); kCancelled (within 100 ms of the stop); kRequestInvalid. Messages
  /// name scheme, host and path, never the query, a header or a body.
  virtual Result<HttpResponse> Send(const HttpRequest& request, const std::stop_token& stop) = 0;
};

}  // namespace hashgate::exchange
