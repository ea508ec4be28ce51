// ScanBatch over a real listener: answers by id, bounded in flight, behind uploads, and no way to hang.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "integration/rpc/rpc_fixture.h"
#include "rpc/wire/error_status.h"

namespace hashgate::testing {
namespace {

class BatchTest : public RpcServerTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::ScanBatchRequest, v1::ScanBatchResponse>;

  void SetUp() override {
    RpcServerTest::SetUp();
    client_ = std::make_unique<GateClient>(Channel());
  }
  void TearDown() override {
    client_.reset();
    RpcServerTest::TearDown();
  }

  std::unique_ptr<Stream> Open(grpc::ClientContext& context, milliseconds timeout = seconds(20)) {
    SetTimeout(context, timeout);
    return client_->scan().ScanBatch(&context);
  }
  static v1::ScanBatchRequest File(const std::string& id, const std::string& content) {
    v1::ScanBatchRequest request;
    request.mutable_header()->set_request_id(id);
    request.set_content(content);
    return request;
  }
  static std::map<std::string, v1::ScanBatchResponse> ReadAll(Stream& stream) {
    std::map<std::string, v1::ScanBatchResponse> answers;
    v1::ScanBatchResponse response;
    while (stream.Read(&response)) {
      EXPECT_TRUE(answers.emplace(response.request_id(), response).second) << "answered twice";
    }
    return answers;
  }
  static std::string ReasonOfAnswer(const v1::ScanBatchResponse& answer) {
    return ReasonOf({static_cast<grpc::StatusCode>(answer.error().code()), answer.error().message(),
                     answer.error().SerializeAsString()});
  }

  // Sends files and reads nothing, with the smallest window that gRPC allows.
  class UnreadStream {
   public:
    explicit UnreadStream(BatchTest& test, int files = 100'000) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("grpc.http2.bdp_probe", 0);
      arguments.SetInt("grpc.http2.lookahead_bytes", 1);
      stub_ = v1::ScanService::NewStub(
          grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(test.server_->port()),
                                    grpc::InsecureChannelCredentials(), arguments));
      SetTimeout(context, seconds(60));
      stream_ = stub_->ScanBatch(&context);
      writer_ = std::jthread([this, files] {
        for (int i = 0; i < files; ++i) {
          v1::ScanBatchRequest request = File("unread " + std::to_string(i), Picture());
          request.mutable_header()->mutable_options()->set_include_hashes(true);
          if (!stream_->Write(request)) return;
          sent = i + 1;
        }
      });
    }
    ~UnreadStream() {
      context.TryCancel();
      writer_.join();
      v1::ScanBatchResponse response;
      while (stream_->Read(&response)) {
      }
      stream_->Finish();
    }
    UnreadStream(const UnreadStream&) = delete;
    UnreadStream& operator=(const UnreadStream&) = delete;

    // Whether nothing could be sent for half a second.
    bool Stalled() {
      const auto now = steady_clock::now();
      if (seen_ != sent || sent == 0) {
        seen_ = sent;
        since_ = now;
      }
      return now - since_ > milliseconds(500);
    }

    grpc::ClientContext context;
    std::atomic<int> sent = 0;

   private:
    std::unique_ptr<v1::ScanService::Stub> stub_;
    std::unique_ptr<Stream> stream_;
    int seen_ = 0;
    steady_clock::time_point since_ = steady_clock::now();
    std::jthread writer_;
  };

  std::unique_ptr<GateClient> client_;
};

TEST_F(BatchTest, EveryFileIsAnsweredUnderItsId) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  std::jthread writer([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(
          stream->Write(File(std::to_string(i), i % 10 == 0 ? "" : Picture(static_cast<std::uint8_t>(i)))));
    }
    stream->WritesDone();
  });
  const auto answers = ReadAll(*stream);
  writer.join();
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(answers.size(), 200U);
  for (int i = 0; i < 200; ++i) {
    const v1::ScanBatchResponse& answer = answers.at(std::to_string(i));
    ASSERT_TRUE(answer.has_result()) << i << ": " << answer.error().message();
    EXPECT_EQ(answer.result().outcome(), i % 10 == 0 ? v1::OUTCOME_UNSCANNABLE : v1::OUTCOME_MATCHED) << i;
  }
  EXPECT_TRUE(PollUntil([&] { return bytes_.used() == 0 && streams_.used() == 0 && gate_.inside() == 0; },
                        seconds(10)));
  EXPECT_NE(metrics_->Exposition().find("hashgate_scan_seconds_count{method=\"background\"} 200"),
            std::string::npos)
      << "not mixed with the times of uploads";
}

TEST_F(BatchTest, AFileCanFailAloneAndTheOthersGoOn) {
  context_.options.max_inline_bytes = 1'000;
  grpc::ClientContext context;
  const auto stream = Open(context);
  v1::ScanBatchRequest unknown = File("unknown", Picture());
  unknown.mutable_header()->set_surface("nowhere");
  stream->Write(unknown);
  stream->Write(File("long", std::string(1'001, 'x')));
  stream->Write(File("good", Picture()));
  stream->WritesDone();
  const auto answers = ReadAll(*stream);
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(ReasonOfAnswer(answers.at("unknown")), "SURFACE_UNKNOWN");
  EXPECT_EQ(answers.at("unknown").error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOfAnswer(answers.at("long")), "MESSAGE_TOO_LARGE");
  EXPECT_EQ(answers.at("good").result().outcome(), v1::OUTCOME_MATCHED);
}

TEST_F(BatchTest, IdsTellAnswersApart) {
  for (const bool empty : {true, false}) {
    // An id is free again once its file is answered, which the second file may come after: then once more.
    const auto is_refused = [&] {
      recording_.Hold(true);
      grpc::ClientContext context;
      const auto stream = Open(context);
      stream->Write(File("same", Picture()));
      stream->Write(File(empty ? "" : "same", Picture()));
      stream->WritesDone();
      EXPECT_TRUE(PollUntil([&] { return recording_.given().count() > 0; }, seconds(10)));
      recording_.Hold(false);
      int answers = 0;
      for (v1::ScanBatchResponse response; stream->Read(&response);) ++answers;
      const grpc::Status ended = stream->Finish();
      if (ended.ok()) return false;
      EXPECT_EQ(answers, 1) << "what was accepted is answered";
      EXPECT_EQ(ReasonOf(ended), "STREAM_INVALID");
      return true;
    };
    EXPECT_TRUE(PollUntil(is_refused, seconds(20)));
  }
}

// One thread, and its job is held: nothing that the client sends beyond the bound is read.
TEST_F(BatchTest, NoMoreIsReadThanMayBeInFlight) {
  context_.options.max_batch_in_flight = 4;
  recording_.Hold(true);
  grpc::ClientContext context;
  const auto stream = Open(context);
  const std::string picture = Picture() + std::string(200'000, 'x');
  std::jthread writer([&] {
    for (int i = 0; i < 40; ++i) {
      if (!stream->Write(File(std::to_string(i), picture))) return;
    }
    stream->WritesDone();
  });
  // The queue holds one: one runs, one is queued or waits, and perhaps a third waits for these.
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0 && gate_.inside() >= 2; }, seconds(10)));
  EXPECT_FALSE(
      PollUntil([&] { return gate_.inside() > 3 || bytes_.used() > 3 * picture.size(); }, milliseconds(200)));
  recording_.Hold(false);
  EXPECT_EQ(ReadAll(*stream).size(), 40U);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BatchTest, UploadsComeFirst) {
  recording_.Hold(true);
  grpc::ClientContext context;
  const auto stream = Open(context);
  for (int i = 0; i < 3; ++i) stream->Write(File(std::to_string(i), Picture()));
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0 && gate_.inside() >= 2; }, seconds(10)));
  std::jthread caller([&] { EXPECT_TRUE(client_->Scan(Picture()).status.ok()); });
  ASSERT_TRUE(
      PollUntil([&] { return scan_executor_.queued_cost(scan::Lane::kUpload).count() > 0; }, seconds(10)));
  recording_.Hold(false);
  caller.join();
  stream->WritesDone();
  EXPECT_EQ(ReadAll(*stream).size(), 3U);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BatchTest, AClientThatGoesAwayLeavesNothingBehind) {
  recording_.Hold(true);
  {
    grpc::ClientContext context;
    const auto stream = Open(context);
    for (int i = 0; i < 3; ++i) stream->Write(File(std::to_string(i), Picture()));
    ASSERT_TRUE(
        PollUntil([&] { return recording_.given().count() > 0 && gate_.inside() >= 2; }, seconds(10)));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(PollUntil([&] { return recording_.was_cancelled(); }, seconds(10)));
  EXPECT_TRUE(PollUntil(
      [&] {
        return bytes_.used() == 0 && streams_.used() == 0 && gate_.inside() == 0 &&
               scan_executor_.queued() == 0;
      },
      seconds(10)));
}

// An upload runs, so nothing of the batch may start: one file is queued, and one waits for room.
TEST_F(BatchTest, WhatWaitedForRoomIsNotQueuedForACallerThatWentAway) {
  recording_.Hold(true);
  std::jthread upload([&] { EXPECT_TRUE(client_->Scan(Picture(9)).status.ok()); });
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0; }, seconds(10)));
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->Write(File("queued", Picture(1)));
  ASSERT_TRUE(PollUntil([&] { return scan_executor_.queued() == 1; }, seconds(10)));
  const std::size_t bytes = bytes_.used();
  stream->Write(File("waits", Picture(2)));
  ASSERT_TRUE(PollUntil([&] { return bytes_.used() > bytes; }, seconds(10)));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(
      PollUntil([&] { return scan_executor_.queued() == 0 && streams_.used() == 0 && gate_.inside() == 1; },
                milliseconds(2'000)))
      << "while the upload still runs";
  EXPECT_EQ(bytes_.used(), bytes - Picture(1).size());
  recording_.Hold(false);
}

TEST_F(BatchTest, AFileForWhoseBytesThereIsNoRoomDoesNotWait) {
  recording_.Hold(true);
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->Write(File("runs", Picture(1)));
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0; }, seconds(10)));
  const std::size_t others = bytes_.max() - bytes_.used() - 1'000;
  ASSERT_EQ(bytes_.Take("somebody else", others), rpc::ShareBudget::Taken::kYes);
  stream->Write(File("long", std::string(1'001, 'x')));
  v1::ScanBatchResponse response;
  ASSERT_TRUE(stream->Read(&response)) << "while the other file still runs";
  EXPECT_EQ(response.request_id(), "long");
  EXPECT_EQ(ReasonOfAnswer(response), "OVERLOADED");
  bytes_.Give("somebody else", others);
  recording_.Hold(false);
  stream->WritesDone();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.request_id(), "runs");
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(PollUntil([&] { return bytes_.used() == 0; }, seconds(10))) << "the job that holds it ends";
}

TEST_F(BatchTest, ManyClientsGoAwayAtOddMoments) {
  for (int round = 0; round < 60; ++round) {
    grpc::ClientContext context;
    const auto stream = Open(context);
    for (int i = 0; i <= round % 5; ++i) stream->Write(File(std::to_string(i), Picture()));
    if (round % 3 == 0) stream->WritesDone();
    v1::ScanBatchResponse response;
    if (round % 2 == 0) stream->Read(&response);
    context.TryCancel();
  }
  EXPECT_TRUE(PollUntil([&] { return bytes_.used() == 0 && streams_.used() == 0 && gate_.inside() == 0; },
                        seconds(10)));
  EXPECT_TRUE(client_->Scan(Picture()).status.ok());
}

TEST_F(BatchTest, ASilentStreamEnds) {
  context_.options.max_batch_pause = milliseconds(200);
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->Write(File("1", Picture()));
  const auto answers = ReadAll(*stream);
  EXPECT_EQ(answers.size(), 1U);
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(status.error_message(), "no file came for too long") << "the server's word, not the client's";
}

TEST_F(BatchTest, AStreamIsNotSilentWhileItsFilesAreWorkedOn) {
  context_.options.max_batch_pause = milliseconds(100);
  recording_.Hold(true);
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->Write(File("1", Picture()));
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0; }, seconds(10)));
  const auto until = steady_clock::now() + milliseconds(400);
  ASSERT_TRUE(PollUntil([&] { return steady_clock::now() >= until; }, seconds(10)));
  recording_.Hold(false);
  stream->WritesDone();
  EXPECT_EQ(ReadAll(*stream).size(), 1U);
  EXPECT_TRUE(stream->Finish().ok());
}

// The client's window is small and it never reads, so that answers stay with the server.
TEST_F(BatchTest, ADrainWaitsForAnswersThatAreNotSentYet) {
  context_.options.max_batch_in_flight = 4;
  UnreadStream unread(*this);
  const auto are_held = [&] { return unread.Stalled() && gate_.inside() >= 2; };
  EXPECT_TRUE(PollUntil(are_held, seconds(20))) << gate_.inside() << " after " << unread.sent;
  EXPECT_EQ(scan_executor_.queued(), 0U) << "all is scanned";
  gate_.Close();
  EXPECT_FALSE(gate_.WaitUntilEmpty(steady_clock::now() + milliseconds(100)));
  unread.context.TryCancel();
  EXPECT_TRUE(gate_.WaitUntilEmpty(steady_clock::now() + seconds(10)));
}

TEST_F(BatchTest, AClientThatNeverReadsLosesItsStream) {
  context_.options.max_batch_pause = milliseconds(300);
  context_.options.max_batch_in_flight = 4;
  // The last is more than fits; with the others all is written, some of it not sent, and the call is over
  // for the server.
  for (const int files : {10, 100, 200, 400, 100'000}) {
    UnreadStream unread(*this, files);
    ASSERT_TRUE(PollUntil([&] { return unread.sent > 0; }, seconds(10)));
    EXPECT_TRUE(PollUntil([&] { return streams_.used() == 0 && gate_.inside() == 0; }, seconds(10)))
        << unread.sent << " of " << files;
  }
}

TEST_F(BatchTest, ADrainAnswersWhatWasTakenAndRefusesTheRest) {
  recording_.Hold(true);
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->Write(File("taken", Picture()));
  ASSERT_TRUE(PollUntil([&] { return recording_.given().count() > 0; }, seconds(10)));
  gate_.Close();
  stream->Write(File("late", Picture()));
  v1::ScanBatchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.request_id(), "late");
  EXPECT_EQ(ReasonOfAnswer(response), "DRAINING");
  recording_.Hold(false);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.request_id(), "taken");
  EXPECT_TRUE(response.has_result());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(stream->Finish()), "DRAINING");
}

TEST_F(BatchTest, StreamsAreSharedByCaller) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<Stream>> open;
  int refused = 0;
  for (int i = 0; i < 8; ++i) {  // the test's server has room for eight
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    auto stream = Open(*contexts.back());
    stream->Write(File("1", Picture()));
    v1::ScanBatchResponse response;
    if (stream->Read(&response)) {
      open.push_back(std::move(stream));
      continue;
    }
    ExpectRefusedScan(stream->Finish(), grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "a stream");
    ++refused;
  }
  EXPECT_EQ(refused, 1) << "one is left for others";
  EXPECT_NE(metrics_->Exposition().find("hashgate_overloads_total{bound=\"streams\"} 1"), std::string::npos);
  for (const auto& context : contexts) context->TryCancel();
  for (const auto& stream : open) stream->Finish();
}

}  // namespace
}  // namespace hashgate::testing
