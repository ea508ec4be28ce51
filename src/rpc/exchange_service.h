// ExchangeService: how exchanges do, and a person's say in it.
#pragma once

#include "hashgate/v1/exchange_service.grpc.pb.h"
#include "rpc/service_context.h"
#include "rpc/unary_call.h"

namespace hashgate::rpc {

/// Translates calls to the runner of exchanges. Threads: thread-safe.
class ExchangeServiceImpl final : public v1::ExchangeService::CallbackService {
 public:
  explicit ExchangeServiceImpl(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* ListExchanges(grpc::CallbackServerContext* call,
                                          const v1::ListExchangesRequest* request,
                                          v1::ListExchangesResponse* response) override;
  grpc::ServerUnaryReactor* GetExchange(grpc::CallbackServerContext* call,
                                        const v1::GetExchangeRequest* request,
                                        v1::GetExchangeResponse* response) override;
  grpc::ServerUnaryReactor* SyncExchange(grpc::CallbackServerContext* call,
                                         const v1::SyncExchangeRequest* request,
                                         v1::SyncExchangeResponse* response) override;
  grpc::ServerUnaryReactor* TestExchange(grpc::CallbackServerContext* call,
                                         const v1::TestExchangeRequest* request,
                                         v1::TestExchangeResponse* response) override;
  grpc::ServerUnaryReactor* OverrideGate(grpc::CallbackServerContext* call,
                                         const v1::OverrideGateRequest* request,
                                         v1::OverrideGateResponse* response) override;

 private:
  const ServiceContext& context_;
  AdminAside tests_{"exchange-test"};
};

}  // namespace hashgate::rpc
