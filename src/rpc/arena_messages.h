// Messages of a call in one arena: where an answer has thousands of small parts, making and freeing each by
// itself would take longer than all else that the server does for it.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/support/message_allocator.h>

#include <cstddef>

namespace hashgate::rpc {

/// Gives each call of a method its request and its response. Threads: thread-safe.
template <typename Request, typename Response>
class ArenaMessages final : public grpc::MessageAllocator<Request, Response> {
 public:
  grpc::MessageHolder<Request, Response>* AllocateMessages() override { return new Holder; }

 private:
  class Holder final : public grpc::MessageHolder<Request, Response> {
   public:
    Holder() : arena_(Options()) {
      this->set_request(google::protobuf::Arena::CreateMessage<Request>(&arena_));
      this->set_response(google::protobuf::Arena::CreateMessage<Response>(&arena_));
    }
    // gRPC's way to say that the call has ended.
    void Release() override { delete this; }

   private:
    static google::protobuf::ArenaOptions Options() {
      google::protobuf::ArenaOptions options;
      options.start_block_size = std::size_t{16} << 10;
      options.max_block_size = std::size_t{64} << 10;
      return options;
    }

    google::protobuf::Arena arena_;
  };
};

}  // namespace hashgate::rpc
