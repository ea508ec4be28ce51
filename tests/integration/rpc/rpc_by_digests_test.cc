// What clients get where digests decide, on each way an upload can come, and what the server does behind it.
#include <gtest/gtest.h>

#include "integration/rpc/rpc_fixture.h"

namespace hashgate::testing {
namespace {

class RpcByDigestsTest : public RpcServerTest {
 protected:
  void SetUp() override {
    scanner_options_.answer_by_digests = scan::DigestAnswers::kAlways;
    RpcServerTest::SetUp();
    AddList("csam");
    client_ = std::make_unique<GateClient>(Channel());
  }
  void TearDown() override {
    client_.reset();
    RpcServerTest::TearDown();
  }

  // The decoder of this fixture sees the same picture in every file.
  static PdqHash Seen() { return PdqOf(MakeHash(Algorithm::kPdq, 5)); }
  static PdqHash Other() { return PdqOf(MakeHash(Algorithm::kPdq, 6)); }

  void ListSha256(std::uint8_t number, std::optional<PdqHash> pdq = {}) {
    lists::EntryRecord record{.source_id = "file " + std::to_string(number)};
    record.hashes.push_back(DigestValue(Algorithm::kSha256, DigestsOf(PngBytes(number)).sha256));
    if (pdq) record.hashes.push_back(PdqValue(*pdq));
    AddEntry("csam", record);
  }
  // How an upload came to be answered.
  using Way = std::function<ScanReply(const std::string& bytes, const v1::ScanHeader& header)>;
  std::vector<Way> Ways() {
    return {
        [this](const auto& bytes, const auto& header) { return client_->Scan(bytes, header); },
        [this](const auto& bytes, const auto& header) { return client_->Upload(bytes, Fixed(4), header); },
        [this](const auto& bytes, const auto& header) { return InBatch(bytes, header); }};
  }
  ScanReply InBatch(const std::string& bytes, const v1::ScanHeader& header) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    const auto stream = client_->scan().ScanBatch(&context);
    v1::ScanBatchRequest request;
    *request.mutable_header() = header;
    request.mutable_header()->set_request_id("batch " + std::to_string(++batches_));
    request.set_content(bytes);
    stream->Write(request);
    stream->WritesDone();
    v1::ScanBatchResponse response;
    stream->Read(&response);
    return {stream->Finish(), response.result()};
  }
  bool Becomes(const std::string& line) {
    return PollUntil([&] { return metrics_->Exposition().find(line + "\n") != std::string::npos; },
                     seconds(10));
  }
  bool WasAskedToDecode() const { return recording_.given().count() > 0; }

  std::unique_ptr<GateClient> client_;
  int batches_ = 0;
};

TEST_F(RpcByDigestsTest, EveryWayIsAnsweredWithoutTheDecoder) {
  ListSha256(1);
  recording_.Hold(true);
  for (const Way& way : Ways()) {
    const ScanReply reply = way(Picture(1), {});
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
    EXPECT_EQ(reply.result.outcome(), v1::OUTCOME_MATCHED);
    EXPECT_EQ(reply.result.cause(), v1::CAUSE_UNSPECIFIED);
    EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_EXACT_ONLY);
    EXPECT_EQ(reply.result.coverage().view_count(), 0);
    ASSERT_EQ(reply.result.coverage().missing_size(), 1);
    EXPECT_EQ(reply.result.coverage().missing(0), "the picture was not decoded: its digests decided");
    EXPECT_EQ(reply.result.image().format(), "png");
    EXPECT_EQ(reply.result.timings().decode_micros(), 0);
  }
  EXPECT_FALSE(WasAskedToDecode());
  EXPECT_TRUE(Becomes("hashgate_scans_by_digests_total 3"));
}

TEST_F(RpcByDigestsTest, WhoAsksForHashesWaitsForThemAndGetsTheSameVerdict) {
  ListSha256(1, Other());
  v1::ScanHeader header;
  header.mutable_options()->set_include_hashes(true);
  for (const Way& way : Ways()) {
    recording_.Forget();
    const ScanReply reply = way(Picture(1), header);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
    ASSERT_EQ(reply.result.matches_size(), 2) << "the fixture's own list knows the picture";
    EXPECT_EQ(reply.result.matches(0).list(), "csam");
    EXPECT_TRUE(reply.result.matches(0).digest_conflict());
    EXPECT_EQ(reply.result.matches(0).verdict(), v1::VERDICT_BLOCK_AND_REPORT);
    EXPECT_GT(reply.result.hashes_size(), 3);
    EXPECT_TRUE(WasAskedToDecode());
  }
  EXPECT_TRUE(Becomes("hashgate_digest_conflicts_total{found=\"upload\"} 2"));
  EXPECT_TRUE(Becomes("hashgate_digest_conflicts_total{found=\"background\"} 1"));
}

// Nobody decodes a picture for hashes that are not sent.
TEST_F(RpcByDigestsTest, WhoMayNotSeeHashesIsNotMadeToWaitForThem) {
  const std::string outside = OutsideAddress();
  if (outside.empty()) GTEST_SKIP() << "this machine has no address but loopback";
  client_.reset();
  Listen("0.0.0.0:0");
  ListSha256(1);
  recording_.Hold(true);
  v1::ScanHeader header;
  header.mutable_options()->set_include_hashes(true);
  const ScanReply reply = GateClient(Channel(outside)).Scan(Picture(1), header);
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_EXACT_ONLY);
  EXPECT_EQ(reply.result.coverage().missing_size(), 0) << "nor why";
  EXPECT_FALSE(WasAskedToDecode());
}

TEST_F(RpcByDigestsTest, PicturesAreComparedBehindTheAnswer) {
  ListSha256(1, Flip(Seen(), 5));
  ListSha256(2, Other());
  int checks = 0;
  for (const Way& way : Ways()) {
    EXPECT_EQ(way(Picture(1), {}).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
    ASSERT_TRUE(Becomes("hashgate_checks_behind_total{result=\"done\"} " + std::to_string(++checks)));
  }
  EXPECT_EQ(metrics_->Exposition().find("hashgate_digest_conflicts_total{"), std::string::npos);
  int conflicts = 0;
  for (const Way& way : Ways()) {
    EXPECT_EQ(way(Picture(2), {}).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
    ASSERT_TRUE(Becomes("hashgate_checks_behind_total{result=\"done\"} " + std::to_string(++checks)));
    EXPECT_TRUE(Becomes("hashgate_digest_conflicts_total{found=\"behind\"} " + std::to_string(++conflicts)));
  }
  EXPECT_TRUE(PollUntil([this] { return bytes_.used() == 0; }, seconds(10)));
}

// The call is over and its bytes are wiped while the check still waits: it has its own.
TEST_F(RpcByDigestsTest, BytesOfAWaitingCheckAreCountedUntilItEnds) {
  ListSha256(1, Other());
  recording_.Hold(true);
  EXPECT_TRUE(client_->Scan(Picture(1)).status.ok());
  ASSERT_TRUE(PollUntil([this] { return WasAskedToDecode() && gate_.inside() == 0; }, seconds(10)));
  EXPECT_EQ(bytes_.used(), Picture(1).size());
  recording_.Hold(false);
  EXPECT_TRUE(Becomes("hashgate_digest_conflicts_total{found=\"behind\"} 1"));
  EXPECT_TRUE(PollUntil([this] { return bytes_.used() == 0; }, seconds(10)));
}

TEST_F(RpcByDigestsTest, AServerStopsWhileChecksWait) {
  ListSha256(1, Other());
  recording_.Hold(true);
  EXPECT_TRUE(client_->Scan(Picture(1)).status.ok());
  ASSERT_TRUE(PollUntil([this] { return WasAskedToDecode(); }, seconds(10)));
  // The only thread is busy with the check, so this one waits for it.
  checks_behind_.Add(AsBytes(Picture(1)), [](ByteSpan, const scan::ChecksBehind::Until&) {
    return scan::ChecksBehind::Finding{.compared = true};
  });
  EXPECT_EQ(checks_behind_.waiting(), 2U);
  gate_.Close();
  EXPECT_TRUE(server_->Stop(steady_clock::now() + seconds(10)));
  checks_behind_.Stop();
  EXPECT_TRUE(Becomes("hashgate_checks_behind_total{result=\"dropped\"} 2"));
  EXPECT_TRUE(recording_.was_cancelled());
  EXPECT_TRUE(PollUntil([this] { return checks_behind_.waiting() == 0; }, seconds(10)));
  EXPECT_EQ(bytes_.used(), 0U);
}

}  // namespace
}  // namespace hashgate::testing
