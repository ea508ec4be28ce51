// Errors of every module: a typed reason, a sentence for a person, and what it is about.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace hashgate {

/// Why an operation was refused or failed. Stable: names go over the wire as `ErrorInfo.reason`.
/// Conditions of an image are never errors; they are outcomes (see verdict.h).
/// src/rpc/status_mapping.cc maps each reason to one gRPC code.
enum class Reason : std::uint8_t {
  kRequestInvalid,       ///< a field is missing, malformed or out of range
  kHashMalformed,        ///< a hash has the wrong length or digits
  kStreamInvalid,        ///< stream messages out of order, or more bytes than declared
  kSurfaceUnknown,       ///< the surface is not named in the configuration
  kAlgorithmUnknown,     ///< the algorithm is not known to this build
  kMessageTooLarge,      ///< an inline image or message over its limit
  kListNotFound,         ///< no hash list of that name
  kListExists,           ///< a hash list of that name exists
  kEntryNotFound,        ///< no such entry
  kExchangeNotFound,     ///< no exchange of that name is configured
  kEtagMismatch,         ///< the list changed since it was read
  kRequestIdReused,      ///< the request id was used with other bytes
  kImportInterrupted,    ///< an import stream ended early; what was acknowledged is kept
  kConfigInvalid,        ///< configuration refused; message names file, line and key
  kPolicyInvalid,        ///< policy refused; message names file, line and key
  kSchemaTooNew,         ///< the data folder was written by a newer version
  kSchemaUnknown,        ///< the folder holds something that is not Hashgate's
  kStoreInUse,           ///< another process has the data folder open
  kStoreCorrupt,         ///< stored bytes fail their checksum or do not decode
  kGateClosed,           ///< a change to a list looks wrong and is held until a person lets it pass
  kStoreFull,            ///< no space left
  kStoreBusy,            ///< transient storage condition
  kStoreFailed,          ///< any other storage error
  kIndexNotReady,        ///< lists are not loaded yet
  kMemoryLimit,          ///< an allocation would pass a configured bound
  kOverloaded,           ///< a bounded queue is full
  kDraining,             ///< the server is shutting down
  kDeadlineExceeded,     ///< the caller's deadline passed
  kCancelled,            ///< the caller went away or the operation was interrupted
  kDecoderUnavailable,   ///< no decoder worker could be started
  kDecoderCrashed,       ///< a worker ended without an answer
  kDecoderProtocol,      ///< a worker's answer did not pass its checks
  kFileUnreadable,       ///< a local file could not be read or written
  kAddressUnavailable,   ///< a port is taken or an address cannot be bound
  kInsecureListener,     ///< a non-loopback listener without TLS was refused
  kServerUnreachable,    ///< a client could not reach the server
  kExchangeUnreachable,  ///< an exchange gave no answer, or none but "later", after all attempts
  kExchangeRefused,      ///< an exchange did not accept our credentials
  kExchangeProtocol,     ///< an exchange's answer is not what was agreed
  kNotPermitted,         ///< the caller's role does not allow it
  kUnsupported,          ///< known, but not available in this build
  kInvariantBroken,      ///< a bug: report it
};

/// Upper snake case, e.g. "REQUEST_INVALID". Never empty.
std::string_view ReasonName(Reason reason);

/// A failure. `message` is one bounded sentence for a person, without image bytes, hash values or
/// credentials.
struct Error {
  Reason reason = Reason::kInvariantBroken;
  std::string message;
  /// The offending request field ("image.content"), key or "file:line"; empty where none applies.
  std::string field;
  /// When asking again can help; zero means no hint.
  std::chrono::milliseconds retry_after{0};
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// Shorthand for a failed Result.
inline std::unexpected<Error> Fail(Reason reason, std::string message, std::string field = {}) {
  return std::unexpected(Error{reason, std::move(message), std::move(field), {}});
}

/// The same error with context put in front of its message.
std::unexpected<Error> Prefix(Error error, std::string_view context);

}  // namespace hashgate

/// Returns the error of `expr` from the enclosing function, or assigns its value.
#define HASHGATE_CONCAT_(a, b) a##b
#define HASHGATE_CONCAT(a, b) HASHGATE_CONCAT_(a, b)
#define HASHGATE_RETURN_IF_ERROR(expr)                            \
  do {                                                            \
    if (auto hashgate_status = (expr); !hashgate_status) {        \
      return std::unexpected(std::move(hashgate_status).error()); \
    }                                                             \
  } while (false)
#define HASHGATE_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr)      \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  lhs = *std::move(tmp)
#define HASHGATE_ASSIGN_OR_RETURN(lhs, expr) \
  HASHGATE_ASSIGN_OR_RETURN_IMPL(HASHGATE_CONCAT(hashgate_result_, __LINE__), lhs, expr)
