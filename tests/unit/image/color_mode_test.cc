// One picture in every way it can be stored must hash alike.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

struct Stored {
  std::string name;
  Bytes bytes;
  decode::Format format;
};

void ExpectAllEqual(const std::vector<Stored>& files, const Rgba& picture) {
  const perceptual::PdqFormSet expected = ExpectedForms(picture);
  for (const Stored& file : files) {
    SCOPED_TRACE(file.name);
    const decode::DecodeResult result = Process(file.bytes);
    ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_EQ(result.format, file.format);
    EXPECT_EQ(result.width, static_cast<std::uint32_t>(picture.width));
    EXPECT_EQ(result.height, static_cast<std::uint32_t>(picture.height));
    EXPECT_EQ(result.frames_total, 1U);
    EXPECT_EQ(result.frames_seen, 1U);
    EXPECT_FALSE(result.has_alpha);
    EXPECT_FALSE(result.codec_warned);
    EXPECT_FALSE(result.trailing_bytes);
    ASSERT_EQ(result.views.size(), 1U);
    EXPECT_EQ(result.views[0].kind, ViewKind::kWhole);
    EXPECT_TRUE(result.views[0].hashable);
    EXPECT_EQ(WorstDistance(result, 0, expected), 0);
    EXPECT_EQ(result.views[0].pdq.at(0).quality, expected.quality);
  }
}

TEST(ColorModes, GreyPictureHashesAlikeInEveryLosslessForm) {
  const Rgba picture = GreyPicture(151, 203);
  using decode::Format;
  ExpectAllEqual(
      {
          {"png grey", EncodePng(picture, {.color = PngColor::kGrey}), Format::kPng},
          {"png grey 16", EncodePng(picture, {.color = PngColor::kGrey, .depth = 16}), Format::kPng},
          {"png grey interlaced", EncodePng(picture, {.color = PngColor::kGrey, .interlaced = true}),
           Format::kPng},
          {"png grey alpha", EncodePng(picture, {.color = PngColor::kGreyAlpha}), Format::kPng},
          {"png rgb", EncodePng(picture, {}), Format::kPng},
          {"png rgb 16", EncodePng(picture, {.depth = 16}), Format::kPng},
          {"png rgba", EncodePng(picture, {.color = PngColor::kRgba}), Format::kPng},
          {"png palette", EncodePng(picture, {.color = PngColor::kPalette}), Format::kPng},
          {"webp", EncodeWebp(picture, true, false), Format::kWebp},
          {"gif", EncodeGif({picture}, {}), Format::kGif},
          {"bmp palette", EncodeBmp(picture, {.depth = 8}), Format::kBmp},
          {"bmp", EncodeBmp(picture, {}), Format::kBmp},
      },
      picture);
}

TEST(ColorModes, ColorPictureHashesAlikeInEveryLosslessForm) {
  const Rgba picture = ColorPicture(160, 131);
  using decode::Format;
  ExpectAllEqual(
      {
          {"png rgb", EncodePng(picture, {}), Format::kPng},
          {"png rgb 16", EncodePng(picture, {.depth = 16}), Format::kPng},
          {"png rgb interlaced", EncodePng(picture, {.interlaced = true}), Format::kPng},
          {"png rgba", EncodePng(picture, {.color = PngColor::kRgba}), Format::kPng},
          {"png rgba 16", EncodePng(picture, {.color = PngColor::kRgba, .depth = 16}), Format::kPng},
          {"png palette", EncodePng(picture, {.color = PngColor::kPalette}), Format::kPng},
          {"png palette interlaced", EncodePng(picture, {.color = PngColor::kPalette, .interlaced = true}),
           Format::kPng},
          {"webp rgb", EncodeWebp(picture, true, false), Format::kWebp},
          {"webp rgba", EncodeWebp(picture, true, true), Format::kWebp},
          {"gif", EncodeGif({picture}, {}), Format::kGif},
          {"gif interlaced", EncodeGif({picture}, {.interlaced = true}), Format::kGif},
          {"bmp 24", EncodeBmp(picture, {}), Format::kBmp},
          {"bmp 24 top", EncodeBmp(picture, {.from_top = true}), Format::kBmp},
          {"bmp 24 core", EncodeBmp(picture, {.header = 12}), Format::kBmp},
          {"bmp 32", EncodeBmp(picture, {.depth = 32}), Format::kBmp},
          {"bmp 32 fields", EncodeBmp(picture, {.depth = 32, .fields = true}), Format::kBmp},
          {"bmp 32 v4", EncodeBmp(picture, {.depth = 32, .fields = true, .header = 108, .alpha = true}),
           Format::kBmp},
          {"bmp 32 v5", EncodeBmp(picture, {.depth = 32, .fields = true, .header = 124}), Format::kBmp},
          {"bmp 8", EncodeBmp(picture, {.depth = 8}), Format::kBmp},
          {"bmp 8 core", EncodeBmp(picture, {.depth = 8, .header = 12}), Format::kBmp},
      },
      picture);
}

TEST(ColorModes, FewBitsKeepTheirValues) {
  Rgba picture = GreyPicture(97, 120);
  for (const int depth : {1, 2, 4}) {
    const int most = (1 << depth) - 1;
    for (std::size_t i = 0; i < picture.samples.size(); ++i) {
      if (i % 4 != 3) {
        picture.samples[i] = static_cast<std::uint8_t>((picture.samples[i] >> (8 - depth)) * (255 / most));
      }
    }
    std::vector<Stored> files = {
        {"grey", EncodePng(picture, {.color = PngColor::kGrey, .depth = depth}), decode::Format::kPng},
        {"palette", EncodePng(picture, {.color = PngColor::kPalette, .depth = depth}), decode::Format::kPng}};
    if (depth != 2) files.push_back({"bmp", EncodeBmp(picture, {.depth = depth}), decode::Format::kBmp});
    ExpectAllEqual(files, picture);
    picture = GreyPicture(97, 120);
  }
}

TEST(ColorModes, SixteenBitBmpScalesEachChannel) {
  Rgba picture = ColorPicture(90, 110);
  // 85-steps do not fit five bits: store what 5 and 6 bits give back.
  const auto through = [](int v, int bits) {
    const int most = (1 << bits) - 1;
    return static_cast<std::uint8_t>(((v >> (8 - bits)) * 255 + most / 2) / most);
  };
  for (const bool fields : {false, true}) {
    Rgba expected = picture;
    for (std::size_t i = 0; i < expected.samples.size(); i += 4) {
      expected.samples[i] = through(expected.samples[i], 5);
      expected.samples[i + 1] = through(expected.samples[i + 1], fields ? 6 : 5);
      expected.samples[i + 2] = through(expected.samples[i + 2], 5);
    }
    const auto result = Process(EncodeBmp(picture, {.depth = 16, .fields = fields}));
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(expected)), 0);
  }
}

TEST(ColorModes, JpegStaysWithinFourBitsOfItsPixels) {
  const Rgba picture = ColorPicture(260, 300);
  const Rgba grey = GreyPicture(260, 300);
  EXPECT_LE(WorstDistance(Process(EncodeJpeg(grey, {.color = JpegColor::kGrey, .quality = 98})), 0,
                          ExpectedForms(grey)),
            4);
  for (const bool progressive : {false, true}) {
    for (const JpegColor color : {JpegColor::kYcc, JpegColor::kRgb}) {
      const auto result =
          Process(EncodeJpeg(picture, {.color = color, .quality = 98, .progressive = progressive}));
      ASSERT_EQ(result.cause, Cause::kNone);
      EXPECT_FALSE(result.codec_warned);
      EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture)), 4);
    }
  }
}

TEST(ColorModes, CmykJpegHashesAsItsColors) {
  const Rgba picture = ColorPicture(200, 240);
  const auto rgb = Process(EncodeJpeg(picture, {.color = JpegColor::kRgb, .quality = 100}));
  for (const JpegColor color : {JpegColor::kCmyk, JpegColor::kYcck}) {
    const auto cmyk = Process(EncodeJpeg(picture, {.color = color, .quality = 100}));
    ASSERT_EQ(cmyk.cause, Cause::kNone);
    for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
      EXPECT_LE(Distance(cmyk.views.at(0).pdq.at(0).forms[turn], rgb.views.at(0).pdq.at(0).forms[turn]), 2);
    }
  }
}

}  // namespace
}  // namespace hashgate::testing
