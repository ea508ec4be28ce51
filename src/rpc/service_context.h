// What every service works with, and the admission that every call passes.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lists/catalog.h"
#include "obs/metrics.h"
#include "rpc/answer.h"
#include "rpc/call_gate.h"
#include "scan/executor.h"
#include "scan/scan_executor.h"
#include "scan/scanner.h"

namespace hashgate::v1 {
class GetStatusResponse;
}

namespace hashgate::exchange {
class ExchangeRunner;
}

namespace hashgate::casework {
class EventLog;
class VerdictLog;
}  // namespace hashgate::casework

namespace hashgate::rpc {

struct ServiceOptions {
  std::uint64_t max_inline_bytes = 32ULL << 20;     ///< content of ScanImage
  decode::Limits decode_limits;                     ///< what admission estimates costs by
  std::chrono::milliseconds max_scan_time{10'000};  ///< deadline of calls that bring none or a later one
  std::chrono::milliseconds max_background_wait{3'600'000};  ///< the same for calls in the background lane
  std::chrono::milliseconds max_upload_time{600'000};        ///< for the bytes of a ScanUpload to arrive
  std::chrono::milliseconds max_upload_pause{15'000};        ///< between two messages of a ScanUpload
  std::chrono::milliseconds max_import_pause{300'000};       ///< between two messages of an import
  std::chrono::milliseconds max_batch_pause{300'000};        ///< of a ScanBatch that has nothing to do
  std::chrono::milliseconds max_reader_pause{
      60'000};                   ///< in which a reader of events or an undo takes nothing
  int max_event_readers = 64;    ///< streams of WatchEvents
  int max_batch_in_flight = 32;  ///< scans of one ScanBatch that are not answered yet
  std::chrono::milliseconds fail_policy_max_age{3'600'000};
  std::chrono::milliseconds retry_after{1'000};   ///< hint of refusals
  std::vector<lists::OpinionKind> second_person;  ///< opinions to which a second person has to agree
  bool loopback_is_admin = true;  ///< false behind a proxy on the same machine, whose callers all look local
  std::map<std::string, scan::Surface> surfaces;  ///< by name; "default" is always there
  std::vector<std::string> remote_lists;          ///< names of the lists that are asked elsewhere
};

/// Who calls. Until identities exist, local callers are administrators and all others scanners.
struct Caller {
  std::string identity;  ///< stable for one caller; "local" for loopback
  std::string share;     ///< whose share of the server its calls take; all of one network site are one
  DetailLevel detail = DetailLevel::kScanner;
  bool is_admin = false;
};

/// Shared by the services; everything pointed at outlives them. The first group is set once the lists are
/// loaded, before `ready` turns true; until then only what is named in the second group may be used.
struct ServiceContext {
  scan::Scanner* scanner = nullptr;
  lists::Catalog* catalog = nullptr;
  exchange::ExchangeRunner* exchanges = nullptr;
  store::Store* store = nullptr;
  scan::IdempotencyTable* idempotency = nullptr;
  casework::VerdictLog* verdicts = nullptr;
  casework::EventLog* events = nullptr;

  std::function<std::shared_ptr<const policy::Policy>()> policy;  ///< the policy in force
  obs::Metrics* metrics = nullptr;
  scan::ScanExecutor* scan_executor = nullptr;
  scan::Executor* admin_executor = nullptr;
  scan::Executor* bulk_executor = nullptr;  ///< imports and exports: of low priority
  CallGate* gate = nullptr;
  ShareBudget* bytes = nullptr;              ///< of uploads, held in memory by all calls
  ShareBudget* streams = nullptr;            ///< of ScanUpload and ScanBatch, open at once
  const std::atomic<bool>* ready = nullptr;  ///< lists are loaded
  std::function<void(v1::GetStatusResponse&)> fill_status;
  ServiceOptions options;
};

/// The caller behind `peer` ("ipv4:127.0.0.1:4242"): the one place that knows who calls. Unix sockets are
/// guarded by their file's mode, so whoever comes through one administers; loopback callers do where
/// `loopback_is_admin`. Addresses share by IPv4 address or IPv6 /64, because one host may use all of the
/// latter.
Caller CallerOf(std::string_view peer, bool loopback_is_admin);

/// The surface of that name. Errors: kSurfaceUnknown.
Result<scan::Surface> FindSurface(const ServiceContext& context, const std::string& name);

/// The call's deadline as a steady time, no later than `longest` from now.
SteadyTime DeadlineOf(const grpc::CallbackServerContext& context, std::chrono::milliseconds longest);

/// A refusal of a scan: ErrorInfo carries `fail_verdict` and `policy_version`, RetryInfo says when to ask
/// again.
grpc::Status RefuseScan(const ServiceContext& context, Reason reason, SurfaceKind surface_kind);

/// The refusal of a scan that ran into a bound. It says when to ask again: not before options.retry_after.
grpc::Status RefuseOverload(const ServiceContext& context, const scan::Refused& refused,
                            SurfaceKind surface_kind);

/// Takes bytes of an upload, or a stream, from the budgets of all calls; the bound that is in the way.
std::optional<scan::Refused> TakeBytes(const ServiceContext& context, const Caller& caller,
                                       std::size_t bytes);
std::optional<scan::Refused> TakeStream(const ServiceContext& context, const Caller& caller);

/// The sentence of answers to calls that waited for their turn until it was too late.
inline constexpr std::string_view kNoTurn = "no thread was free before the deadline";

/// Errors of an admitted scan call, with the fail verdict where the call was not looked at.
grpc::Status ScanError(const ServiceContext& context, const Error& error, SurfaceKind surface_kind);

/// Counts a finished call.
void CountCall(const ServiceContext& context, std::string_view method, const grpc::Status& status,
               SteadyTime begun);

/// "INVALID_ARGUMENT", for labels and logs.
std::string_view CodeName(grpc::StatusCode code);

}  // namespace hashgate::rpc
