// Hash plug-ins in the real decoder behind its lock: good ones hash, bad ones are refused or end like any
// worker.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "integration/decode/pool_fixture.h"
#include "unit/image/animations.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {
namespace {

namespace fs = std::filesystem;
using decode::Format;
using ::testing::AllOf;
using ::testing::HasSubstr;

// The width at which the test plug-in does what it is told to.
constexpr int kTrigger = 161;

fs::path BuiltPlugin(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / "plugins" / (name + ".so");
}

// What test_plugin.c makes of pixels.
std::vector<std::uint8_t> MixOf(const Rgba& picture) {
  std::uint64_t state = 0xcbf29ce484222325U;
  for (int row = 0; row < picture.height; ++row) {
    for (int col = 0; col < picture.width; ++col) {
      for (int c = 0; c < 3; ++c) state = (state ^ picture.At(row, col)[c]) * 0x100000001b3U;
    }
  }
  std::vector<std::uint8_t> hash;
  for (int i = 0; i < 144; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    hash.push_back(static_cast<std::uint8_t>(state >> 56));
  }
  return hash;
}

class PluginTest : public PoolTest {
 protected:
  void SetUp() override {
    std::string name = "/tmp/hashgate-plugin-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    pool_.reset();
    fs::remove_all(folder_);
  }

  // A copy in a folder that belongs to nobody else, wherever the tree lies.
  decode::PluginSetup Setup(const std::string& name, const std::string& config = {}) const {
    const fs::path copy = folder_ / (name + ".so");
    fs::copy_file(BuiltPlugin(name), copy, fs::copy_options::overwrite_existing);
    fs::permissions(copy, fs::perms::owner_all);
    return {.path = copy, .algorithm = Algorithm::kUnspecified, .config = config};
  }

  static std::string Binary() { return std::string(std::getenv("HASHGATE_BIN_DIR")) + "/hashgate-decoder"; }

  static std::string WhyNot(const std::vector<decode::PluginSetup>& plugins) {
    const auto spawner = decode::Spawner::Start(Binary(), plugins);
    if (spawner) return "started";
    EXPECT_EQ(spawner.error().reason, Reason::kDecoderUnavailable);
    return spawner.error().message;
  }

  void StartWith(const decode::PluginSetup& plugin, decode::PoolOptions options = OneWorker()) {
    auto spawner = decode::Spawner::Start(Binary(), {&plugin, 1});
    ASSERT_TRUE(spawner) << spawner.error().message;
    spawner_pid_ = static_cast<decode::SpawnerProcess*>(spawner->get())->pid();
    auto pool = decode::StartDecoderPool(*std::move(spawner), options);
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = *std::move(pool);
  }

  Result<decode::DecodeResult> DecodeFile(const Bytes& file, Format format, bool with_vectors = true) {
    if (!pool_) return Fail(Reason::kDecoderUnavailable, "the pool did not start");
    decode::Wanted wanted;
    if (with_vectors) wanted.vectors.Add(Algorithm::kPhotoDna);
    return pool_->Decode(file, format, wanted, In(seconds(60)), {});
  }
  Result<decode::DecodeResult> DecodePng(const Rgba& picture) {
    return DecodeFile(EncodePng(picture, {}), Format::kPng);
  }
  void ExpectStillServes() {
    const auto result = DecodePng(ColorPicture(90, 120));
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->views.size(), 1U);
    EXPECT_EQ(result->views[0].vectors.size(), 1U);
  }

  fs::path folder_;
};

TEST_F(PluginTest, ItHashesTheStoredPixelsOfThePicture) {
  StartWith(Setup("test_plugin"));
  ASSERT_EQ(pool_->vector_makers().size(), 1U);
  EXPECT_EQ(pool_->vector_makers()[0],
            (decode::VectorMaker{.algorithm = Algorithm::kPhotoDna, .name = "test", .version = "7.1"}));
  const Rgba color = ColorPicture(90, 120);
  for (const Bytes& file : {EncodePng(color, {}), EncodePng(color, {.color = PngColor::kRgba})}) {
    const auto result = DecodeFile(file, Format::kPng);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->views.size(), 1U);
    ASSERT_EQ(result->views[0].vectors.size(), 1U);
    EXPECT_EQ(result->views[0].vectors[0].algorithm, Algorithm::kPhotoDna);
    EXPECT_EQ(result->views[0].vectors[0].count(), 1);
    EXPECT_EQ(result->views[0].vectors[0].bytes, MixOf(color));
    EXPECT_TRUE(result->views[0].vectors_failed.empty());
  }
  // Grey comes as three equal samples.
  const Rgba grey = GreyPicture(60, 70);
  const auto result = DecodeFile(EncodePng(grey, {.color = PngColor::kGrey}), Format::kPng);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->views.at(0).vectors.size(), 1U);
  EXPECT_EQ(result->views[0].vectors[0].bytes, MixOf(grey));
}

TEST_F(PluginTest, ClearPixelsComeOverWhiteAndOverBlackAndHiddenOnesNotAtAll) {
  StartWith(Setup("test_plugin"));
  Rgba picture = ColorPicture(90, 120);
  Rgba white = picture;
  Rgba black = picture;
  for (int row = 20; row < 60; ++row) {
    for (int col = 10; col < 80; ++col) {
      picture.At(row, col)[3] = 0;
      for (int c = 0; c < 3; ++c) {
        white.At(row, col)[c] = 255;
        black.At(row, col)[c] = 0;
      }
    }
  }
  const auto result = DecodeFile(EncodePng(picture, {.color = PngColor::kRgba}), Format::kPng);
  ASSERT_TRUE(result) << result.error().message;
  int hidden = 0;
  for (const decode::ViewHashes& view : result->views) {
    if (view.hidden) {
      ++hidden;
      EXPECT_TRUE(view.vectors.empty() && view.vectors_failed.empty());
      continue;
    }
    if (view.kind != ViewKind::kWhole && view.kind != ViewKind::kOverBlack) continue;
    ASSERT_EQ(view.vectors.size(), 1U);
    EXPECT_EQ(view.vectors[0].bytes, MixOf(view.kind == ViewKind::kWhole ? white : black));
  }
  EXPECT_EQ(hidden, 1);
}

TEST_F(PluginTest, NothingIsHashedThatIsNotAskedFor) {
  StartWith(Setup("test_plugin", "crash"));
  const auto result = DecodeFile(EncodePng(ColorPicture(90, kTrigger), {}), Format::kPng, false);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kNone);
  EXPECT_TRUE(result->views.at(0).vectors.empty());
}

TEST_F(PluginTest, ALargeJpegIsDecodedWholeForIt) {
  StartWith(Setup("test_plugin"));
  const Bytes file = EncodeJpeg(ColorPicture(1'500, 1'600), {});
  const auto without = DecodeFile(file, Format::kJpeg, false);
  const auto with = DecodeFile(file, Format::kJpeg);
  ASSERT_TRUE(without && with);
  EXPECT_TRUE(without->views.at(0).vectors.empty());
  ASSERT_EQ(with->views.at(0).vectors.size(), 1U);
  EXPECT_EQ(with->views[0].width, 1'600U);
}

TEST_F(PluginTest, TurnedFormsAreTakenWhereItMakesThem) {
  StartWith(Setup("test_plugin_turned"));
  const Rgba color = ColorPicture(90, 120);
  const auto result = DecodePng(color);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->views.at(0).vectors.size(), 1U);
  const decode::VectorForms& vector = result->views[0].vectors[0];
  ASSERT_EQ(vector.count(), kDihedralCount);
  const std::vector<std::uint8_t> first = MixOf(color);
  for (int form = 0; form < kDihedralCount; ++form) {
    for (int i = 0; i < 144; ++i) {
      ASSERT_EQ(vector.form(form)[static_cast<std::size_t>(i)],
                static_cast<std::uint8_t>(first[static_cast<std::size_t>(i)] ^ (form << 5) ^ (form * i)));
    }
  }
}

TEST_F(PluginTest, FramesThatAreSentWhateverTheyLookLikeAreHashed) {
  StartWith(Setup("test_plugin"));
  std::vector<AnimatedFrame> frames;
  for (unsigned seed = 1; seed <= 30; ++seed) frames.push_back({.picture = WavePicture(80, 100, seed)});
  const auto result = DecodeFile(EncodeGifFrames(100, 80, frames), Format::kGif);
  ASSERT_TRUE(result) << result.error().message;
  std::size_t with = 0;
  std::size_t without = 0;
  for (const decode::ViewHashes& view : result->views) {
    if (view.kind == ViewKind::kFrame) ++(view.vectors.empty() ? without : with);
  }
  EXPECT_EQ(with, 8U);  // the last, and seven between
  EXPECT_GT(without, 0U);
  EXPECT_EQ(result->views.at(0).vectors.size(), 1U);
}

TEST_F(PluginTest, TheExampleHashesAlikeWhatLooksAlike) {
  StartWith(Setup("grid_plugin", "grid"));
  const auto vector_of = [&](const Bytes& file, Format format) {
    const auto result = DecodeFile(file, format);
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->views.at(0).vectors.size(), 1U);
    return result->views[0].vectors.at(0).bytes;
  };
  const Rgba picture = WavePicture(240, 320, 5);
  const auto stored = vector_of(EncodePng(picture, {}), Format::kPng);
  const auto jpeg = vector_of(EncodeJpeg(picture, {.quality = 60}), Format::kJpeg);
  const auto other = vector_of(EncodePng(WavePicture(240, 320, 6), {}), Format::kPng);
  EXPECT_LT(Distance(Algorithm::kPhotoDna, stored, jpeg), 2'000);
  EXPECT_GT(Distance(Algorithm::kPhotoDna, stored, other), 100'000);
  EXPECT_FALSE(IsDegenerate(Algorithm::kPhotoDna, stored));
  // It has no hash of a flat picture.
  const auto flat = DecodePng({.width = 60, .height = 60, .samples = Bytes(std::size_t{60} * 60 * 4, 255)});
  ASSERT_TRUE(flat);
  EXPECT_TRUE(flat->views.at(0).vectors.empty());
  EXPECT_TRUE(flat->views[0].vectors_failed.Has(Algorithm::kPhotoDna));
}

TEST_F(PluginTest, WhatIsNoPluginOfThisKindIsRefusedByName) {
  for (const auto& [name, why] : std::vector<std::pair<std::string, std::string>>{
           {"test_plugin_no_symbol", "has no function hashgate_plugin_get"},
           {"test_plugin_other_abi", "is for version 2 of the interface, and this is version 1"},
           {"test_plugin_other_layout", "has another layout"},
           {"test_plugin_other_size", "makes photodna hashes of 143 bytes, and they have 144"},
           {"test_plugin_pdq", "that this build does not compare"},
           {"test_plugin_unknown", "(algorithm 77) that this build does not compare"}}) {
    EXPECT_THAT(WhyNot({Setup(name)}), AllOf(HasSubstr(name + ".so"), HasSubstr(why)));
  }
  std::ofstream(folder_ / "text.so") << "no library";
  EXPECT_THAT(WhyNot({{.path = folder_ / "text.so"}}), HasSubstr("cannot be loaded"));
}

TEST_F(PluginTest, ItsInitMayRefuseAndMustKeepToTheRules) {
  EXPECT_THAT(
      WhyNot({Setup("test_plugin", "refuse")}),
      AllOf(HasSubstr("could not be initialised: the licence?has ended"), HasSubstr("test_plugin.so")));
  EXPECT_THAT(WhyNot({Setup("grid_plugin", "lattice")}), HasSubstr("the only configuration is 'grid'"));
  EXPECT_THAT(WhyNot({Setup("test_plugin", "thread-at-init")}),
              AllOf(HasSubstr("test_plugin.so started a thread"), HasSubstr("cannot be locked")));
  EXPECT_THAT(WhyNot({Setup("test_plugin", "crash-at-init")}),
              AllOf(HasSubstr("ended at its start"), HasSubstr("test_plugin.so")));
  EXPECT_THAT(WhyNot({Setup("test_plugin", "forgetful")}), HasSubstr("the same hash twice"));
  EXPECT_THAT(WhyNot({Setup("test_plugin"), Setup("grid_plugin")}),
              AllOf(HasSubstr("grid_plugin.so makes photodna"), HasSubstr("already")));
}

TEST_F(PluginTest, AFileThatOthersCouldExchangeIsNotLoaded) {
  const decode::PluginSetup plugin = Setup("test_plugin", "crash-at-init");
  ASSERT_EQ(::chmod(plugin.path.c_str(), 0777), 0);
  EXPECT_THAT(WhyNot({plugin}), HasSubstr("can be written by everybody"));
}

TEST_F(PluginTest, AFailureOnAPictureIsAFactOfThatPicture) {
  StartWith(Setup("test_plugin", "fail"));
  const auto result = DecodePng(ColorPicture(90, kTrigger));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cause, Cause::kNone);
  ASSERT_EQ(result->views.size(), 1U);
  EXPECT_EQ(result->views[0].pdq.size(), 1U);
  EXPECT_TRUE(result->views[0].vectors.empty());
  EXPECT_TRUE(result->views[0].vectors_failed.Has(Algorithm::kPhotoDna));
  ExpectStillServes();
  EXPECT_EQ(pool_->Stats().crashes, 0U);
}

// Sanitizers let a worker open files, in vain, and have threads of their own.
#ifndef HASHGATE_SANITIZED
constexpr std::array kDeadly = {"crash", "open", "thread"};
#else
constexpr std::array kDeadly = {"crash"};
#endif

TEST_F(PluginTest, WhatTheLockForbidsEndsTheWorkerAndNothingElse) {
  for (const char* const action : kDeadly) {
    SCOPED_TRACE(action);
    StartWith(Setup("test_plugin", action));
    const auto result = DecodePng(ColorPicture(90, kTrigger));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->cause, Cause::kDecoderCrashed);
    EXPECT_TRUE(result->views.empty());
    EXPECT_EQ(pool_->Stats().crashes, 2U);
    ExpectStillServes();
  }
}

TEST_F(PluginTest, OneThatDoesNotComeToAnEndIsEndedByTheLimits) {
  decode::PoolOptions options = OneWorker();
  options.limits.cpu_seconds = 1;
  StartWith(Setup("test_plugin", "spin"), options);
  const auto result = DecodePng(ColorPicture(90, kTrigger));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cause, Cause::kTooCostly);
  ExpectStillServes();
}

TEST_F(PluginTest, OneThatWaitsIsEndedByTheClock) {
  decode::PoolOptions options = OneWorker();
  options.job_timeout = milliseconds(300);
  StartWith(Setup("test_plugin", "wait"), options);
  const auto result = DecodePng(ColorPicture(90, kTrigger));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kDeadlineExceeded);
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().workers_alive == 1; }));
  EXPECT_EQ(Restarts(decode::Restart::kTimeout), 1U);
}

#ifndef HASHGATE_SANITIZED
TEST_F(PluginTest, MemoryIsBoundedForItToo) {
  decode::PoolOptions options = OneWorker();
  options.limits.memory_bytes = 128U << 20;
  StartWith(Setup("test_plugin", "too-much"), options);
  const auto result = DecodePng(ColorPicture(90, kTrigger));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cause, Cause::kNone);
  EXPECT_TRUE(result->views.at(0).vectors_failed.Has(Algorithm::kPhotoDna));
}
#endif

TEST_F(PluginTest, ASpawnerThatIsLostIsStartedAgainWithThePluginOfTheStart) {
  const decode::PluginSetup plugin = Setup("test_plugin");
  StartWith(plugin);
  ASSERT_EQ(::kill(spawner_pid_, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().spawner_starts == 1; }));
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().workers_alive == 1; }));
  ExpectStillServes();
}

TEST_F(PluginTest, APluginOfAnotherVersionIsNotTakenForTheOneOfTheStart) {
  const decode::PluginSetup plugin = Setup("test_plugin");
  StartWith(plugin);
  const fs::path fresh = folder_ / "fresh";
  fs::copy_file(BuiltPlugin("test_plugin_other_version"), fresh);
  fs::rename(fresh, plugin.path);
  ASSERT_EQ(::kill(spawner_pid_, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().classes.at(0).start_failures > 0; }));
  EXPECT_EQ(pool_->Stats().spawner_starts, 0U);
  EXPECT_EQ(pool_->vector_makers()[0].version, "7.1");
}

}  // namespace
}  // namespace hashgate::testing
