#include "rpc/service_context.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/hex.h"
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

// "ipv6:%5B2001:db8::1%5D" gives "ipv6:" and the first 64 bits; everything else stays as it is.
std::string SiteOf(const std::string& address) {
  std::string_view host = address;
  if (!host.starts_with("ipv6:")) return address;
  host.remove_prefix(5);
  for (const std::string_view open : {"%5B", "["}) {
    if (host.starts_with(open)) host.remove_prefix(open.size());
  }
  for (const std::string_view close : {"%5D", "]"}) {
    if (host.ends_with(close)) host.remove_suffix(close.size());
  }
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, std::string(host).c_str(), bytes.data()) != 1) return address;
  // An IPv4 address in disguise is one host.
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return address;
  return "ipv6:" + HexEncode(std::span(bytes).first(8));
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
    return {"local", "local", DetailLevel::kFull, true};
  // Without the port, which changes with each connection.
  const std::size_t colon = peer.rfind(':');
  std::string identity(peer.substr(0, colon));
  std::string share = SiteOf(identity);
  return {std::move(identity), std::move(share), DetailLevel::kScanner, false};
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

grpc::Status RefuseOverload(const ServiceContext& context, const scan::Refused& refused,
                            SurfaceKind surface_kind) {
  constexpr Reason kReason = Reason::kOverloaded;
  context.metrics->Count(obs::Metric::kRefusals, {{"reason", ReasonName(kReason)}});
  context.metrics->Count(obs::Metric::kOverloads, {{"bound", BoundName(refused.bound)}});
  Error error{kReason,
              std::string(RefusalSentence(kReason)),
              {},
              std::max(refused.retry_after, context.options.retry_after)};
  return ToGrpc(error, FailFacts(context, kReason, surface_kind));
}

std::optional<scan::Refused> TakeBytes(const ServiceContext& context, const Caller& caller,
                                       std::size_t bytes) {
  switch (context.bytes->Take(caller.share, bytes)) {
    case ShareBudget::Taken::kYes: return std::nullopt;
    case ShareBudget::Taken::kFull: return scan::Refused{.bound = scan::Bound::kBytes};
    case ShareBudget::Taken::kShare: break;
  }
  return scan::Refused{.bound = scan::Bound::kByteShare};
}

std::optional<scan::Refused> TakeStream(const ServiceContext& context, const Caller& caller) {
  if (context.streams->Take(caller.share, 1) == ShareBudget::Taken::kYes) return std::nullopt;
  return scan::Refused{.bound = scan::Bound::kStreams};
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
