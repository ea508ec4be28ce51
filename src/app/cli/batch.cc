#include "app/cli/batch.h"

#include <utility>

#include "rpc/wire/error_status.h"

namespace hashgate::cli {
namespace {

// Bound of one stream; the next file then opens another.
constexpr std::chrono::hours kStreamDeadline{24};
// For the server to end a stream that has nothing left.
constexpr std::chrono::seconds kEndPatience{2};

grpc::Status StatusOf(const google::rpc::Status& error) {
  return {static_cast<grpc::StatusCode>(error.code()), error.message(), error.SerializeAsString()};
}

}  // namespace

Batch::Batch(v1::ScanService::Stub& stub, CallRegistry& calls)
    : call_(calls, std::chrono::system_clock::now() + kStreamDeadline),
      stream_(stub.ScanBatch(call_.context())),
      reader_([this] { ReadAnswers(); }) {}

Batch::~Batch() {
  {
    const std::lock_guard lock(write_mutex_);
    stream_->WritesDone();
  }
  {
    std::unique_lock lock(mutex_);
    answered_.wait_for(lock, kEndPatience, [this] { return end_.has_value(); });
  }
  call_.context()->TryCancel();
  reader_.join();
}

bool Batch::ended() const {
  const std::lock_guard lock(mutex_);
  return end_.has_value();
}

void Batch::ReadAnswers() {
  v1::ScanBatchResponse response;
  while (stream_->Read(&response)) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(response.request_id());
    // Nobody waits for it any more.
    if (found == waiting_.end()) continue;
    found->second.emplace().Swap(&response);
    answered_.notify_all();
  }
  grpc::Status status = stream_->Finish();
  // A stream that ends while somebody waits has let them down, whatever it says.
  if (status.ok()) status = {grpc::StatusCode::UNAVAILABLE, "the server ended the batch"};
  const std::lock_guard lock(mutex_);
  end_ = std::move(status);
  answered_.notify_all();
}

Result<v1::ScanResult> Batch::Scan(const v1::ScanBatchRequest& request, std::chrono::milliseconds timeout,
                                   RefusalFacts& facts) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const std::string& id = request.header().request_id();
  {
    const std::lock_guard lock(mutex_);
    if (!end_) waiting_[id].reset();
  }
  bool written = false;
  {
    const std::lock_guard lock(write_mutex_);
    written = stream_->Write(request);
  }
  std::unique_lock lock(mutex_);
  // A failed write means that the stream has ended or is about to; how is what its reader says.
  const bool in_time = answered_.wait_until(
      lock, until, [&] { return end_.has_value() || (written && waiting_[id].has_value()); });
  const auto found = waiting_.find(id);
  std::optional<v1::ScanBatchResponse> response;
  if (found != waiting_.end()) {
    response = std::move(found->second);
    waiting_.erase(found);
  }
  if (response && response->has_result()) return std::move(*response->mutable_result());
  if (!response && !in_time) return Fail(Reason::kDeadlineExceeded, "no answer came in time");
  // Without an answer in time the stream has ended.
  const grpc::Status status = response ? StatusOf(response->error()) : end_.value_or(grpc::Status::CANCELLED);
  facts = rpc::MetadataOf(status);
  return std::unexpected(rpc::FromGrpc(status));
}

}  // namespace hashgate::cli
