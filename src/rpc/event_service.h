// EventService: reads the outbox of events, as a stream that goes on or page by page.
#pragma once

#include <memory>

#include "hashgate/v1/event_service.grpc.pb.h"
#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Open streams of WatchEvents, served by one thread.
class EventStreams;

/// Threads: thread-safe.
class EventServiceImpl final : public v1::EventService::CallbackService {
 public:
  explicit EventServiceImpl(const ServiceContext& context);
  ~EventServiceImpl() override;
  EventServiceImpl(const EventServiceImpl&) = delete;
  EventServiceImpl& operator=(const EventServiceImpl&) = delete;

  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      grpc::CallbackServerContext* call, const v1::WatchEventsRequest* request) override;
  grpc::ServerUnaryReactor* ListEvents(grpc::CallbackServerContext* call,
                                       const v1::ListEventsRequest* request,
                                       v1::ListEventsResponse* response) override;

  /// Gives open streams what there is and ends them with DRAINING. Those that come later are refused.
  void EndStreams();

 private:
  const ServiceContext& context_;
  std::unique_ptr<EventStreams> streams_;
};

}  // namespace hashgate::rpc
