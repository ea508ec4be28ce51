// StatusService: what `hashgate status` shows.
#pragma once

#include <span>

#include "decode/decoder_pool.h"
#include "hashgate/v1/status_service.grpc.pb.h"
#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Answers even while loading or draining. Non-administrators get version, readiness and protection only.
class StatusServiceImpl final : public v1::StatusService::CallbackService {
 public:
  explicit StatusServiceImpl(const ServiceContext& context) : context_(context) {}
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* call, const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;

 private:
  const ServiceContext& context_;
};

/// Effective protection of a generation, in one word and in a sentence, and its lists without the built-in
/// ones. `makers`: the vectors that are made of uploads here.
void FillProtection(const lists::Generation& generation, std::span<const decode::VectorMaker> makers,
                    v1::GetStatusResponse& response);

/// Whether an enabled list of that status has an entry.
bool HasEntries(const v1::GetStatusResponse& status);

}  // namespace hashgate::rpc
