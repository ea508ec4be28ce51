// Truncated, damaged and hostile files: each gets one definite cause, within its limits.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "testing/seed.h"
#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using decode::Format;

struct Sample {
  std::string name;
  Bytes bytes;
  bool rows_are_exact;  ///< lossless and top down: a truncated file shows exactly its first rows
};

std::vector<Sample> Samples(const Rgba& picture) {
  return {
      {"jpeg", EncodeJpeg(picture, {}), false},
      {"jpeg subsampled", EncodeJpeg(picture, {.across = 2, .down = 2}), false},
      {"jpeg progressive", EncodeJpeg(picture, {.progressive = true}), false},
      {"jpeg restarts", EncodeJpeg(picture, {.restart_interval = 3}), false},
      {"jpeg grey", EncodeJpeg(picture, {.color = JpegColor::kGrey}), false},
      {"jpeg cmyk", EncodeJpeg(picture, {.color = JpegColor::kCmyk}), false},
      {"png", EncodePng(picture, {}), true},
      {"png interlaced", EncodePng(picture, {.interlaced = true}), false},
      {"png palette", EncodePng(picture, {.color = PngColor::kPalette}), true},
      {"png rgba 16", EncodePng(picture, {.color = PngColor::kRgba, .depth = 16}), true},
      {"png animated", EncodeApng({{picture}, {WavePicture(picture.height, picture.width, 1)}}), true},
      {"webp", EncodeWebp(picture, true, false), true},
      {"webp lossy", EncodeWebp(picture, false, false), false},
      {"webp animated", EncodeWebpAnimation({picture, WavePicture(picture.height, picture.width, 3)}), true},
      {"gif", EncodeGif({picture}, {}), true},
      {"gif interlaced", EncodeGif({picture}, {.interlaced = true}), false},
      {"gif animated", EncodeGif({picture, WavePicture(picture.height, picture.width, 2)}, {}), true},
      {"bmp", EncodeBmp(picture, {}), false},
      {"bmp top", EncodeBmp(picture, {.from_top = true}), true},
      {"bmp 4", EncodeBmp(CropRows(GreyPicture(8, picture.width), 2), {.depth = 8}), false},
  };
}

/// True for causes that a file can have.
bool IsDefinite(Cause cause) {
  return cause <= Cause::kTooCostly;
}

void ExpectConsistent(const decode::DecodeResult& result) {
  EXPECT_TRUE(IsDefinite(result.cause));
  if (result.cause == Cause::kNone) {
    EXPECT_FALSE(result.views.empty());
  }
  if (result.cause != Cause::kNone && result.cause != Cause::kTruncated) {
    EXPECT_TRUE(result.views.empty());
  }
  EXPECT_LE(result.views.size(), 4 + 2 * std::size_t{result.frames_total});
  for (const auto& view : result.views) {
    EXPECT_LE(view.width, result.width);
    if (view.kind != ViewKind::kTrimmed) {
      EXPECT_EQ(view.width, result.width);
    }
    EXPECT_LT(view.frame, std::max(result.frames_total, 1U));
    EXPECT_GT(view.height, 0U);
    EXPECT_LE(view.height, result.height);
    EXPECT_EQ(view.hashable, view.width >= 5 && view.height >= 5);
    EXPECT_EQ(view.pdq.size(), view.hashable ? 1U : 0U);
  }
  // What leaves the worker must pass the server's checks.
  EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(result, 7), 7, decode::Limits{}).has_value());
}

TEST(Truncation, ShowsWhatIsThereAndNeverPassesForWhole) {
  const Rgba picture = ColorPicture(96, 72);
  for (const Sample& sample : Samples(picture)) {
    SCOPED_TRACE(sample.name);
    const decode::DecodeResult whole = Process(sample.bytes);
    ASSERT_EQ(whole.cause, Cause::kNone);
    int truncated_with_rows = 0;
    for (std::size_t cut = 1; cut < 80; ++cut) {
      const std::size_t size = sample.bytes.size() * cut / 80;
      const Bytes part(sample.bytes.begin(), sample.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const decode::DecodeResult result = Process(part);
      SCOPED_TRACE(size);
      ExpectConsistent(result);
      if (result.cause == Cause::kNone) {
        // Only bytes that carry no pixels were missing.
        EXPECT_EQ(result.views[0].pdq.at(0).forms, whole.views[0].pdq.at(0).forms);
        continue;
      }
      EXPECT_TRUE(result.cause == Cause::kTruncated || (size < 60 && result.cause != Cause::kNone))
          << Name(result.cause);
      if (result.views.empty()) continue;
      ++truncated_with_rows;
      const bool first_is_whole =
          sample.name.ends_with("animated") && result.views[0].height == result.height;
      EXPECT_EQ(result.views[0].kind, first_is_whole ? ViewKind::kWhole : ViewKind::kTruncatedPart);
      const int rows = static_cast<int>(result.views[0].height);
      if (sample.rows_are_exact && rows >= 5 && !result.has_alpha) {
        EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(CropRows(picture, rows))), 0) << rows;
      }
    }
    if (sample.bytes.size() > 2000) {
      EXPECT_GT(truncated_with_rows, 5);
    }
  }
}

TEST(Truncation, HalfABaselineJpegIsCroppedToItsRows) {
  const Rgba picture = ColorPicture(320, 256);
  Bytes file = EncodeJpeg(picture, {.quality = 98});
  file.resize(file.size() / 2);
  const auto result = Process(file);
  ASSERT_EQ(result.cause, Cause::kTruncated);
  ASSERT_EQ(result.views.size(), 1U);
  const int rows = static_cast<int>(result.views[0].height);
  EXPECT_GT(rows, 80);
  EXPECT_LT(rows, 240);
  EXPECT_EQ(rows % 8, 0);
  EXPECT_LE(WorstDistance(result, 0, ExpectedForms(CropRows(picture, rows))), 6);
}

TEST(Truncation, EndMarkerBehindHalfTheDataDoesNotHideIt) {
  Bytes file = EncodeJpeg(ColorPicture(320, 256), {.quality = 98});
  file.resize(file.size() / 2);
  file.insert(file.end(), {0xff, 0xd9});
  EXPECT_EQ(Process(file).cause, Cause::kTruncated);
}

TEST(Truncation, MissingEndMarkerIsOnlyAFact) {
  for (const bool progressive : {false, true}) {
    Bytes file = EncodeJpeg(ColorPicture(64, 64), {.progressive = progressive});
    file.resize(file.size() - 2);
    const auto result = Process(file);
    EXPECT_EQ(Name(result.cause), Name(Cause::kNone)) << progressive;
    EXPECT_TRUE(result.codec_warned);
  }
}

TEST(Damage, OneRestartIntervalIsOnlyAWarning) {
  Bytes file = EncodeJpeg(ColorPicture(128, 128), {.restart_interval = 4});
  // Drop some entropy-coded bytes just before a restart marker in the middle.
  std::size_t at = file.size() / 2;
  while (!(file[at] == 0xff && file[at + 1] >= 0xd0 && file[at + 1] <= 0xd7)) ++at;
  file.erase(file.begin() + static_cast<std::ptrdiff_t>(at) - 6,
             file.begin() + static_cast<std::ptrdiff_t>(at));
  const auto result = Process(file);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_TRUE(result.codec_warned);
}

class Mutations : public ::testing::TestWithParam<const char*> {};

TEST_P(Mutations, GetADefiniteCause) {
  const std::string wanted = GetParam();
  const Rgba picture = ColorPicture(40, 33);
  std::vector<Sample> samples;
  for (Sample& sample : Samples(picture)) {
    if (sample.name.starts_with(wanted)) samples.push_back(std::move(sample));
  }
  ASSERT_FALSE(samples.empty());
  std::mt19937_64 random(Seed());
  decode::Limits limits;
  limits.max_pixels = 1 << 20;
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes = samples[random() % samples.size()].bytes;
    const int changes = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < changes && !bytes.empty(); ++i) {
      // Half of the changes go to the front, where the headers are.
      const std::size_t span = random() % 2 == 0 ? std::min<std::size_t>(bytes.size(), 64) : bytes.size();
      const std::size_t at = random() % span;
      switch (random() % 5) {
        case 0: bytes[at] = static_cast<std::uint8_t>(random()); break;
        case 1: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1U << random() % 8); break;
        case 2: bytes[at] = random() % 2 == 0 ? 0x00 : 0xff; break;
        case 3: bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at)); break;
        default:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
          break;
      }
    }
    const decode::DecodeResult result = Process(bytes, limits);
    ExpectConsistent(result);
    if (HasFailure()) FAIL() << "round " << round;
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, Mutations, ::testing::Values("jpeg", "png", "webp", "gif", "bmp"));

}  // namespace
}  // namespace hashgate::testing
