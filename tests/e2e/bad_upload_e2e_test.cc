// Uploads and streams that are not as they should be: each gets one clear answer.
#include <gtest/gtest.h>

#include <random>

#include "rpc/wire/error_status.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMiB = 1 << 20;
const std::string kPngMagic = "\x89PNG\r\n\x1a\n";

std::string Noise(std::size_t size, std::uint64_t salt = 0) {
  std::mt19937_64 random(Seed() + salt);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 56);
  return bytes;
}

// A server whose limits are small, so that going over them is cheap.
class BadUploadTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ =
        StartServer(FreshFolder("server"),
                    {.config = {{"scan", {{"max_inline_mib", "1"}, {"upload_max_time_ms", "1500"}}},
                                {"decoder", {{"max_mib", "1"}}},
                                {"surfaces", {{"pictures-only", "{kind: avatar, images_only: true}"}}}}});
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
  }
  static void TearDownTestSuite() {
    client_.reset();
    if (server_ != nullptr) {
      EXPECT_EQ(server_->Stop(), 0) << server_->Log();
    }
    server_.reset();
  }
  void SetUp() override { ASSERT_NE(client_, nullptr); }
  // Whatever came before: nothing is left over, and a listed file is still found.
  void TearDown() override {
    if (client_ == nullptr) return;
    EXPECT_TRUE(PollUntil(
        [] {
          return server_->Metric("hashgate_calls_in_flight") == 0 &&
                 server_->Metric("hashgate_buffered_bytes") == 0;
        },
        seconds(10)));
    EXPECT_EQ(client_->Scan(KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED"))).result.verdict(),
              v1::VERDICT_BLOCK);
  }

  static void List(const std::string& bytes) {
    static int line = 0;
    ++line;
    const auto record =
        RecordOf(line, "bad-upload-" + std::to_string(line), v1::ALGORITHM_SHA256, Sha256Of(bytes));
    ASSERT_TRUE(client_->Import("testkit-csam", {record}).status.ok());
  }
  static void ExpectAnswer(const ScanReply& reply, v1::Verdict verdict, v1::Outcome outcome,
                           v1::Cause cause) {
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_EQ(v1::Verdict_Name(reply.result.verdict()), v1::Verdict_Name(verdict));
    EXPECT_EQ(v1::Outcome_Name(reply.result.outcome()), v1::Outcome_Name(outcome));
    EXPECT_EQ(v1::Cause_Name(reply.result.cause()), v1::Cause_Name(cause));
  }
  static void ExpectRefused(const grpc::Status& status, grpc::StatusCode code, const std::string& reason,
                            const std::string& field) {
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(ReasonOf(status), reason);
    EXPECT_EQ(rpc::FromGrpc(status).field, field) << status.error_message();
  }

  inline static std::unique_ptr<ServerProcess> server_;
  inline static std::unique_ptr<GateClient> client_;
};

TEST_F(BadUploadTest, Empty) {
  ExpectAnswer(client_->Scan(""), v1::VERDICT_HOLD, v1::OUTCOME_UNSCANNABLE, v1::CAUSE_EMPTY);
  ExpectAnswer(client_->Upload("", Fixed(1)), v1::VERDICT_HOLD, v1::OUTCOME_UNSCANNABLE, v1::CAUSE_EMPTY);
}

TEST_F(BadUploadTest, OverTheInlineLimit) {
  EXPECT_TRUE(client_->Scan(Noise(kMiB)).status.ok());
  ExpectRefused(client_->Scan(Noise(kMiB + 1)).status, grpc::StatusCode::RESOURCE_EXHAUSTED,
                "MESSAGE_TOO_LARGE", "content");
  // Beyond what gRPC itself takes there is no reason in the details, but the same code.
  EXPECT_EQ(client_->Scan(std::string(20 * kMiB, 'x')).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(BadUploadTest, APictureOverTheDecodingLimitIsMatchedByItsDigests) {
  const std::string large = kPngMagic + Noise(kMiB);
  ExpectAnswer(client_->Upload(large, Fixed(100'000)), v1::VERDICT_HOLD, v1::OUTCOME_UNSCANNABLE,
               v1::CAUSE_TOO_LARGE);
  List(large);
  ExpectAnswer(client_->Upload(large, Fixed(100'000)), v1::VERDICT_BLOCK_AND_REPORT, v1::OUTCOME_MATCHED,
               v1::CAUSE_TOO_LARGE);
}

TEST_F(BadUploadTest, OtherFilesOfAnyLengthAreMatchedWithoutBeingKept) {
  // The start of an MP4 file: known not to be a picture.
  std::string video = std::string("\x00\x00\x00\x18", 4) + "ftypisom" + Noise(40 * kMiB, 1);
  ExpectAnswer(client_->Upload(video, Fixed(kMiB)), v1::VERDICT_ALLOW, v1::OUTCOME_NOT_MATCHED,
               v1::CAUSE_NOT_AN_IMAGE);
  List(video);
  ExpectAnswer(client_->Upload(video, Fixed(kMiB)), v1::VERDICT_BLOCK_AND_REPORT, v1::OUTCOME_MATCHED,
               v1::CAUSE_NOT_AN_IMAGE);
  SlowUpload slow(*client_);
  for (std::size_t sent = 0; sent < 8 * kMiB; sent += kMiB) {
    ASSERT_TRUE(slow.Send(video.substr(sent, kMiB)));
  }
  EXPECT_TRUE(PollUntil([] { return server_->Metric("hashgate_calls_in_flight") == 1; }, seconds(5)));
  EXPECT_LE(server_->Metric("hashgate_buffered_bytes"), kMiB);
}

TEST_F(BadUploadTest, TheNameOfAFileDecidesNothing) {
  const std::string file = KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED");
  v1::ScanHeader header;
  header.mutable_context()->set_file_name("holiday.txt");
  const ScanReply reply = client_->Scan(KitFileBytes(file), header);
  ExpectAnswer(reply, v1::VERDICT_BLOCK, v1::OUTCOME_MATCHED, v1::CAUSE_UNSPECIFIED);
  header.mutable_context()->set_file_name("picture.jpg");
  ExpectAnswer(client_->Scan("just a text, whatever its name says", header), v1::VERDICT_ALLOW,
               v1::OUTCOME_NOT_MATCHED, v1::CAUSE_NOT_AN_IMAGE);
}

TEST_F(BadUploadTest, UnrecognisedBytes) {
  ExpectAnswer(client_->Scan(Noise(5'000, 2)), v1::VERDICT_HOLD, v1::OUTCOME_UNSCANNABLE,
               v1::CAUSE_UNSUPPORTED_FORMAT);
}

TEST_F(BadUploadTest, WhatIsNoPictureIsHeldOnASurfaceForPictures) {
  v1::ScanHeader header;
  header.set_surface("pictures-only");
  ExpectAnswer(client_->Scan("just a text", header), v1::VERDICT_HOLD, v1::OUTCOME_NOT_MATCHED,
               v1::CAUSE_NOT_AN_IMAGE);
}

TEST_F(BadUploadTest, CutAndScribbledFilesAlwaysGetAnAnswer) {
  std::mt19937_64 random(Seed());
  for (const KitAnswer& answer : KitAnswers()) {
    const std::string whole = KitFileBytes(answer.file);
    if (whole.size() < 100) continue;
    for (int i = 0; i < 4; ++i) {
      std::string bytes = whole.substr(0, 1 + random() % whole.size());
      if (i % 2 == 1) bytes[random() % bytes.size()] ^= 0x55;
      const ScanReply reply = client_->Scan(bytes);
      ASSERT_TRUE(reply.status.ok()) << answer.file << ": " << reply.status.error_message();
      EXPECT_NE(reply.result.verdict(), v1::VERDICT_UNSPECIFIED);
      EXPECT_NE(reply.result.outcome(), v1::OUTCOME_NOT_EVALUATED) << answer.file;
    }
  }
}

TEST_F(BadUploadTest, StreamsOutOfOrder) {
  const auto stream = [](const std::vector<v1::ScanUploadRequest>& messages) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::ScanUploadResponse response;
    const auto writer = client_->scan().ScanUpload(&context, &response);
    bool open = true;
    for (const v1::ScanUploadRequest& message : messages) open = open && writer->Write(message);
    writer->WritesDone();
    return writer->Finish();
  };
  v1::ScanUploadRequest header;
  header.mutable_header();
  v1::ScanUploadRequest chunk;
  chunk.set_chunk("abc");
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;
  ExpectRefused(stream({}), invalid, "STREAM_INVALID", "header");
  ExpectRefused(stream({chunk}), invalid, "STREAM_INVALID", "chunk");
  ExpectRefused(stream({header, header}), invalid, "STREAM_INVALID", "header");
  ExpectRefused(stream({header, chunk, header}), invalid, "STREAM_INVALID", "header");
  v1::ScanUploadRequest huge;
  huge.set_chunk(std::string(4 * kMiB + 1, 'x'));
  ExpectRefused(stream({header, huge}), invalid, "STREAM_INVALID", "chunk");
  v1::ScanUploadRequest negative;
  negative.mutable_header()->set_declared_size_bytes(-1);
  ExpectRefused(stream({negative}), invalid, "REQUEST_INVALID", "header.declared_size_bytes");
}

TEST_F(BadUploadTest, DeclaredSizes) {
  ExpectRefused(client_->Upload("12345", Fixed(2), {}, 4).status, grpc::StatusCode::INVALID_ARGUMENT,
                "STREAM_INVALID", "chunk");
  EXPECT_TRUE(client_->Upload("12345", Fixed(2), {}, 5).status.ok());
  ExpectRefused(client_->Upload("12345", Fixed(2), {}, 500).status, grpc::StatusCode::INVALID_ARGUMENT,
                "STREAM_INVALID", "chunk");
}

TEST_F(BadUploadTest, AStreamThatStopsIsAnsweredBeforeTheCallersDeadline) {
  SlowUpload slow(*client_, {}, milliseconds(900));
  ASSERT_TRUE(slow.Send(kPngMagic + Noise(10'000)));
  const ScanReply reply = slow.WaitForAnswer();
  ExpectAnswer(reply, v1::VERDICT_HOLD, v1::OUTCOME_NOT_EVALUATED, v1::CAUSE_DEADLINE);
  EXPECT_TRUE(reply.result.has_retry_after());
  EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_NONE);
}

TEST_F(BadUploadTest, AStreamThatStopsIsAnsweredWhenItsTimeIsOver) {
  const auto begun = std::chrono::steady_clock::now();
  SlowUpload slow(*client_);
  ASSERT_TRUE(slow.Send(kPngMagic));
  ExpectAnswer(slow.WaitForAnswer(), v1::VERDICT_HOLD, v1::OUTCOME_NOT_EVALUATED, v1::CAUSE_DEADLINE);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(10));
}

TEST_F(BadUploadTest, ASenderThatNeverStopsIsAnsweredWhenItsTimeIsOver) {
  SlowUpload slow(*client_);
  const std::string chunk(1'000, 'x');
  const bool ended = PollUntil([&] { return !slow.Send(chunk); }, seconds(10));
  ASSERT_TRUE(ended);
  ExpectAnswer(slow.WaitForAnswer(), v1::VERDICT_HOLD, v1::OUTCOME_NOT_EVALUATED, v1::CAUSE_DEADLINE);
}

TEST_F(BadUploadTest, AnUploadWithoutAHeaderEndsWhenItsTimeIsOver) {
  grpc::ClientContext context;
  SetTimeout(context, seconds(20));
  v1::ScanUploadResponse response;
  const auto writer = client_->scan().ScanUpload(&context, &response);
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(BadUploadTest, HeadersOutOfBounds) {
  const auto refused = [](const v1::ScanHeader& header, grpc::StatusCode code, const std::string& reason,
                          const std::string& field) {
    ExpectRefused(client_->Scan("x", header).status, code, reason, field);
    ExpectRefused(client_->Upload("x", Fixed(1), header).status, code, reason, field);
  };
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;
  v1::ScanHeader header;
  header.set_surface("nowhere");
  refused(header, invalid, "SURFACE_UNKNOWN", "header.surface");
  header.Clear();
  header.mutable_options()->add_lists("nowhere");
  refused(header, grpc::StatusCode::NOT_FOUND, "LIST_NOT_FOUND", "header.options.lists");
  header.Clear();
  for (int i = 0; i < 101; ++i) header.mutable_options()->add_lists("testkit-csam");
  refused(header, invalid, "REQUEST_INVALID", "header.options.lists");
  header.Clear();
  header.set_request_id(std::string(129, 'x'));
  refused(header, invalid, "REQUEST_INVALID", "header.request_id");
  header.Clear();
  header.mutable_context()->set_file_name(std::string(1'025, 'x'));
  refused(header, invalid, "REQUEST_INVALID", "header.context.file_name");
  header.Clear();
  header.mutable_options()->set_depth(static_cast<v1::Depth>(99));
  refused(header, invalid, "REQUEST_INVALID", "header.options.depth");
  header.Clear();
  header.mutable_options()->set_lane(static_cast<v1::Lane>(99));
  refused(header, invalid, "REQUEST_INVALID", "header.options.lane");
  // The built-in list is the server's own.
  header.Clear();
  header.mutable_options()->add_lists("hashgate-canary");
  refused(header, grpc::StatusCode::NOT_FOUND, "LIST_NOT_FOUND", "header.options.lists");
}

TEST_F(BadUploadTest, OnlyTheListsThatAreNamedAreAsked) {
  const std::string bytes = Noise(2'000, 3);
  List(bytes);
  v1::ScanHeader header;
  header.mutable_options()->add_lists("testkit-own-rules");
  const ScanReply other = client_->Scan(bytes, header);
  ExpectAnswer(other, v1::VERDICT_HOLD, v1::OUTCOME_UNSCANNABLE, v1::CAUSE_UNSUPPORTED_FORMAT);
  EXPECT_EQ(other.result.coverage().list_count(), 1);
  header.mutable_options()->add_lists("testkit-csam");
  ExpectAnswer(client_->Scan(bytes, header), v1::VERDICT_BLOCK_AND_REPORT, v1::OUTCOME_MATCHED,
               v1::CAUSE_UNSUPPORTED_FORMAT);
}

TEST_F(BadUploadTest, ADeadlineThatHasAlmostPassedIsAnsweredOrReported) {
  // The client gives up at the same moment, so both are right; a clean answer is not.
  const std::string bytes = KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED"));
  for (int i = 1; i <= 60; i += 3) {
    const ScanReply reply = client_->Scan(bytes, {}, milliseconds(i));
    if (reply.status.ok()) {
      EXPECT_NE(reply.result.verdict(), v1::VERDICT_ALLOW);
    } else {
      // Where the call before is still being worked on, the server may say at once that there is no time.
      EXPECT_TRUE(reply.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
                  reply.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
          << reply.status.error_message();
    }
  }
}

}  // namespace
}  // namespace hashgate::testing
