// Calls that end before their time: refused at the door, or for want of memory.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <new>
#include <string_view>
#include <utility>

#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Runs `work` of a call; where memory runs out in it, ends the call with a status that needs none of ours.
template <typename Reactor, typename Work>
void OrEndWithoutMemory(Reactor& reactor, Work&& work) try {
  std::forward<Work>(work)();
} catch (const std::bad_alloc&) {
  // Short enough to be kept within the string.
  reactor.Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "no memory"));
}

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
