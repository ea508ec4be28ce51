// OpinionService: what people say of entries.
#pragma once

#include "hashgate/v1/opinion_service.grpc.pb.h"
#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Translates calls to the catalogue. Threads: thread-safe.
class OpinionServiceImpl final : public v1::OpinionService::CallbackService {
 public:
  explicit OpinionServiceImpl(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* SetOpinion(grpc::CallbackServerContext* call,
                                       const v1::SetOpinionRequest* request,
                                       v1::SetOpinionResponse* response) override;
  grpc::ServerUnaryReactor* AgreeToOpinion(grpc::CallbackServerContext* call,
                                           const v1::AgreeToOpinionRequest* request,
                                           v1::AgreeToOpinionResponse* response) override;
  grpc::ServerUnaryReactor* DeleteOpinion(grpc::CallbackServerContext* call,
                                          const v1::DeleteOpinionRequest* request,
                                          v1::DeleteOpinionResponse* response) override;
  grpc::ServerUnaryReactor* ListOpinions(grpc::CallbackServerContext* call,
                                         const v1::ListOpinionsRequest* request,
                                         v1::ListOpinionsResponse* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace hashgate::rpc
