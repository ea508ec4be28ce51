// httplib's server with a time limit for whole requests: its own is for one read at a time, so that a client
// which sends a byte now and then would hold a thread for hours.
#pragma once

#include <httplib.h>

#include <chrono>

namespace hashgate::http {

class DeadlineServer final : public httplib::Server {
 public:
  /// From a request's first byte to the last of its answer; then the connection is closed.
  void set_request_time(std::chrono::milliseconds longest) { request_time_ = longest; }

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::chrono::milliseconds request_time_{10'000};
};

}  // namespace hashgate::http
