#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "rpc/scan_service.h"
#include "rpc/unary_call.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "ScanUpload";
constexpr std::size_t kMaxChunkBytes = 4ULL << 20;

// One ScanUpload. Reads and digests on gRPC's threads, one chunk at a time (the next is asked for when the
// last was taken, so a fast sender waits), then scans on the executor. A stream that stops is answered when
// its time is over.
class UploadCall final : public grpc::ServerReadReactor<v1::ScanUploadRequest> {
 public:
  UploadCall(const ServiceContext& context, grpc::CallbackServerContext* call,
             v1::ScanUploadResponse* response, CallGate::Ticket ticket)
      : context_(context),
        call_(call),
        response_(response),
        caller_(CallerOf(call->peer(), context.options.loopback_is_admin)),
        ticket_(std::move(ticket)),
        arrive_by_(DeadlineOf(*call, context.options.max_upload_time)),
        reader_(context.scanner->options().max_decode_bytes) {
    // The answer itself must still leave before the caller's deadline.
    const auto left =
        arrive_by_ - context_.scanner->options().answer_reserve - std::chrono::steady_clock::now();
    alarm_.Set(std::chrono::system_clock::now() +
                   std::chrono::duration_cast<std::chrono::system_clock::duration>(left),
               [this](bool fired) { OnAlarm(fired); });
    StartRead(&message_);
    EndStep();
  }

  void OnReadDone(bool ok) override {
    BeginStep();
    if (!ok) {
      OnLastByte();
    } else if (IsReading()) {
      if (const std::optional<grpc::Status> refusal = Take()) {
        Close(*refusal);
      } else {
        StartRead(&message_);
      }
    }
    EndStep();
  }

  // The alarm's callback, or a step that has just started the next read, may still be on its way.
  void OnDone() override { Unref(); }

 private:
  enum class State : std::uint8_t { kReading, kScanning, kFinished };

  ~UploadCall() override { context_.bytes->Give(taken_bytes_); }

  void Unref() {
    if (references_.fetch_sub(1) == 1) delete this;
  }

  // Steps run from a message's arrival until the next read is started. The alarm must not finish the call
  // inside one: a read that is started after Finish would outlive the call.
  void BeginStep() {
    references_.fetch_add(1);
    const MutexLock lock(mutex_);
    ++steps_;
  }
  void EndStep() {
    bool late = false;
    {
      const MutexLock lock(mutex_);
      late = --steps_ == 0 && timed_out_ && state_ == State::kReading;
      if (late) state_ = State::kFinished;
    }
    if (late) AnswerLate();
    Unref();
  }
  bool IsReading() {
    const MutexLock lock(mutex_);
    return state_ == State::kReading;
  }

  // True for the one caller that may go on from kReading.
  bool Leave(State next) {
    const MutexLock lock(mutex_);
    if (state_ != State::kReading) return false;
    state_ = next;
    return true;
  }

  void End(const grpc::Status& status) {
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
    alarm_.Cancel();
  }

  void Close(const grpc::Status& status) {
    if (Leave(State::kFinished)) End(status);
  }

  // Takes one message. A status where the call is refused.
  std::optional<grpc::Status> Take() {
    if (message_.has_header()) return TakeHeader();
    if (!request_) {
      return ToGrpc(
          Error{Reason::kStreamInvalid, "the first message of an upload must be its header", "header", {}});
    }
    const std::string& chunk = message_.chunk();
    if (chunk.size() > kMaxChunkBytes) {
      return ToGrpc(Error{Reason::kStreamInvalid, "a chunk has at most 4 MiB", "chunk", {}});
    }
    if (declared_ > 0 && reader_.size() + chunk.size() > declared_) {
      return ToGrpc(
          Error{Reason::kStreamInvalid, "more bytes arrived than the header declared", "chunk", {}});
    }
    // What is kept for decoding counts; what is only digested does not.
    if (reader_.size() + chunk.size() <= context_.scanner->options().max_decode_bytes) {
      if (!context_.bytes->Take(chunk.size())) {
        return RefuseScan(context_, Reason::kOverloaded, request_->surface.kind);
      }
      taken_bytes_ += chunk.size();
    }
    reader_.Update(AsBytes(chunk));
    if (reader_.buffered() == 0 && taken_bytes_ > 0) {
      context_.bytes->Give(taken_bytes_);
      taken_bytes_ = 0;
    }
    return std::nullopt;
  }

  std::optional<grpc::Status> TakeHeader() {
    if (request_) return ToGrpc(Error{Reason::kStreamInvalid, "a second header came", "header", {}});
    const v1::UploadHeader& header = message_.header();
    if (header.declared_size_bytes() < 0) {
      return ToGrpc(
          Error{Reason::kRequestInvalid, "a size is not negative", "header.declared_size_bytes", {}});
    }
    auto request = ToRequest(context_, header.header(), caller_);
    if (!request) return ToGrpc(request.error());
    declared_ = static_cast<std::uint64_t>(header.declared_size_bytes());
    include_hashes_ = header.header().options().include_hashes();
    request_ = *std::move(request);
    request_->accepted = begun_;
    return std::nullopt;
  }

  // The stream ended: by its sender, or because the sender went away.
  void OnLastByte() {
    if (call_->IsCancelled()) {
      Close(ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}}));
      return;
    }
    if (!request_) {
      Close(ToGrpc(Error{Reason::kStreamInvalid, "the stream ended without a header", "header", {}}));
      return;
    }
    if (!Leave(State::kScanning)) return;
    alarm_.Cancel();
    // From here on the scan's own time counts, whatever the upload took.
    request_->deadline = DeadlineOf(*call_, context_.options.max_scan_time);
    request_->cancelled = [this] { return call_->IsCancelled(); };
    const bool taken = context_.scan_executor->Submit([this] {
      const Result<scan::ScanAnswer> answer = context_.scanner->Scan(*request_, reader_.Finish());
      if (!answer) {
        EndScan(ScanError(context_, answer.error(), request_->surface.kind));
        return;
      }
      FillResult(*answer, caller_.detail, include_hashes_, *response_->mutable_result());
      EndScan(grpc::Status::OK);
    });
    if (!taken) EndScan(RefuseScan(context_, Reason::kOverloaded, request_->surface.kind));
  }

  void EndScan(const grpc::Status& status) {
    {
      const MutexLock lock(mutex_);
      state_ = State::kFinished;
    }
    End(status);
  }

  void OnAlarm(bool fired) {
    bool late = false;
    if (fired) {
      const MutexLock lock(mutex_);
      timed_out_ = true;
      late = steps_ == 0 && state_ == State::kReading;
      if (late) state_ = State::kFinished;
    }
    if (late) AnswerLate();
    Unref();
  }

  void AnswerLate() {
    if (!request_) {
      End(ToGrpc(Error{Reason::kDeadlineExceeded, "no header arrived in time", "header", {}}));
      return;
    }
    FillResult(
        context_.scanner->NotEvaluated(*request_, Cause::kDeadline, "the upload did not arrive in time"),
        caller_.detail, false, *response_->mutable_result());
    End(grpc::Status::OK);
  }

  const ServiceContext& context_;
  grpc::CallbackServerContext* const call_;
  v1::ScanUploadResponse* const response_;
  const Caller caller_;
  CallGate::Ticket ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  const SteadyTime arrive_by_;
  grpc::Alarm alarm_;
  std::atomic<int> references_{
      3};  // gRPC's, until OnDone; the alarm's, until its callback ran; the first step's
  Mutex mutex_;
  int steps_ HASHGATE_GUARDED_BY(mutex_) = 1;  // the constructor's own
  bool timed_out_ HASHGATE_GUARDED_BY(mutex_) = false;
  State state_ HASHGATE_GUARDED_BY(mutex_) = State::kReading;

  // Touched by the step that reads, then by the thread that scans, or by the late answer when no step runs.
  v1::ScanUploadRequest message_;
  std::optional<scan::ScanRequest> request_;
  scan::UploadReader reader_;
  std::uint64_t declared_ = 0;
  std::size_t taken_bytes_ = 0;
  bool include_hashes_ = false;
};

// A stream that is refused at the door.
class RefusedUpload final : public grpc::ServerReadReactor<v1::ScanUploadRequest> {
 public:
  RefusedUpload(const ServiceContext& context, const grpc::Status& status) {
    CountCall(context, kMethod, status, std::chrono::steady_clock::now());
    Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerReadReactor<v1::ScanUploadRequest>* NewUploadCall(const ServiceContext& context,
                                                              grpc::CallbackServerContext* call,
                                                              v1::ScanUploadResponse* response) {
  // The surface is not known yet; the default one's table answers.
  const SurfaceKind kind = FindSurface(context, "default").value_or(scan::Surface{}).kind;
  if (!context.ready->load())
    return new RefusedUpload(context, RefuseScan(context, Reason::kIndexNotReady, kind));
  auto ticket = context.gate->Enter();
  if (!ticket) return new RefusedUpload(context, RefuseScan(context, Reason::kDraining, kind));
  return new UploadCall(context, call, response, *std::move(ticket));
}

}  // namespace hashgate::rpc
