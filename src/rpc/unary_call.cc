#include "rpc/unary_call.h"

#include "base/no_memory.h"

namespace hashgate::rpc {
namespace {

/// Takes a piece of work or refuses it; the work is then dropped.
using Submit = std::function<Status(std::function<void()> work)>;

grpc::ServerUnaryReactor* RunFor(const ServiceContext& context, grpc::CallbackServerContext* call,
                                 std::string_view method, std::function<Status()> work,
                                 std::function<grpc::Status(const Error&)> to_status, const Submit& submit) {
  const auto refusal = [&](Reason reason, std::string message) {
    return ToGrpc(Error{reason, std::move(message), {}, context.options.retry_after});
  };
  const auto refuse = [&](Reason reason, std::string message) {
    return AnswerUnary(context, call, method, refusal(reason, std::move(message)));
  };
  // Permission first, so that nobody learns what exists.
  if (!CallerOf(call->peer(), context.options.loopback_is_admin).is_admin) {
    return AnswerUnary(
        context, call, method,
        ToGrpc(Error{Reason::kNotPermitted, "lists are administered from the server's own machine", {}, {}}));
  }
  if (!context.ready->load()) return refuse(Reason::kIndexNotReady, "the server is still loading its lists");
  auto ticket = context.gate->Enter();
  if (!ticket) return refuse(Reason::kDraining, "the server is shutting down");
  auto* reactor = new UnaryCall(context, method, *std::move(ticket));
  const Status taken = submit([reactor, work = std::move(work), to_status = std::move(to_status)] {
    if (const Status done = OrNoMemory(work); done) {
      reactor->Done(grpc::Status::OK);
    } else {
      reactor->Done(to_status ? to_status(done.error()) : ToGrpc(done.error()));
    }
  });
  if (!taken) reactor->Done(refusal(taken.error().reason, taken.error().message));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* RunAdmin(const ServiceContext& context, grpc::CallbackServerContext* call,
                                   std::string_view method, std::function<Status()> work,
                                   std::function<grpc::Status(const Error&)> to_status) {
  return RunFor(context, call, method, std::move(work), std::move(to_status),
                [&](std::function<void()> job) -> Status {
                  if (context.admin_executor->Submit(std::move(job))) return {};
                  return Fail(Reason::kOverloaded, "too many administrative calls wait");
                });
}

grpc::ServerUnaryReactor* AdminAside::Run(const ServiceContext& context, grpc::CallbackServerContext* call,
                                          std::string_view method, std::string busy,
                                          std::function<Status()> work) {
  // Free before the answer leaves: who has it may ask again at once.
  auto and_free = [this, work = std::move(work)] {
    Status done = OrNoMemory(work);
    busy_ = false;
    return done;
  };
  return RunFor(context, call, method, std::move(and_free), {}, [&](std::function<void()> job) -> Status {
    if (busy_.exchange(true)) return Fail(Reason::kStoreBusy, std::move(busy));
    if (executor_.Submit(std::move(job))) return {};
    busy_ = false;
    return Fail(Reason::kDraining, "the server is shutting down");
  });
}

}  // namespace hashgate::rpc
