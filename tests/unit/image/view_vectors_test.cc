// Pixels on their way to img_hash and to plug-ins: parts, colours, transparency, and how many views there
// are.
#include "image/view_vectors.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "hash/img_hash/img_hash.h"
#include "hash/plugin/plugin.h"
#include "image/process.h"
#include "image/view_hashes.h"
#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using image::Bitmap;

constexpr std::uint32_t kWidth = 90;
constexpr std::uint32_t kHeight = 70;

decode::AlgorithmSet PhotoDnaOnly() {
  decode::AlgorithmSet set;
  set.Add(Algorithm::kPhotoDna);
  return set;
}

Bitmap Scene(std::uint32_t channels) {
  Bitmap bitmap(kWidth, kHeight, channels);
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    for (std::uint32_t x = 0; x < kWidth; ++x) {
      for (std::uint32_t c = 0; c < channels; ++c) {
        bitmap.Row(y)[x * channels + c] = c == 3
                                              ? static_cast<std::uint8_t>(x * 2)
                                              : static_cast<std::uint8_t>(x * y / 9 + (c + 1) * (x + 3 * y));
      }
    }
  }
  return bitmap;
}

Bitmap CutOut(const Bitmap& from, const image::Part& part) {
  Bitmap out(part.width, part.height, from.channels);
  for (std::uint32_t y = 0; y < part.height; ++y) {
    std::copy_n(from.Row(part.top + y) + part.left * from.channels, out.stride(), out.Row(y));
  }
  return out;
}

/// Each pixel as three samples: of grey the same three, and of four the first three.
Bitmap AsColors(const Bitmap& from) {
  Bitmap out(from.width, from.height, 3);
  for (std::uint32_t y = 0; y < from.height; ++y) {
    for (std::uint32_t x = 0; x < from.width; ++x) {
      const std::uint8_t* const pixel = from.Row(y) + x * from.channels;
      for (std::uint32_t c = 0; c < 3; ++c) out.Row(y)[x * 3 + c] = pixel[from.channels == 1 ? 0 : c];
    }
  }
  return out;
}

class ViewVectorsTest : public ::testing::Test {
 protected:
  static void Use(const std::string& name) {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "plugins";
    auto plugin = plugin::Plugin::Load(folder / (name + ".so"), Algorithm::kPhotoDna, "");
    ASSERT_TRUE(plugin) << plugin.error().message;
    plugin::UsePlugins({*std::move(plugin)});
  }
  void TearDown() override { plugin::UsePlugins({}); }

  static std::vector<std::uint8_t> VectorOf(const Bitmap& bitmap, const image::Part& part,
                                            image::Over over = {}) {
    decode::ViewHashes view;
    image::AddVectors(bitmap, over, part, PhotoDnaOnly(), view);
    EXPECT_TRUE(view.vectors_failed.empty());
    return view.vectors.empty() ? std::vector<std::uint8_t>() : view.vectors[0].bytes;
  }
  static std::vector<std::uint8_t> VectorOf(const Bitmap& bitmap) {
    return VectorOf(bitmap, image::WholeOf(bitmap));
  }

  static decode::DecodeResult Look(const Bytes& file) {
    return image::ProcessUpload(file, decode::Format::kUnknown, {.vectors = PhotoDnaOnly()}, {});
  }
};

TEST_F(ViewVectorsTest, OfAPartIsThatOfThePartByItself) {
  Use("test_plugin");
  constexpr image::Part kPart{.left = 11, .top = 5, .width = 60, .height = 50};
  for (const std::uint32_t channels : {1U, 3U}) {
    const Bitmap scene = Scene(channels);
    EXPECT_EQ(VectorOf(scene, kPart), VectorOf(AsColors(CutOut(scene, kPart)))) << channels;
    EXPECT_NE(VectorOf(scene, kPart), VectorOf(scene)) << channels;
  }
  const Bitmap clear = Scene(4);
  const image::Over colors{.opaque = true};
  EXPECT_EQ(VectorOf(clear, kPart, colors), VectorOf(AsColors(CutOut(clear, kPart))));
  EXPECT_NE(VectorOf(clear, kPart, {.background = 255}), VectorOf(clear, kPart, {.background = 0}));
}

TEST_F(ViewVectorsTest, GreyIsTheLumaOfColours) {
  Use("grid_plugin");
  const Bitmap colors = Scene(3);
  Bitmap grey(kWidth, kHeight, 1);
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    for (std::uint32_t x = 0; x < kWidth; ++x) {
      const std::uint8_t* const rgb = colors.Row(y) + x * 3;
      grey.Row(y)[x] = static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    }
  }
  EXPECT_EQ(VectorOf(colors), VectorOf(grey));
  EXPECT_EQ(VectorOf(AsColors(grey)), VectorOf(grey));
}

// Without any plug-in, of the part as it is shown, and none but the wanted ones.
TEST_F(ViewVectorsTest, HashesOfImgHash) {
  constexpr image::Part kPart{.left = 11, .top = 5, .width = 60, .height = 50};
  for (const Algorithm algorithm : kImgHashes) {
    decode::AlgorithmSet wanted;
    wanted.Add(algorithm);
    EXPECT_EQ(image::FormsOfView(wanted), static_cast<std::uint64_t>(kDihedralCount));
    for (const std::uint32_t channels : {1U, 3U, 4U}) {
      const Bitmap scene = Scene(channels);
      const image::Over colors{.opaque = true};
      decode::ViewHashes view;
      image::AddVectors(scene, colors, kPart, wanted, view);
      ASSERT_EQ(view.vectors.size(), 1U);
      EXPECT_EQ(view.vectors[0].algorithm, algorithm);
      EXPECT_TRUE(view.vectors_failed.empty());
      Bitmap cut = CutOut(scene, kPart);
      perceptual::StoredRows rows(cut.samples.data(), static_cast<int>(cut.height),
                                  static_cast<int>(cut.width), static_cast<int>(channels));
      EXPECT_EQ(view.vectors[0].bytes, img_hash::HashForms(algorithm, rows)) << AlgorithmName(algorithm);
    }
  }
}

TEST_F(ViewVectorsTest, OnlyWhatIsWantedIsMade) {
  Use("test_plugin");
  decode::ViewHashes view;
  const Bitmap scene = Scene(3);
  image::AddVectors(scene, {}, image::WholeOf(scene), {}, view);
  EXPECT_TRUE(view.vectors.empty() && view.vectors_failed.empty());
}

TEST_F(ViewVectorsTest, ATrimmedViewHasItsOwn) {
  Use("test_plugin");
  Rgba framed = WavePicture(140, 180, 3);
  const Rgba inside = CropRows(framed, 140);
  for (int row = 0; row < framed.height; ++row) {
    for (int col = 0; col < framed.width; ++col) {
      if (row >= 20 && row < 120 && col >= 30 && col < 150) continue;
      for (int c = 0; c < 3; ++c) framed.At(row, col)[c] = 10;
    }
  }
  const auto result = Look(EncodePng(framed, {}));
  ASSERT_GE(result.views.size(), 2U);
  EXPECT_EQ(result.views[1].kind, ViewKind::kTrimmed);
  EXPECT_EQ(result.views[1].width, 120U);
  ASSERT_EQ(result.views[1].vectors.size(), 1U);
  Rgba cut{.width = 120, .height = 100, .samples = {}};
  for (int row = 20; row < 120; ++row) {
    cut.samples.insert(cut.samples.end(), inside.At(row, 30), inside.At(row, 149) + 4);
  }
  EXPECT_EQ(result.views[1].vectors[0].bytes, Look(EncodePng(cut, {})).views.at(0).vectors.at(0).bytes);
}

// 36 million pixels for each of three views would be too much.
TEST_F(ViewVectorsTest, WhatABorderSurroundsComesFirstAndCostsItsOwnPixels) {
  Use("grid_plugin");
  constexpr int kSide = 6'000;
  Rgba framed{.width = kSide, .height = kSide, .samples = Bytes(std::size_t{kSide} * kSide * 4, 255)};
  const Rgba small = WavePicture(600, 800, 3);
  for (int row = 0; row < small.height; ++row) {
    for (int col = 0; col < small.width; ++col) {
      std::copy_n(small.At(row, col), 4, framed.At(row + 3'000, col + 3'000));
    }
  }
  for (int row = 3'100; row < 3'400; ++row) {
    for (int col = 3'100; col < 3'500; ++col) framed.At(row, col)[3] = 0;
  }
  const auto result = Look(EncodePng(framed, {.color = PngColor::kRgba}));
  int trimmed = 0;
  for (const decode::ViewHashes& view : result.views) {
    if (view.kind != ViewKind::kTrimmed && view.kind != ViewKind::kOverBlack) continue;
    trimmed += view.kind == ViewKind::kTrimmed ? 1 : 0;
    EXPECT_EQ(view.vectors.size(), 1U) << static_cast<int>(view.kind) << ' ' << view.width;
  }
  EXPECT_GE(trimmed, 2);
}

TEST_F(ViewVectorsTest, FramesThatLookAlikeTakeTheBudgetOnce) {
  Use("test_plugin_turned");
  // The second picture comes after more copies of the first than the reply has room for.
  std::vector<AnimatedFrame> frames(200, {.picture = WavePicture(80, 100, 1)});
  for (std::size_t i = 1; i < frames.size(); i += 2) frames[i].picture = WavePicture(80, 100, 2);
  constexpr std::uint32_t kPlace = 160;  // none of the spaced ones
  frames[kPlace].picture = WavePicture(80, 100, 3);
  const auto result = Look(EncodeGifFrames(100, 80, frames));
  bool seen = false;
  for (const decode::ViewHashes& view : result.views) {
    if (view.hidden) continue;
    EXPECT_EQ(view.vectors.size(), 1U) << view.frame;
    seen = seen || view.frame == kPlace;
  }
  EXPECT_TRUE(seen);
}

TEST(FrameVectorBudget, SetsAsideWhatSpacedFramesNeed) {
  // Four views by pixels, and more by forms.
  image::FrameVectorBudget by_pixels(image::kMaxVectorPixels / 4, 8, 256, 1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(by_pixels.Takes(false));
  EXPECT_FALSE(by_pixels.Takes(false));
  EXPECT_TRUE(by_pixels.Takes(true));
  EXPECT_FALSE(by_pixels.Takes(true));
  // The other way round, and all of it for spaced ones.
  image::FrameVectorBudget by_forms(100, 8, 23, 9);
  EXPECT_FALSE(by_forms.Takes(false));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(by_forms.Takes(true));
  EXPECT_FALSE(by_forms.Takes(true));
  // A spaced frame of more views than were expected takes from the rest.
  image::FrameVectorBudget rest(100, 1, 3, 1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rest.Takes(true));
  EXPECT_FALSE(rest.Takes(false));
}

TEST_F(ViewVectorsTest, EachOfTheTwoViewsOfAClearPictureCosts) {
  Use("grid_plugin");
  Bitmap clear = Scene(4);
  image::VectorBudget budget(std::uint64_t{2} * kWidth * kHeight - 1);
  std::vector<decode::ViewHashes> views;
  ASSERT_TRUE(image::AddFlattened(ViewKind::kFrame, 1, clear, {.vectors = PhotoDnaOnly()}, budget, views));
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].vectors.size(), 1U);
  EXPECT_TRUE(views[1].vectors.empty());
}

TEST(VectorBudget, EndsAndLeavesTheRest) {
  image::VectorBudget budget;
  decode::Wanted wanted{.pdq_nn512 = true, .vectors = PhotoDnaOnly()};
  const image::Part half{.left = 3, .top = 4, .width = 10'000, .height = 5'000};
  static_assert(2 * 50'000'000 == image::kMaxVectorPixels);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(budget.Take(wanted, half).vectors, wanted.vectors);
  const decode::Wanted none = budget.Take(wanted, half);
  EXPECT_TRUE(none.vectors.empty());
  EXPECT_TRUE(none.pdq_nn512 && none.pdq_full);
  // What asks for none takes none.
  image::VectorBudget other;
  for (int i = 0; i < 3; ++i) other.Take({}, half);
  EXPECT_FALSE(other.Take(wanted, half).vectors.empty());
}

}  // namespace
}  // namespace hashgate::testing
