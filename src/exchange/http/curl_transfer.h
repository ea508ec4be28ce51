// One request and its answer by libcurl, bounded in time, size and protocol. Nothing here is tried again.
#pragma once

#include <expected>
#include <memory>
#include <stop_token>
#include <string>

#include "exchange/http/http_client.h"
#include "exchange/http/url.h"

namespace hashgate::exchange {

struct TransferFailure {
  Error error;
  bool may_pass = false;  ///< the same request may work later
};

/// Keeps its connection between requests. Threads: confined.
class CurlTransfer {
 public:
  virtual ~CurlTransfer() = default;
  /// Errors: kMemoryLimit where libcurl cannot start.
  static Result<std::unique_ptr<CurlTransfer>> Create(const HttpOptions& options, const BaseUrl& base);
  /// `url`: whole. Any status is a response; see HttpClient::Send() for the errors. Ends within 100 ms of a
  /// stop.
  virtual std::expected<HttpResponse, TransferFailure> Run(const HttpRequest& request, const std::string& url,
                                                           const std::stop_token& stop) = 0;
};

}  // namespace hashgate::exchange
