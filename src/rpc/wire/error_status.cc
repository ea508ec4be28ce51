#include "rpc/wire/error_status.h"

#include <optional>

#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::string_view kDomain = "hashgate";

// Protobuf strings have to be UTF-8, so a cut must not split a character, and bytes that are none (a file
// name in a message) become "?".
std::string Bounded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    if (out.size() + std::max<std::size_t>(length, 1) > kMaxMessageBytes) break;
    if (length == 0) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::optional<Reason> ParseReason(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Reason::kInvariantBroken); ++i) {
    if (ReasonName(static_cast<Reason>(i)) == name) return static_cast<Reason>(i);
  }
  return std::nullopt;
}

// For statuses without our details: made by gRPC itself or by a proxy on the way.
Reason ReasonForCode(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED: return Reason::kCancelled;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE: return Reason::kRequestInvalid;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return Reason::kDeadlineExceeded;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED: return Reason::kNotPermitted;
    // gRPC answers with this code by itself only where a message is over its limit.
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return Reason::kMessageTooLarge;
    case grpc::StatusCode::UNAVAILABLE: return Reason::kServerUnreachable;
    case grpc::StatusCode::UNIMPLEMENTED: return Reason::kUnsupported;
    case grpc::StatusCode::DATA_LOSS: return Reason::kStoreCorrupt;
    case grpc::StatusCode::OK:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DO_NOT_USE: break;
  }
  return Reason::kInvariantBroken;
}

}  // namespace

grpc::StatusCode CodeOf(Reason reason) {
  using grpc::StatusCode;
  switch (reason) {
    case Reason::kRequestInvalid:
    case Reason::kHashMalformed:
    case Reason::kStreamInvalid:
    case Reason::kSurfaceUnknown:
    case Reason::kPolicyInvalid: return StatusCode::INVALID_ARGUMENT;
    case Reason::kAlgorithmUnknown:
    case Reason::kListNotFound:
    case Reason::kEntryNotFound:
    case Reason::kExchangeNotFound: return StatusCode::NOT_FOUND;
    case Reason::kListExists:
    case Reason::kRequestIdReused: return StatusCode::ALREADY_EXISTS;
    case Reason::kEtagMismatch:
    case Reason::kImportInterrupted: return StatusCode::ABORTED;
    case Reason::kConfigInvalid:
    case Reason::kSchemaTooNew:
    case Reason::kSchemaUnknown:
    case Reason::kStoreInUse:
    case Reason::kFileUnreadable:
    case Reason::kAddressUnavailable:
    case Reason::kInsecureListener:
    case Reason::kGateClosed:
    case Reason::kExchangeRefused:
    case Reason::kExchangeProtocol:
    case Reason::kUnsupported: return StatusCode::FAILED_PRECONDITION;
    case Reason::kMessageTooLarge:
    case Reason::kStoreFull:
    case Reason::kMemoryLimit:
    case Reason::kOverloaded: return StatusCode::RESOURCE_EXHAUSTED;
    case Reason::kStoreBusy:
    case Reason::kIndexNotReady:
    case Reason::kDraining:
    case Reason::kDecoderUnavailable:
    case Reason::kExchangeUnreachable:
    case Reason::kServerUnreachable: return StatusCode::UNAVAILABLE;
    case Reason::kStoreCorrupt: return StatusCode::DATA_LOSS;
    case Reason::kDeadlineExceeded: return StatusCode::DEADLINE_EXCEEDED;
    case Reason::kCancelled: return StatusCode::CANCELLED;
    case Reason::kNotPermitted: return StatusCode::PERMISSION_DENIED;
    case Reason::kStoreFailed:
    case Reason::kDecoderCrashed:
    case Reason::kDecoderProtocol:
    case Reason::kInvariantBroken: return StatusCode::INTERNAL;
  }
  return StatusCode::INTERNAL;
}

grpc::Status ToGrpc(const Error& error, const std::map<std::string, std::string>& metadata) {
  const grpc::StatusCode code = CodeOf(error.reason);
  const std::string message = Bounded(error.message);
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ReasonName(error.reason)));
  info.set_domain(std::string(kDomain));
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = Bounded(value);
  status.add_details()->PackFrom(info);
  if (error.retry_after.count() > 0) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = ToProto(error.retry_after);
    status.add_details()->PackFrom(retry);
  }
  if (!error.field.empty()) {
    google::rpc::BadRequest bad;
    google::rpc::BadRequest::FieldViolation& violation = *bad.add_field_violations();
    violation.set_field(Bounded(error.field));
    violation.set_description(message);
    status.add_details()->PackFrom(bad);
  }
  return {code, message, status.SerializeAsString()};
}

Error FromGrpc(const grpc::Status& status) {
  Error error{ReasonForCode(status.error_code()), status.error_message(), {}, {}};
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    google::rpc::BadRequest bad;
    if (any.UnpackTo(&info)) {
      if (info.domain() != kDomain) continue;
      if (const std::optional<Reason> reason = ParseReason(info.reason())) error.reason = *reason;
    } else if (any.UnpackTo(&retry)) {
      // A day bounds what a confused peer can make a client wait, and keeps the sum in range.
      constexpr std::int64_t kMaxSeconds = 86'400;
      const std::int64_t seconds = std::clamp<std::int64_t>(retry.retry_delay().seconds(), 0, kMaxSeconds);
      error.retry_after = std::chrono::milliseconds(
          seconds * 1000 + std::clamp(retry.retry_delay().nanos(), 0, 999'999'999) / 1'000'000);
    } else if (any.UnpackTo(&bad)) {
      if (bad.field_violations_size() > 0) error.field = bad.field_violations(0).field();
    }
  }
  return error;
}

std::map<std::string, std::string> MetadataOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return {};
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info) && info.domain() == kDomain) {
      return {info.metadata().begin(), info.metadata().end()};
    }
  }
  return {};
}

}  // namespace hashgate::rpc
