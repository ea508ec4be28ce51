// A client of the gate for tests: every call has a deadline, and its status stands beside its answer.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/v1/hash_list_service.grpc.pb.h"
#include "hashgate/v1/scan_service.grpc.pb.h"
#include "hashgate/v1/status_service.grpc.pb.h"

namespace hashgate::testing {

struct ScanReply {
  grpc::Status status;
  v1::ScanResult result;
};

struct ImportReply {
  grpc::Status status;
  v1::ImportEntriesResponse last;  ///< the last progress that arrived
};

/// Length of the next chunk of an upload, given how many bytes were sent.
using ChunkSize = std::function<std::size_t(std::size_t sent)>;

/// Threads: thread-safe.
class GateClient {
 public:
  explicit GateClient(const std::shared_ptr<grpc::Channel>& channel);

  ScanReply Scan(const std::string& bytes, const v1::ScanHeader& header = {},
                 std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  /// `declared_size` 0 declares none. A chunk size of 0 sends an empty chunk and then one byte.
  ScanReply Upload(const std::string& bytes, const ChunkSize& chunk_size, const v1::ScanHeader& header = {},
                   std::int64_t declared_size = 0,
                   std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  /// Looks up one file by one hash.
  ScanReply Match(v1::Algorithm algorithm, const std::string& value) const;

  grpc::Status CreateList(const v1::HashList& list) const;
  /// Sends the records in messages of `batch` and reads every acknowledgement; `on_progress` may end the
  /// import early by returning false. `replace` swaps the whole list at the end.
  ImportReply Import(const std::string& list, const std::vector<v1::ImportRecord>& records, int batch = 1'000,
                     const std::function<bool(const v1::ImportEntriesResponse&)>& on_progress = {},
                     bool replace = false) const;
  v1::GetStatusResponse Status() const;
  /// Every entry of a list by its source id. A failed call is a test failure.
  std::vector<v1::Entry> AllEntries(const std::string& list) const;

  v1::ScanService::Stub& scan() const { return *scan_; }
  v1::HashListService::Stub& lists() const { return *lists_; }
  v1::StatusService::Stub& status() const { return *status_; }

 private:
  std::unique_ptr<v1::ScanService::Stub> scan_;
  std::unique_ptr<v1::HashListService::Stub> lists_;
  std::unique_ptr<v1::StatusService::Stub> status_;
};

/// A ScanUpload whose sender takes its time; cancelled at its end unless finished. Threads: confined.
class SlowUpload {
 public:
  /// Opens the stream and sends the header.
  explicit SlowUpload(const GateClient& client, const v1::ScanHeader& header = {},
                      std::chrono::milliseconds timeout = std::chrono::seconds(60));
  ~SlowUpload();
  SlowUpload(const SlowUpload&) = delete;
  SlowUpload& operator=(const SlowUpload&) = delete;

  /// False where the server has ended the call.
  bool Send(const std::string& chunk);
  /// Says that nothing more comes, and waits for the answer.
  ScanReply End();
  /// Waits for the answer while the stream stays open.
  ScanReply WaitForAnswer();

 private:
  grpc::ClientContext context_;
  v1::ScanUploadResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::ScanUploadRequest>> writer_;
  bool finished_ = false;
};

void SetTimeout(grpc::ClientContext& context, std::chrono::milliseconds timeout);
/// Chunks of one size.
ChunkSize Fixed(std::size_t size);

/// A trusted CSAM list of made-up source.
v1::HashList SyntheticList(const std::string& name);
/// One record with one hash.
v1::ImportRecord RecordOf(std::int64_t line, const std::string& source_id, v1::Algorithm algorithm,
                          const std::string& value);
/// Bytes that no file has, by number.
std::string SyntheticHash(v1::Algorithm algorithm, std::uint64_t number);
/// SHA-256 of `bytes` as 32 bytes.
std::string Sha256Of(const std::string& bytes);

/// The reason of a refusal, by its name ("OVERLOADED").
std::string ReasonOf(const grpc::Status& status);
/// What a refused scan must carry: fail verdict, policy version, and when to ask again. Failures name `what`.
void ExpectRefusedScan(const grpc::Status& status, grpc::StatusCode code, const std::string& reason,
                       const std::string& what);

}  // namespace hashgate::testing
