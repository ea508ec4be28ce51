// Pictures inside other pictures, from real files to the answer: animations, thumbnails, clear colours.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "testing/gate_client.h"
#include "testing/server_process.h"
#include "unit/image/animations.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {
namespace {

constexpr int kHeight = 120;
constexpr int kWidth = 160;
constexpr unsigned kListed = 3;

std::string Text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string Jpeg(unsigned seed) {
  return Text(EncodeJpeg(WavePicture(kHeight, kWidth, seed), {.quality = 90}));
}

/// `jpeg` with `picture` in a segment of its own right behind its start.
std::string WithThumbnail(const std::string& jpeg, const std::string& picture) {
  const std::size_t length = picture.size() + 2;
  std::string segment = {'\xff', '\xe2', static_cast<char>(length >> 8), static_cast<char>(length)};
  return jpeg.substr(0, 2) + segment + picture + jpeg.substr(2);
}

std::string GifOf(const std::vector<unsigned>& seeds) {
  std::vector<AnimatedFrame> frames;
  for (const unsigned seed : seeds) frames.push_back({.picture = WavePicture(kHeight, kWidth, seed)});
  return Text(EncodeGifFrames(kWidth, kHeight, frames));
}

class ViewsE2eTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = StartServer(FreshFolder("views"));
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(client_->CreateList(SyntheticList("views")).ok());
    const v1::ImportRecord any =
        RecordOf(1, "any", v1::ALGORITHM_PDQ, SyntheticHash(v1::ALGORITHM_PDQ, 1'000));
    ASSERT_TRUE(client_->Import("views", {any}).status.ok());
    v1::ScanHeader header;
    header.mutable_options()->set_include_hashes(true);
    const ScanReply own = client_->Scan(Text(EncodePng(WavePicture(kHeight, kWidth, kListed), {})), header);
    ASSERT_TRUE(own.status.ok()) << own.status.error_message();
    for (const v1::HashValue& hash : own.result.hashes()) {
      if (hash.algorithm() != v1::ALGORITHM_PDQ || hash.pipeline() != v1::PIPELINE_FULL) continue;
      ASSERT_FALSE(hash.hidden());
      ASSERT_TRUE(
          client_->Import("views", {RecordOf(1, "listed", v1::ALGORITHM_PDQ, hash.value())}).status.ok());
    }
  }
  static void TearDownTestSuite() {
    client_.reset();
    if (server_ != nullptr) {
      EXPECT_EQ(server_->Stop(), 0);
    }
    server_.reset();
  }
  void SetUp() override { ASSERT_NE(client_, nullptr); }

  static v1::ScanResult Scan(const std::string& bytes, const v1::ScanHeader& header = {}) {
    const ScanReply reply = client_->Scan(bytes, header);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.result;
  }

  inline static std::unique_ptr<ServerProcess> server_;
  inline static std::unique_ptr<GateClient> client_;
};

TEST_F(ViewsE2eTest, AFrameOfAnAnimationIsSeen) {
  const v1::ScanResult result = Scan(GifOf({7, 8, 9, kListed, 10, 11}));
  EXPECT_EQ(result.verdict(), v1::VERDICT_BLOCK);
  ASSERT_EQ(result.matches_size(), 1);
  EXPECT_EQ(result.matches(0).view(), v1::VIEW_KIND_FRAME);
  EXPECT_EQ(result.matches(0).frame(), 3);
  EXPECT_FALSE(result.matches(0).hidden_only());
  EXPECT_EQ(result.coverage().frames_seen(), 6);
  EXPECT_EQ(result.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
  EXPECT_EQ(Scan(GifOf({7, 8, 9, 10, 11})).verdict(), v1::VERDICT_ALLOW);
}

TEST_F(ViewsE2eTest, AThumbnailThatNobodySeesIsForAPerson) {
  const std::string file = WithThumbnail(Jpeg(7), Jpeg(kListed));
  v1::ScanHeader header;
  header.mutable_options()->set_include_hashes(true);
  const v1::ScanResult result = Scan(file, header);
  EXPECT_EQ(result.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(result.verdict(), v1::VERDICT_REVIEW);
  ASSERT_EQ(result.matches_size(), 1);
  EXPECT_TRUE(result.matches(0).hidden_only());
  EXPECT_EQ(result.matches(0).view(), v1::VIEW_KIND_EMBEDDED);
  EXPECT_EQ(std::ranges::count_if(result.hashes(), [](const auto& hash) { return hash.hidden(); }),
            std::ranges::count_if(result.hashes(),
                                  [](const auto& hash) { return hash.view() == v1::VIEW_KIND_EMBEDDED; }));
  // What people see matches as well: nothing lowers that.
  const v1::ScanResult both = Scan(WithThumbnail(Jpeg(kListed), Jpeg(7)));
  EXPECT_EQ(both.verdict(), v1::VERDICT_BLOCK);
  ASSERT_EQ(both.matches_size(), 1);
  EXPECT_FALSE(both.matches(0).hidden_only());
  EXPECT_EQ(Scan(WithThumbnail(Jpeg(kListed), Jpeg(kListed))).verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(Scan(WithThumbnail(Jpeg(7), Jpeg(8))).verdict(), v1::VERDICT_ALLOW);
}

TEST_F(ViewsE2eTest, ColoursUnderClearPixelsAreForAPerson) {
  Rgba picture = WavePicture(kHeight, kWidth, kListed);
  for (int row = 0; row < kHeight; ++row) {
    for (int col = 0; col < kWidth; ++col) picture.At(row, col)[3] = 0;
  }
  const v1::ScanResult result = Scan(Text(EncodePng(picture, {.color = PngColor::kRgba})));
  EXPECT_EQ(result.verdict(), v1::VERDICT_REVIEW);
  ASSERT_EQ(result.matches_size(), 1);
  EXPECT_TRUE(result.matches(0).hidden_only());
}

TEST_F(ViewsE2eTest, FramesNotLookedAtAreHeld) {
  std::vector<unsigned> seeds(300);
  for (unsigned i = 0; i < 300; ++i) seeds[i] = 100 + i;
  const v1::ScanResult result = Scan(GifOf(seeds));
  EXPECT_EQ(result.outcome(), v1::OUTCOME_NOT_MATCHED);
  EXPECT_LT(result.coverage().frames_seen(), result.coverage().frames_total());
  EXPECT_EQ(result.coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
  EXPECT_EQ(result.verdict(), v1::VERDICT_HOLD);
  EXPECT_EQ(result.rule_id(), "no_match/frames_unseen");
}

}  // namespace
}  // namespace hashgate::testing
