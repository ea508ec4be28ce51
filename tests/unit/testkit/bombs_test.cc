// Bombs go off where they are meant to: what the codecs say of the ones made by hand, whose bytes no encoder
// has checked. Those that a limit must stop give its cause; those within the limits decode to their last
// pixel.
#include "testkit/hostile/bombs.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "image/process.h"

namespace hashgate::testkit::hostile {
namespace {

decode::DecodeResult Process(std::string_view name) {
  for (const Bomb& bomb : AllBombs()) {
    if (bomb.name == name) return image::ProcessUpload(bomb.make(), decode::Format::kUnknown, {}, {});
  }
  ADD_FAILURE() << "no bomb " << name;
  return {};
}

TEST(BombsTest, OverALimit) {
  const std::map<std::string_view, Cause> expected = {
      {"png-1bit-30000", Cause::kTooManyPixels},      {"png-rgb-20000", Cause::kTooManyPixels},
      {"png-rgba16-8000", Cause::kTooManyPixels},     {"png-widest", Cause::kTooManyPixels},
      {"jpeg-64mp-1000-scans", Cause::kTooCostly},    {"jpeg-4mp-5000-scans", Cause::kTooCostly},
      {"gif-65535-sides", Cause::kTooManyPixels},     {"webp-lossless-268mp", Cause::kTooManyPixels},
      {"bmp-2147483647-sides", Cause::kTooManyPixels}};
  for (const auto& [name, cause] : expected) {
    const decode::DecodeResult result = Process(name);
    EXPECT_EQ(Name(result.cause), Name(cause)) << name;
  }
}

TEST(BombsTest, WithinTheLimits) {
  for (const std::string_view name : {"png-1bit-7000", "jpeg-49mp", "jpeg-15mp-100-scans", "gif-49mp",
                                      "webp-lossless-49mp", "bmp-1bit-49mp"}) {
    const decode::DecodeResult result = Process(name);
    EXPECT_EQ(Name(result.cause), Name(Cause::kNone)) << name;
    EXPECT_GT(std::uint64_t{result.width} * result.height, 14'000'000U) << name;
    EXPECT_FALSE(result.codec_warned) << name;
  }
}

TEST(BombsTest, Animations) {
  // Counting may end early where there are more frames than are looked at.
  EXPECT_GT(Process("gif-50000-frames-of-16383").frames_total, 10'000U);
  EXPECT_EQ(Process("webp-1000-frames-of-1mp").frames_total, 1'000U);
  EXPECT_EQ(Process("apng-20000-frames").frames_total, 20'001U);
}

TEST(BombsTest, DataThatIsNotThere) {
  for (const std::string_view name : {"png-7000-no-data", "jpeg-49mp-no-data", "gif-49mp-no-data",
                                      "bmp-49mp-no-data", "webp-lossy-49mp-no-data"}) {
    const Cause cause = Process(name).cause;
    EXPECT_TRUE(cause == Cause::kTruncated || cause == Cause::kCorrupt) << name << ": " << Name(cause);
  }
}

}  // namespace
}  // namespace hashgate::testkit::hostile
