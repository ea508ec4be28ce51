#include "app/cli/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "app/cli/batch.h"
#include "app/cli/call.h"
#include "hashgate/v1/event_service.grpc.pb.h"
#include "hashgate/v1/exchange_service.grpc.pb.h"
#include "hashgate/v1/hash_list_service.grpc.pb.h"
#include "hashgate/v1/opinion_service.grpc.pb.h"
#include "hashgate/v1/scan_service.grpc.pb.h"
#include "hashgate/v1/status_service.grpc.pb.h"
#include "rpc/wire/error_status.h"

namespace hashgate::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A page of 10,000 entries with PhotoDNA vectors and long texts.
constexpr int kMaxReceiveBytes = 128 << 20;
// Bound of streams that may last as long as they make progress.
constexpr std::chrono::hours kStreamDeadline{24};
constexpr milliseconds kLastStepPatience = std::chrono::minutes(10);

/// Cancels a call when nobody has said for a while that it goes on.
class StallGuard {
 public:
  StallGuard(grpc::ClientContext& context, milliseconds patience)
      : until_(steady_clock::now() + patience), thread_([this, &context] { Run(context); }) {}
  ~StallGuard() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  StallGuard(const StallGuard&) = delete;
  StallGuard& operator=(const StallGuard&) = delete;

  void GoesOn(milliseconds patience) {
    const std::lock_guard lock(mutex_);
    until_ = steady_clock::now() + patience;
  }
  [[nodiscard]] bool stalled() {
    const std::lock_guard lock(mutex_);
    return stalled_;
  }

 private:
  void Run(grpc::ClientContext& context) {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      if (steady_clock::now() >= until_) {
        stalled_ = true;
        context.TryCancel();
        return;
      }
      changed_.wait_until(lock, until_);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  steady_clock::time_point until_;
  bool ended_ = false;
  bool stalled_ = false;
  std::thread thread_;  // last: the others are there when it starts
};

std::unexpected<Error> Stalled(milliseconds patience) {
  return Fail(Reason::kDeadlineExceeded,
              "the server did not answer for " + std::to_string(patience.count() / 1000) + " seconds");
}

class GrpcClient : public Client {
 public:
  explicit GrpcClient(const std::shared_ptr<grpc::ChannelInterface>& channel)
      : scan_(v1::ScanService::NewStub(channel)),
        lists_(v1::HashListService::NewStub(channel)),
        status_(v1::StatusService::NewStub(channel)),
        exchanges_(v1::ExchangeService::NewStub(channel)),
        opinions_(v1::OpinionService::NewStub(channel)),
        events_(v1::EventService::NewStub(channel)) {}

  Result<v1::ScanImageResponse> ScanImage(const v1::ScanImageRequest& request, milliseconds timeout,
                                          RefusalFacts& facts) override {
    return Unary(*scan_, &v1::ScanService::Stub::ScanImage, request, timeout, &facts);
  }
  Result<v1::ScanResult> ScanBatched(const v1::ScanBatchRequest& request, milliseconds timeout,
                                     RefusalFacts& facts) override {
    std::shared_ptr<Batch> batch;
    {
      const std::lock_guard lock(batch_mutex_);
      if (batch_ == nullptr || batch_->ended()) batch_ = std::make_shared<Batch>(*scan_, calls_);
      batch = batch_;
    }
    return batch->Scan(request, timeout, facts);
  }
  Result<v1::MatchHashesResponse> MatchHashes(const v1::MatchHashesRequest& request,
                                              milliseconds timeout) override {
    return Unary(*scan_, &v1::ScanService::Stub::MatchHashes, request, timeout);
  }
  Result<v1::GetFailPolicyResponse> GetFailPolicy(const v1::GetFailPolicyRequest& request,
                                                  milliseconds timeout) override {
    return Unary(*scan_, &v1::ScanService::Stub::GetFailPolicy, request, timeout);
  }
  Result<v1::CreateHashListResponse> CreateHashList(const v1::CreateHashListRequest& request,
                                                    milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::CreateHashList, request, timeout);
  }
  Result<v1::GetHashListResponse> GetHashList(const v1::GetHashListRequest& request,
                                              milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::GetHashList, request, timeout);
  }
  Result<v1::ListHashListsResponse> ListHashLists(const v1::ListHashListsRequest& request,
                                                  milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::ListHashLists, request, timeout);
  }
  Result<v1::UpdateHashListResponse> UpdateHashList(const v1::UpdateHashListRequest& request,
                                                    milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::UpdateHashList, request, timeout);
  }
  Result<v1::DeleteHashListResponse> DeleteHashList(const v1::DeleteHashListRequest& request,
                                                    milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::DeleteHashList, request, timeout);
  }
  Result<v1::EnableHashListResponse> EnableHashList(const v1::EnableHashListRequest& request,
                                                    milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::EnableHashList, request, timeout);
  }
  Result<v1::DisableHashListResponse> DisableHashList(const v1::DisableHashListRequest& request,
                                                      milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::DisableHashList, request, timeout);
  }
  Result<v1::ListEntriesResponse> ListEntries(const v1::ListEntriesRequest& request,
                                              milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::ListEntries, request, timeout);
  }
  Result<v1::ListQuarantinedResponse> ListQuarantined(const v1::ListQuarantinedRequest& request,
                                                      milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::ListQuarantined, request, timeout);
  }
  Result<v1::GetStatusResponse> GetStatus(milliseconds timeout) override {
    return Unary(*status_, &v1::StatusService::Stub::GetStatus, v1::GetStatusRequest(), timeout);
  }

  Result<v1::SetOpinionResponse> SetOpinion(const v1::SetOpinionRequest& request,
                                            std::chrono::milliseconds timeout) override {
    return Unary(*opinions_, &v1::OpinionService::Stub::SetOpinion, request, timeout);
  }
  Result<v1::AgreeToOpinionResponse> AgreeToOpinion(const v1::AgreeToOpinionRequest& request,
                                                    std::chrono::milliseconds timeout) override {
    return Unary(*opinions_, &v1::OpinionService::Stub::AgreeToOpinion, request, timeout);
  }
  Result<v1::DeleteOpinionResponse> DeleteOpinion(const v1::DeleteOpinionRequest& request,
                                                  std::chrono::milliseconds timeout) override {
    return Unary(*opinions_, &v1::OpinionService::Stub::DeleteOpinion, request, timeout);
  }
  Result<v1::ListOpinionsResponse> ListOpinions(const v1::ListOpinionsRequest& request,
                                                std::chrono::milliseconds timeout) override {
    return Unary(*opinions_, &v1::OpinionService::Stub::ListOpinions, request, timeout);
  }
  Result<v1::SetBrakeResponse> SetBrake(const v1::SetBrakeRequest& request,
                                        std::chrono::milliseconds timeout) override {
    return Unary(*lists_, &v1::HashListService::Stub::SetBrake, request, timeout);
  }
  Result<v1::ListExchangesResponse> ListExchanges(const v1::ListExchangesRequest& request,
                                                  milliseconds timeout) override {
    return Unary(*exchanges_, &v1::ExchangeService::Stub::ListExchanges, request, timeout);
  }
  Result<v1::GetExchangeResponse> GetExchange(const v1::GetExchangeRequest& request,
                                              milliseconds timeout) override {
    return Unary(*exchanges_, &v1::ExchangeService::Stub::GetExchange, request, timeout);
  }
  Result<v1::SyncExchangeResponse> SyncExchange(const v1::SyncExchangeRequest& request,
                                                milliseconds timeout) override {
    return Unary(*exchanges_, &v1::ExchangeService::Stub::SyncExchange, request, timeout);
  }
  Result<v1::TestExchangeResponse> TestExchange(const v1::TestExchangeRequest& request,
                                                milliseconds timeout) override {
    return Unary(*exchanges_, &v1::ExchangeService::Stub::TestExchange, request, timeout);
  }
  Result<v1::OverrideGateResponse> OverrideGate(const v1::OverrideGateRequest& request,
                                                milliseconds timeout) override {
    return Unary(*exchanges_, &v1::ExchangeService::Stub::OverrideGate, request, timeout);
  }

  Result<v1::ScanUploadResponse> ScanUpload(const v1::UploadHeader& header,
                                            const std::function<Result<std::string>()>& next_chunk,
                                            milliseconds timeout, RefusalFacts& facts) override;
  Result<v1::ImportEntriesResponse> ImportEntries(
      const v1::ImportHeader& header, const std::function<Result<bool>(v1::ImportRecords&)>& next,
      const std::function<void(const v1::ImportEntriesResponse&)>& acknowledged,
      milliseconds patience) override;
  Status ExportEntries(const v1::ExportEntriesRequest& request,
                       const std::function<Status(const v1::ExportEntriesResponse&)>& take,
                       milliseconds patience) override;

  Status UndoEntry(const v1::UndoEntryRequest& request,
                   const std::function<Status(const v1::UndoEntryResponse&)>& take,
                   milliseconds patience) override;
  Result<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request,
                                            milliseconds timeout) override {
    return Unary(*events_, &v1::EventService::Stub::ListEvents, request, timeout);
  }
  Status WatchEvents(const v1::WatchEventsRequest& request,
                     const std::function<Status(const v1::WatchEventsResponse&)>& take) override;

  void Cancel() override { calls_.Cancel(); }

 private:
  // Reads a stream to its end; `goes_on` is called after each answer.
  template <typename Response, typename GoesOn>
  static Status ReadEach(Call& call, grpc::ClientReader<Response>& stream,
                         const std::function<Status(const Response&)>& take, const GoesOn& goes_on) {
    Response response;
    while (stream.Read(&response)) {
      if (Status taken = take(response); !taken) {
        call.context()->TryCancel();
        stream.Finish();
        return taken;
      }
      goes_on();
    }
    const grpc::Status status = stream.Finish();
    if (!status.ok()) return std::unexpected(rpc::FromGrpc(status));
    return {};
  }
  // The same, and ends it once the server is silent for `patience`.
  template <typename Response>
  static Status ReadGuarded(Call& call, grpc::ClientReader<Response>& stream,
                            const std::function<Status(const Response&)>& take, milliseconds patience) {
    StallGuard guard(*call.context(), patience);
    Status read = ReadEach(call, stream, take, [&] { guard.GoesOn(patience); });
    if (guard.stalled()) return Stalled(patience);
    return read;
  }

  template <typename Stub, typename Request, typename Response>
  Result<Response> Unary(Stub& stub,
                         grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                         const Request& request, milliseconds timeout, RefusalFacts* facts = nullptr) {
    Call call(calls_, std::chrono::system_clock::now() + timeout);
    Response response;
    const grpc::Status status = (stub.*method)(call.context(), request, &response);
    if (status.ok()) return response;
    if (facts != nullptr) *facts = rpc::MetadataOf(status);
    return std::unexpected(rpc::FromGrpc(status));
  }

  CallRegistry calls_;
  std::unique_ptr<v1::ScanService::Stub> scan_;
  std::unique_ptr<v1::HashListService::Stub> lists_;
  std::unique_ptr<v1::StatusService::Stub> status_;
  std::unique_ptr<v1::ExchangeService::Stub> exchanges_;
  std::unique_ptr<v1::OpinionService::Stub> opinions_;
  std::unique_ptr<v1::EventService::Stub> events_;
  std::mutex batch_mutex_;
  std::shared_ptr<Batch> batch_;  // after what it uses
};

Result<v1::ScanUploadResponse> GrpcClient::ScanUpload(const v1::UploadHeader& header,
                                                      const std::function<Result<std::string>()>& next_chunk,
                                                      milliseconds timeout, RefusalFacts& facts) {
  Call call(calls_, std::chrono::system_clock::now() + timeout);
  v1::ScanUploadResponse response;
  const auto stream = scan_->ScanUpload(call.context(), &response);
  v1::ScanUploadRequest message;
  *message.mutable_header() = header;
  std::optional<Error> local_error;
  // A failed write means that the server has already answered; Finish says what.
  for (bool written = stream->Write(message); written; written = stream->Write(message)) {
    Result<std::string> chunk = next_chunk();
    if (!chunk) {
      local_error = chunk.error();
      call.context()->TryCancel();
      break;
    }
    if (chunk->empty()) {
      stream->WritesDone();
      break;
    }
    message.set_chunk(*std::move(chunk));
  }
  const grpc::Status status = stream->Finish();
  if (local_error) return std::unexpected(*local_error);
  if (status.ok()) return response;
  facts = rpc::MetadataOf(status);
  return std::unexpected(rpc::FromGrpc(status));
}

Result<v1::ImportEntriesResponse> GrpcClient::ImportEntries(
    const v1::ImportHeader& header, const std::function<Result<bool>(v1::ImportRecords&)>& next,
    const std::function<void(const v1::ImportEntriesResponse&)>& acknowledged, milliseconds patience) {
  Call call(calls_, std::chrono::system_clock::now() + kStreamDeadline);
  const auto stream = lists_->ImportEntries(call.context());
  StallGuard guard(*call.context(), patience);
  v1::ImportEntriesResponse response;
  const auto read = [&] {
    if (!stream->Read(&response)) return false;
    guard.GoesOn(patience);
    acknowledged(response);
    return true;
  };
  v1::ImportEntriesRequest message;
  *message.mutable_header() = header;
  bool alive = stream->Write(message);
  // One batch is on its way at a time: with two, both ends could wait for the other to read. While the server
  // commits it, the next is read from the file.
  bool unanswered = false;
  Result<bool> more = true;
  while (alive && more && *more) {
    v1::ImportRecords& records = *message.mutable_records();
    records.Clear();
    more = next(records);
    if (unanswered) alive = read();
    unanswered = alive && more && records.records_size() > 0;
    if (unanswered) alive = stream->Write(message);
  }
  if (!more) {
    call.context()->TryCancel();
  } else if (alive) {
    if (unanswered) read();
    guard.GoesOn(std::max(patience, kLastStepPatience));
    stream->WritesDone();
  }
  // The last answer, or what came before the server refused the rest.
  while (read()) {
  }
  const grpc::Status status = stream->Finish();
  if (!more) return std::unexpected(more.error());
  if (guard.stalled()) return Stalled(patience);
  if (!status.ok()) return std::unexpected(rpc::FromGrpc(status));
  if (!response.done()) {
    return Fail(Reason::kImportInterrupted, "the server ended the import without its last answer");
  }
  return response;
}

Status GrpcClient::ExportEntries(const v1::ExportEntriesRequest& request,
                                 const std::function<Status(const v1::ExportEntriesResponse&)>& take,
                                 milliseconds patience) {
  Call call(calls_, std::chrono::system_clock::now() + kStreamDeadline);
  return ReadGuarded(call, *lists_->ExportEntries(call.context(), request), take, patience);
}

Status GrpcClient::UndoEntry(const v1::UndoEntryRequest& request,
                             const std::function<Status(const v1::UndoEntryResponse&)>& take,
                             milliseconds patience) {
  Call call(calls_, std::chrono::system_clock::now() + kStreamDeadline);
  return ReadGuarded(call, *lists_->UndoEntry(call.context(), request), take, patience);
}

Status GrpcClient::WatchEvents(const v1::WatchEventsRequest& request,
                               const std::function<Status(const v1::WatchEventsResponse&)>& take) {
  Call call(calls_, std::chrono::system_clock::now() + kStreamDeadline);
  return ReadEach(call, *events_->WatchEvents(call.context(), request), take, [] {});
}

}  // namespace

std::unique_ptr<Client> MakeClient(const std::shared_ptr<grpc::ChannelInterface>& channel) {
  return std::make_unique<GrpcClient>(channel);
}

std::unique_ptr<Client> ConnectClient(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  // Uploads must not take the way of a proxy that happens to be set in the environment.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A server that is gone without a word is noticed by calls that last. Not more often than servers allow.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // Reconnect soon after the server restarts: the default backs off to two minutes.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  return MakeClient(grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace hashgate::cli
