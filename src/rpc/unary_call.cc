#include "rpc/unary_call.h"

namespace hashgate::rpc {

grpc::ServerUnaryReactor* RunAdmin(const ServiceContext& context, grpc::CallbackServerContext* call,
                                   std::string_view method, std::function<Status()> work) {
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
  const bool taken = context.admin_executor->Submit([reactor, work = std::move(work)] {
    const Status done = work();
    reactor->Done(done ? grpc::Status::OK : ToGrpc(done.error()));
  });
  if (!taken) {
    reactor->Done(ToGrpc(
        Error{Reason::kOverloaded, "too many administrative calls wait", {}, context.options.retry_after}));
  }
  return reactor;
}

}  // namespace hashgate::rpc
