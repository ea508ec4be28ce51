#include "image/process.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "image/tiny_pictures.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using decode::Format;

/// A picture that fades from clear to opaque, black all over: it can be seen only in its alpha.
Rgba AlphaOnlyPicture(int height, int width) {
  Rgba picture = GreyPicture(height, width);
  for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
    picture.samples[i + 3] = picture.samples[i];
    picture.samples[i] = picture.samples[i + 1] = picture.samples[i + 2] = 0;
  }
  return picture;
}

TEST(ProcessUpload, NothingIsEmpty) {
  const auto result = Process({});
  EXPECT_EQ(result.cause, Cause::kEmpty);
  EXPECT_TRUE(result.views.empty());
}

TEST(ProcessUpload, OtherFilesAreUnsupported) {
  EXPECT_EQ(Process({'%', 'P', 'D', 'F', '-', '1', '.', '7', '\n'}).cause, Cause::kUnsupportedFormat);
  EXPECT_EQ(Process({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).cause, Cause::kUnsupportedFormat);
  const Bytes tiff = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Process(tiff).cause, Cause::kUnsupportedFormat);
  EXPECT_EQ(Process(tiff).format, Format::kTiff);
}

TEST(ProcessUpload, TheBytesNameTheFormatNotTheHint) {
  const Bytes png = EncodePng(GreyPicture(20, 20), {});
  const auto result = image::ProcessUpload(png, Format::kJpeg, {}, {});
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.format, Format::kPng);
  const auto text = image::ProcessUpload(Bytes{'h', 'i'}, Format::kText, {}, {});
  EXPECT_EQ(text.cause, Cause::kUnsupportedFormat);
  EXPECT_EQ(text.format, Format::kText);
  const auto unknown = image::ProcessUpload(Bytes{'h', 'i'}, Format::kJpeg, {}, {});
  EXPECT_EQ(unknown.format, Format::kUnknown);
}

TEST(ProcessUpload, AlphaGivesTwoViews) {
  const Rgba picture = AlphaOnlyPicture(120, 140);
  for (const Bytes& file :
       {EncodePng(picture, {.color = PngColor::kRgba}), EncodePng(picture, {.color = PngColor::kGreyAlpha}),
        EncodePng(picture, {.color = PngColor::kPalette}), EncodeWebp(picture, true, true),
        EncodeBmp(picture, {.depth = 32, .fields = true, .header = 108, .alpha = true})}) {
    const auto result = Process(file);
    SCOPED_TRACE(decode::FormatName(result.format));
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_TRUE(result.has_alpha);
    ASSERT_EQ(result.views.size(), result.format == Format::kBmp ? 3U : 2U);
    EXPECT_EQ(result.views[0].kind, ViewKind::kWhole);
    EXPECT_EQ(result.views[1].kind, ViewKind::kOverBlack);
    EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture, 255)), 0);
    EXPECT_EQ(WorstDistance(result, 1, ExpectedForms(picture, 0)), 0);
    EXPECT_EQ(result.views[1].pdq.at(0).quality, 0);
  }
}

TEST(ProcessUpload, ClearPixelsOfAGifShowTheBackground) {
  Rgba picture = ColorPicture(100, 90);
  for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
    if (picture.samples[i] == 0) {
      for (std::size_t k = 0; k < 4; ++k) picture.samples[i + k] = 0;
    }
  }
  const auto result = Process(EncodeGif({picture}, {}));
  ASSERT_EQ(result.cause, Cause::kNone);
  ASSERT_EQ(result.views.size(), 2U);
  EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture, 255)), 0);
  EXPECT_EQ(WorstDistance(result, 1, ExpectedForms(picture, 0)), 0);
}

TEST(ProcessUpload, GifFrameLiesOnItsCanvas) {
  const Rgba frame = ColorPicture(60, 70);
  Rgba canvas{120, 100, Bytes(120 * 100 * 4)};
  for (int r = 0; r < 60; ++r) {
    for (int c = 0; c < 70; ++c) std::copy_n(frame.At(r, c), 4, canvas.At(r + 30, c + 40));
  }
  const auto result =
      Process(EncodeGif({frame}, {.left = 40, .top = 30, .canvas_width = 120, .canvas_height = 100}));
  ASSERT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.width, 120U);
  EXPECT_EQ(result.height, 100U);
  EXPECT_TRUE(result.has_alpha);
  EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(canvas, 255)), 0);
  // A frame over the canvas's edge widens it.
  const auto wide =
      Process(EncodeGif({frame}, {.left = 5, .top = 3, .canvas_width = 20, .canvas_height = 20}));
  ASSERT_EQ(wide.cause, Cause::kNone);
  EXPECT_EQ(wide.width, 75U);
  EXPECT_EQ(wide.height, 63U);
}

TEST(ProcessUpload, AnimationsBeginWithTheirFirstFrameAndCountAll) {
  const std::vector<Rgba> frames = {ColorPicture(64, 80), GreyPicture(64, 80), ColorPicture(64, 80)};
  for (const Bytes& file : {EncodeGif(frames, {}), EncodeWebpAnimation(frames)}) {
    const auto result = Process(file);
    SCOPED_TRACE(decode::FormatName(result.format));
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_EQ(result.frames_total, 3U);
    EXPECT_EQ(result.frames_seen, 3U);
    EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(frames[0])), 0);
    decode::Limits limits;
    limits.max_frames = 2;
    EXPECT_EQ(Process(file, limits).cause, Cause::kTooManyFrames);
  }
}

TEST(ProcessUpload, SidesUnderFiveDecodeWithoutAHash) {
  for (const auto& [height, width] : {std::pair{4, 50}, {50, 4}, {1, 1}}) {
    const Rgba picture = ColorPicture(height, width);
    for (const Bytes& file :
         {EncodePng(picture, {}), EncodeJpeg(picture, {}), EncodeWebp(picture, true, false),
          EncodeGif({picture}, {}), EncodeBmp(picture, {})}) {
      const auto result = Process(file);
      SCOPED_TRACE(decode::FormatName(result.format));
      ASSERT_EQ(result.cause, Cause::kNone);
      ASSERT_EQ(result.views.size(), 1U);
      EXPECT_FALSE(result.views[0].hashable);
      EXPECT_TRUE(result.views[0].pdq.empty());
    }
  }
}

TEST(ProcessUpload, InterlacedPngsOfEverySmallSizeAreComplete) {
  for (int height = 1; height <= 18; ++height) {
    for (int width = 1; width <= 18; ++width) {
      const Rgba picture = ColorPicture(height, width);
      const Bytes file = EncodePng(picture, {.interlaced = true});
      const auto result = Process(file);
      ASSERT_EQ(result.cause, Cause::kNone) << height << 'x' << width;
      EXPECT_FALSE(result.codec_warned);
      if (!result.views.at(0).hashable) continue;
      EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(picture)), 0) << height << 'x' << width;
    }
  }
}

TEST(ProcessUpload, AnimatedPngCountsItsFrames) {
  Bytes file = EncodePng(ColorPicture(30, 30), {});
  Bytes chunks = PngChunk("acTL", {0, 0, 0, 7, 0, 0, 0, 0});
  const Bytes control = PngFrameControl(0, 30, 30);
  chunks.insert(chunks.end(), control.begin(), control.end());
  file.insert(file.begin() + 33, chunks.begin(), chunks.end());
  const auto result = Process(file);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_total, 7U);
  EXPECT_EQ(result.frames_seen, 1U);
}

TEST(ProcessUpload, BytesBehindThePictureAreNoted) {
  const Rgba picture = ColorPicture(40, 40);
  for (Bytes file : {EncodePng(picture, {}), EncodeJpeg(picture, {}), EncodeWebp(picture, true, false),
                     EncodeGif({picture}, {}), EncodeBmp(picture, {})}) {
    EXPECT_FALSE(Process(file).trailing_bytes) << decode::FormatName(Process(file).format);
    file.insert(file.end(), 100, 'x');
    const auto result = Process(file);
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_TRUE(result.trailing_bytes) << decode::FormatName(result.format);
  }
}

TEST(ProcessUpload, BmpThatLeavesAlphaAtZeroIsOpaque) {
  Rgba picture = ColorPicture(50, 60);
  const perceptual::PdqFormSet expected = ExpectedForms(picture);
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) picture.samples[i] = 0;
  const auto result =
      Process(EncodeBmp(picture, {.depth = 32, .fields = true, .header = 108, .alpha = true}));
  ASSERT_EQ(result.cause, Cause::kNone);
  EXPECT_FALSE(result.has_alpha);
  EXPECT_EQ(WorstDistance(result, 0, expected), 0);
}

TEST(ProcessUpload, RunLengthBmpIsNotDecoded) {
  Bytes file = EncodeBmp(ColorPicture(20, 20), {.depth = 8});
  file[30] = 1;
  EXPECT_EQ(Process(file).cause, Cause::kUnsupportedFormat);
}

TEST(ProcessUpload, WithoutPdqWantedThereIsNone) {
  decode::Wanted wanted;
  wanted.pdq_full = false;
  const auto result = image::ProcessUpload(EncodePng(GreyPicture(20, 20), {}), Format::kPng, wanted, {});
  ASSERT_EQ(result.views.size(), 1U);
  EXPECT_TRUE(result.views[0].hashable);
  EXPECT_TRUE(result.views[0].pdq.empty());
}

TEST(WarmUp, EveryTinyPictureIsDecodedAndHashed) {
  std::set<Format> formats;
  for (const std::string_view text : image::kTinyPictures) {
    const auto bytes = HexDecode(text);
    ASSERT_TRUE(bytes.has_value());
    const auto result = Process(*bytes);
    EXPECT_EQ(result.cause, Cause::kNone) << decode::FormatName(result.format);
    ASSERT_FALSE(result.views.empty());
    EXPECT_EQ(result.views[0].pdq.size(), 1U);
    formats.insert(result.format);
  }
  EXPECT_EQ(formats.size(), 5U);
  image::WarmUp();
}

}  // namespace
}  // namespace hashgate::testing
