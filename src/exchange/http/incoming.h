// An answer as libcurl hands it over, piece by piece. What passes a limit is not kept, and ends the transfer.
#pragma once

#include <cstddef>
#include <string_view>

#include "exchange/http/http_client.h"

namespace hashgate::exchange {

/// Threads: confined.
class Incoming {
 public:
  enum class Refusal { kNone, kHeaders, kBody, kEncoding, kMemory };

  Incoming(std::size_t max_header_bytes, std::size_t max_body_bytes)
      : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes) {}

  /// libcurl's callbacks, with an Incoming as their last argument.
  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self);

  [[nodiscard]] Refusal refusal() const { return refusal_; }
  /// libcurl takes a connection that ends between two header lines for the end of an answer without a body.
  [[nodiscard]] bool has_whole_head() const { return has_whole_head_; }
  /// Without its status.
  HttpResponse& response() { return response_; }

 private:
  std::size_t Take(Refusal (Incoming::*add)(std::string_view), std::string_view data);
  Refusal AddHeader(std::string_view line);
  Refusal AddBody(std::string_view data);

  const std::size_t max_header_bytes_;
  const std::size_t max_body_bytes_;
  std::size_t header_bytes_ = 0;
  bool has_whole_head_ = false;
  Refusal refusal_ = Refusal::kNone;
  HttpResponse response_;
};

}  // namespace hashgate::exchange
