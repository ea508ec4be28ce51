// A server's life: health, readiness, reload, drain, restart.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/mutex.h"
#include "grpc_health.grpc.pb.h"
#include "rpc/wire/error_status.h"
#include "testing/http_get.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

namespace health = grpc::health::v1;
using ServingStatus = health::HealthCheckResponse::ServingStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A Watch that is open on a thread of its own.
class HealthWatch {
 public:
  HealthWatch(const std::shared_ptr<grpc::Channel>& channel, const std::string& service)
      : stub_(health::Health::NewStub(channel)) {
    SetTimeout(context_, seconds(60));
    health::HealthCheckRequest request;
    request.set_service(service);
    reader_ = stub_->Watch(&context_, request);
    thread_ = std::jthread([this] {
      health::HealthCheckResponse response;
      while (reader_->Read(&response)) {
        const MutexLock lock(mutex_);
        seen_.push_back(response.status());
      }
      reader_->Finish();
    });
  }
  ~HealthWatch() { context_.TryCancel(); }
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  [[nodiscard]] std::vector<ServingStatus> seen() const {
    const MutexLock lock(mutex_);
    return seen_;
  }
  [[nodiscard]] bool WaitFor(ServingStatus status) const {
    return PollUntil([&] { return !seen().empty() && seen().back() == status; }, seconds(10));
  }

 private:
  std::unique_ptr<health::Health::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<health::HealthCheckResponse>> reader_;
  mutable Mutex mutex_;
  std::vector<ServingStatus> seen_ HASHGATE_GUARDED_BY(mutex_);
  std::jthread thread_;
};

std::string HealthOf(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const auto stub = health::Health::NewStub(channel);
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) return "code " + std::to_string(status.error_code());
  return health::HealthCheckResponse::ServingStatus_Name(response.status());
}

bool WaitInFlight(const ServerProcess& server, double calls) {
  return PollUntil([&] { return server.Metric("hashgate_calls_in_flight") == calls; }, seconds(10));
}

TEST(LifecycleTest, AFreshServerIsReadyAndSaysThatNothingProtects) {
  const auto server = StartServer(FreshFolder());
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(HttpGet(server->http_port(), "/healthz").body, "ok\n");
  const HttpReply ready = HttpGet(server->http_port(), "/readyz");
  EXPECT_EQ(ready.status, 200);
  for (const char* check : {"index", "store", "decoder", "canary", "draining"}) {
    EXPECT_NE(ready.body.find("ok   " + std::string(check) + ": "), std::string::npos) << ready.body;
  }
  EXPECT_EQ(HttpGet(server->http_port(), "/metrics").status, 200);
  EXPECT_EQ(server->Metric("hashgate_ready{check=\"index\"}"), 1);
  EXPECT_EQ(HttpGet(server->http_port(), "/nothing").status, 404);
  EXPECT_TRUE(server->WaitForEvent("no_lists"));

  const GateClient client(server->NewChannel());
  const v1::GetStatusResponse status = client.Status();
  EXPECT_TRUE(status.ready());
  EXPECT_EQ(status.protection(), v1::PROTECTION_NONE);
  EXPECT_NE(status.protection_sentence().find("No enabled list holds an entry"), std::string::npos);

  const ScanReply reply = client.Scan(KitFileBytes(KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED")));
  ASSERT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_HOLD);
  EXPECT_EQ(reply.result.outcome(), v1::OUTCOME_NOT_EVALUATED);
  EXPECT_EQ(reply.result.cause(), v1::CAUSE_NO_LISTS);
  EXPECT_TRUE(reply.result.has_retry_after());
  EXPECT_EQ(server->Stop(), 0);
}

TEST(LifecycleTest, HealthFollowsTheServer) {
  const auto server = StartServer(FreshFolder(), {.config = {{"drain", {{"notice_ms", "1000"}}}}});
  ASSERT_NE(server, nullptr);
  const auto channel = server->NewChannel();
  for (const char* service :
       {"", "hashgate.v1.ScanService", "hashgate.v1.HashListService", "hashgate.v1.StatusService"}) {
    EXPECT_EQ(HealthOf(channel, service), "SERVING") << service;
  }
  EXPECT_EQ(HealthOf(channel, "no.such.Service"), "code 5");

  const HealthWatch watch(channel, "hashgate.v1.ScanService");
  ASSERT_TRUE(watch.WaitFor(health::HealthCheckResponse::SERVING));
  server->process().Signal(SIGTERM);
  EXPECT_TRUE(watch.WaitFor(health::HealthCheckResponse::NOT_SERVING));
  // Within the notice new calls are still taken: load balancers need time to see the change.
  EXPECT_EQ(HealthOf(channel, ""), "NOT_SERVING");
  EXPECT_EQ(HttpGet(server->http_port(), "/healthz").status, 200);
  const HttpReply ready = HttpGet(server->http_port(), "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("FAIL draining"), std::string::npos) << ready.body;
  EXPECT_TRUE(GateClient(channel).Scan("text").status.ok());
  // The open Watch must not hold the server until the drain's deadline, which is 30 s.
  EXPECT_EQ(server->process().Wait(seconds(8)), 0) << server->Log();
}

TEST(LifecycleTest, DrainFinishesWhatWasAcceptedAndRefusesTheRest) {
  const auto server = StartServer(FreshFolder());
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(ImportKit(client));
  const HealthWatch watch(server->NewChannel(), "");
  ASSERT_TRUE(watch.WaitFor(health::HealthCheckResponse::SERVING));

  const std::string listed = KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED"));
  SlowUpload slow(client);
  ASSERT_TRUE(slow.Send(listed.substr(0, 1'000)));
  ASSERT_TRUE(WaitInFlight(*server, 1));
  server->process().Signal(SIGTERM);
  ASSERT_TRUE(server->WaitForEvent("drain_refusing"));

  ExpectRefusedScan(client.Scan(listed).status, grpc::StatusCode::UNAVAILABLE, "DRAINING", "ScanImage");
  ExpectRefusedScan(client.Upload(listed, Fixed(1'000)).status, grpc::StatusCode::UNAVAILABLE, "DRAINING",
                    "ScanUpload");
  ExpectRefusedScan(client.Match(v1::ALGORITHM_SHA256, Sha256Of(listed)).status,
                    grpc::StatusCode::UNAVAILABLE, "DRAINING", "MatchHashes");
  EXPECT_EQ(ReasonOf(client.CreateList(SyntheticList("too-late"))), "DRAINING");
  EXPECT_EQ(ReasonOf(client.Import("testkit-csam", {}).status), "DRAINING");
  // What clients need to act without the gate is answered to the end.
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::GetFailPolicyResponse fail_policy;
  EXPECT_TRUE(client.scan().GetFailPolicy(&context, {}, &fail_policy).ok());
  EXPECT_GT(fail_policy.rows_size(), 0);
  EXPECT_FALSE(client.Status().ready());

  slow.Send(listed.substr(1'000));
  const ScanReply reply = slow.End();
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(server->process().Wait(seconds(8)), 0) << server->Log();
  EXPECT_EQ(server->CountEvents("drain_timeout"), 0);
}

TEST(LifecycleTest, ACallThatNeverEndsIsCutOffAtTheTimeout) {
  const auto server = StartServer(FreshFolder(), {.config = {{"drain", {{"timeout_ms", "300"}}}}});
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  SlowUpload stuck(client);
  ASSERT_TRUE(WaitInFlight(*server, 1));
  server->process().Signal(SIGTERM);
  EXPECT_EQ(server->process().Wait(seconds(8)), 3) << server->Log();
  EXPECT_EQ(server->CountEvents("drain_timeout"), 1);
  const ScanReply reply = stuck.WaitForAnswer();
  EXPECT_FALSE(reply.status.ok()) << "a call that was cut off must not look answered";
}

TEST(LifecycleTest, ASecondSignalEndsAtOnce) {
  const auto server = StartServer(FreshFolder());
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  const SlowUpload stuck(client);
  ASSERT_TRUE(WaitInFlight(*server, 1));
  server->process().Signal(SIGTERM);
  ASSERT_TRUE(server->WaitForEvent("drain_refusing"));
  server->process().Signal(SIGTERM);
  EXPECT_EQ(server->process().Wait(seconds(3)), 3) << server->Log();
}

TEST(LifecycleTest, NothingOfItStaysBehind) {
  const auto server = StartServer(FreshFolder());
  ASSERT_NE(server, nullptr);
  const std::vector<pid_t> workers = server->Descendants();
  EXPECT_GE(workers.size(), 2U) << "a spawner and at least one worker";
  server->process().Signal(SIGKILL);
  EXPECT_EQ(server->process().Wait(seconds(5)), 128 + SIGKILL);
  for (const pid_t pid : workers) {
    EXPECT_TRUE(PollUntil(
        [pid] {
          // Where nobody reaps orphans a dead one stays a zombie.
          const std::string stat = ReadWholeFile("/proc/" + std::to_string(pid) + "/stat");
          const std::size_t name_end = stat.rfind(')');
          return name_end == std::string::npos || stat.substr(name_end + 2, 1) == "Z";
        },
        seconds(10)))
        << "process " << pid << " outlived the server";
  }
}

TEST(LifecycleTest, ARestartAnswersTheSame) {
  const std::filesystem::path folder = FreshFolder();
  std::map<std::string, std::string> before;
  std::int64_t generation = 0;
  for (int start = 0; start < 4; ++start) {
    if (start == 3) {
      const std::filesystem::path snapshot = folder / "data" / "index.snapshot";
      std::string bytes = ReadWholeFile(snapshot);
      ASSERT_GT(bytes.size(), 5'000U);
      bytes[4'100] = static_cast<char>(bytes[4'100] ^ 1);
      WriteWholeFile(snapshot, bytes);
    }
    const auto server = StartServer(folder);
    ASSERT_NE(server, nullptr);
    const GateClient client(server->NewChannel());
    if (start == 0) {
      ASSERT_TRUE(ImportKit(client));
    }
    // The index comes from the snapshot of the clean end, unless that is damaged.
    EXPECT_EQ(server->CountEvents("index_snapshot_read"), start == 1 || start == 2 ? 1 : 0);
    EXPECT_EQ(server->CountEvents("index_snapshot_ignored"), start == 3 ? 1 : 0);
    EXPECT_EQ(server->Metric("hashgate_index_snapshot_generation") > 0, start == 1 || start == 2);
    EXPECT_EQ(server->Metric("hashgate_index_differences"), 0);
    EXPECT_EQ(server->Metric("hashgate_index_memory_damage"), 0);
    for (const KitAnswer& expected : KitAnswers()) {
      const ScanReply reply = client.Scan(KitFileBytes(expected.file));
      ASSERT_TRUE(reply.status.ok());
      const std::string answer = Describe(ToKitAnswer(expected.file, reply.result)) + reply.result.rule_id();
      if (start == 0) before[expected.file] = answer;
      EXPECT_EQ(answer, before[expected.file]);
      EXPECT_GE(reply.result.versions().generation(), generation);
    }
    generation = client.Status().generation();
    // A clean end and a crash must leave the same.
    if (start == 1) {
      server->process().Signal(SIGKILL);
      EXPECT_TRUE(server->process().Wait(seconds(5)));
    } else {
      EXPECT_EQ(server->Stop(), 0);
    }
  }
}

class ReloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = FreshFolder();
    policy_ = folder_ / "policy.yaml";
    WriteWholeFile(policy_, Policy("first"));
    server_ = StartServer(folder_, {.config = {{"policy", {{"file", "\"" + policy_.string() + "\""}}}}});
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
  }
  // The built-in text under another name: the name is what answers show.
  static std::string Policy(const std::string& name) {
    return "version: \"1\"\nname: " + name + "\nextends: standard\n";
  }
  std::string PolicyInForce() { return client_->Status().policy(); }
  bool WaitForPolicy(const std::string& name) {
    return PollUntil([&] { return PolicyInForce() == name + "/1"; }, seconds(10));
  }

  std::filesystem::path folder_;
  std::filesystem::path policy_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

TEST_F(ReloadTest, ANewPolicyIsTakenOver) {
  ASSERT_EQ(PolicyInForce(), "first/1");
  const std::string bytes = KitFileBytes(KitFileWith("HOLD", "UNSCANNABLE", "EMPTY"));
  ASSERT_TRUE(client_->CreateList(SyntheticList("any")).ok());
  const auto record = RecordOf(1, "a", v1::ALGORITHM_SHA256, SyntheticHash(v1::ALGORITHM_SHA256, 1));
  ASSERT_TRUE(client_->Import("any", {record}).status.ok());
  EXPECT_EQ(client_->Scan(bytes).result.verdict(), v1::VERDICT_HOLD);

  WriteWholeFile(policy_, Policy("second") + "causes:\n  EMPTY: BLOCK\n");
  server_->process().Signal(SIGHUP);
  ASSERT_TRUE(WaitForPolicy("second")) << server_->Log();
  const ScanReply reply = client_->Scan(bytes);
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(reply.result.versions().policy(), "second/1");
}

TEST_F(ReloadTest, ABrokenPolicyChangesNothing) {
  WriteWholeFile(policy_, Policy("second") + "causes:\n  EMPTYY: BLOCK\n");
  server_->process().Signal(SIGHUP);
  ASSERT_TRUE(server_->WaitForEvent("reload_failed"));
  EXPECT_NE(server_->Log().find("policy.yaml:5"), std::string::npos) << server_->Log();
  EXPECT_NE(server_->Log().find("EMPTYY"), std::string::npos);
  EXPECT_EQ(PolicyInForce(), "first/1");
  EXPECT_TRUE(client_->Scan("text").status.ok());
  // And a good one after it is taken.
  WriteWholeFile(policy_, Policy("third"));
  server_->process().Signal(SIGHUP);
  EXPECT_TRUE(WaitForPolicy("third"));
}

TEST_F(ReloadTest, ABrokenConfigurationChangesNothing) {
  const std::string config = ReadWholeFile(server_->config_path());
  WriteWholeFile(server_->config_path(), config + "surprise: 1\n");
  server_->process().Signal(SIGHUP);
  ASSERT_TRUE(server_->WaitForEvent("reload_failed"));
  EXPECT_EQ(PolicyInForce(), "first/1");
}

}  // namespace
}  // namespace hashgate::testing
