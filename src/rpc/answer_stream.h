// A stream of answers to an administrator's one request.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string_view>
#include <utility>

#include "rpc/call_gate.h"
#include "rpc/ended_call.h"
#include "rpc/service_context.h"
#include "rpc/stream_timer.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {

/// Each message is made, on the executor, only when the last one was sent. The stream holds up a drain,
/// so a reader that takes nothing for `max_reader_pause` is not waited for. Deletes itself when done.
template <typename Response>
class AnswerStream : public grpc::ServerWriteReactor<Response> {
 public:
  /// `method` is a literal. `executor`: one of the context's.
  AnswerStream(const ServiceContext& context, grpc::CallbackServerContext* call, std::string_view method,
               scan::Executor& executor, CallGate::Ticket ticket)
      : context_(context),
        method_(method),
        executor_(executor),
        ticket_(std::move(ticket)),
        // A write can only be ended with its call, and then comes back as a failed one.
        timer_([call] {
          call->TryCancel();
          return true;
        }) {}

  /// To be called once; the stream may be gone when it returns.
  void Start() { GoOn(); }

  void OnWriteDone(bool ok) final {
    timer_.Pause();
    OrEndWithoutMemory(*this, [&] {
      if (!ok) {
        End(ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}}));
      } else if (last_) {
        End(grpc::Status::OK);
      } else {
        GoOn();
      }
    });
  }
  void OnDone() final { delete this; }

 protected:
  /// Makes the next message of an empty one; true: it is the last. One call at a time, on any thread of the
  /// executor. An error ends the stream, and so does std::bad_alloc.
  virtual Result<bool> Fill(Response& message) = 0;

  [[nodiscard]] const ServiceContext& context() const { return context_; }

 private:
  void End(const grpc::Status& status) {
    CountCall(context_, method_, status, begun_);
    this->Finish(status);
  }
  void Refuse(Reason reason, const char* message) {
    End(ToGrpc(Error{reason, message, {}, context_.options.retry_after}));
  }

  void GoOn() {
    const bool taken = executor_.Submit([this] { OrEndWithoutMemory(*this, [this] { Write(); }); });
    if (!taken) Refuse(Reason::kOverloaded, "too many calls of its kind wait");
  }

  void Write() {
    if (context_.gate->closed()) return Refuse(Reason::kDraining, "the server is shutting down");
    message_.Clear();
    const Result<bool> last = Fill(message_);
    if (!last) return End(ToGrpc(last.error()));
    last_ = *last;
    timer_.Restart(context_.options.max_reader_pause);
    this->StartWrite(&message_);
  }

  const ServiceContext& context_;
  const std::string_view method_;
  scan::Executor& executor_;
  CallGate::Ticket ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  bool last_ = false;
  Response message_;
  StreamTimer timer_;  // last: it calls the others
};

}  // namespace hashgate::rpc
