// Large JPEGs are hashed without a full decode: what is averaged must be what a full decode shows, whatever
// the coefficients are.
#include "image/jpeg_reduced.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <jpeglib.h>  // needs <cstdio> before it

#include "image/border.h"
#include "image/view_hashes.h"
#include "testing/seed.h"
#include "testkit/pictures.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr int kSide = static_cast<int>(image::kMinReducedSide);
/// Levels that colours may be cut by before anyone looks closer, and rounding.
constexpr float kSlack = 2.5F;
/// What blending over the edges of blocks makes of the wildest colours, on average.
constexpr double kMeanSlack = 4;

/// The luma of a full decode, as viewers decode it.
perceptual::LumaPlane Decode(const Bytes& file) {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, file.data(), file.size());
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress(&codec);
  Rgba picture{static_cast<int>(codec.output_width), static_cast<int>(codec.output_height), {}};
  Bytes row(std::size_t{3} * codec.output_width);
  JSAMPROW line = row.data();
  while (codec.output_scanline < codec.output_height) {
    jpeg_read_scanlines(&codec, &line, 1);
    for (std::size_t i = 0; i < row.size(); i += 3) {
      picture.samples.insert(picture.samples.end(), {row[i], row[i + 1], row[i + 2], 255});
    }
  }
  jpeg_finish_decompress(&codec);
  jpeg_destroy_decompress(&codec);
  return LumaOf(picture, 0);
}

/// Differences between the averages of squares of `plane` and `reduced`.
struct Levels {
  float worst = 0;
  double mean = 0;
};
Levels LevelsBetween(const perceptual::LumaPlane& plane, const image::ReducedLuma& reduced) {
  const perceptual::LumaView view = reduced.view();
  Levels levels;
  for (int row = 0; row < view.rows; ++row) {
    for (int col = 0; col < view.cols; ++col) {
      float sum = 0;
      int count = 0;
      for (int y = 4 * row; y < std::min(4 * row + 4, plane.rows); ++y) {
        for (int x = 4 * col; x < std::min(4 * col + 4, plane.cols); ++x, ++count) {
          sum += plane.samples[static_cast<std::size_t>(y) * static_cast<std::size_t>(plane.cols) +
                               static_cast<std::size_t>(x)];
        }
      }
      const float ours = view.samples[static_cast<std::size_t>(row) * static_cast<std::size_t>(view.cols) +
                                      static_cast<std::size_t>(col)];
      const float difference = std::abs(ours - sum / static_cast<float>(count));
      levels.worst = std::max(levels.worst, difference);
      levels.mean += static_cast<double>(difference) / static_cast<double>(view.samples.size());
    }
  }
  return levels;
}

Rgba Photo(std::uint64_t seed, int width, int height) {
  const testkit::Picture drawn = testkit::Draw(testkit::PictureKind::kPhoto, seed, width, height);
  Rgba picture{width, height, {}};
  for (std::size_t i = 0; i < drawn.pixels.size(); i += 3) {
    picture.samples.insert(picture.samples.end(),
                           {drawn.pixels[i], drawn.pixels[i + 1], drawn.pixels[i + 2], 255});
  }
  return picture;
}

/// Pixels of wild colours, alike in squares of `grain` pixels: nearly all of them are cut on the way.
Rgba Noise(std::uint64_t seed, int width, int height, int grain) {
  std::mt19937_64 random(seed);
  Rgba picture{width, height, Bytes(std::size_t{4} * static_cast<std::size_t>(width * height), 255)};
  for (int row = 0; row < height; ++row) {
    for (int col = 0; col < width; ++col) {
      for (int i = 0; i < 3; ++i) {
        picture.At(row, col)[i] = row % grain != 0   ? picture.At(row - 1, col)[i]
                                  : col % grain != 0 ? picture.At(row, col - 1)[i]
                                                     : static_cast<std::uint8_t>(random() % 2 * 255);
      }
    }
  }
  return picture;
}

struct Storage {
  std::string name;
  JpegOptions options;

  /// Chroma is blended over the edges of blocks, which are looked at one by one.
  [[nodiscard]] bool BlendsChroma() const {
    return options.color == JpegColor::kYcc && options.across * options.down > 1;
  }
};
const Storage kStorages[] = {
    {"4:2:0", {.quality = 88, .across = 2, .down = 2}},
    {"4:2:2", {.quality = 70, .across = 2}},
    {"4:4:0", {.quality = 95, .down = 2}},
    {"4:4:4", {.quality = 40}},
    {"4:2:0, restarts", {.quality = 100, .restart_interval = 5, .across = 2, .down = 2}},
    {"grey", {.color = JpegColor::kGrey, .quality = 80}},
    {"grey of two rows of blocks", {.color = JpegColor::kGrey, .quality = 80, .across = 2, .down = 2}},
};

TEST(ReduceJpeg, AveragesWhatAFullDecodeShows) {
  const std::uint64_t seed = Seed();
  for (const Storage& storage : kStorages) {
    SCOPED_TRACE(storage.name);
    // Sides that end within a square, within a block, and within an MCU.
    for (const auto& [width, height] :
         {std::pair{kSide, kSide + 16}, {kSide + 3, kSide + 6}, {kSide + 9, kSide}}) {
      for (const Rgba& picture : {Photo(seed, width, height), Noise(seed, width, height, 5)}) {
        const Bytes file = EncodeJpeg(picture, storage.options);
        const auto reduced = image::ReduceJpeg(file, {});
        ASSERT_TRUE(reduced.has_value());
        EXPECT_EQ(reduced->width, static_cast<std::uint32_t>(width));
        EXPECT_EQ(reduced->height, static_cast<std::uint32_t>(height));
        EXPECT_FALSE(reduced->trailing_bytes);
        const Levels levels = LevelsBetween(Decode(file), *reduced);
        if (!storage.BlendsChroma()) {
          EXPECT_LE(levels.worst, kSlack);
        }
        EXPECT_LE(levels.mean, kMeanSlack);
      }
    }
  }
}

// Coefficients that no encoder writes: samples far beyond black and white, and beyond what 16 bits hold.
TEST(ReduceJpeg, AveragesWhatAFullDecodeShowsOfAnyCoefficients) {
  const std::uint64_t seed = Seed();
  for (const Storage& storage : kStorages) {
    SCOPED_TRACE(storage.name);
    const Bytes plain = EncodeJpeg(Photo(seed, kSide, kSide), storage.options);
    for (const int greatest : {3, 40, 900}) {
      std::mt19937_64 random(seed);
      const Bytes file = EditCoefficients(plain, [&](int, int, int, std::int16_t* block) {
        for (int k = 0; k < 64; ++k) {
          if (random() % 8 == 0) {
            block[k] = static_cast<std::int16_t>(static_cast<int>(random() % (2 * greatest + 1)) - greatest);
          }
        }
      });
      const auto reduced = image::ReduceJpeg(file, {});
      ASSERT_TRUE(reduced.has_value());
      const Levels levels = LevelsBetween(Decode(file), *reduced);
      if (!storage.BlendsChroma()) {
        EXPECT_LE(levels.worst, kSlack) << greatest;
      }
      EXPECT_LE(levels.mean, kMeanSlack) << greatest;
    }
  }
}

TEST(ReduceJpeg, LeavesEverythingElseToTheCodec) {
  const Rgba picture = ColorPicture(kSide, kSide);
  const JpegOptions usual{.quality = 80, .across = 2, .down = 2};
  const Bytes good = EncodeJpeg(picture, usual);
  ASSERT_TRUE(image::ReduceJpeg(good, {}).has_value());
  for (const JpegOptions& options : std::vector<JpegOptions>{{.progressive = true, .across = 2, .down = 2},
                                                             {.color = JpegColor::kRgb},
                                                             {.color = JpegColor::kCmyk},
                                                             {.color = JpegColor::kYcck},
                                                             {.across = 4}}) {
    EXPECT_FALSE(image::ReduceJpeg(EncodeJpeg(picture, options), {}).has_value());
  }
  EXPECT_FALSE(image::ReduceJpeg(EncodeJpeg(CropRows(picture, kSide - 1), usual), {}).has_value());
  const std::uint64_t fewer = std::uint64_t{kSide} * kSide - 1;
  EXPECT_TRUE(image::ReduceJpeg(good, {.max_pixels = fewer}).has_value());
  EXPECT_FALSE(image::ReduceJpeg(good, {.max_pixels = fewer, .max_scaled_pixels = fewer}).has_value());
  EXPECT_FALSE(image::ReduceJpeg(good, {.max_side = kSide / 4 - 1}).has_value());
  EXPECT_FALSE(image::ReduceJpeg({}, {}).has_value());
  // Damage: the file ends early, or data between the scan and its end is not what it should be.
  for (const std::size_t missing : {std::size_t{2}, good.size() / 2, good.size() - 20}) {
    EXPECT_FALSE(image::ReduceJpeg(ByteSpan(good).first(good.size() - missing), {}).has_value()) << missing;
  }
  Bytes damaged = good;
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(good.size() / 2), 40, std::uint8_t{0});
  damaged[good.size() / 2] = 0xff;
  damaged[good.size() / 2 + 1] = 0xd3;
  EXPECT_FALSE(image::ReduceJpeg(damaged, {}).has_value());
}

TEST(ReduceJpeg, NotesWhatFollowsThePicture) {
  Bytes file = EncodeJpeg(ColorPicture(kSide, kSide), {});
  file.insert(file.end(), {1, 2, 3});
  const auto reduced = image::ReduceJpeg(file, {});
  ASSERT_TRUE(reduced.has_value());
  EXPECT_TRUE(reduced->trailing_bytes);
}

/// What leaves the worker must pass the server's checks.
void ExpectAccepted(const decode::DecodeResult& result, const decode::Limits& limits) {
  EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(result, 7), 7, limits).has_value());
}

/// What a worker says of the file, by a full decode and without one.
struct BothWays {
  explicit BothWays(const Bytes& file)
      : quick(Process(file)),
        full(image::ProcessUpload(file, decode::Format::kUnknown, {.pdq_full = true, .pdq_nn512 = true},
                                  {})) {}

  [[nodiscard]] int WorstBits() const {
    int worst = 0;
    for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
      worst = std::max(
          worst, Distance(quick.views.at(0).pdq.at(0).forms[turn], full.views.at(0).pdq.at(0).forms[turn]));
    }
    return worst;
  }

  decode::DecodeResult quick;
  decode::DecodeResult full;
};

/// The forms of the file's only view.
std::optional<perceptual::PdqFormSet> Forms(const decode::DecodeResult& result) {
  if (result.views.empty() || result.views[0].pdq.empty()) return std::nullopt;
  return perceptual::PdqFormSet{.quality = 0, .forms = result.views[0].pdq[0].forms};
}

TEST(ReducedHash, IsThatOfAFullDecodeButForFewBits) {
  const std::uint64_t seed = Seed();
  int differing = 0;
  for (std::uint64_t i = 0; i < 12; ++i) {
    const Rgba picture = Photo(seed + i, 1920 + static_cast<int>(i), kSide + 7 * static_cast<int>(i));
    const BothWays ways(EncodeJpeg(picture, {.quality = 80 + static_cast<int>(i), .across = 2, .down = 2}));
    EXPECT_LE(ways.WorstBits(), perceptual::kMaxReducedBits);
    differing += static_cast<int>(ways.WorstBits() > 0);
    EXPECT_LE(std::abs(ways.quick.views[0].pdq[0].quality - ways.full.views[0].pdq[0].quality), 2);
    EXPECT_EQ(ways.quick.views.size(), ways.full.views.size());
    EXPECT_EQ(ways.quick.views[0].width, ways.full.views[0].width);
    EXPECT_EQ(ways.quick.views[0].height, ways.full.views[0].height);
    EXPECT_EQ(ways.quick.width, ways.full.width);
    EXPECT_EQ(ways.quick.frames_total, ways.full.frames_total);
    EXPECT_EQ(ways.quick.frames_seen, ways.full.frames_seen);
    EXPECT_EQ(ways.quick.cause, ways.full.cause);
  }
  // Else nothing was reduced here.
  EXPECT_GT(differing, 0);
}

TEST(ReducedHash, TiesAreLeftToAFullDecode) {
  // Mirrored both ways, and flat: half of the coefficients, or all of them, are nothing.
  for (const bool flat : {false, true}) {
    Rgba picture = Photo(Seed(), 1920, kSide);
    for (int row = 0; row < picture.height; ++row) {
      for (int col = 0; col < picture.width; ++col) {
        const std::uint8_t* from = flat ? picture.At(0, 0)
                                        : picture.At(std::min(row, picture.height - 1 - row),
                                                     std::min(col, picture.width - 1 - col));
        std::copy_n(from, 4, picture.At(row, col));
      }
    }
    const Bytes file = EncodeJpeg(picture, {.quality = 95});
    EXPECT_EQ(BothWays(file).WorstBits(), 0);
    // Where not all pixels may be kept, the smaller picture has to do.
    const decode::Limits narrow{.max_pixels = 1'000'000};
    const auto beyond = image::ProcessUpload(file, decode::Format::kUnknown, {}, narrow);
    ExpectAccepted(beyond, narrow);
    ASSERT_FALSE(beyond.views.empty());
    EXPECT_EQ(beyond.views[0].pdq.size(), 1U);
  }
}

// Of a picture beyond the limits not all pixels are kept. Where the averages are enough, its hash is the one
// it would have within them, and not that of a smaller picture; where they are not, it is hashed all the
// same.
TEST(ReducedHash, BeyondTheLimitsIsThatOfTheSameAverages) {
  const std::uint64_t seed = Seed();
  const decode::Limits narrow{.max_pixels = 1'000'000};
  int by_averages = 0;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Bytes file = EncodeJpeg(Photo(seed + i, 1920, kSide), {.quality = 80, .across = 2, .down = 2});
    const auto averages = image::ReduceJpeg(file, {});
    ASSERT_TRUE(averages.has_value());
    const auto expected = image::HashReducedView(*averages);
    const auto beyond = image::ProcessUpload(file, decode::Format::kUnknown, {true, true}, narrow);
    ExpectAccepted(beyond, narrow);
    ASSERT_FALSE(beyond.views.empty());
    ASSERT_EQ(beyond.views[0].pdq.size(), 1U) << "no pixels to pick";
    image::AverageRows rows(*averages);
    if (!expected || !image::InsideBorders(rows, image::kLaxBorder).empty()) continue;
    ++by_averages;
    EXPECT_EQ(beyond.views[0].pdq[0].forms, expected->pdq.at(0).forms);
    EXPECT_EQ(beyond.width, 1920U);
    EXPECT_EQ(beyond.views[0].width, 1920U / image::kReduction);
  }
  EXPECT_GT(by_averages, 0);
}

// A quarter of the sides may be too much still, and a side that is no multiple of four has an average more.
TEST(ReducedHash, WhatIsLeftOfAPictureBeyondTheLimitsKeepsToThem) {
  const Bytes file = EncodeJpeg(Photo(Seed(), 1921, kSide), {.quality = 80, .across = 2, .down = 2});
  const std::uint64_t sixteenth = std::uint64_t{481} * 360;
  for (const decode::Limits& narrow :
       {decode::Limits{.max_pixels = sixteenth - 1}, decode::Limits{.max_side = 480}}) {
    EXPECT_FALSE(image::ReduceJpeg(file, narrow).has_value());
    const auto smaller = image::ProcessUpload(file, decode::Format::kUnknown, {}, narrow);
    ExpectAccepted(smaller, narrow);
    ASSERT_EQ(smaller.views.size(), 1U);
    EXPECT_EQ(smaller.views[0].width, 241U);
  }
  EXPECT_TRUE(image::ReduceJpeg(file, {.max_pixels = sixteenth, .max_side = 481}).has_value());
  EXPECT_FALSE(
      image::ReduceJpeg(file, {.max_pixels = 5'000'000, .max_scaled_pixels = 1'000'000, .max_side = 1'000})
          .has_value())
      << "beyond by its side, and too large to be made smaller";
}

// The luma of the file shows one picture, or nothing; what is seen is made by cutting colours and samples.
TEST(ReducedHash, IsOfWhatTheEyeSeesAndNotOfTheFilesLuma) {
  const Rgba seen = Photo(Seed(), 1920, kSide);
  // White, with chroma that darkens it where the picture is dark.
  const Bytes white = EncodeJpeg(seen, {.quality = 90});
  const perceptual::LumaPlane luma = LumaOf(seen, 0);
  const auto block_level = [&](int row, int column) {
    float sum = 0;
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const int at_y = std::min(8 * row + y, seen.height - 1);
        const int at_x = std::min(8 * column + x, seen.width - 1);
        sum += luma.samples[static_cast<std::size_t>(at_y * seen.width + at_x)];
      }
    }
    return sum / 64;
  };
  const auto chroma = [&](int component, int row, int column, std::int16_t* block) {
    std::fill_n(block + 1, 63, std::int16_t{0});
    // Quality 90 quantises constants of luma and chroma in steps of 3.
    const float level = component == 0 ? 127 : (255 - block_level(row, column)) / 2;
    block[0] = static_cast<std::int16_t>(std::lround(level * 8 / 3));
  };
  // White on average, with a texture as fine as can be: the half of it that is lighter than white is cut.
  const auto texture = [&](int component, int row, int column, std::int16_t* block) {
    std::fill_n(block, 64, std::int16_t{0});
    if (component != 0) return;
    block[0] = 339;
    // A step of 20, and 1 of the coefficient darkens the block by a twentieth.
    block[63] = static_cast<std::int16_t>(std::lround((255 - block_level(row, column)) / 2));
  };
  const decode::Limits narrow{.max_pixels = 1'000'000};
  for (const auto& edit : std::vector<std::function<void(int, int, int, std::int16_t*)>>{chroma, texture}) {
    const Bytes file = EditCoefficients(white, edit);
    const BothWays ways(file);
    ASSERT_TRUE(image::ReduceJpeg(file, {}).has_value());
    EXPECT_LE(ways.WorstBits(), perceptual::kMaxReducedBits);
    // Nor of what a decoder makes of a part of the frequencies, where the picture is too large for all of it.
    for (const bool progressive : {false, true}) {
      const auto scaled = image::ProcessUpload(EditCoefficients(white, edit, progressive),
                                               decode::Format::kUnknown, {true, true}, narrow);
      ExpectAccepted(scaled, narrow);
      ASSERT_EQ(scaled.views.size(), 1U);
      ASSERT_EQ(scaled.views[0].pdq.size(), 1U) << "no pixels to pick";
      EXPECT_LE(WorstDistance(scaled, 0, *Forms(ways.full)), 8) << progressive;
    }
    EXPECT_LE(WorstDistance(ways.full, 0, ExpectedForms(seen)), kDefaultPdqMaxDistanceBits)
        << "nothing of the picture is seen";
    EXPECT_GE(ways.full.views.at(0).pdq.at(0).quality, kMinUsablePdqQuality);
  }
}

// Chroma that alternates from sample to sample is next to nothing once it is blended over the pixels that it
// stands for. Repeated, it would cut, and darken the picture wherever its maker wants.
TEST(ReducedHash, ChromaIsBlendedAsViewersDo) {
  const Rgba seen = Photo(Seed(), 1920, kSide);
  const Rgba decoy = Photo(Seed() + 1, 1920, kSide);
  Rgba light = seen;
  for (std::uint8_t& sample : light.samples) sample = static_cast<std::uint8_t>(175 + sample * 80 / 255);
  for (const int quality : {90, 100}) {
    const Bytes plain = EncodeJpeg(light, {.quality = quality, .across = 2, .down = 2});
    const Bytes file = EditCoefficients(plain, [&](int component, int row, int column, std::int16_t* block) {
      if (component == 0) return;
      const std::uint8_t* pixel =
          decoy.At(std::min(16 * row + 8, decoy.height - 1), std::min(16 * column + 8, decoy.width - 1));
      std::fill_n(block + 1, 63, std::int16_t{0});
      block[63] = static_cast<std::int16_t>((255 - pixel[1]) * (quality == 100 ? 4 : 0.2));
    });
    const BothWays ways(file);
    EXPECT_LE(ways.WorstBits(), 8) << quality;
    EXPECT_LE(WorstDistance(ways.full, 0, ExpectedForms(seen)), kDefaultPdqMaxDistanceBits);
  }
}

}  // namespace
}  // namespace hashgate::testing
