// Calls to the server with gRPC kept out of sight. Every call has a deadline.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "hashgate/error.h"
#include "hashgate/v1/event_service.pb.h"
#include "hashgate/v1/exchange_service.pb.h"
#include "hashgate/v1/hash_list_service.pb.h"
#include "hashgate/v1/opinion_service.pb.h"
#include "hashgate/v1/scan_service.pb.h"
#include "hashgate/v1/status_service.pb.h"

namespace grpc {
class ChannelInterface;
}

namespace hashgate::cli {

/// What a refused call said beside its error: "fail_verdict", "policy_version".
using RefusalFacts = std::map<std::string, std::string>;

/// Threads: thread-safe. Calls block until their answer, their deadline or Cancel.
class Client {
 public:
  virtual ~Client() = default;

  virtual Result<v1::ScanImageResponse> ScanImage(const v1::ScanImageRequest& request,
                                                  std::chrono::milliseconds timeout, RefusalFacts& facts) = 0;
  /// Sends `header` and then what `next_chunk` gives until that is empty. An error of `next_chunk` cancels
  /// the call and is returned.
  virtual Result<v1::ScanUploadResponse> ScanUpload(const v1::UploadHeader& header,
                                                    const std::function<Result<std::string>()>& next_chunk,
                                                    std::chrono::milliseconds timeout,
                                                    RefusalFacts& facts) = 0;
  /// Sends one file of a ScanBatch and waits for its answer. Files that are sent at the same time share one
  /// stream; where that ends, the next file opens another.
  virtual Result<v1::ScanResult> ScanBatched(const v1::ScanBatchRequest& request,
                                             std::chrono::milliseconds timeout, RefusalFacts& facts) = 0;
  virtual Result<v1::MatchHashesResponse> MatchHashes(const v1::MatchHashesRequest& request,
                                                      std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::GetFailPolicyResponse> GetFailPolicy(const v1::GetFailPolicyRequest& request,
                                                          std::chrono::milliseconds timeout) = 0;

  virtual Result<v1::CreateHashListResponse> CreateHashList(const v1::CreateHashListRequest& request,
                                                            std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::GetHashListResponse> GetHashList(const v1::GetHashListRequest& request,
                                                      std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::ListHashListsResponse> ListHashLists(const v1::ListHashListsRequest& request,
                                                          std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::UpdateHashListResponse> UpdateHashList(const v1::UpdateHashListRequest& request,
                                                            std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::DeleteHashListResponse> DeleteHashList(const v1::DeleteHashListRequest& request,
                                                            std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::EnableHashListResponse> EnableHashList(const v1::EnableHashListRequest& request,
                                                            std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::DisableHashListResponse> DisableHashList(const v1::DisableHashListRequest& request,
                                                              std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::ListEntriesResponse> ListEntries(const v1::ListEntriesRequest& request,
                                                      std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::ListQuarantinedResponse> ListQuarantined(const v1::ListQuarantinedRequest& request,
                                                              std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::GetStatusResponse> GetStatus(std::chrono::milliseconds timeout) = 0;

  virtual Result<v1::SetOpinionResponse> SetOpinion(const v1::SetOpinionRequest& request,
                                                    std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::AgreeToOpinionResponse> AgreeToOpinion(const v1::AgreeToOpinionRequest& request,
                                                            std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::DeleteOpinionResponse> DeleteOpinion(const v1::DeleteOpinionRequest& request,
                                                          std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::ListOpinionsResponse> ListOpinions(const v1::ListOpinionsRequest& request,
                                                        std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::SetBrakeResponse> SetBrake(const v1::SetBrakeRequest& request,
                                                std::chrono::milliseconds timeout) = 0;

  virtual Result<v1::ListExchangesResponse> ListExchanges(const v1::ListExchangesRequest& request,
                                                          std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::GetExchangeResponse> GetExchange(const v1::GetExchangeRequest& request,
                                                      std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::SyncExchangeResponse> SyncExchange(const v1::SyncExchangeRequest& request,
                                                        std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::TestExchangeResponse> TestExchange(const v1::TestExchangeRequest& request,
                                                        std::chrono::milliseconds timeout) = 0;
  virtual Result<v1::OverrideGateResponse> OverrideGate(const v1::OverrideGateRequest& request,
                                                        std::chrono::milliseconds timeout) = 0;

  /// Sends `header` and then what `next` fills in until it says false; `acknowledged` hears every answer and
  /// the last one is returned. The call ends when the server is silent for `patience` (ten minutes at the
  /// very end, where it swaps a whole list).
  virtual Result<v1::ImportEntriesResponse> ImportEntries(
      const v1::ImportHeader& header, const std::function<Result<bool>(v1::ImportRecords&)>& next,
      const std::function<void(const v1::ImportEntriesResponse&)>& acknowledged,
      std::chrono::milliseconds patience) = 0;
  /// Calls `take` with each answer; an error of it cancels the call and is returned.
  virtual Status ExportEntries(const v1::ExportEntriesRequest& request,
                               const std::function<Status(const v1::ExportEntriesResponse&)>& take,
                               std::chrono::milliseconds patience) = 0;

  /// As ExportEntries.
  virtual Status UndoEntry(const v1::UndoEntryRequest& request,
                           const std::function<Status(const v1::UndoEntryResponse&)>& take,
                           std::chrono::milliseconds patience) = 0;

  virtual Result<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request,
                                                    std::chrono::milliseconds timeout) = 0;
  /// Calls `take` with each answer, as long as there are any; an error of it cancels the call and is
  /// returned. The server may be silent for as long as it likes.
  virtual Status WatchEvents(const v1::WatchEventsRequest& request,
                             const std::function<Status(const v1::WatchEventsResponse&)>& take) = 0;

  /// Ends all calls in flight and refuses new ones.
  virtual void Cancel() = 0;
};

/// A client of "host:port" without encryption. Connects on the first call.
std::unique_ptr<Client> ConnectClient(const std::string& server);
/// A client over any channel, such as one inside this process.
std::unique_ptr<Client> MakeClient(const std::shared_ptr<grpc::ChannelInterface>& channel);

}  // namespace hashgate::cli
