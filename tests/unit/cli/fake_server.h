// A server inside this process that answers as it is told, and a command line that talks to it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "app/cli/client.h"
#include "app/cli/environment.h"
#include "hashgate/v1/event_service.grpc.pb.h"
#include "hashgate/v1/exchange_service.grpc.pb.h"
#include "hashgate/v1/hash_list_service.grpc.pb.h"
#include "hashgate/v1/scan_service.grpc.pb.h"
#include "hashgate/v1/status_service.grpc.pb.h"
#include "rpc/wire/error_status.h"

namespace hashgate::cli {

/// What the fake server's answers and its status say a verdict depends on, unless a test changes it.
struct FakeVersions {
  std::string engine = "1.2.3";
  std::string policy_digest = "sha256:00";
  std::int64_t generation = 4;
};

/// Answers ALLOW, BLOCK for content that starts with "block", and what `refuse` says first. Threads:
/// thread-safe.
class FakeScan : public v1::ScanService::Service {
 public:
  grpc::Status ScanImage(grpc::ServerContext* context, const v1::ScanImageRequest* request,
                         v1::ScanImageResponse* response) override;
  grpc::Status ScanUpload(grpc::ServerContext* context, grpc::ServerReader<v1::ScanUploadRequest>* reader,
                          v1::ScanUploadResponse* response) override;
  grpc::Status ScanBatch(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ScanBatchResponse, v1::ScanBatchRequest>* stream) override;
  grpc::Status MatchHashes(grpc::ServerContext* context, const v1::MatchHashesRequest* request,
                           v1::MatchHashesResponse* response) override;
  grpc::Status GetFailPolicy(grpc::ServerContext* context, const v1::GetFailPolicyRequest* request,
                             v1::GetFailPolicyResponse* response) override;

  /// Called before each scan with the header and the call's number from 0; not OK refuses it.
  std::function<grpc::Status(const v1::ScanHeader&, int)> refuse;
  std::function<void(v1::ScanResult&)> change;
  /// Called with each request of MatchHashes.
  std::function<void(const v1::MatchHashesRequest&)> on_match;
  /// Of every answer from now on. Change it while no scan runs.
  FakeVersions versions;

  [[nodiscard]] std::vector<v1::ScanHeader> headers() {
    const std::lock_guard lock(mutex_);
    return headers_;
  }
  std::atomic<int> uploads = 0;
  std::atomic<int> batches = 0;
  std::atomic<int> batched = 0;
  /// A ScanBatch ends with `batch_breaks_with` after so many answers; 0: never.
  std::atomic<int> batch_breaks_after = 0;
  std::atomic<grpc::StatusCode> batch_breaks_with = grpc::StatusCode::UNAVAILABLE;
  std::atomic<std::int64_t> uploaded_bytes = 0;
  std::atomic<std::int64_t> declared_bytes = 0;

 private:
  grpc::Status Answer(const v1::ScanHeader& header, const std::string& content, v1::ScanResult& result);

  std::mutex mutex_;
  std::vector<v1::ScanHeader> headers_;
};

/// Keeps lists and what was imported into them. Threads: thread-safe.
class FakeLists : public v1::HashListService::Service {
 public:
  grpc::Status CreateHashList(grpc::ServerContext* context, const v1::CreateHashListRequest* request,
                              v1::CreateHashListResponse* response) override;
  grpc::Status GetHashList(grpc::ServerContext* context, const v1::GetHashListRequest* request,
                           v1::GetHashListResponse* response) override;
  grpc::Status ListHashLists(grpc::ServerContext* context, const v1::ListHashListsRequest* request,
                             v1::ListHashListsResponse* response) override;
  grpc::Status UpdateHashList(grpc::ServerContext* context, const v1::UpdateHashListRequest* request,
                              v1::UpdateHashListResponse* response) override;
  grpc::Status DeleteHashList(grpc::ServerContext* context, const v1::DeleteHashListRequest* request,
                              v1::DeleteHashListResponse* response) override;
  grpc::Status EnableHashList(grpc::ServerContext* context, const v1::EnableHashListRequest* request,
                              v1::EnableHashListResponse* response) override;
  grpc::Status ImportEntries(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ImportEntriesResponse, v1::ImportEntriesRequest>* stream) override;
  grpc::Status ListEntries(grpc::ServerContext* context, const v1::ListEntriesRequest* request,
                           v1::ListEntriesResponse* response) override;
  grpc::Status ExportEntries(grpc::ServerContext* context, const v1::ExportEntriesRequest* request,
                             grpc::ServerWriter<v1::ExportEntriesResponse>* writer) override;
  grpc::Status ListQuarantined(grpc::ServerContext* context, const v1::ListQuarantinedRequest* request,
                               v1::ListQuarantinedResponse* response) override;
  grpc::Status UndoEntry(grpc::ServerContext* context, const v1::UndoEntryRequest* request,
                         grpc::ServerWriter<v1::UndoEntryResponse>* writer) override;

  std::mutex mutex;
  std::map<std::string, v1::HashList> lists;
  v1::ImportHeader header;
  std::vector<v1::ImportRecord> records;
  std::string deleted_etag;
  v1::UndoEntryRequest undone;
  std::vector<v1::UndoEntryResponse> undo_answers;
  grpc::Status undo_ends;
  int import_messages = 0;
  /// The import is refused with DRAINING once this many records are committed; 0: never.
  std::size_t drain_after = 0;
  /// Called after each acknowledgement.
  std::function<void()> acknowledged;

 private:
  grpc::Status Find(const std::string& name, v1::HashList& list);
};

class FakeStatus : public v1::StatusService::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext* /*context*/, const v1::GetStatusRequest* /*request*/,
                         v1::GetStatusResponse* response) override {
    if (!refuse.ok()) return refuse;
    *response = answer;
    return grpc::Status::OK;
  }
  /// Makes the status say the same as `versions`.
  void Tell(const FakeVersions& versions) {
    answer.set_version(versions.engine);
    answer.set_policy_digest(versions.policy_digest);
    answer.set_generation(versions.generation);
  }
  grpc::Status refuse;
  v1::GetStatusResponse answer;
};

/// One exchange, "npo". A sync that was asked for ends with the third question after it. Threads:
/// thread-safe.
class FakeExchanges : public v1::ExchangeService::Service {
 public:
  grpc::Status ListExchanges(grpc::ServerContext* context, const v1::ListExchangesRequest* request,
                             v1::ListExchangesResponse* response) override;
  grpc::Status GetExchange(grpc::ServerContext* context, const v1::GetExchangeRequest* request,
                           v1::GetExchangeResponse* response) override;
  grpc::Status SyncExchange(grpc::ServerContext* context, const v1::SyncExchangeRequest* request,
                            v1::SyncExchangeResponse* response) override;
  grpc::Status TestExchange(grpc::ServerContext* context, const v1::TestExchangeRequest* request,
                            v1::TestExchangeResponse* response) override;
  grpc::Status OverrideGate(grpc::ServerContext* context, const v1::OverrideGateRequest* request,
                            v1::OverrideGateResponse* response) override;

  std::mutex mutex;
  bool configured = true;
  v1::Exchange exchange;  ///< as it is after the next sync
  v1::SyncExchangeRequest synced;
  v1::OverrideGateRequest opened;
  int questions_left = 0;
};

/// Has the events that a test gives it, numbered from `oldest`. A stream ends with `breaks_with` once it has
/// sent `events_a_stream` of them, or all. Threads: thread-safe.
class FakeEvents : public v1::EventService::Service {
 public:
  grpc::Status WatchEvents(grpc::ServerContext* context, const v1::WatchEventsRequest* request,
                           grpc::ServerWriter<v1::WatchEventsResponse>* writer) override;
  grpc::Status ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* response) override;

  std::mutex mutex;
  std::vector<v1::Event> events;
  std::int64_t oldest = 1;
  std::size_t events_a_stream = 1'000;
  grpc::Status breaks_with;
  std::vector<std::int64_t> watched_from;
};

/// Decodes nothing: one view whose PDQ is the same for every picture.
class FakeDecoder : public decode::Decoder {
 public:
  Result<decode::DecodeResult> Decode(ByteSpan upload, decode::Format format, const decode::Wanted& wanted,
                                      SteadyTime deadline, const std::function<bool()>& cancelled) override;
  [[nodiscard]] decode::PoolStats Stats() const override { return {}; }
};

/// Each test has a server and a folder of its own.
class CliTest : public ::testing::Test {
 protected:
  struct Run {
    int code = -1;
    std::string out;
    std::string err;
  };

  void SetUp() override;
  void TearDown() override;

  Run Cli(const std::vector<std::string>& arguments, const std::string& input = "");
  /// As if no server were there.
  Run CliWithoutServer(const std::vector<std::string>& arguments);
  std::string Write(const std::string& name, const std::string& content);
  static std::string Read(const std::filesystem::path& path);

  std::filesystem::path folder_;
  FakeScan scan_;
  FakeLists lists_;
  FakeStatus status_;
  FakeExchanges exchanges_;
  FakeEvents events_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stop> stop_ = std::make_unique<Stop>();

 private:
  Run RunWith(const std::vector<std::string>& arguments, const std::string& input,
              std::function<std::unique_ptr<Client>(const std::string&)> connect);
};

}  // namespace hashgate::cli
