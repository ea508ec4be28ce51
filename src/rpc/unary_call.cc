#include "rpc/unary_call.h"

#include "base/no_memory.h"

namespace hashgate::rpc {

grpc::ServerUnaryReactor* RunAdmin(const ServiceContext& context, grpc::CallbackServerContext* call,
                                   std::string_view method, std::function<Status()> work,
                                   std::function<grpc::Status(const Error&)> to_status) {
  const auto refuse = [&](Reason reason, std::string message) {
    return AnswerUnary(context, call, method,
                       ToGrpc(Error{reason, std::move(message), {}, context.options.retry_after}));
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
  const bool taken =
      context.admin_executor->Submit([reactor, work = std::move(work), to_status = std::move(to_status)] {
        if (const Status done = OrNoMemory(work); done) {
          reactor->Done(grpc::Status::OK);
        } else {
          reactor->Done(to_status ? to_status(done.error()) : ToGrpc(done.error()));
        }
      });
  if (!taken) {
    reactor->Done(ToGrpc(
        Error{Reason::kOverloaded, "too many administrative calls wait", {}, context.options.retry_after}));
  }
  return reactor;
}

}  // namespace hashgate::rpc
