#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rpc/ended_call.h"
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
//
// Three kinds of holders keep the object: gRPC until OnDone, each alarm that is set until its callback ran,
// and each step. Whoever finishes the call touches nothing of it afterwards but its own reference.
class UploadCall final : public grpc::ServerReadReactor<v1::ScanUploadRequest> {
 public:
  UploadCall(const ServiceContext& context, grpc::CallbackServerContext* call,
             v1::ScanUploadResponse* response, Caller caller, CallGate::Ticket ticket)
      : context_(context),
        call_(call),
        response_(response),
        caller_(std::move(caller)),
        ticket_(std::move(ticket)),
        // The answer itself must still leave before the caller's deadline.
        arrive_by_(DeadlineOf(*call, context.options.max_upload_time) -
                   context.scanner->options().answer_reserve),
        reader_(context.scanner->options().max_decode_bytes, DigestKinds()) {
    {
      const MutexLock lock(mutex_);
      SetAlarm();
    }
    StartRead(&message_);
    EndStep();
  }

  UploadCall(const UploadCall&) = delete;
  UploadCall& operator=(const UploadCall&) = delete;

  void OnReadDone(bool ok) override {
    BeginStep();
    if (!ok) {
      OnLastByte();
    } else if (IsReading()) {
      const std::optional<grpc::Status> refusal = Take();
      WipeChunk();
      if (refusal) {
        Close(*refusal);
      } else {
        StartRead(&message_);
      }
    }
    EndStep();
  }

  void OnDone() override { Unref(); }

 private:
  enum class State : std::uint8_t { kReading, kScanning, kFinished };

  ~UploadCall() override {
    WipeChunk();
    context_.bytes->Give(caller_.share, charged_bytes_);
    context_.streams->Give(caller_.share, 1);
  }

  void Unref() {
    if (references_.fetch_sub(1) == 1) delete this;
  }

  // Steps run from a message's arrival until the next read is started. An alarm must not finish the call
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
      last_message_ = std::chrono::steady_clock::now();
      late = --steps_ == 0 && timed_out_ && state_ == State::kReading;
      if (late) state_ = State::kFinished;
    }
    if (late) AnswerLate("the upload did not arrive in time");
    Unref();
  }
  bool IsReading() {
    const MutexLock lock(mutex_);
    return state_ == State::kReading;
  }

  // True for the one caller that may go on from `from`.
  bool Leave(State from, State to) {
    const MutexLock lock(mutex_);
    if (state_ != from) return false;
    state_ = to;
    return true;
  }

  // The last thing that is done to the call.
  void End(const grpc::Status& status) {
    {
      const MutexLock lock(mutex_);
      for (const auto& alarm : alarms_) alarm->Cancel();
    }
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
  }
  void Close(const grpc::Status& status) {
    if (Leave(State::kReading, State::kFinished)) End(status);
  }

  // Takes one message. A status where the call is refused.
  std::optional<grpc::Status> Take() {
    if (message_.has_header()) return TakeHeader();
    const auto refuse = [](std::string message) {
      return ToGrpc(Error{Reason::kStreamInvalid, std::move(message), "chunk", {}});
    };
    if (!request_) return refuse("the first message of an upload must be its header");
    const std::string& chunk = message_.chunk();
    if (chunk.size() > kMaxChunkBytes) return refuse("a chunk has at most 4 MiB");
    if (declared_ > 0 && reader_.size() + chunk.size() > declared_) {
      return refuse("more bytes arrived than the header declared");
    }
    // Memory is charged before it is taken, and while a buffer grows both halves of it count.
    const std::uint64_t peak = reader_.PeakAfter(chunk.size());
    if (peak > charged_bytes_) {
      if (const auto refused = TakeBytes(context_, caller_, peak - charged_bytes_)) {
        return RefuseOverload(context_, *refused, request_->surface.kind);
      }
      charged_bytes_ = peak;
    }
    reader_.Update(AsBytes(chunk));
    if (reader_.held() < charged_bytes_) {
      context_.bytes->Give(caller_.share, charged_bytes_ - reader_.held());
      charged_bytes_ = reader_.held();
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
    if (!request) return ScanError(context_, request.error(), SurfaceKind::kPublic);
    declared_ = static_cast<std::uint64_t>(header.declared_size_bytes());
    reader_.AlsoDigest(request->include_hashes ? DigestKinds::All() : context_.scanner->WantedDigests());
    lane_ = LaneOf(header.header());
    request_ = *std::move(request);
    request_->accepted = begun_;
    return std::nullopt;
  }

  // The bytes of uploads do not stay behind in freed memory.
  void WipeChunk() {
    if (message_.has_chunk()) WipeBytes(message_.chunk());
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
    if (reader_.size() < declared_) {
      Close(
          ToGrpc(Error{Reason::kStreamInvalid, "fewer bytes arrived than the header declared", "chunk", {}}));
      return;
    }
    scan::ScanRequest& request = *request_;
    if (!Leave(State::kReading, State::kScanning)) return;
    // From here on the scan's own time counts, whatever the upload took.
    request.deadline = ScanDeadlineOf(*call_, context_, lane_);
    request.cancelled = [this] { return call_->IsCancelled(); };
    const auto refused = context_.scan_executor->Submit(
        {.work = [this, &request] { return ScanIt(request); },
         .late = [this] { AnswerLate(std::string(kNoTurn)); },
         .caller = caller_.share,
         .lane = lane_,
         .cost = CostOf(context_, reader_.kept(), 0, request.exact_only),
         .finish_by = request.deadline - context_.scanner->options().answer_reserve});
    if (refused) End(RefuseOverload(context_, *refused, request.surface.kind));
  }

  // The last thing on the executor that may touch the call is its End.
  scan::Cost ScanIt(scan::ScanRequest& request) {
    const SteadyTime begun = std::chrono::steady_clock::now();
    BoundScan(context_, begun, request);
    const Result<scan::ScanAnswer> answer = context_.scanner->Scan(request, reader_.Finish());
    if (!answer) {
      const scan::Cost used = scan::UsedBy({}, begun);
      End(ScanError(context_, answer.error(), request.surface.kind));
      return used;
    }
    const scan::Cost used = scan::UsedBy(answer->timings, begun);
    EndWith(*answer, request.include_hashes);
    return used;
  }

  void AnswerLate(std::string why) {
    if (!request_) {
      End(ToGrpc(Error{Reason::kDeadlineExceeded, "no header arrived in time", "header", {}}));
      return;
    }
    EndWith(context_.scanner->NotEvaluated(*request_, Cause::kDeadline, std::move(why)), false);
  }

  void EndWith(const scan::ScanAnswer& answer, bool include_hashes) {
    const Status filled =
        FillResult(context_, answer, caller_.detail, include_hashes, *response_->mutable_result());
    End(filled ? grpc::Status::OK : ScanError(context_, filled.error(), request_->surface.kind));
  }

  // One alarm at a time looks after the stream: it fires when nothing can have arrived for too long, or when
  // the whole upload's time is over. An alarm cannot be set again from its own callback, so each is a new
  // one.
  void SetAlarm() HASHGATE_REQUIRES(mutex_) {
    references_.fetch_add(1);
    const SteadyTime at = std::min(arrive_by_, last_message_ + context_.options.max_upload_pause);
    const auto left = at - std::chrono::steady_clock::now();
    alarms_.push_back(std::make_unique<grpc::Alarm>());
    alarms_.back()->Set(std::chrono::system_clock::now() +
                            std::chrono::duration_cast<std::chrono::system_clock::duration>(left),
                        [this](bool fired) { OnAlarm(fired); });
  }

  void OnAlarm(bool fired) {
    bool late = false;
    if (fired) {
      const MutexLock lock(mutex_);
      const SteadyTime now = std::chrono::steady_clock::now();
      const bool idle = steps_ == 0 && now >= last_message_ + context_.options.max_upload_pause;
      if (state_ == State::kReading && (idle || now >= arrive_by_)) {
        timed_out_ = true;
        late = steps_ == 0;
        if (late) state_ = State::kFinished;
      } else if (state_ == State::kReading) {
        SetAlarm();
      }
    }
    if (late) AnswerLate("the upload did not arrive in time");
    Unref();
  }

  const ServiceContext& context_;
  grpc::CallbackServerContext* const call_;
  v1::ScanUploadResponse* const response_;
  const Caller caller_;
  CallGate::Ticket ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  const SteadyTime arrive_by_;
  std::atomic<int> references_{2};  // gRPC's and the first step's
  Mutex mutex_;
  std::vector<std::unique_ptr<grpc::Alarm>> alarms_
      HASHGATE_GUARDED_BY(mutex_);  // one a pause of the sender, at most
  SteadyTime last_message_ HASHGATE_GUARDED_BY(mutex_) = begun_;
  int steps_ HASHGATE_GUARDED_BY(mutex_) = 1;  // the constructor's own
  bool timed_out_ HASHGATE_GUARDED_BY(mutex_) = false;
  State state_ HASHGATE_GUARDED_BY(mutex_) = State::kReading;

  // Touched by the step that reads, then by the thread that scans, or by the late answer when no step runs.
  v1::ScanUploadRequest message_;
  std::optional<scan::ScanRequest> request_;
  scan::UploadReader reader_;
  scan::Lane lane_ = scan::Lane::kUpload;
  std::uint64_t declared_ = 0;
  std::uint64_t charged_bytes_ = 0;
};

using RefusedUpload = RefusedStream<grpc::ServerReadReactor<v1::ScanUploadRequest>>;

}  // namespace

grpc::ServerReadReactor<v1::ScanUploadRequest>* NewUploadCall(const ServiceContext& context,
                                                              grpc::CallbackServerContext* call,
                                                              v1::ScanUploadResponse* response) {
  // The surface is not known yet; the default one's table answers.
  const SurfaceKind kind = FindSurface(context, "default").value_or(scan::Surface{}).kind;
  if (!context.ready->load())
    return new RefusedUpload(context, kMethod, RefuseScan(context, Reason::kIndexNotReady, kind));
  auto ticket = context.gate->Enter();
  if (!ticket) return new RefusedUpload(context, kMethod, RefuseScan(context, Reason::kDraining, kind));
  Caller caller = CallerOf(call->peer(), context.options.loopback_is_admin);
  if (const auto refused = TakeStream(context, caller)) {
    return new RefusedUpload(context, kMethod, RefuseOverload(context, *refused, kind));
  }
  // The constructor gives back its own reference only; gRPC's lasts until OnDone.
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete)
  return new UploadCall(context, call, response, std::move(caller), *std::move(ticket));
}

}  // namespace hashgate::rpc
