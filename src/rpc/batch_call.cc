#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "google/rpc/status.pb.h"
#include "rpc/ended_call.h"
#include "rpc/scan_service.h"
#include "rpc/stream_timer.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "ScanBatch";

// One ScanBatch. A file is read only while fewer than the bound are unanswered, so a fast sender waits; each
// waits for its turn in the background lane and is answered when it is done.
//
// The object is held by gRPC until OnDone, and by each file until the last thread is done with that. The call
// is finished only when no file is in flight. What is started on the call is started under the mutex, so that
// nothing can follow its end; gRPC never answers on the thread that starts, so that cannot lock itself out.
class BatchCall final : public grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse> {
 public:
  BatchCall(const ServiceContext& context, grpc::CallbackServerContext* call, Caller caller)
      : context_(context), call_(call), caller_(std::move(caller)), timer_([this] { return OnSilence(); }) {
    GoOn();
  }
  BatchCall(const BatchCall&) = delete;
  BatchCall& operator=(const BatchCall&) = delete;

  void OnReadDone(bool ok) override {
    std::shared_ptr<File> file;
    {
      const MutexLock lock(mutex_);
      reading_ = false;
      if (!ok) {
        ended_ = true;
      } else if (!closing_) {
        file = std::make_shared<File>(*this);
        file->message.Swap(&message_);
        ++in_flight_;
      }
    }
    if (file != nullptr) TakeUp(file);
    GoOn();
  }

  void OnWriteDone(bool ok) override {
    {
      const MutexLock lock(mutex_);
      writing_ = false;
      answers_.pop_front();
      --in_flight_;
    }
    if (!ok) GiveUp();
    GoOn();
  }

  void OnCancel() override {
    GiveUp();
    GoOn();
  }

  void OnDone() override {
    // The call's context goes with it, and the timer uses that.
    timer_.Stop();
    Unref();
  }

 private:
  // A file between its arrival and its answer.
  struct File {
    explicit File(BatchCall& owner) : call(owner) { call.references_.fetch_add(1); }
    ~File() {
      WipeBytes(message.content());
      call.context_.bytes->Give(call.caller_.share, charged);
      ticket.reset();
      call.Unref();
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    BatchCall& call;
    v1::ScanBatchRequest message;
    scan::ScanRequest request;
    std::optional<CallGate::Ticket> ticket;
    std::size_t charged = 0;
  };
  // An answer on its way. The file's ticket stays with it, so that a drain waits until it is sent.
  struct Outgoing {
    v1::ScanBatchResponse message;
    std::optional<CallGate::Ticket> ticket;
  };

  ~BatchCall() override { context_.streams->Give(caller_.share, 1); }

  void Unref() {
    if (references_.fetch_sub(1) == 1) delete this;
  }

  // Nobody waits for answers any more. What is queued would else keep its bytes until uploads leave room.
  void GiveUp() {
    cancelled_.store(true);
    context_.scan_executor->TakeBack(this);
  }

  // Starts what may be started now: a file that waits, a write, the end, a read.
  void GoOn() {
    std::deque<std::shared_ptr<File>> again;
    bool writing = false;
    {
      const MutexLock lock(mutex_);
      writing = writing_;
      if (cancelled_.load()) {
        again.swap(waiting_);
      } else if (!waiting_.empty()) {
        again.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    // Other files that get done are no sign of a client that reads.
    if (!writing) timer_.Restart(context_.options.max_batch_pause);
    for (const std::shared_ptr<File>& file : again) QueueOrWait(file);

    const MutexLock lock(mutex_);
    if (finished_) return;
    if (cancelled_.load()) DropAnswers();
    if (!writing_ && !answers_.empty()) {
      writing_ = true;
      write_begun_ = std::chrono::steady_clock::now();
      StartWrite(&answers_.front().message);
    } else if (in_flight_ == 0 && (ended_ || closing_)) {
      if (!closing_ && cancelled_.load()) {
        closing_ = ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}});
      }
      return End(closing_.value_or(grpc::Status::OK));
    }
    if (!reading_ && !ended_ && !closing_ && waiting_.empty() &&
        in_flight_ < context_.options.max_batch_in_flight) {
      reading_ = true;
      StartRead(&message_);
    }
  }

  void End(const grpc::Status& status) HASHGATE_REQUIRES(mutex_) {
    finished_ = true;
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
  }

  // The front may be on its way out.
  void DropAnswers() HASHGATE_REQUIRES(mutex_) {
    while (answers_.size() > (writing_ ? 1U : 0U)) {
      answers_.pop_back();
      --in_flight_;
    }
  }

  // A client that does not read holds up what was written, and with it the end: only a reset gets past that.
  bool OnSilence() {
    const MutexLock lock(mutex_);
    if (finished_) {
      call_->TryCancel();
      return true;
    }
    if (writing_) {
      const auto since = std::chrono::steady_clock::now() - write_begun_;
      if (since < context_.options.max_batch_pause) return false;
      closing_ = ToGrpc(Error{Reason::kDeadlineExceeded, "no answer was read for too long", {}, {}});
      call_->TryCancel();
      return false;
    }
    if (!reading_ || in_flight_ > 0) return false;
    closing_ = ToGrpc(Error{Reason::kDeadlineExceeded, "no file came for too long", {}, {}});
    End(*closing_);
    return false;
  }

  void Close(const grpc::Status& status) {
    const MutexLock lock(mutex_);
    if (!closing_) closing_ = status;
  }

  // Checks a file and queues it, or answers it.
  void TakeUp(const std::shared_ptr<File>& file) {
    const v1::ScanHeader& header = file->message.header();
    {
      const MutexLock lock(mutex_);
      if (header.request_id().empty() || !ids_.insert(header.request_id()).second) {
        // Its answer could not be told from another's.
        closing_ = ToGrpc(Error{Reason::kStreamInvalid,
                                "a file needs a request id that no unanswered file of the stream has",
                                "header.request_id",
                                {}});
        --in_flight_;
        return;
      }
    }
    auto request = ToRequest(context_, header, caller_);
    if (!request) return AnswerError(*file, ScanError(context_, request.error(), SurfaceKind::kPublic));
    file->request = *std::move(request);
    file->request.background = true;
    file->request.accepted = std::chrono::steady_clock::now();
    file->request.cancelled = [this] { return cancelled_.load(); };
    const SurfaceKind surface_kind = file->request.surface.kind;
    if (file->message.content().size() > context_.options.max_inline_bytes) {
      return AnswerError(*file, ToGrpc(Error{Reason::kMessageTooLarge,
                                             "longer than the server's limit for one message: use ScanUpload",
                                             "content",
                                             {}}));
    }
    if (auto ticket = context_.gate->Enter()) {
      file->ticket.emplace(*std::move(ticket));
    } else {
      const grpc::Status draining = RefuseScan(context_, Reason::kDraining, surface_kind);
      AnswerError(*file, draining);
      return Close(draining);
    }
    const std::size_t size = file->message.content().size();
    if (const auto refused = TakeBytes(context_, caller_, size)) {
      // It cannot wait: what waits is held in memory too.
      return AnswerError(*file, RefuseOverload(context_, *refused, surface_kind));
    }
    file->charged = size;
    QueueOrWait(file);
  }

  std::optional<scan::Refused> Queue(const std::shared_ptr<File>& file) {
    const std::string& content = file->message.content();
    return context_.scan_executor->Submit(
        {.work = [this, file] { return Scan(file); },
         .late = [this, file] { AnswerLate(file); },
         .caller = caller_.share,
         .lane = scan::Lane::kBackground,
         .cost = CostOf(context_, AsBytes(content), content.size(), file->request.exact_only),
         .owner = this});
  }

  // A file for which the queue has no room waits until others of its own stream are answered; where all
  // others wait too, its sender has to ask again.
  void QueueOrWait(const std::shared_ptr<File>& file) {
    if (cancelled_.load()) {
      return AnswerError(*file, ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}}));
    }
    const auto refused = Queue(file);
    if (!refused) {
      // GiveUp may have come before the file was there to be taken back.
      if (cancelled_.load()) context_.scan_executor->TakeBack(this);
      return;
    }
    {
      const MutexLock lock(mutex_);
      const int others = in_flight_ - static_cast<int>(waiting_.size()) - 1;
      if (others > 0 && !cancelled_.load()) return waiting_.push_back(file);
    }
    AnswerError(*file, RefuseOverload(context_, *refused, file->request.surface.kind));
  }

  scan::Cost Scan(const std::shared_ptr<File>& file) {
    const SteadyTime begun = std::chrono::steady_clock::now();
    scan::ScanRequest& request = file->request;
    const Result<scan::ScanAnswer> answer =
        ScanContent(context_, request, begun, AsBytes(file->message.content()));
    const scan::Cost used = scan::UsedBy(answer ? answer->timings : scan::StageTimings{}, begun);
    if (!answer) {
      AnswerError(*file, ScanError(context_, answer.error(), request.surface.kind));
    } else {
      Answer(*file, *answer);
    }
    GoOn();
    return used;
  }

  // Taken back, because the caller went away or the server ends.
  void AnswerLate(const std::shared_ptr<File>& file) {
    Answer(*file, context_.scanner->NotEvaluated(file->request, Cause::kDeadline, std::string(kNoTurn)));
    GoOn();
  }

  void Answer(File& file, const scan::ScanAnswer& answer) {
    v1::ScanBatchResponse response;
    const Status filled =
        FillResult(context_, answer, caller_.detail, file.message.header().options().include_hashes(),
                   *response.mutable_result());
    if (!filled) return AnswerError(file, ScanError(context_, filled.error(), file.request.surface.kind));
    Put(file, std::move(response));
  }
  void AnswerError(File& file, const grpc::Status& status) {
    v1::ScanBatchResponse response;
    response.mutable_error()->ParseFromString(status.error_details());
    response.mutable_error()->set_code(status.error_code());
    response.mutable_error()->set_message(status.error_message());
    Put(file, std::move(response));
  }
  void Put(File& file, v1::ScanBatchResponse response) {
    response.set_request_id(file.message.header().request_id());
    const MutexLock lock(mutex_);
    ids_.erase(response.request_id());
    answers_.push_back({std::move(response), std::move(file.ticket)});
  }

  const ServiceContext& context_;
  grpc::CallbackServerContext* const call_;  // until OnDone
  const Caller caller_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  std::atomic<int> references_ = 1;  // gRPC's
  std::atomic<bool> cancelled_ = false;
  v1::ScanBatchRequest message_;  // of the read that is outstanding
  Mutex mutex_;
  int in_flight_ HASHGATE_GUARDED_BY(mutex_) = 0;  // files whose answers are not written yet
  std::set<std::string> ids_ HASHGATE_GUARDED_BY(mutex_);
  std::deque<Outgoing> answers_ HASHGATE_GUARDED_BY(mutex_);               // at most in_flight_
  std::deque<std::shared_ptr<File>> waiting_ HASHGATE_GUARDED_BY(mutex_);  // for room
  std::optional<grpc::Status> closing_ HASHGATE_GUARDED_BY(mutex_);
  bool reading_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool writing_ HASHGATE_GUARDED_BY(mutex_) = false;
  SteadyTime write_begun_ HASHGATE_GUARDED_BY(mutex_);
  bool ended_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool finished_ HASHGATE_GUARDED_BY(mutex_) = false;
  StreamTimer timer_;  // last: it calls the others
};

using RefusedBatch = RefusedStream<grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse>>;

}  // namespace

grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse>* NewBatchCall(
    const ServiceContext& context, grpc::CallbackServerContext* call) {
  const SurfaceKind kind = FindSurface(context, "default").value_or(scan::Surface{}).kind;
  if (!context.ready->load())
    return new RefusedBatch(context, kMethod, RefuseScan(context, Reason::kIndexNotReady, kind));
  if (context.gate->closed())
    return new RefusedBatch(context, kMethod, RefuseScan(context, Reason::kDraining, kind));
  Caller caller = CallerOf(call->peer(), context.options.loopback_is_admin);
  if (const auto refused = TakeStream(context, caller)) {
    return new RefusedBatch(context, kMethod, RefuseOverload(context, *refused, kind));
  }
  return new BatchCall(context, call, std::move(caller));
}

}  // namespace hashgate::rpc
