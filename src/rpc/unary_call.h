// One accepted unary call: ends its ticket when gRPC has sent the answer, and counts itself.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "rpc/service_context.h"
#include "rpc/wire/error_status.h"
#include "scan/executor.h"

namespace hashgate::rpc {

/// Deletes itself when done. Threads: Done() once, from any thread.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const ServiceContext& context, std::string_view method, CallGate::Ticket ticket,
            std::function<void()> on_end = {})
      : context_(context), method_(method), ticket_(std::move(ticket)), on_end_(std::move(on_end)) {}

  /// Answers. The call must not be touched afterwards.
  void Done(const grpc::Status& status) {
    CountCall(context_, method_, status, begun_);
    Finish(status);
  }
  [[nodiscard]] SteadyTime begun() const { return begun_; }

  void OnDone() override {
    if (on_end_) on_end_();
    delete this;
  }

 private:
  const ServiceContext& context_;
  const std::string_view method_;  // a literal
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  CallGate::Ticket ticket_;
  std::function<void()> on_end_;
};

/// A call that is answered at once, without entering: a refusal, or OK where `response` is filled already.
inline grpc::ServerUnaryReactor* AnswerUnary(const ServiceContext& context, grpc::CallbackServerContext* call,
                                             std::string_view method, const grpc::Status& status) {
  CountCall(context, method, status, std::chrono::steady_clock::now());
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

/// Runs `work` for an administrator on the admin executor. `to_status` makes the answer to an error of it;
/// empty: the table of reasons does.
grpc::ServerUnaryReactor* RunAdmin(const ServiceContext& context, grpc::CallbackServerContext* call,
                                   std::string_view method, std::function<Status()> work,
                                   std::function<grpc::Status(const Error&)> to_status = {});

/// A thread beside the admin executor, for work that waits long for somebody outside: one piece at a time,
/// and none waits for its turn. Threads: thread-safe.
class AdminAside {
 public:
  explicit AdminAside(const std::string& name) : executor_(1, 1, name) {}
  /// As RunAdmin, but refuses with `busy` (kStoreBusy) while another piece runs.
  grpc::ServerUnaryReactor* Run(const ServiceContext& context, grpc::CallbackServerContext* call,
                                std::string_view method, std::string busy, std::function<Status()> work);

 private:
  std::atomic<bool> busy_ = false;
  scan::Executor executor_;
};

}  // namespace hashgate::rpc
