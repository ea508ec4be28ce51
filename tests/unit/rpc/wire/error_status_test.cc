#include "rpc/wire/error_status.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace hashgate::rpc {
namespace {

struct Row {
  Reason reason;
  grpc::StatusCode code;
};

using grpc::StatusCode;
constexpr Row kRows[] = {
    {Reason::kRequestInvalid, StatusCode::INVALID_ARGUMENT},
    {Reason::kHashMalformed, StatusCode::INVALID_ARGUMENT},
    {Reason::kStreamInvalid, StatusCode::INVALID_ARGUMENT},
    {Reason::kSurfaceUnknown, StatusCode::INVALID_ARGUMENT},
    {Reason::kAlgorithmUnknown, StatusCode::NOT_FOUND},
    {Reason::kMessageTooLarge, StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kListNotFound, StatusCode::NOT_FOUND},
    {Reason::kListExists, StatusCode::ALREADY_EXISTS},
    {Reason::kEntryNotFound, StatusCode::NOT_FOUND},
    {Reason::kExchangeNotFound, StatusCode::NOT_FOUND},
    {Reason::kGateClosed, StatusCode::FAILED_PRECONDITION},
    {Reason::kEtagMismatch, StatusCode::ABORTED},
    {Reason::kRequestIdReused, StatusCode::ALREADY_EXISTS},
    {Reason::kImportInterrupted, StatusCode::ABORTED},
    {Reason::kConfigInvalid, StatusCode::FAILED_PRECONDITION},
    {Reason::kPolicyInvalid, StatusCode::INVALID_ARGUMENT},
    {Reason::kSchemaTooNew, StatusCode::FAILED_PRECONDITION},
    {Reason::kSchemaUnknown, StatusCode::FAILED_PRECONDITION},
    {Reason::kStoreInUse, StatusCode::FAILED_PRECONDITION},
    {Reason::kStoreCorrupt, StatusCode::DATA_LOSS},
    {Reason::kStoreFull, StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kStoreBusy, StatusCode::UNAVAILABLE},
    {Reason::kStoreFailed, StatusCode::INTERNAL},
    {Reason::kIndexNotReady, StatusCode::UNAVAILABLE},
    {Reason::kMemoryLimit, StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kOverloaded, StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kDraining, StatusCode::UNAVAILABLE},
    {Reason::kDeadlineExceeded, StatusCode::DEADLINE_EXCEEDED},
    {Reason::kCancelled, StatusCode::CANCELLED},
    {Reason::kDecoderUnavailable, StatusCode::UNAVAILABLE},
    {Reason::kDecoderCrashed, StatusCode::INTERNAL},
    {Reason::kDecoderProtocol, StatusCode::INTERNAL},
    {Reason::kFileUnreadable, StatusCode::FAILED_PRECONDITION},
    {Reason::kAddressUnavailable, StatusCode::FAILED_PRECONDITION},
    {Reason::kInsecureListener, StatusCode::FAILED_PRECONDITION},
    {Reason::kServerUnreachable, StatusCode::UNAVAILABLE},
    {Reason::kExchangeUnreachable, StatusCode::UNAVAILABLE},
    {Reason::kExchangeRefused, StatusCode::FAILED_PRECONDITION},
    {Reason::kExchangeProtocol, StatusCode::FAILED_PRECONDITION},
    {Reason::kNotPermitted, StatusCode::PERMISSION_DENIED},
    {Reason::kUnsupported, StatusCode::FAILED_PRECONDITION},
    {Reason::kInvariantBroken, StatusCode::INTERNAL},
};

std::string_view CodeName(StatusCode code) {
  switch (code) {
    case StatusCode::INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case StatusCode::NOT_FOUND: return "NOT_FOUND";
    case StatusCode::ALREADY_EXISTS: return "ALREADY_EXISTS";
    case StatusCode::ABORTED: return "ABORTED";
    case StatusCode::FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case StatusCode::RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case StatusCode::UNAVAILABLE: return "UNAVAILABLE";
    case StatusCode::DATA_LOSS: return "DATA_LOSS";
    case StatusCode::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case StatusCode::CANCELLED: return "CANCELLED";
    case StatusCode::PERMISSION_DENIED: return "PERMISSION_DENIED";
    case StatusCode::INTERNAL: return "INTERNAL";
    default: return "?";
  }
}

TEST(ErrorStatus, EveryReasonHasItsRow) {
  std::set<Reason> seen;
  for (const Row& row : kRows) {
    seen.insert(row.reason);
    EXPECT_EQ(CodeOf(row.reason), row.code) << ReasonName(row.reason);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Reason::kInvariantBroken) + 1);
}

TEST(ErrorStatus, EveryReasonSurvivesTheWire) {
  for (const Row& row : kRows) {
    const grpc::Status status = ToGrpc(Error{row.reason, "a sentence", {}, {}});
    EXPECT_EQ(status.error_code(), row.code);
    EXPECT_EQ(FromGrpc(status).reason, row.reason) << ReasonName(row.reason);
  }
}

// docs/errors.md has one line a reason: "| `REASON` | CODE | ...". It is the only list users read.
TEST(ErrorStatus, DocumentedTableIsTheTable) {
  const char* root = std::getenv("HASHGATE_SOURCE_DIR");
  ASSERT_NE(root, nullptr);
  std::ifstream file(std::string(root) + "/docs/errors.md");
  ASSERT_TRUE(file.is_open());
  std::set<std::string> documented;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) documented.insert(line.substr(0, line.find('|', line.find('|', 1) + 1)));
  }
  std::set<std::string> expected;
  for (const Row& row : kRows) {
    expected.insert("| `" + std::string(ReasonName(row.reason)) + "` | " + std::string(CodeName(row.code)) +
                    " ");
  }
  EXPECT_EQ(documented, expected);
}

TEST(ErrorStatus, CarriesDetailsOfTheThreeKinds) {
  const Error error{Reason::kOverloaded, "busy", "image.content", std::chrono::milliseconds(1250)};
  const grpc::Status status = ToGrpc(error, {{"fail_verdict", "HOLD"}, {"policy_version", "7"}});
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(details.message(), "busy");
  ASSERT_EQ(details.details_size(), 3);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(info.reason(), "OVERLOADED");
  EXPECT_EQ(info.domain(), "hashgate");
  EXPECT_EQ(info.metadata().at("fail_verdict"), "HOLD");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.details(2).UnpackTo(&bad));
  ASSERT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "image.content");

  const Error back = FromGrpc(status);
  EXPECT_EQ(back.message, "busy");
  EXPECT_EQ(back.field, "image.content");
  EXPECT_EQ(back.retry_after, std::chrono::milliseconds(1250));
  EXPECT_EQ(MetadataOf(status).at("policy_version"), "7");
}

TEST(ErrorStatus, DetailsWithoutContentAreLeftOut) {
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(ToGrpc(Error{Reason::kDraining, "x", {}, {}}).error_details()));
  EXPECT_EQ(details.details_size(), 1);
}

TEST(ErrorStatus, MessageIsCutBetweenCharacters) {
  std::string text(1023, 'a');
  text += "\xc3\xa4 and more";
  const grpc::Status status = ToGrpc(Error{Reason::kStoreFailed, text, {}, {}});
  EXPECT_EQ(status.error_message(), std::string(1023, 'a'));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.message(), std::string(1023, 'a'));
}

TEST(ErrorStatus, MessageWithBytesThatAreNoTextStillTravels) {
  const grpc::Status status = ToGrpc(Error{Reason::kFileUnreadable, "file '\xff\xfe'", {}, {}});
  EXPECT_EQ(status.error_message(),
            "file '?"
            "?'");
  EXPECT_EQ(FromGrpc(status).reason, Reason::kFileUnreadable);
}

TEST(ErrorStatus, StatusesOfOthersGetAFittingReason) {
  EXPECT_EQ(FromGrpc({StatusCode::UNAVAILABLE, "connect failed"}).reason, Reason::kServerUnreachable);
  EXPECT_EQ(FromGrpc({StatusCode::DEADLINE_EXCEEDED, ""}).reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(FromGrpc({StatusCode::RESOURCE_EXHAUSTED, "larger than max"}).reason, Reason::kMessageTooLarge);
  EXPECT_EQ(FromGrpc({StatusCode::UNIMPLEMENTED, ""}).reason, Reason::kUnsupported);
  EXPECT_EQ(FromGrpc({StatusCode::UNKNOWN, ""}).reason, Reason::kInvariantBroken);
  EXPECT_EQ(FromGrpc({StatusCode::UNAVAILABLE, "x", "not a protobuf \xff"}).reason,
            Reason::kServerUnreachable);
  EXPECT_TRUE(MetadataOf({StatusCode::UNAVAILABLE, "x"}).empty());
}

TEST(ErrorStatus, HugeRetryDelayIsBounded) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(INT64_MAX);
  google::rpc::Status details;
  details.add_details()->PackFrom(retry);
  const Error error = FromGrpc({StatusCode::UNAVAILABLE, "x", details.SerializeAsString()});
  EXPECT_EQ(error.retry_after, std::chrono::hours(24));
}

}  // namespace
}  // namespace hashgate::rpc
