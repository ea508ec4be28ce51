// A tiny HTTP client, so that tests of the server's pages do not trust the library that serves them.
#pragma once

#include <chrono>
#include <string>

namespace hashgate::testing {

struct HttpReply {
  int status = 0;  ///< 0: no answer in time
  std::string head;
  std::string body;
};

/// GET http://127.0.0.1:port/path.
HttpReply HttpGet(int port, const std::string& path,
                  std::chrono::milliseconds timeout = std::chrono::seconds(5));
/// Sends `request` as it is and reads until the server closes.
HttpReply HttpExchange(int port, const std::string& request,
                       std::chrono::milliseconds timeout = std::chrono::seconds(5));
/// A TCP connection to 127.0.0.1:port, or -1. The caller closes it.
int ConnectTo(int port);

}  // namespace hashgate::testing
