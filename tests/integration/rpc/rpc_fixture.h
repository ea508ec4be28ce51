// The listener in the test's own process, over a scanner whose decoder does what a test says.
#pragma once

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "grpc_health.grpc.pb.h"
#include "rpc/grpc_server.h"
#include "testing/gate_client.h"
#include "testing/poll.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Answers like a worker that finds a good picture, and remembers how long it was given.
class RecordingDecoder final : public decode::Decoder {
 public:
  Result<decode::DecodeResult> Decode(ByteSpan, decode::Format, const decode::Wanted&, SteadyTime deadline,
                                      const std::function<bool()>& cancelled) override {
    const MutexLock lock(mutex_);
    given_ = deadline - steady_clock::now();
    while (hold_) {
      if (cancelled()) {
        was_cancelled_ = true;
        return Fail(Reason::kCancelled, "the caller went away");
      }
      if (steady_clock::now() >= deadline) return Fail(Reason::kDeadlineExceeded, "too late");
      wake_.WaitUntil(mutex_, steady_clock::now() + milliseconds(10));
    }
    return WithNn512(PictureWith(PdqOf(MakeHash(Algorithm::kPdq, 5))));
  }
  [[nodiscard]] decode::PoolStats Stats() const override { return {}; }

  milliseconds given() const {
    const MutexLock lock(mutex_);
    return std::chrono::duration_cast<milliseconds>(given_);
  }
  // As if it had never been asked.
  void Forget() {
    const MutexLock lock(mutex_);
    given_ = {};
  }
  bool was_cancelled() const {
    const MutexLock lock(mutex_);
    return was_cancelled_;
  }
  void Hold(bool hold) {
    const MutexLock lock(mutex_);
    hold_ = hold;
    wake_.NotifyAll();
  }

 private:
  mutable Mutex mutex_;
  CondVar wake_;
  steady_clock::duration given_ HASHGATE_GUARDED_BY(mutex_){};
  bool hold_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool was_cancelled_ HASHGATE_GUARDED_BY(mutex_) = false;
};

// An IPv4 address of this machine that is not loopback; empty where there is none.
inline std::string OutsideAddress() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::string found;
  for (const ifaddrs* at = all; at != nullptr && found.empty(); at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    if ((at->ifa_flags & IFF_LOOPBACK) != 0 || (at->ifa_flags & IFF_UP) == 0) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) found = text;
  }
  ::freeifaddrs(all);
  return found;
}

class RpcServerTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    const auto policy = policy::LoadProfile("standard");
    ASSERT_TRUE(policy);
    policy_ = *policy;
    gate_scanner_ = std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(),
                                                                       .decoder = &recording_,
                                                                       .metrics = metrics_.get(),
                                                                       .checks_behind = &checks_behind_},
                                                    scanner_options_, policy_);
    context_.scanner = gate_scanner_.get();
    context_.catalog = catalog_.get();
    context_.policy = [this] { return policy_; };
    context_.metrics = metrics_.get();
    context_.scan_executor = &scan_executor_;
    context_.admin_executor = &admin_executor_;
    context_.bulk_executor = &bulk_executor_;
    context_.gate = &gate_;
    context_.bytes = &bytes_;
    context_.streams = &streams_;
    context_.ready = &ready_;
    context_.fill_status = [](v1::GetStatusResponse& response) {
      response.set_version("test");
      response.set_index_bytes(7);
      response.add_lists()->set_name("secret-list");
      response.add_checks()->set_detail("secret detail");
    };
    context_.options.max_scan_time = milliseconds(4'000);
    context_.options.surfaces.emplace("default", scan::Surface{});
    AddList("listed");
    AddEntry("listed", {.source_id = "a", .hashes = {MakeHash(Algorithm::kPdq, 5, 100)}});
    Listen("127.0.0.1:0");
  }
  void TearDown() override {
    recording_.Hold(false);
    gate_.Close();
    if (server_ != nullptr) {
      EXPECT_TRUE(server_->Stop(steady_clock::now() + seconds(10)));
    }
    server_.reset();
  }

  void Listen(const std::string& listen) {
    server_.reset();
    grpc_options_.listen = listen;
    auto server = rpc::GrpcServer::Start(context_, grpc_options_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  std::shared_ptr<grpc::Channel> Channel(const std::string& host = "127.0.0.1") {
    return grpc::CreateChannel(host + ":" + std::to_string(server_->port()),
                               grpc::InsecureChannelCredentials());
  }
  std::string Health(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = grpc::health::v1::Health::NewStub(channel);
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    grpc::health::v1::HealthCheckRequest request;
    request.set_service("hashgate.v1.ScanService");
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(stub->Check(&context, request, &response).ok());
    return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
  }
  bool TakeForChecks(std::size_t bytes) {
    return bytes_.Take(std::string(scan::kChecksBehindShare), bytes) == rpc::ShareBudget::Taken::kYes;
  }
  static std::string Picture(std::uint8_t number = 1) {
    const auto bytes = PngBytes(number);
    return {bytes.begin(), bytes.end()};
  }

  rpc::GrpcServerOptions grpc_options_{.insecure = true};
  scan::ScannerOptions scanner_options_{.answer_reserve = milliseconds(50)};
  RecordingDecoder recording_;
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  std::shared_ptr<const policy::Policy> policy_;
  std::unique_ptr<scan::Scanner> gate_scanner_;
  std::atomic<bool> ready_ = true;
  rpc::CallGate gate_;
  rpc::ShareBudget bytes_{64 << 20};
  rpc::ShareBudget streams_{8};
  rpc::ServiceContext context_;
  // As in the server: before the executor, whose threads end first.
  scan::ChecksBehind checks_behind_{
      {.executor = &scan_executor_,
       .metrics = metrics_.get(),
       .take_bytes = [this](std::size_t bytes) { return TakeForChecks(bytes); },
       .give_bytes =
           [this](std::size_t bytes) { bytes_.Give(std::string(scan::kChecksBehindShare), bytes); }},
      {}};
  scan::ScanExecutor scan_executor_{{.threads = 1, .workers = 1, .max_queued = 1}};
  scan::Executor admin_executor_{1, 4, "admin"};
  scan::Executor bulk_executor_{1, 4, "bulk", true};
  std::unique_ptr<rpc::GrpcServer> server_;
};

}  // namespace hashgate::testing
