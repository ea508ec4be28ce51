// A stream that is refused at the door.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string_view>

#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Ends the stream with a status, counts it and deletes itself. `Reactor` is one of gRPC's for streams.
template <typename Reactor>
class RefusedStream final : public Reactor {
 public:
  RefusedStream(const ServiceContext& context, std::string_view method, const grpc::Status& status) {
    CountCall(context, method, status, std::chrono::steady_clock::now());
    this->Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace hashgate::rpc
