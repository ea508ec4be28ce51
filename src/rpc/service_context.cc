#include "rpc/service_context.h"

#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

bool IsUnixSocket(std::string_view peer) {
  return peer.starts_with("unix:") || peer.starts_with("inproc");
}

bool IsLoopback(std::string_view peer) {
  // gRPC percent-encodes the brackets of IPv6 addresses.
  return peer.starts_with("ipv4:127.") || peer.starts_with("ipv6:[::1]:") ||
         peer.starts_with("ipv6:%5B::1%5D:") || peer.starts_with("ipv6:[::ffff:127.") ||
         peer.starts_with("ipv6:%5B::ffff:127.");
}

// The cause under which a client's fail policy files a refusal.
Cause CauseOfRefusal(Reason reason) {
  switch (reason) {
    case Reason::kDraining: return Cause::kDraining;
    case Reason::kIndexNotReady: return Cause::kNotReady;
    case Reason::kDeadlineExceeded: return Cause::kDeadline;
    case Reason::kNotPermitted: return Cause::kNotPermitted;
    default: return Cause::kOverloaded;
  }
}

std::map<std::string, std::string> FailFacts(const ServiceContext& context, Reason reason,
                                             SurfaceKind surface_kind) {
  const auto policy = context.policy();
  return {{"fail_verdict", std::string(Name(policy->ForCause(CauseOfRefusal(reason), surface_kind)))},
          {"policy_version", policy->Name() + "/" + policy->Version()}};
}

std::string_view RefusalSentence(Reason reason) {
  switch (reason) {
    case Reason::kDraining: return "the server is shutting down: ask another, or this one again later";
    case Reason::kIndexNotReady: return "the server is still loading its lists: ask again later";
    default: return "the server is busy: ask again later";
  }
}

}  // namespace

Caller CallerOf(std::string_view peer, bool loopback_is_admin) {
  if (IsUnixSocket(peer) || (loopback_is_admin && IsLoopback(peer)))
    return {"local", DetailLevel::kFull, true};
  // Without the port, which changes with each connection.
  const std::size_t colon = peer.rfind(':');
  return {std::string(peer.substr(0, colon)), DetailLevel::kScanner, false};
}

Result<scan::Surface> FindSurface(const ServiceContext& context, const std::string& name) {
  const auto found = context.options.surfaces.find(name.empty() ? "default" : name);
  if (found == context.options.surfaces.end()) {
    return Fail(Reason::kSurfaceUnknown, "the configuration names no such surface: add it under 'surfaces'",
                "header.surface");
  }
  return found->second;
}

SteadyTime DeadlineOf(const grpc::CallbackServerContext& context, std::chrono::milliseconds longest) {
  const SteadyTime latest = std::chrono::steady_clock::now() + longest;
  const auto wall = context.deadline();
  const auto wall_now = std::chrono::system_clock::now();
  // A call without a deadline carries the clock's last moment; adding it would overflow.
  if (wall > wall_now + longest) return latest;
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(wall - wall_now);
}

grpc::Status RefuseScan(const ServiceContext& context, Reason reason, SurfaceKind surface_kind) {
  context.metrics->Count(obs::Metric::kRefusals, {{"reason", ReasonName(reason)}});
  Error error{reason, std::string(RefusalSentence(reason)), {}, context.options.retry_after};
  return ToGrpc(error, FailFacts(context, reason, surface_kind));
}

grpc::Status ScanError(const ServiceContext& context, const Error& error, SurfaceKind surface_kind) {
  const bool callers_mistake = CodeOf(error.reason) == grpc::StatusCode::INVALID_ARGUMENT ||
                               CodeOf(error.reason) == grpc::StatusCode::NOT_FOUND ||
                               CodeOf(error.reason) == grpc::StatusCode::ALREADY_EXISTS;
  return callers_mistake ? ToGrpc(error) : ToGrpc(error, FailFacts(context, error.reason, surface_kind));
}

void CountCall(const ServiceContext& context, std::string_view method, const grpc::Status& status,
               SteadyTime begun) {
  context.metrics->Count(obs::Metric::kRpcs, {{"method", method}, {"code", CodeName(status.error_code())}});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  context.metrics->Observe(obs::Metric::kRpcSeconds, took.count(), {{"method", method}});
}

std::string_view CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK: return "OK";
    case grpc::StatusCode::CANCELLED: return "CANCELLED";
    case grpc::StatusCode::UNKNOWN: return "UNKNOWN";
    case grpc::StatusCode::INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND: return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS: return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED: return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED: return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED: return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE: return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED: return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL: return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE: return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS: return "DATA_LOSS";
    case grpc::StatusCode::DO_NOT_USE: break;
  }
  return "UNKNOWN";
}

}  // namespace hashgate::rpc
