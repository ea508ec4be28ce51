// httplib's server with limits for whole requests. Of time: its own is for one read at a time, so that a
// client which sends a byte now and then would hold a thread for hours. A connection has one request: who
// keeps connections and uses them slowly would hold all threads, and those who ask here, scrapers and probes,
// do so once in seconds.
#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>

namespace hashgate::http {

class DeadlineServer final : public httplib::Server {
 public:
  /// How long a connection may be silent before its request.
  void set_silence_time(std::chrono::milliseconds longest) { silence_time_ = longest; }
  /// From a request's first byte to the last of its answer; then the connection is closed.
  void set_request_time(std::chrono::milliseconds longest) { request_time_ = longest; }
  /// Of a whole request; the connection is closed where it is longer.
  void set_max_request_bytes(std::size_t most) { max_request_bytes_ = most; }

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::chrono::milliseconds silence_time_{2'000};
  std::chrono::milliseconds request_time_{10'000};
  std::size_t max_request_bytes_ = 32'768;
};

}  // namespace hashgate::http
