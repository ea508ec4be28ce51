// What every service works with, and the admission that every call passes.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lists/catalog.h"
#include "obs/metrics.h"
#include "rpc/answer.h"
#include "rpc/call_gate.h"
#include "scan/executor.h"
#include "scan/scanner.h"

namespace hashgate::v1 {
class GetStatusResponse;
}

namespace hashgate::rpc {

struct ServiceOptions {
  std::uint64_t max_inline_bytes = 32ULL << 20;        ///< content of ScanImage
  std::size_t max_buffered_bytes = 512ULL << 20;       ///< uploads held in memory by all calls
  std::chrono::milliseconds max_scan_time{10'000};     ///< deadline of calls that bring none or a later one
  std::chrono::milliseconds max_upload_time{600'000};  ///< for the bytes of a ScanUpload to arrive
  std::chrono::milliseconds max_upload_pause{15'000};  ///< between two messages of a ScanUpload
  std::chrono::milliseconds fail_policy_max_age{3'600'000};
  std::chrono::milliseconds retry_after{1'000};  ///< hint of refusals
  bool loopback_is_admin = true;  ///< false behind a proxy on the same machine, whose callers all look local
  std::map<std::string, scan::Surface> surfaces;  ///< by name; "default" is always there
};

/// Who calls. Until identities exist, local callers are administrators and all others scanners.
struct Caller {
  std::string identity;  ///< stable for one caller; "local" for loopback
  DetailLevel detail = DetailLevel::kScanner;
  bool is_admin = false;
};

/// Shared by the services; everything pointed at outlives them. `scanner` and `catalog` are set once the
/// lists are loaded, before `ready` turns true; until then only what is named in the second group may be
/// used.
struct ServiceContext {
  scan::Scanner* scanner = nullptr;
  lists::Catalog* catalog = nullptr;

  std::function<std::shared_ptr<const policy::Policy>()> policy;  ///< the policy in force
  obs::Metrics* metrics = nullptr;
  scan::Executor* scan_executor = nullptr;
  scan::Executor* admin_executor = nullptr;
  CallGate* gate = nullptr;
  ByteBudget* bytes = nullptr;
  const std::atomic<bool>* ready = nullptr;  ///< lists are loaded
  std::function<void(v1::GetStatusResponse&)> fill_status;
  ServiceOptions options;
};

/// The caller behind `peer` ("ipv4:127.0.0.1:4242"). Unix sockets are guarded by their file's mode, so
/// whoever comes through one administers; loopback callers do where `loopback_is_admin`.
Caller CallerOf(std::string_view peer, bool loopback_is_admin);

/// The surface of that name. Errors: kSurfaceUnknown.
Result<scan::Surface> FindSurface(const ServiceContext& context, const std::string& name);

/// The call's deadline as a steady time, no later than `longest` from now.
SteadyTime DeadlineOf(const grpc::CallbackServerContext& context, std::chrono::milliseconds longest);

/// A refusal of a scan: ErrorInfo carries `fail_verdict` and `policy_version`, RetryInfo says when to ask
/// again.
grpc::Status RefuseScan(const ServiceContext& context, Reason reason, SurfaceKind surface_kind);

/// Errors of an admitted scan call, with the fail verdict where the call was not looked at.
grpc::Status ScanError(const ServiceContext& context, const Error& error, SurfaceKind surface_kind);

/// Counts a finished call.
void CountCall(const ServiceContext& context, std::string_view method, const grpc::Status& status,
               SteadyTime begun);

/// "INVALID_ARGUMENT", for labels and logs.
std::string_view CodeName(grpc::StatusCode code);

}  // namespace hashgate::rpc
