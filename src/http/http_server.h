// The operator's HTTP listener: health, readiness, metrics.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hashgate/error.h"

namespace hashgate::http {

/// One thing readiness depends on.
struct ReadyCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};

struct HttpServerOptions {
  std::string listen = "127.0.0.1:8462";  ///< host:port; port 0 takes a free one
  bool insecure = false;                  ///< allows a non-loopback address without TLS
  int threads = 8;                        ///< a silent connection holds one for 2 s
  /// For one request, from its first byte to the last of its answer. A connection has one request: whoever
  /// sends or reads slowly holds a thread no longer.
  std::chrono::milliseconds request_time{5'000};
  std::size_t max_queued = 64;  ///< connections that wait for a thread; the next waits in the kernel
};

/// What the pages show. Called from the server's threads.
struct HttpContent {
  std::function<std::vector<ReadyCheck>()> ready;
  std::function<std::string()> metrics;
};

/// GET /healthz 200 while the process lives; GET /readyz 200 or 503 and a line for each check; GET /metrics;
/// GET / a page of links. Everything else 404. Request bodies are refused beyond 8 KiB. Threads: thread-safe.
class HttpServer {
 public:
  /// Errors: kInsecureListener, kAddressUnavailable, kConfigInvalid.
  static Result<std::unique_ptr<HttpServer>> Start(HttpContent content, const HttpServerOptions& options);
  virtual ~HttpServer() = default;
  [[nodiscard]] virtual int port() const = 0;
};

}  // namespace hashgate::http
