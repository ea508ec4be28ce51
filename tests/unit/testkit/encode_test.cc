// What the encoders write is read back by the codec libraries' own simplest calls.
#include "testkit/encode.h"

#include <gif_lib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "testkit/raw_files.h"

namespace hashgate::testkit {
namespace {

Picture Photo() {
  return DrawPhoto(21, 61, 47, {.noise = 0});
}

Picture ReadPng(const Bytes& bytes, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0);
  image.format = channels == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  Picture picture = MakePicture(static_cast<int>(image.width), static_cast<int>(image.height), channels);
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr), 0) << image.message;
  return picture;
}

int MeanError(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return static_cast<int>(sum / static_cast<std::int64_t>(a.pixels.size()));
}

std::size_t CountScans(const Bytes& jpeg) {
  std::size_t scans = 0;
  for (std::size_t i = 0; i + 1 < jpeg.size(); ++i) scans += jpeg[i] == 0xff && jpeg[i + 1] == 0xda ? 1 : 0;
  return scans;
}

TEST(EncodeJpeg, DecodesNearThePicture) {
  const Picture photo = Photo();
  EXPECT_LE(MeanError(photo, *DecodeJpeg(*EncodeJpeg(photo, {.quality = 95, .halve_chroma = false}))), 3);
  EXPECT_LE(MeanError(Grey(photo),
                      *DecodeJpeg(*EncodeJpeg(photo, {.quality = 95, .colour = JpegOptions::Colour::kGrey}))),
            3);
  // Progressive and restarted files hold the coefficients of the baseline file.
  const Picture baseline = *DecodeJpeg(*EncodeJpeg(photo));
  EXPECT_EQ(baseline, *DecodeJpeg(*EncodeJpeg(photo, {.progressive = true})));
  EXPECT_EQ(baseline, *DecodeJpeg(*EncodeJpeg(photo, {.restart_rows = 1})));
  EXPECT_EQ(baseline, *DecodeJpeg(*EncodeJpeg(photo, {.scan_per_coefficient = true})));
}

TEST(EncodeJpeg, ScanPerCoefficientHas190Scans) {
  EXPECT_EQ(CountScans(*EncodeJpeg(Photo(), {.scan_per_coefficient = true})), 190U);
  EXPECT_EQ(CountScans(*EncodeJpeg(Photo())), 1U);
}

TEST(EncodeJpeg, CmykCarriesAdobesMarkerAndFourComponents) {
  const Bytes jpeg = *EncodeJpeg(Photo(), {.colour = JpegOptions::Colour::kCmyk});
  const auto find = [&](std::string_view text) {
    return std::ranges::search(jpeg, FromText(text)).begin() != jpeg.end();
  };
  EXPECT_TRUE(find("Adobe"));
  const Bytes frame = {0xff, 0xc0, 0x00, 0x14, 8, 0, 47, 0, 61, 4};
  EXPECT_NE(std::ranges::search(jpeg, frame).begin(), jpeg.end());
}

TEST(EncodePng, EveryModeIsLossless) {
  const Picture photo = Photo();
  using Colour = PngOptions::Colour;
  EXPECT_EQ(ReadPng(*EncodePng(photo), 3), photo);
  EXPECT_EQ(ReadPng(*EncodePng(photo, {.interlaced = true}), 3), photo);
  EXPECT_EQ(ReadPng(*EncodePng(photo, {.colour = Colour::kGrey}), 3), Grey(photo));
  EXPECT_EQ(ReadPng(*EncodePng(photo, {.colour = Colour::kRgba}), 4), WithAlpha(photo));
  const Picture emoji = Draw(PictureKind::kEmoji, 3, 48, 48);
  EXPECT_EQ(ReadPng(*EncodePng(emoji, {.colour = Colour::kRgba}), 4), emoji);
  const IndexedPicture indexed = ReduceColours(photo);
  EXPECT_EQ(ReadPng(*EncodePng(indexed), 3), Expand(indexed));
  const IndexedPicture symbol = ReduceColours(emoji);
  ASSERT_TRUE(symbol.transparent);
  EXPECT_EQ(ReadPng(*EncodePng(symbol), 4), Expand(symbol));
}

TEST(EncodePng, WideSamplesAreTheNarrowOnesTwice) {
  const Picture photo = Photo();
  const Bytes png = *EncodePng(photo, {.colour = PngOptions::Colour::kRgb16});
  EXPECT_EQ(png[24], 16) << "bit depth in IHDR";
  // The simplified reader treats 16-bit samples as linear light, so only black, white and order survive it
  // exactly: compare with the same reader's view of a picture of black and white.
  Picture marks = MakePicture(8, 1);
  for (std::size_t i = 0; i < marks.pixels.size(); i += 2) marks.pixels[i] = 255;
  const Picture read = ReadPng(*EncodePng(marks, {.colour = PngOptions::Colour::kRgb16}), 3);
  EXPECT_EQ(read, marks);
}

TEST(EncodeWebp, LosslessIsLossless) {
  const Picture photo = Photo();
  EXPECT_EQ(*DecodeWebp(*EncodeWebp(photo, {.lossless = true})), photo);
  EXPECT_LE(MeanError(*DecodeWebp(*EncodeWebp(photo, {.quality = 95})), photo), 6);
}

struct Source {
  const Bytes& bytes;
  std::size_t at = 0;
};
int ReadSource(GifFileType* file, GifByteType* out, int size) {
  auto* source = static_cast<Source*>(file->UserData);
  const std::size_t count = std::min(static_cast<std::size_t>(size), source->bytes.size() - source->at);
  std::memcpy(out, source->bytes.data() + source->at, count);
  source->at += count;
  return static_cast<int>(count);
}

TEST(EncodeGif, FramesAndTransparencyAreThere) {
  const std::vector<Picture> frames = DrawAnimation(4, 40, 30, 3);
  const Bytes bytes = *EncodeGif(frames);
  Source source{bytes};
  GifFileType* gif = DGifOpen(&source, ReadSource, nullptr);
  ASSERT_NE(gif, nullptr);
  ASSERT_EQ(DGifSlurp(gif), GIF_OK);
  EXPECT_EQ(gif->ImageCount, 3);
  for (int i = 0; i < 3; ++i) {
    const IndexedPicture expected = ReduceColours(frames[static_cast<std::size_t>(i)]);
    EXPECT_EQ(Bytes(gif->SavedImages[i].RasterBits, gif->SavedImages[i].RasterBits + 40 * 30),
              expected.indices);
  }
  DGifCloseFile(gif, nullptr);
  EXPECT_FALSE(EncodeGif({}));

  const Picture emoji = Draw(PictureKind::kEmoji, 3, 48, 48);
  const Bytes symbol = *EncodeGif({&emoji, 1});
  Source symbol_source{symbol};
  GifFileType* still = DGifOpen(&symbol_source, ReadSource, nullptr);
  ASSERT_NE(still, nullptr);
  ASSERT_EQ(DGifSlurp(still), GIF_OK);
  GraphicsControlBlock control{};
  ASSERT_EQ(DGifSavedExtensionToGCB(still, 0, &control), GIF_OK);
  EXPECT_EQ(control.TransparentColor, kTransparentIndex);
  DGifCloseFile(still, nullptr);
}

TEST(EncodeBmp, RowsAreBottomUpAndPadded) {
  Picture picture = MakePicture(3, 2);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<std::uint8_t>(i);
  const Bytes bmp = *EncodeBmp(picture);
  ASSERT_EQ(bmp.size(), 54U + 2 * 12);
  EXPECT_THAT(Bytes(bmp.begin() + 54, bmp.end()),
              testing::ElementsAre(11, 10, 9, 14, 13, 12, 17, 16, 15, 0, 0, 0,  // lower row, blue first
                                   2, 1, 0, 5, 4, 3, 8, 7, 6, 0, 0, 0));
  const Bytes top_down = *EncodeBmp(picture, {.bits = 32, .top_down = true});
  EXPECT_EQ(top_down[22], 0xfe) << "height -2";
  EXPECT_EQ(top_down[54], 2);
  EXPECT_EQ(EncodeBmp(picture, {.bits = 8})->size(), 54U + 253 * 4 + 2 * 4);
  EXPECT_FALSE(EncodeBmp(picture, {.bits = 7}));
}

TEST(RawFiles, CrcIsTheStandardOne) {
  EXPECT_EQ(Crc32(FromText("123456789")), 0xcbf43926U);
}

TEST(RawFiles, DeclaredSizesAreRead) {
  const Bytes png = PngDeclaring(40'000, 30'000);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0) << image.message;
  EXPECT_EQ(image.width, 40'000U);
  EXPECT_EQ(image.height, 30'000U);
  png_image_free(&image);
  const Bytes jpeg = JpegDeclaring(*EncodeJpeg(Photo()), 65'000, 100);
  const Bytes frame = {0xff, 0xc0, 0x00, 0x11, 8, 0, 100, 0xfd, 0xe8, 3};
  EXPECT_NE(std::ranges::search(jpeg, frame).begin(), jpeg.end());
}

}  // namespace
}  // namespace hashgate::testkit
