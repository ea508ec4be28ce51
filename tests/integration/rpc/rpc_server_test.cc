// The listener in the test's own process: states that a whole server passes through too fast to be caught,
// and callers that are not administrators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "integration/rpc/rpc_fixture.h"
#include "rpc/wire/error_status.h"

namespace hashgate::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(RpcServerTest, ServesOnlyWhenItIsSaid) {
  const auto channel = Channel();
  EXPECT_EQ(Health(channel), "NOT_SERVING");
  server_->SetServing(true);
  EXPECT_EQ(Health(channel), "SERVING");
  server_->SetServing(false);
  EXPECT_EQ(Health(channel), "NOT_SERVING");
}

TEST_F(RpcServerTest, WhileListsLoadScansAreRefusedWithWhatToDoMeanwhile) {
  ready_ = false;
  const GateClient client(Channel());
  const auto unavailable = grpc::StatusCode::UNAVAILABLE;
  ExpectRefusedScan(client.Scan(Picture()).status, unavailable, "INDEX_NOT_READY", "ScanImage");
  ExpectRefusedScan(client.Upload(Picture(), Fixed(4)).status, unavailable, "INDEX_NOT_READY", "ScanUpload");
  ExpectRefusedScan(client.Match(v1::ALGORITHM_MD5, std::string(16, 'm')).status, unavailable,
                    "INDEX_NOT_READY", "MatchHashes");
  EXPECT_EQ(ReasonOf(client.CreateList(SyntheticList("new"))), "INDEX_NOT_READY");
  EXPECT_EQ(ReasonOf(client.Import("listed", {}).status), "INDEX_NOT_READY");
  EXPECT_EQ(client.Status().version(), "test");
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::GetFailPolicyResponse fail_policy;
  EXPECT_TRUE(client.scan().GetFailPolicy(&context, {}, &fail_policy).ok());
  EXPECT_EQ(gate_.inside(), 0) << "a refused call was never inside";
  ready_ = true;
  EXPECT_EQ(client.Scan(Picture()).result.outcome(), v1::OUTCOME_MATCHED);
}

TEST_F(RpcServerTest, DeadlinesAreTheCallersButNeverLaterThanTheServers) {
  const GateClient client(Channel());
  ASSERT_TRUE(client.Scan(Picture(), {}, milliseconds(2'000)).status.ok());
  // gRPC rounds the time it sends up by as much as a hundredth.
  EXPECT_LE(recording_.given(), milliseconds(1'980)) << "part of it is kept for the answer";
  EXPECT_GT(recording_.given(), milliseconds(1'000));
  ASSERT_TRUE(client.Scan(Picture(), {}, seconds(3'600)).status.ok());
  EXPECT_LE(recording_.given(), milliseconds(3'980));
  EXPECT_GT(recording_.given(), milliseconds(3'000));
  // No deadline at all: the clock's last moment must not overflow.
  grpc::ClientContext context;
  v1::ScanImageRequest request;
  request.set_content(Picture());
  v1::ScanImageResponse response;
  ASSERT_TRUE(client.scan().ScanImage(&context, request, &response).ok());
  EXPECT_LE(recording_.given(), milliseconds(3'980));
  EXPECT_GT(recording_.given(), milliseconds(3'000));
  ASSERT_TRUE(client.Upload(Picture(), Fixed(4), {}, 0, seconds(3'600)).status.ok());
  EXPECT_LE(recording_.given(), milliseconds(3'980));
}

TEST_F(RpcServerTest, WhatTakesTooLongIsAnsweredNotEvaluated) {
  recording_.Hold(true);
  const ScanReply reply = GateClient(Channel()).Scan(Picture(), {}, milliseconds(600));
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_HOLD);
  EXPECT_EQ(reply.result.outcome(), v1::OUTCOME_NOT_EVALUATED);
  EXPECT_EQ(reply.result.cause(), v1::CAUSE_DEADLINE);
  EXPECT_TRUE(reply.result.has_retry_after());
}

TEST_F(RpcServerTest, InTheBackgroundTheTimeOfAScanBeginsWithItsTurn) {
  context_.options.max_scan_time = milliseconds(700);
  const GateClient client(Channel());
  v1::ScanHeader background;
  background.mutable_options()->set_lane(v1::LANE_BACKGROUND);
  for (const bool streamed : {false, true}) {
    recording_.Hold(true);
    recording_.Forget();
    // Takes the only thread for all the time that a scan may take.
    std::jthread first([&] { EXPECT_EQ(client.Scan(Picture()).result.cause(), v1::CAUSE_DEADLINE); });
    ASSERT_TRUE(
        PollUntil([&] { return gate_.inside() == 1 && recording_.given().count() > 0; }, seconds(10)));
    std::jthread second([&] {
      const ScanReply reply = streamed ? client.Upload(Picture(2), Fixed(4), background, 0, seconds(30))
                                       : client.Scan(Picture(2), background, seconds(30));
      EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
      EXPECT_EQ(reply.result.outcome(), v1::OUTCOME_MATCHED) << streamed;
    });
    first.join();
    recording_.Hold(false);
    second.join();
    EXPECT_LE(recording_.given(), milliseconds(700)) << "no longer than a scan may take";
    EXPECT_GT(recording_.given(), milliseconds(400)) << "its wait counted";
  }
}

TEST_F(RpcServerTest, WorkEndsWhenItsCallerGoesAway) {
  recording_.Hold(true);
  const GateClient client(Channel());
  grpc::ClientContext context;
  SetTimeout(context, seconds(20));
  std::jthread caller([&] {
    v1::ScanImageRequest request;
    request.set_content(Picture());
    v1::ScanImageResponse response;
    EXPECT_EQ(client.scan().ScanImage(&context, request, &response).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  ASSERT_TRUE(PollUntil([this] { return recording_.given().count() > 0; }, seconds(10)));
  context.TryCancel();
  EXPECT_TRUE(PollUntil([this] { return recording_.was_cancelled(); }, seconds(10)));
  EXPECT_TRUE(PollUntil([this] { return gate_.inside() == 0 && bytes_.used() == 0; }, seconds(10)));
}

TEST_F(RpcServerTest, AFullQueueRefusesAtOnce) {
  recording_.Hold(true);
  const GateClient client(Channel());
  std::vector<std::jthread> callers;
  const auto scan = [&] {
    const ScanReply reply = client.Scan(Picture(), {}, seconds(3));
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  };
  callers.emplace_back(scan);
  ASSERT_TRUE(PollUntil([this] { return recording_.given().count() > 0; }, seconds(10)));
  callers.emplace_back(scan);
  ASSERT_TRUE(PollUntil([this] { return scan_executor_.queued() == 1; }, seconds(10)));
  const auto begun = steady_clock::now();
  ExpectRefusedScan(client.Scan(Picture()).status, grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED",
                    "ScanImage");
  ExpectRefusedScan(client.Match(v1::ALGORITHM_MD5, std::string(16, 'm')).status,
                    grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "MatchHashes");
  ExpectRefusedScan(client.Upload(Picture(), Fixed(4)).status, grpc::StatusCode::RESOURCE_EXHAUSTED,
                    "OVERLOADED", "ScanUpload");
  EXPECT_LT(steady_clock::now() - begun, seconds(2)) << "a refusal must not wait";
  recording_.Hold(false);
}

TEST_F(RpcServerTest, StopWaitsForWhatIsInsideAndNotLonger) {
  recording_.Hold(true);
  const GateClient client(Channel());
  std::jthread caller([&] { EXPECT_TRUE(client.Scan(Picture(), {}, seconds(20)).status.ok()); });
  ASSERT_TRUE(PollUntil([this] { return recording_.given().count() > 0; }, seconds(10)));
  gate_.Close();
  EXPECT_FALSE(gate_.WaitUntilEmpty(steady_clock::now() + milliseconds(50)));
  recording_.Hold(false);
  const auto begun = steady_clock::now();
  EXPECT_TRUE(server_->Stop(begun + seconds(30)));
  EXPECT_LT(steady_clock::now() - begun, seconds(5));
}

TEST_F(RpcServerTest, CallersFromOutsideScanAndSeeNothingOfTheLists) {
  const std::string outside = OutsideAddress();
  if (outside.empty()) GTEST_SKIP() << "this machine has no address but loopback";
  Listen("0.0.0.0:0");
  const GateClient client(Channel(outside));
  v1::ScanHeader header;
  header.mutable_options()->set_include_hashes(true);
  const ScanReply reply = client.Scan(Picture(), header);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.result.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(reply.result.coverage().list_count(), 1);
  EXPECT_EQ(reply.result.matches_size(), 0);
  EXPECT_EQ(reply.result.hashes_size(), 0);
  EXPECT_EQ(reply.result.coverage().lists_size(), 0);
  EXPECT_EQ(reply.result.rule_id(), "");
  const ScanReply match = client.Match(v1::ALGORITHM_PDQ, SyntheticHash(v1::ALGORITHM_PDQ, 1));
  EXPECT_TRUE(match.status.ok());
  EXPECT_EQ(match.result.matches_size(), 0);

  // Permission comes before existence: an unknown list is refused like a known one.
  for (const char* list : {"listed", "unknown"}) {
    const grpc::Status status = client.Import(list, {}).status;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(ReasonOf(status), "NOT_PERMITTED");
  }
  EXPECT_EQ(ReasonOf(client.CreateList(SyntheticList("listed"))), "NOT_PERMITTED");
  grpc::ClientContext export_context;
  SetTimeout(export_context, seconds(10));
  v1::ExportEntriesRequest request;
  request.set_list("listed");
  const auto reader = client.lists().ExportEntries(&export_context, request);
  v1::ExportEntriesResponse entries;
  EXPECT_FALSE(reader->Read(&entries));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  const v1::GetStatusResponse status = client.Status();
  EXPECT_EQ(status.version(), "test");
  EXPECT_EQ(status.SerializeAsString().find("secret"), std::string::npos);
  EXPECT_EQ(status.index_bytes(), 0);
}

TEST_F(RpcServerTest, ExportGivesWhatListEntriesGives) {
  const GateClient client(Channel());
  std::vector<v1::ImportRecord> records;
  for (int i = 0; i < 1'300; ++i) {
    records.push_back(RecordOf(i + 1, std::to_string(i), v1::ALGORITHM_SHA256,
                               SyntheticHash(v1::ALGORITHM_SHA256, static_cast<std::uint64_t>(i))));
  }
  ASSERT_TRUE(client.Import("listed", records).status.ok());
  grpc::ClientContext context;
  SetTimeout(context, seconds(20));
  v1::ExportEntriesRequest request;
  request.set_list("listed");
  const auto reader = client.lists().ExportEntries(&context, request);
  v1::ExportEntriesResponse message;
  std::string exported;
  while (reader->Read(&message)) {
    for (const v1::Entry& entry : message.entries()) exported += entry.SerializeAsString();
  }
  EXPECT_TRUE(reader->Finish().ok());
  std::string listed;
  const std::vector<v1::Entry> entries = client.AllEntries("listed");
  EXPECT_EQ(entries.size(), 1'301U);
  for (const v1::Entry& entry : entries) listed += entry.SerializeAsString();
  EXPECT_EQ(exported, listed);
}

// What a newer client calls a hash is no reason to lose the entry.
TEST_F(RpcServerTest, AReplacementKeepsEntriesOfRecordsThatCannotBeTaken) {
  const GateClient client(Channel());
  const auto record = [](int line, const std::string& id) {
    return RecordOf(line, id, v1::ALGORITHM_SHA256,
                    SyntheticHash(v1::ALGORITHM_SHA256, static_cast<std::uint64_t>(id[0])));
  };
  ASSERT_TRUE(client.Import("listed", {record(1, "b"), record(2, "c"), record(3, "d")}).status.ok());
  std::vector<v1::ImportRecord> next = {record(1, "b"), record(2, "c"), record(3, "e")};
  next[1].mutable_entry()->mutable_hashes(0)->set_value("short");
  const ImportReply reply = client.Import("listed", next, 100, {}, true);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.last.quarantined_count(), 1);
  EXPECT_EQ(reply.last.removed_count(), 2) << "the fixture's own, and d";
  std::set<std::string> ids;
  for (const v1::Entry& entry : client.AllEntries("listed")) ids.insert(entry.source_id());
  EXPECT_EQ(ids, (std::set<std::string>{"b", "c", "e"}));
}

TEST_F(RpcServerTest, ManyFilesInOneCallAreEachAnsweredAndCounted) {
  v1::MatchHashesRequest request;
  for (std::uint64_t i = 0; i < 200; ++i) {
    v1::HashValue& hash = *request.add_files()->add_hashes();
    hash.set_algorithm(v1::ALGORITHM_PDQ);
    const auto bytes = MakeHash(Algorithm::kPdq, i % 50 == 7 ? 5 : 1'000 + i).bytes;
    hash.set_value(bytes.data(), bytes.size());
  }
  const auto stub = v1::ScanService::NewStub(Channel());
  const auto match = [&](v1::MatchHashesResponse& response) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    return stub->MatchHashes(&context, request, &response);
  };
  v1::MatchHashesResponse response;
  const grpc::Status status = match(response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 200);
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const v1::ScanResult& result = response.results(i);
    EXPECT_EQ(result.outcome(), i % 50 == 7 ? v1::OUTCOME_MATCHED : v1::OUTCOME_NOT_MATCHED) << i;
    EXPECT_EQ(result.matches_size(), i % 50 == 7 ? 1 : 0) << i;
    EXPECT_FALSE(result.has_image());
    ids.insert(result.scan_id());
  }
  EXPECT_EQ(ids.size(), 200U);
  const std::string metrics = metrics_->Exposition();
  EXPECT_THAT(metrics, HasSubstr("verdict=\"ALLOW\"} 196"));
  EXPECT_THAT(metrics, HasSubstr("hashgate_scan_seconds_count{method=\"hashes\"} 200"));
  EXPECT_THAT(metrics, HasSubstr("hashgate_scan_stage_seconds_count{stage=\"match\"} 200"));
  EXPECT_THAT(metrics, ::testing::Not(HasSubstr("stage=\"decode\"")));

  request.mutable_files(150)->mutable_hashes(0)->set_value("short");
  EXPECT_EQ(rpc::FromGrpc(match(response)).field, "files[150].hashes[0].value");
}

TEST_F(RpcServerTest, MessagesNameFieldsNotTheirValues) {
  v1::ScanHeader header;
  header.set_request_id(std::string(129, 'q'));
  const grpc::Status status = GateClient(Channel()).Scan(Picture(), header).status;
  EXPECT_EQ(rpc::FromGrpc(status).field, "header.request_id");
  EXPECT_THAT(status.error_message(), ::testing::Not(HasSubstr("qqq")));
}

}  // namespace
}  // namespace hashgate::testing
