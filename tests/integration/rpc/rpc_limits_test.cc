// The listener's limits, as a client meets them: headers, streams, age, handshake, pings, silent imports.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "integration/rpc/rpc_fixture.h"
#include "rpc/wire/error_status.h"

namespace hashgate::testing {
namespace {

using ::testing::HasSubstr;

class LimitsTest : public RpcServerTest {
 protected:
  // A TCP connection that speaks no HTTP/2 unless a test does.
  UniqueFd Connect() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  // Reads what comes until the other side closes; false where it is still open at the end of the time.
  static bool ReadUntilClosed(int fd, std::string& seen, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    while (steady_clock::now() < deadline) {
      pollfd waiting{fd, POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      char buffer[4096];
      const ssize_t count = ::read(fd, buffer, sizeof buffer);
      if (count <= 0) return true;
      seen.append(buffer, static_cast<std::size_t>(count));
    }
    return false;
  }
  // Speaks HTTP/2 and does nothing more. True once it was told to go.
  bool IsToldToGo() {
    const UniqueFd raw = Connect();
    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, "");
    EXPECT_EQ(::write(raw.get(), preface.data(), preface.size()), static_cast<ssize_t>(preface.size()));
    std::string seen;
    return PollUntil(
        [&] {
          ReadUntilClosed(raw.get(), seen, milliseconds(50));
          return HasFrame(seen, 7);
        },
        seconds(10));
  }
  // Source of the layout: RFC 9113, 4.1.
  static bool HasFrame(const std::string& frames, std::uint8_t type) {
    const auto byte = [&frames](std::size_t at) { return static_cast<std::uint8_t>(frames[at]); };
    for (std::size_t at = 0; at + 9 <= frames.size();) {
      if (byte(at + 3) == type) return true;
      at += 9 + (std::size_t{byte(at)} << 16 | std::size_t{byte(at + 1)} << 8 | byte(at + 2));
    }
    return false;
  }
  static std::string Frame(std::uint8_t type, std::uint8_t flags, const std::string& payload) {
    std::string frame(9, '\0');
    frame[2] = static_cast<char>(payload.size());
    frame[3] = static_cast<char>(type);
    frame[4] = static_cast<char>(flags);
    return frame + payload;
  }
};

TEST_F(LimitsTest, LongHeadersAreRefused) {
  const auto scan = [this](std::size_t bytes) {
    const GateClient client(Channel());
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    context.AddMetadata("x-filler", std::string(bytes, 'f'));
    v1::ScanImageRequest request;
    request.set_content(Picture());
    v1::ScanImageResponse response;
    return client.scan().ScanImage(&context, request, &response).error_code();
  };
  EXPECT_EQ(scan(6'000), grpc::StatusCode::OK);
  EXPECT_NE(scan(9'000), grpc::StatusCode::OK);
  EXPECT_EQ(scan(100), grpc::StatusCode::OK) << "others go on";
}

TEST_F(LimitsTest, MessagesBeyondTheLimitNeverReachTheService) {
  context_.options.max_inline_bytes = 17 << 20;
  Listen("127.0.0.1:0");
  const GateClient client(Channel());
  EXPECT_TRUE(client.Scan(Picture() + std::string(17'000'000, 'x')).status.ok());
  EXPECT_EQ(client.Scan(std::string(18 << 20, 'x')).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(bytes_.used(), 0U);
}

// More calls than streams on one connection wait at the client; a held one ends and the next begins.
TEST_F(LimitsTest, StreamsOfAConnectionAreBounded) {
  grpc_options_.max_concurrent_streams = 2;
  Listen("127.0.0.1:0");
  recording_.Hold(true);
  const GateClient client(Channel());
  std::vector<std::jthread> callers;
  std::atomic<int> answered = 0;
  const auto scan = [&] {
    const ScanReply reply = client.Scan(Picture());
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    ++answered;
  };
  callers.emplace_back(scan);
  ASSERT_TRUE(PollUntil([this] { return recording_.given().count() > 0; }, seconds(10)));
  callers.emplace_back(scan);
  ASSERT_TRUE(PollUntil([this] { return gate_.inside() == 2; }, seconds(10)));
  const ScanReply waited = client.Scan(Picture(), {}, milliseconds(400));
  EXPECT_EQ(waited.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(gate_.inside(), 2) << "the third never came in";
  recording_.Hold(false);
  callers.clear();
  EXPECT_EQ(answered, 2);
  EXPECT_TRUE(client.Scan(Picture()).status.ok());
}

TEST_F(LimitsTest, OldConnectionsAreReplacedWithoutAFailedCall) {
  grpc_options_.max_connection_age = seconds(1);
  Listen("127.0.0.1:0");
  const GateClient client(Channel());
  const auto until = steady_clock::now() + milliseconds(2'500);
  int calls = 0;
  while (steady_clock::now() < until) {
    const ScanReply reply = client.Scan(Picture());
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    ++calls;
  }
  EXPECT_GT(calls, 10);
  EXPECT_TRUE(IsToldToGo());
}

TEST_F(LimitsTest, IdleConnectionsAreClosedAndBusyOnesAreNot) {
  grpc_options_.max_connection_idle = milliseconds(500);
  Listen("127.0.0.1:0");
  EXPECT_TRUE(IsToldToGo());
  // A call in flight is no idleness, however long it takes.
  recording_.Hold(true);
  const GateClient client(Channel());
  std::jthread caller([&] { EXPECT_TRUE(client.Scan(Picture()).status.ok()); });
  ASSERT_TRUE(PollUntil([this] { return recording_.given().count() > 0; }, seconds(10)));
  EXPECT_TRUE(IsToldToGo()) << "meanwhile another one was";
  recording_.Hold(false);
  caller.join();
  EXPECT_TRUE(client.Scan(Picture()).status.ok());
}

TEST_F(LimitsTest, ConnectionsThatDoNotSpeakAreClosed) {
  grpc_options_.handshake_timeout = milliseconds(500);
  Listen("127.0.0.1:0");
  const UniqueFd silent = Connect();
  const UniqueFd slow = Connect();
  ASSERT_EQ(::write(slow.get(), "PRI *", 5), 5);
  std::string seen;
  EXPECT_TRUE(ReadUntilClosed(silent.get(), seen, seconds(10)));
  EXPECT_TRUE(ReadUntilClosed(slow.get(), seen, seconds(10)));
  EXPECT_TRUE(GateClient(Channel()).Scan(Picture()).status.ok());
}

TEST_F(LimitsTest, PingsTooOftenEndTheConnection) {
  const UniqueFd fd = Connect();
  std::string sent = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, "");
  for (int i = 0; i < 10; ++i) sent += Frame(6, 0, std::string(8, 'p'));
  ASSERT_EQ(::write(fd.get(), sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
  std::string seen;
  EXPECT_TRUE(ReadUntilClosed(fd.get(), seen, seconds(10)));
  EXPECT_THAT(seen, HasSubstr("too_many_pings"));
  EXPECT_TRUE(GateClient(Channel()).Scan(Picture()).status.ok());
}

TEST_F(LimitsTest, ASilentImportEndsAndGivesItsPlaceBack) {
  context_.options.max_import_pause = milliseconds(200);
  const GateClient client(Channel());
  grpc::ClientContext context;
  SetTimeout(context, seconds(20));
  const auto stream = client.lists().ImportEntries(&context);
  v1::ImportEntriesRequest request;
  request.mutable_header()->set_list("listed");
  ASSERT_TRUE(stream->Write(request));
  v1::ImportRecords& records = *request.mutable_records();
  *records.add_records() = RecordOf(1, "b", v1::ALGORITHM_SHA256, SyntheticHash(v1::ALGORITHM_SHA256, 9));
  ASSERT_TRUE(stream->Write(request));
  v1::ImportEntriesResponse progress;
  ASSERT_TRUE(stream->Read(&progress));
  EXPECT_EQ(progress.committed_count(), 1);
  EXPECT_FALSE(stream->Read(&progress));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("no records came"))
      << "it was the server's word, not the client's";
  EXPECT_EQ(client.AllEntries("listed").size(), 2U) << "what was committed is kept";
  EXPECT_TRUE(client.Import("listed", {}).status.ok());
}

TEST_F(LimitsTest, AnImportThatGoesOnIsNotCutOff) {
  context_.options.max_import_pause = milliseconds(300);
  const GateClient client(Channel());
  grpc::ClientContext context;
  SetTimeout(context, seconds(20));
  const auto stream = client.lists().ImportEntries(&context);
  v1::ImportEntriesRequest request;
  request.mutable_header()->set_list("listed");
  ASSERT_TRUE(stream->Write(request));
  const auto begun = steady_clock::now();
  for (std::int64_t line = 1; steady_clock::now() - begun < milliseconds(1'000); ++line) {
    v1::ImportRecords& records = *request.mutable_records();
    records.Clear();
    *records.add_records() = RecordOf(line, std::to_string(line), v1::ALGORITHM_SHA256,
                                      SyntheticHash(v1::ALGORITHM_SHA256, static_cast<std::uint64_t>(line)));
    ASSERT_TRUE(stream->Write(request));
    v1::ImportEntriesResponse progress;
    ASSERT_TRUE(stream->Read(&progress));
  }
  stream->WritesDone();
  v1::ImportEntriesResponse progress;
  EXPECT_TRUE(stream->Read(&progress));
  EXPECT_TRUE(stream->Finish().ok());
}

// Both hold up a drain: what their readers do not take piles up in gRPC until that is full, and then the call
// ends.
TEST_F(LimitsTest, AnExportWhoseReaderTakesNothingIsEnded) {
  context_.options.max_reader_pause = milliseconds(200);
  const GateClient client(Channel());
  std::vector<v1::ImportRecord> records;
  for (int i = 0; i < 20'000; ++i) {
    records.push_back(RecordOf(i + 1, std::string(200, 'x') + std::to_string(i), v1::ALGORITHM_SHA256,
                               SyntheticHash(v1::ALGORITHM_SHA256, static_cast<std::uint64_t>(i))));
  }
  ASSERT_TRUE(client.Import("listed", records, 2'000).status.ok());
  grpc::ClientContext context;
  SetTimeout(context, seconds(60));
  v1::ExportEntriesRequest request;
  request.set_list("listed");
  const auto stream = client.lists().ExportEntries(&context, request);
  EXPECT_TRUE(PollUntil([&] { return gate_.inside() == 1; }, seconds(20)));
  EXPECT_TRUE(PollUntil([&] { return gate_.inside() == 0; }, seconds(20)));
  v1::ExportEntriesResponse message;
  int told = 0;
  while (stream->Read(&message)) told += message.entries_size();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_LT(told, 20'001);
  EXPECT_EQ(client.AllEntries("listed").size(), 20'001U);
}

TEST_F(LimitsTest, AnImportWhoseSenderReadsNothingIsEnded) {
  context_.options.max_reader_pause = milliseconds(200);
  // Whose window does not grow with what is not read.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const GateClient client(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                                    grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  SetTimeout(context, seconds(60));
  const auto stream = client.lists().ImportEntries(&context);
  v1::ImportEntriesRequest request;
  request.mutable_header()->set_list("listed");
  bool open = stream->Write(request);
  v1::ImportRecords& records = *request.mutable_records();
  *records.add_records() = RecordOf(1, "b", v1::ALGORITHM_SHA256, SyntheticHash(v1::ALGORITHM_SHA256, 9));
  std::jthread sender([&] {
    while (open) open = stream->Write(request);
  });
  const auto is_ended = [&] {
    return metrics_->Exposition().find("code=\"CANCELLED\",method=\"ImportEntries\"") != std::string::npos;
  };
  EXPECT_TRUE(PollUntil(is_ended, seconds(20)));
  // gRPC's client learns it only when it reads.
  context.TryCancel();
  sender.join();
  EXPECT_TRUE(client.Import("listed", {}).status.ok());
}

// What a caller holds counts against its own share; the callers here are loopback and an outside address.
TEST_F(LimitsTest, OneCallersBytesDoNotKeepAnotherOut) {
  const std::string outside = OutsideAddress();
  if (outside.empty()) GTEST_SKIP() << "this machine has no address but loopback";
  Listen("0.0.0.0:0");
  const GateClient greedy(Channel(outside));
  std::vector<std::unique_ptr<SlowUpload>> held;
  const std::string chunk = Picture() + std::string(4'000'000, 'x');
  for (int i = 0; i < 6; ++i) {
    held.push_back(std::make_unique<SlowUpload>(greedy));
    for (int part = 0; part < 4; ++part) held.back()->Send(chunk);
  }
  EXPECT_TRUE(PollUntil([&] { return bytes_.used() > 40 << 20; }, seconds(10)));
  EXPECT_TRUE(PollUntil([&] { return bytes_.used() <= bytes_.max() / 9 * 8; }, seconds(10)));
  EXPECT_TRUE(GateClient(Channel()).Scan(Picture() + std::string(1 << 20, 'y')).status.ok());
}

}  // namespace
}  // namespace hashgate::testing
