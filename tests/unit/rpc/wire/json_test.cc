#include "rpc/wire/json.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::rpc {
namespace {

TEST(WireJson, ZeroValuesArePrintedAndAbsentOnesLeftOut) {
  EXPECT_EQ(
      ToJson(v1::Match()),
      R"({"list":"","entryId":0,"sourceId":"","classification":"","algorithms":[],)"
      R"("identity":"UNSPECIFIED","view":"UNSPECIFIED","frame":0,"dihedral":"ORIGINAL",)"
      R"("digestConflict":false,"harmClass":"UNSPECIFIED","verdict":"UNSPECIFIED","hiddenOnly":false,"distances":[],)"
      R"("opinions":[],"entryVersion":0})");
}

TEST(WireJson, EnumsLosePrefixesOfTheirTypeOnly) {
  v1::Match match;
  match.set_harm_class(v1::HARM_CLASS_NCII_ADULT);
  match.set_verdict(v1::VERDICT_BLOCK_AND_REPORT);
  match.add_algorithms(v1::ALGORITHM_SHA256);
  match.add_algorithms(v1::ALGORITHM_BLOCK_MEAN);
  match.set_view(v1::VIEW_KIND_OVER_BLACK);
  const std::string json = ToJson(match);
  EXPECT_NE(json.find(R"("harmClass":"NCII_ADULT")"), std::string::npos);
  EXPECT_NE(json.find(R"("verdict":"BLOCK_AND_REPORT")"), std::string::npos);
  EXPECT_NE(json.find(R"("algorithms":["SHA256","BLOCK_MEAN"])"), std::string::npos);
  EXPECT_NE(json.find(R"("view":"OVER_BLACK")"), std::string::npos);
  v1::Report report;
  report.set_owner(v1::Report::OWNER_CALLER);
  EXPECT_EQ(ToJson(report), R"({"owner":"CALLER"})");
}

TEST(WireJson, UnknownEnumValuesAreNumbers) {
  v1::Report report;
  report.set_owner(static_cast<v1::Report::Owner>(17));
  EXPECT_EQ(ToJson(report), R"({"owner":17})");
}

TEST(WireJson, BytesAreHexAndWideIntegersAreNumbers) {
  v1::HashValue value;
  value.set_algorithm(v1::ALGORITHM_MD5);
  value.set_value(std::string("\x00\xab\xff", 3));
  EXPECT_EQ(ToJson(value),
            R"({"algorithm":"MD5","value":"00abff","pipeline":"UNSPECIFIED","view":"UNSPECIFIED",)"
            R"("frame":0,"dihedral":"ORIGINAL","hidden":false})");
  v1::Versions versions;
  versions.set_generation(INT64_MAX);
  EXPECT_NE(ToJson(versions).find(R"("generation":9223372036854775807)"), std::string::npos);
}

TEST(WireJson, OptionalsThatAreSetToZeroArePrinted) {
  v1::Match match;
  match.set_distance_bits(0);
  const std::string json = ToJson(match);
  EXPECT_NE(json.find(R"("distanceBits":0)"), std::string::npos);
  EXPECT_EQ(json.find("maxDistanceBits"), std::string::npos);
}

TEST(WireJson, DurationsAndTimes) {
  v1::ScanResult result;
  result.mutable_retry_after()->set_seconds(2);
  result.mutable_retry_after()->set_nanos(500'000'000);
  result.mutable_retain_until()->set_seconds(1'700'000'000);
  const std::string json = ToJson(result);
  EXPECT_NE(json.find(R"("retryAfter":2.5)"), std::string::npos);
  EXPECT_NE(json.find(R"("retainUntil":"2023-11-14T22:13:20.000Z")"), std::string::npos);
  EXPECT_EQ(json.find("coverage\""), std::string::npos);
}

TEST(WireJson, TextIsEscapedAndMapsAreObjects) {
  google::rpc::ErrorInfo info;
  info.set_reason("a\"b\\\n");
  (*info.mutable_metadata())["fail_verdict"] = "HOLD";
  EXPECT_EQ(ToJson(info), R"({"reason":"a\"b\\\u000a","domain":"","metadata":{"fail_verdict":"HOLD"}})");
}

}  // namespace
}  // namespace hashgate::rpc
