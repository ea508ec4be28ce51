// Errors to gRPC statuses and back: one table of reasons and codes for every service.
#pragma once

#include <grpcpp/support/status.h>

#include <map>
#include <string>

#include "hashgate/error.h"

namespace hashgate::rpc {

/// The code of a reason. Total: every reason has a row (docs/errors.md is checked against it).
grpc::StatusCode CodeOf(Reason reason);

/// A status with google.rpc.ErrorInfo (domain "hashgate", `metadata`), RetryInfo where `error.retry_after` is
/// set, and BadRequest where `error.field` is. The message is cut at 1,024 bytes.
grpc::Status ToGrpc(const Error& error, const std::map<std::string, std::string>& metadata = {});

/// What a client got: the reason of ErrorInfo, else one that fits the code (UNAVAILABLE gives
/// kServerUnreachable).
Error FromGrpc(const grpc::Status& status);

/// `ErrorInfo.metadata` of a failed call: refused scans carry "fail_verdict" and "policy_version". Empty
/// where there is none.
std::map<std::string, std::string> MetadataOf(const grpc::Status& status);

}  // namespace hashgate::rpc
