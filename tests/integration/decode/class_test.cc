// The real decoders of every class behind their locks: what the codecs need passes, and no class does
// another's work.
#include <gmock/gmock.h>

#include <fstream>
#include <random>

#include "decode/sniff.h"
#include "integration/decode/pool_fixture.h"
#include "testing/seed.h"
#include "unit/image/modern_encoders.h"

namespace hashgate::testing {
namespace {

using decode::Format;
using decode::WorkerClass;

std::string CoreBinary() {
  return std::string(std::getenv("HASHGATE_BIN_DIR")) + "/hashgate-decoder";
}

class ClassTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto spawners = decode::Spawner::StartClasses(CoreBinary(), decode::kOtherClasses);
    ASSERT_TRUE(spawners) << spawners.error().message;
    ASSERT_EQ(spawners->size(), 3U);
    std::vector<decode::ClassPool> pools;
    for (auto& spawner : *spawners) {
      pids_.push_back(static_cast<decode::SpawnerProcess*>(spawner.get())->pid());
      pools.push_back({.spawner = std::move(spawner), .options = {.workers = 1}});
    }
    auto decoder = decode::StartDecoder(std::move(pools));
    ASSERT_TRUE(decoder) << decoder.error().message;
    decoder_ = *std::move(decoder);
  }

  Result<decode::DecodeResult> Decode(const Bytes& file) {
    const Format format = decode::Sniff(ByteSpan(file).first(std::min(file.size(), decode::kSniffBytes)));
    return decoder_->Decode(file, format, {.pdq_full = true, .pdq_nn512 = true}, In(seconds(60)), {});
  }
  decode::ClassStats Of(WorkerClass worker_class) {
    for (const auto& own : decoder_->Stats().classes) {
      if (own.worker_class == worker_class) return own;
    }
    return {};
  }
  std::uint64_t Crashes() { return decoder_->Stats().crashes; }

  std::vector<int> pids_;  // of the spawners
  std::unique_ptr<decode::Decoder> decoder_;
};

// Files of each format in the ways that take different paths through its codec.
std::vector<Bytes> Files() {
  const Rgba color = ColorPicture(300, 400);
  const Rgba small = GreyPicture(40, 30);
  std::vector<Bytes> files = {
      EncodeJpeg(color, {}),
      EncodeJpeg(color, {.progressive = true}),
      EncodePng(color, {}),
      EncodePng(color, {.interlaced = true}),
      EncodeWebp(color, true, true),
      EncodeWebp(color, false, false),
      EncodeGif({color, small}, {}),
      EncodeBmp(color, {}),
      EncodeHeic(color),
      EncodeHeic(color, {.quality = 100, .alpha = true, .thumbnail_side = 64, .others = {small}}),
      EncodeAvif({color}),
      EncodeAvif({color}, {.quality = 100, .alpha = true}),
      EncodeAvif({color, GreyPicture(300, 400), color}),
  };
  for (const TiffPacking packing : {TiffPacking::kNone, TiffPacking::kLzw, TiffPacking::kDeflate,
                                    TiffPacking::kPackBits, TiffPacking::kJpeg}) {
    files.push_back(EncodeTiff({color, small}, {.packing = packing}));
    files.push_back(EncodeTiff({color}, {.packing = packing, .tile = 64}));
  }
  return files;
}

TEST_F(ClassTest, EveryFormatIsDecodedBehindItsLock) {
  for (const Bytes& file : Files()) {
    const auto result = Decode(file);
    ASSERT_TRUE(result) << result.error().message;
    SCOPED_TRACE(FormatName(result->format));
    EXPECT_EQ(result->cause, Cause::kNone);
    EXPECT_FALSE(result->views.empty());
  }
  EXPECT_EQ(Crashes(), 0U);
  for (const WorkerClass worker_class : decode::kWorkerClasses) {
    EXPECT_GE(Of(worker_class).lock, decode::LockLevel::kBasic);
  }
}

TEST_F(ClassTest, DamagedFilesDoNotMakeCodecsCallOtherThings) {
  std::mt19937_64 random(Seed());
  for (const Bytes& whole : Files()) {
    const Format format = decode::Sniff(whole);
    for (int round = 0; round < 20; ++round) {
      Bytes file = whole;
      if (round % 4 == 0) file.resize(16 + random() % (file.size() - 16));
      // The magic stays, so that the file reaches the same codec.
      for (std::uint64_t n = random() % 6; n > 0; --n) {
        file[32 + random() % std::max<std::size_t>(file.size() - 32, 1) % file.size()] =
            static_cast<std::uint8_t>(random());
      }
      const auto result = decoder_->Decode(file, format, {}, In(seconds(60)), {});
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_NE(result->cause, Cause::kDecoderCrashed) << FormatName(format) << ", round " << round;
    }
  }
}

TEST_F(ClassTest, AClassDoesNotDecodeAnothersFormats) {
  const Bytes png = EncodePng(ColorPicture(20, 20), {});
  for (const Format wrong : {Format::kHeif, Format::kTiff}) {
    const auto result = decoder_->Decode(png, wrong, {}, In(seconds(60)), {});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->cause, Cause::kUnsupportedFormat);
    EXPECT_TRUE(result->views.empty());
  }
  const auto result =
      decoder_->Decode(EncodeTiff({ColorPicture(20, 20)}), Format::kPng, {}, In(seconds(60)), {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kUnsupportedFormat);
}

TEST_F(ClassTest, NoClassMapsAnothersCodecs) {
  const auto maps = [](int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  ASSERT_EQ(pids_.size(), 3U);
  const std::string core = maps(pids_[0]);
  if (core.empty()) GTEST_SKIP() << "only root may look";
  for (const char* name : {"libheif", "libde265", "libdav1d", "libtiff"}) {
    EXPECT_EQ(core.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(maps(pids_[1]).find("libtiff"), std::string::npos);
  EXPECT_EQ(maps(pids_[2]).find("libheif"), std::string::npos);
}

TEST_F(ClassTest, AClassThatIsBusyHoldsUpNoOther) {
  std::atomic<bool> stop = false;
  // A large picture keeps the only worker of its class.
  const Bytes large = EncodeTiff({ColorPicture(3'000, 3'000)}, {.packing = TiffPacking::kDeflate});
  std::thread busy([&] {
    while (!stop) static_cast<void>(Decode(large));
  });
  EXPECT_TRUE(Eventually([&] { return Of(WorkerClass::kTiff).workers_busy == 1; }));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Decode(EncodePng(ColorPicture(20, 20), {})));
  }
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace hashgate::testing
