// What is left of uploads when the server is idle: nothing, in no process, file or message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "testing/http_get.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/process_memory.h"
#include "testing/seed.h"
#include "testing/server_process.h"
#include "unit/image/modern_encoders.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;

constexpr int kCanaryBytes = 16;

std::string Repeat(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string Text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

class MemoryTraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::mt19937_64 random(Seed() ^ std::random_device{}());
    for (std::string* canary : {&container_, &pixels_}) {
      for (int i = 0; i < kCanaryBytes; ++i) {
        // No zero and no two alike in a row: nothing that memory holds by chance.
        canary->push_back(static_cast<char>(1 + i * 15 + static_cast<int>(random() % 15)));
      }
      std::shuffle(canary->begin(), canary->end(), random);
    }
    needles_ = {container_, pixels_, Tripled(pixels_)};
    folder_ = FreshFolder("server");
    server_ = StartServer(folder_, {.config = {{"", {{"log_level", "debug"}}},
                                               {"decoder", {{"workers", "2"}, {"tiff", "true"}}}}});
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
  }

  // Grey as red, green and blue.
  static std::string Tripled(const std::string& text) {
    std::string out;
    for (const char byte : text) out.append(3, byte);
    return out;
  }

  // Every row is made of the canary of pixels.
  Rgba Picture(int height, int width) const {
    Rgba picture{width, height, {}};
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const auto grey = static_cast<std::uint8_t>(pixels_[static_cast<std::size_t>(x % kCanaryBytes)]);
        picture.samples.insert(picture.samples.end(), {grey, grey, grey, 255});
      }
    }
    return picture;
  }

  std::vector<std::string> Uploads() const {
    std::vector<std::string> uploads;
    for (const int side : {64, 400, 1'200}) {
      const Rgba picture = Picture(side, side);
      uploads.push_back(Text(EncodePng(picture, {.color = PngColor::kGrey})));
      uploads.push_back(Text(EncodePng(picture, {.color = PngColor::kRgba, .interlaced = true})));
      uploads.push_back(Text(EncodeBmp(picture, {})));
      uploads.push_back(Text(EncodeWebp(picture, true, false)));
      uploads.push_back(Text(EncodeGif({picture}, {})));
      uploads.push_back(Text(EncodeJpeg(picture, {})));
      uploads.push_back(Text(EncodeHeic(picture, {.quality = 100})));
      uploads.push_back(Text(EncodeAvif({picture, picture}, {.quality = 100})));
      uploads.push_back(Text(EncodeTiff({picture, picture}, {.rows_per_strip = 100})));
    }
    const std::size_t pictures = uploads.size();
    for (std::size_t i = 0; i < pictures; ++i) uploads.push_back(uploads[i] + Repeat(container_, 5));
    // Damaged, cut, of no known kind, and text, small and large.
    uploads.push_back(uploads[0].substr(0, 60) + Repeat(container_, 100));
    uploads.push_back(uploads[2].substr(0, uploads[2].size() / 2));
    uploads.push_back(container_);
    uploads.push_back(Repeat(container_, 10));
    uploads.push_back(Repeat(container_, 1'000));
    uploads.push_back(Repeat(container_, 100'000));
    uploads.push_back(std::string("II*\0", 4) + Repeat(container_, 300));
    return uploads;
  }

  std::vector<pid_t> Processes() const {
    std::vector<pid_t> all = server_->Descendants();
    all.push_back(server_->process().pid());
    return all;
  }

  std::vector<std::string> Left() const {
    std::vector<std::string> left;
    for (const pid_t pid : Processes()) {
      for (const std::string& place : FindInMemory(pid, needles_)) {
        left.push_back((pid == server_->process().pid() ? "server: " : "decoder: ") + place);
      }
    }
    return left;
  }

  std::string container_;
  std::string pixels_;
  std::vector<std::string> needles_;
  std::filesystem::path folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

TEST_F(MemoryTraceTest, TheSearchFindsWhatIsThere) {
  bool readable = false;
  FindInMemory(server_->process().pid(), needles_, &readable);
  if (!readable) GTEST_SKIP() << "only root may look";
  SlowUpload slow(*client_);
  ASSERT_TRUE(slow.Send(std::string("\x89PNG\r\n\x1a\n", 8) + Repeat(container_, 1'000)));
  EXPECT_TRUE(PollUntil([&] { return !Left().empty(); }, seconds(10)))
      << "an upload that is under way must be seen, or the other test proves nothing";
}

TEST_F(MemoryTraceTest, NothingOfAnUploadIsLeftWhenTheServerIsIdle) {
  bool readable = false;
  FindInMemory(server_->process().pid(), needles_, &readable);
  if (!readable) GTEST_SKIP() << "only root may look";
  std::string answers;
  int sent = 0;
  for (const std::string& upload : Uploads()) {
    for (int round = 0; round < 3; ++round) {
      const ScanReply inline_reply = client_->Scan(upload);
      EXPECT_TRUE(inline_reply.status.ok()) << inline_reply.status.error_message();
      const ScanReply streamed = client_->Upload(upload, Fixed(50'000));
      EXPECT_TRUE(streamed.status.ok()) << streamed.status.error_message();
      answers += inline_reply.result.SerializeAsString() + streamed.result.SerializeAsString();
      sent += 2;
    }
    // One that is left in the middle.
    SlowUpload left(*client_);
    left.Send(upload.substr(0, upload.size() / 2));
    ++sent;
  }
  EXPECT_GE(sent, 200);
  // gRPC keeps what it read last as long as the connection is open.
  client_.reset();
  std::vector<std::string> left;
  EXPECT_TRUE(PollUntil(
      [&] {
        left = Left();
        return left.empty();
      },
      seconds(10)))
      << ::testing::PrintToString(left);

  for (const std::string& needle : needles_) {
    EXPECT_EQ(answers.find(needle), std::string::npos);
    EXPECT_EQ(HttpGet(server_->http_port(), "/metrics").body.find(needle), std::string::npos);
    EXPECT_EQ(server_->Log().find(needle), std::string::npos);
  }
  ASSERT_EQ(server_->Stop(), 0);
  int files = 0;
  for (const std::filesystem::path& place :
       {folder_, std::filesystem::path("/dev/shm"), std::filesystem::temp_directory_path()}) {
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator file(
             place, std::filesystem::directory_options::skip_permission_denied, error);
         file != std::filesystem::recursive_directory_iterator(); file.increment(error)) {
      if (!file->is_regular_file(error) || error) continue;
      // Other programs' large files are not ours.
      if (place != folder_ && file->file_size(error) > (1U << 20)) continue;
      ++files;
      const std::string text = ReadWholeFile(file->path());
      for (const std::string& needle : needles_)
        EXPECT_EQ(text.find(needle), std::string::npos) << file->path();
    }
  }
  EXPECT_GT(files, 3);
}

}  // namespace
}  // namespace hashgate::testing
