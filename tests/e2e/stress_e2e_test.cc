// Overload, clients that go away, and workers that die: what was accepted is answered, and nothing is left
// over.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "testing/http_get.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"
#include "testkit/corpus.h"

namespace hashgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kPngMagic = "\x89PNG\r\n\x1a\n";

// A picture that takes a worker some tens of milliseconds.
std::string CostlyPicture() {
  auto file = testkit::BenchFile(1, testkit::BenchSizes()[2], 0, false);
  EXPECT_TRUE(file);
  return file ? std::string(file->bytes.begin(), file->bytes.end()) : std::string();
}

bool NothingLeft(const ServerProcess& server) {
  return PollUntil(
      [&] {
        return server.Metric("hashgate_calls_in_flight") == 0 &&
               server.Metric("hashgate_buffered_bytes") == 0 &&
               server.Metric("hashgate_scan_queue_depth") == 0;
      },
      seconds(20));
}

class StressTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options) {
    // Each scan is to keep a worker busy, though many send the same picture.
    options.config["scan"]["reuse_mib"] = "0";
    server_ = StartServer(FreshFolder("server"), options);
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
    listed_ = KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED"));
  }
  void ExpectWell() {
    EXPECT_TRUE(NothingLeft(*server_));
    EXPECT_EQ(client_->Scan(listed_).result.verdict(), v1::VERDICT_BLOCK);
    EXPECT_EQ(HttpGet(server_->http_port(), "/readyz").status, 200);
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
  std::string listed_;
};

TEST_F(StressTest, OverloadIsRefusedAndWhatWasAcceptedIsAnswered) {
  Start({.config = {{"scan", {{"threads", "1"}, {"max_queued", "1"}}}, {"decoder", {{"workers", "1"}}}}});
  const std::string picture = CostlyPicture();
  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 24; ++i) {
      callers.emplace_back([&, i] {
        const ScanReply reply =
            i % 2 == 0 ? client_->Scan(picture) : client_->Upload(picture, Fixed(1 << 20));
        if (reply.status.ok()) {
          EXPECT_EQ(reply.result.verdict(), v1::VERDICT_ALLOW);
          ++answered;
        } else {
          ExpectRefusedScan(reply.status, grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "overload");
          ++refused;
        }
      });
    }
  }
  EXPECT_GE(answered, 2);
  EXPECT_GE(refused, 1);
  EXPECT_EQ(answered + refused, 24);
  EXPECT_EQ(server_->Metric("hashgate_refusals_total{reason=\"OVERLOADED\"}"), refused);
  ExpectWell();
}

TEST_F(StressTest, BufferedBytesAreBounded) {
  Start({.config = {{"scan", {{"max_buffered_mib", "1"}}}}});
  {
    SlowUpload first(*client_);
    ASSERT_TRUE(first.Send(kPngMagic + std::string(700'000, 'x')));
    ASSERT_TRUE(PollUntil([&] { return server_->Metric("hashgate_buffered_bytes") > 700'000; }, seconds(10)));
    ExpectRefusedScan(client_->Upload(kPngMagic + std::string(700'000, 'y'), Fixed(1 << 20)).status,
                      grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "a second upload");
    ExpectRefusedScan(client_->Scan(kPngMagic + std::string(700'000, 'y')).status,
                      grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "an inline image");
    EXPECT_EQ(client_->Scan(listed_).result.verdict(), v1::VERDICT_BLOCK) << "there is room for this one";
  }
  ASSERT_TRUE(NothingLeft(*server_));
  EXPECT_TRUE(client_->Upload(kPngMagic + std::string(700'000, 'y'), Fixed(1 << 20)).status.ok());
}

TEST_F(StressTest, ClientsThatGoAwayLeaveNothingBehind) {
  Start({});
  const std::string picture = CostlyPicture();
  std::atomic<int> gone = 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<SlowUpload>> uploads;
    for (int i = 0; i < 10; ++i) {
      uploads.push_back(std::make_unique<SlowUpload>(*client_));
      ASSERT_TRUE(uploads.back()->Send(kPngMagic + std::string(50'000, 'x')));
    }
    ASSERT_TRUE(PollUntil([&] { return server_->Metric("hashgate_calls_in_flight") == 10; }, seconds(10)));
    uploads.clear();
    // Callers that give up while their picture is worked on.
    for (int i = 0; i < 3; ++i) {
      grpc::ClientContext context;
      SetTimeout(context, seconds(20));
      std::jthread caller([&] {
        v1::ScanImageRequest request;
        request.set_content(picture);
        v1::ScanImageResponse response;
        const grpc::Status status = client_->scan().ScanImage(&context, request, &response);
        EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::CANCELLED);
        gone += status.ok() ? 0 : 1;
      });
      PollUntil([&] { return server_->Metric("hashgate_calls_in_flight") > 0; }, milliseconds(500));
      context.TryCancel();
    }
    EXPECT_TRUE(NothingLeft(*server_));
  }
  EXPECT_GT(gone, 0) << "no call was given up while it was worked on";
  ExpectWell();
}

TEST_F(StressTest, AConnectionThatBreaksLeavesNothingBehind) {
  Start({});
  for (int i = 0; i < 5; ++i) {
    const GateClient other(server_->NewChannel());
    auto upload = std::make_unique<SlowUpload>(other);
    ASSERT_TRUE(upload->Send(kPngMagic + std::string(50'000, 'x')));
  }
  // And one that does not even speak the protocol.
  EXPECT_EQ(HttpExchange(server_->grpc_port(), "GET / HTTP/1.1\r\n\r\n").status, 0);
  ExpectWell();
}

TEST_F(StressTest, AnswersGoOnWhileWorkersAndTheSpawnerAreKilled) {
  Start({.config = {{"decoder", {{"workers", "2"}}}}});
  std::atomic<bool> stop = false;
  std::atomic<int> right = 0;
  std::atomic<int> held = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        while (!stop) {
          const ScanReply reply = client_->Scan(listed_);
          EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
          // A picture whose worker was killed twice is held, never let through.
          const bool is_held = reply.result.verdict() == v1::VERDICT_HOLD;
          EXPECT_TRUE(is_held || reply.result.verdict() == v1::VERDICT_BLOCK)
              << reply.result.ShortDebugString();
          ++(is_held ? held : right);
        }
      });
    }
    for (int round = 0; round < 15; ++round) {
      const int before = right;
      EXPECT_TRUE(PollUntil([&] { return right > before + 5; }, seconds(20))) << "round " << round;
      // The spawner comes first among the descendants; every fifth time it dies too.
      const std::vector<pid_t> processes = server_->Descendants();
      for (std::size_t at = round % 5 == 4 ? 0 : 1; at < processes.size(); ++at)
        ::kill(processes[at], SIGKILL);
    }
    const int before = right;
    EXPECT_TRUE(PollUntil([&] { return right > before + 20; }, seconds(20)));
    stop = true;
  }
  EXPECT_GT(right, held);
  EXPECT_GE(server_->Metric("hashgate_decoder_workers_started"), 10);
  ExpectWell();
}

TEST_F(StressTest, FileDescriptorsDoNotLeak) {
  Start({.config = {{"decoder", {{"workers", "2"}, {"images_per_worker", "10"}}}}});
  if (server_->OpenFiles() == 0) GTEST_SKIP() << "the server's descriptors can be counted only by root";
  const auto work = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      EXPECT_TRUE(client_->Scan(listed_).status.ok());
      const GateClient other(server_->NewChannel());
      SlowUpload left(other);
      left.Send(kPngMagic);
      HttpGet(server_->http_port(), "/metrics");
      if (i % 10 == 0) {
        const std::vector<pid_t> processes = server_->Descendants();
        if (processes.size() > 1) ::kill(processes.back(), SIGKILL);
        EXPECT_TRUE(client_->Import("testkit-csam", RecordsOfJsonl(KitFileBytes("lists/testkit-csam.jsonl")))
                        .status.ok());
      }
    }
    EXPECT_TRUE(NothingLeft(*server_));
  };
  work(40);
  const int before = server_->OpenFiles();
  work(120);
  int after = 0;
  EXPECT_TRUE(PollUntil(
      [&] {
        after = server_->OpenFiles();
        return after <= before + 6;
      },
      seconds(10)))
      << before << " before, " << after << " after";
  ExpectWell();
}

}  // namespace
}  // namespace hashgate::testing
