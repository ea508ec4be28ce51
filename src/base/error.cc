#include "hashgate/error.h"

namespace hashgate {

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kRequestInvalid: return "REQUEST_INVALID";
    case Reason::kHashMalformed: return "HASH_MALFORMED";
    case Reason::kStreamInvalid: return "STREAM_INVALID";
    case Reason::kSurfaceUnknown: return "SURFACE_UNKNOWN";
    case Reason::kAlgorithmUnknown: return "ALGORITHM_UNKNOWN";
    case Reason::kMessageTooLarge: return "MESSAGE_TOO_LARGE";
    case Reason::kListNotFound: return "LIST_NOT_FOUND";
    case Reason::kListExists: return "LIST_EXISTS";
    case Reason::kEntryNotFound: return "ENTRY_NOT_FOUND";
    case Reason::kExchangeNotFound: return "EXCHANGE_NOT_FOUND";
    case Reason::kGateClosed: return "GATE_CLOSED";
    case Reason::kEtagMismatch: return "ETAG_MISMATCH";
    case Reason::kRequestIdReused: return "REQUEST_ID_REUSED";
    case Reason::kImportInterrupted: return "IMPORT_INTERRUPTED";
    case Reason::kConfigInvalid: return "CONFIG_INVALID";
    case Reason::kPolicyInvalid: return "POLICY_INVALID";
    case Reason::kSchemaTooNew: return "SCHEMA_TOO_NEW";
    case Reason::kSchemaUnknown: return "SCHEMA_UNKNOWN";
    case Reason::kStoreInUse: return "STORE_IN_USE";
    case Reason::kStoreCorrupt: return "STORE_CORRUPT";
    case Reason::kStoreFull: return "STORE_FULL";
    case Reason::kStoreBusy: return "STORE_BUSY";
    case Reason::kStoreFailed: return "STORE_FAILED";
    case Reason::kIndexNotReady: return "INDEX_NOT_READY";
    case Reason::kMemoryLimit: return "MEMORY_LIMIT";
    case Reason::kOverloaded: return "OVERLOADED";
    case Reason::kDraining: return "DRAINING";
    case Reason::kDeadlineExceeded: return "DEADLINE_EXCEEDED";
    case Reason::kCancelled: return "CANCELLED";
    case Reason::kDecoderUnavailable: return "DECODER_UNAVAILABLE";
    case Reason::kDecoderCrashed: return "DECODER_CRASHED";
    case Reason::kDecoderProtocol: return "DECODER_PROTOCOL";
    case Reason::kFileUnreadable: return "FILE_UNREADABLE";
    case Reason::kAddressUnavailable: return "ADDRESS_UNAVAILABLE";
    case Reason::kInsecureListener: return "INSECURE_LISTENER";
    case Reason::kServerUnreachable: return "SERVER_UNREACHABLE";
    case Reason::kExchangeUnreachable: return "EXCHANGE_UNREACHABLE";
    case Reason::kExchangeRefused: return "EXCHANGE_REFUSED";
    case Reason::kExchangeProtocol: return "EXCHANGE_PROTOCOL";
    case Reason::kNotPermitted: return "NOT_PERMITTED";
    case Reason::kUnsupported: return "UNSUPPORTED";
    case Reason::kInvariantBroken: return "INVARIANT_BROKEN";
  }
  return "INVARIANT_BROKEN";
}

std::unexpected<Error> Prefix(Error error, std::string_view context) {
  error.message = std::string(context) + ": " + error.message;
  return std::unexpected(std::move(error));
}

}  // namespace hashgate
