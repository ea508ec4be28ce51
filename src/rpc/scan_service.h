// ScanService: the upload path.
#pragma once

#include "hashgate/v1/scan_service.grpc.pb.h"
#include "rpc/arena_messages.h"
#include "rpc/service_context.h"

namespace hashgate::rpc {

/// Translates calls to the scanner; holds no state of its own. Threads: thread-safe.
class ScanServiceImpl final : public v1::ScanService::CallbackService {
 public:
  explicit ScanServiceImpl(const ServiceContext& context) : context_(context) {
    SetMessageAllocatorFor_MatchHashes(&match_messages_);
  }

  grpc::ServerUnaryReactor* ScanImage(grpc::CallbackServerContext* call, const v1::ScanImageRequest* request,
                                      v1::ScanImageResponse* response) override;
  grpc::ServerReadReactor<v1::ScanUploadRequest>* ScanUpload(grpc::CallbackServerContext* call,
                                                             v1::ScanUploadResponse* response) override;
  grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse>* ScanBatch(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* MatchHashes(grpc::CallbackServerContext* call,
                                        const v1::MatchHashesRequest* request,
                                        v1::MatchHashesResponse* response) override;
  grpc::ServerUnaryReactor* GetFailPolicy(grpc::CallbackServerContext* call,
                                          const v1::GetFailPolicyRequest* request,
                                          v1::GetFailPolicyResponse* response) override;

 private:
  const ServiceContext& context_;
  ArenaMessages<v1::MatchHashesRequest, v1::MatchHashesResponse> match_messages_;
};

/// Checks a header's bounds and makes the domain's request of it. Errors: kRequestInvalid, kSurfaceUnknown.
Result<scan::ScanRequest> ToRequest(const ServiceContext& context, const v1::ScanHeader& header,
                                    const Caller& caller);

/// What a file is expected to cost; `content` is what of it was kept for decoding.
scan::Estimate CostOf(const ServiceContext& context, ByteSpan content, std::uint64_t size, bool exact_only);

/// The executor's lane that the header asks for.
scan::Lane LaneOf(const v1::ScanHeader& header);

/// By when a call that is to be scanned in that lane must have its answer. In the background lane it may wait
/// for its turn much longer than a scan may take.
SteadyTime ScanDeadlineOf(const grpc::CallbackServerContext& call, const ServiceContext& context,
                          scan::Lane lane);

/// Gives a scan that begins now no more time than a scan may take: the wait for its turn is nobody's fault.
void BoundScan(const ServiceContext& context, SteadyTime begun, scan::ScanRequest& request);

/// Scans a file that came in one message. Its digests are those that lists hold, all where hashes are to be
/// in the answer. `begun`: now, when its turn has come.
Result<scan::ScanAnswer> ScanContent(const ServiceContext& context, scan::ScanRequest& request,
                                     SteadyTime begun, ByteSpan content);

/// Overwrites the bytes of an upload: gRPC owns messages until the call is done and then frees them, and
/// nothing of an upload stays behind in memory.
void WipeBytes(const std::string& content);

/// The stream reactor of ScanBatch, in a file of its own.
grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse>* NewBatchCall(
    const ServiceContext& context, grpc::CallbackServerContext* call);

/// The stream reactor of ScanUpload, in a file of its own.
grpc::ServerReadReactor<v1::ScanUploadRequest>* NewUploadCall(const ServiceContext& context,
                                                              grpc::CallbackServerContext* call,
                                                              v1::ScanUploadResponse* response);

}  // namespace hashgate::rpc
