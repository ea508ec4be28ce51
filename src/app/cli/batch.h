// One ScanBatch stream that many threads send files through. Private to the client.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/cli/call.h"
#include "app/cli/client.h"
#include "hashgate/v1/scan_service.grpc.pb.h"

namespace hashgate::cli {

/// Threads: thread-safe.
class Batch {
 public:
  Batch(v1::ScanService::Stub& stub, CallRegistry& calls);
  /// Tells the server that nothing more comes, and ends the stream.
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Sends a file and waits for its answer. Errors: the file's own, or those that ended the stream.
  Result<v1::ScanResult> Scan(const v1::ScanBatchRequest& request, std::chrono::milliseconds timeout,
                              RefusalFacts& facts);
  /// Nothing more can be sent.
  [[nodiscard]] bool ended() const;

 private:
  void ReadAnswers();

  Call call_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ScanBatchRequest, v1::ScanBatchResponse>> stream_;
  std::mutex write_mutex_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable answered_;
  std::map<std::string, std::optional<v1::ScanBatchResponse>> waiting_;  // by request id
  std::optional<grpc::Status> end_;
  std::thread reader_;
};

}  // namespace hashgate::cli
