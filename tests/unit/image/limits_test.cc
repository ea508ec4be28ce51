// Limits: each has its cause and its name, the same on every run; and files made to cost more than they
// weigh.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

using decode::Limit;

/// The file is refused for this limit, twice, and the server takes that answer.
void ExpectLimit(const Bytes& file, const decode::Limits& limits, Limit limit) {
  for (int run = 0; run < 2; ++run) {
    const auto result = Process(file, limits);
    EXPECT_EQ(Name(result.cause), Name(decode::CauseOf(limit)));
    EXPECT_EQ(static_cast<int>(result.limit), static_cast<int>(limit));
    EXPECT_TRUE(result.views.empty());
    EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(result, 7), 7, limits).has_value());
  }
}

/// The same file in every format.
std::vector<Bytes> InEveryFormat(const Rgba& picture) {
  return {EncodeJpeg(picture, {}),
          EncodeJpeg(picture, {.progressive = true}),
          EncodePng(picture, {}),
          EncodePng(picture, {.interlaced = true}),
          EncodeApng({{picture}, {WavePicture(picture.height, picture.width, 1)}}),
          EncodeWebp(picture, true, false),
          EncodeWebp(picture, false, true),
          EncodeWebpAnimation({picture, WavePicture(picture.height, picture.width, 3)}),
          EncodeGif({picture}, {}),
          EncodeGif({picture, WavePicture(picture.height, picture.width, 2)}, {}),
          EncodeBmp(picture, {})};
}

/// Other sides in a JPEG's frame header.
Bytes WithJpegSides(Bytes file, unsigned width, unsigned height) {
  for (std::size_t at = 0; at + 9 < file.size(); ++at) {
    if (file[at] != 0xff || (file[at + 1] != 0xc0 && file[at + 1] != 0xc2)) continue;
    const unsigned sides[] = {height >> 8, height & 0xff, width >> 8, width & 0xff};
    for (std::size_t i = 0; i < 4; ++i) file[at + 5 + i] = static_cast<std::uint8_t>(sides[i]);
    return file;
  }
  return {};
}

TEST(Limits, EachIsCheckedBeforeItsCost) {
  const Rgba picture = ColorPicture(60, 50);
  for (const Bytes& file : InEveryFormat(picture)) {
    SCOPED_TRACE(decode::FormatName(Process(file).format));
    decode::Limits limits;
    limits.max_scaled_pixels = 60 * 50 - 1;
    limits.max_pixels = 60 * 50 - 1;
    ExpectLimit(file, limits, Limit::kPixels);
    limits = {};
    limits.max_scaled_pixels = 60 * 50 - 1;
    limits.max_side = 59;
    ExpectLimit(file, limits, Limit::kSide);
    limits.max_side = 60;
    EXPECT_EQ(Process(file, limits).cause, Cause::kNone);
    limits = {};
    limits.max_bytes = file.size() - 1;
    ExpectLimit(file, limits, Limit::kBytes);
    limits.max_bytes = file.size();
    EXPECT_EQ(Process(file, limits).cause, Cause::kNone);
    limits = {};
    limits.memory_bytes = 60 * 50;
    ExpectLimit(file, limits, Limit::kMemory);
  }
}

TEST(Limits, ALongProfileIsNotReadAndALongExifNotSearched) {
  const Bytes jpeg = EncodeJpeg(WavePicture(60, 80, 2), {});
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0};
  exif.reserve(exif.size() + jpeg.size());
  exif.insert(exif.end(), jpeg.begin(), jpeg.end());
  Bytes file = EncodePng(ColorPicture(60, 80), {});
  const Bytes chunk = PngChunk("eXIf", exif);
  file.insert(file.begin() + 33, chunk.begin(), chunk.end());
  EXPECT_EQ(Process(file).views.size(), 2U);
  decode::Limits limits;
  limits.max_exif_bytes = static_cast<std::uint32_t>(exif.size()) - 1;
  const auto result = Process(file, limits);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.views.size(), 1U);
  EXPECT_TRUE(result.embedded_unseen);
}

/// Each pixel the mean of a square of `by` pixels a side.
Rgba Shrink(const Rgba& picture, int by) {
  Rgba small{picture.width / by, picture.height / by, {}};
  for (int row = 0; row < small.height; ++row) {
    for (int col = 0; col < small.width; ++col) {
      for (std::size_t i = 0; i < 4; ++i) {
        int sum = by * by / 2;
        for (int y = 0; y < by; ++y) {
          for (int x = 0; x < by; ++x) sum += picture.At(row * by + y, col * by + x)[i];
        }
        small.samples.push_back(static_cast<std::uint8_t>(sum / (by * by)));
      }
    }
  }
  return small;
}

TEST(Scaling, ALargeJpegIsDecodedSmallerAndHashesAlike) {
  const Rgba picture = WavePicture(960, 1280, 5);
  const JpegOptions kinds[] = {{},
                               {.across = 2, .down = 2},
                               {.color = JpegColor::kGrey},
                               {.color = JpegColor::kCmyk},
                               {.progressive = true},
                               {.restart_interval = 7}};
  for (const JpegOptions& kind : kinds) {
    const Bytes file = EncodeJpeg(picture, kind);
    for (const unsigned scale : {2U, 4U, 8U}) {
      SCOPED_TRACE(scale);
      decode::Limits limits;
      limits.max_pixels = std::uint64_t{1280 / scale} * (960 / scale);
      const auto result = image::ProcessUpload(file, decode::Format::kUnknown, {.pdq_nn512 = true}, limits);
      ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_EQ(result.width, 1280U);
      EXPECT_EQ(result.height, 960U);
      ASSERT_EQ(result.views.size(), 1U);
      EXPECT_EQ(result.views[0].width, 1280U / scale);
      if (kind.color != JpegColor::kGrey) {
        EXPECT_LE(WorstDistance(result, 0, ExpectedForms(Shrink(picture, static_cast<int>(scale)))), 4);
      }
      // The second pipeline picks single pixels of the whole picture.
      EXPECT_EQ(result.views[0].pdq.size(), 1U);
      EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(result, 7), 7, limits).has_value());
    }
    decode::Limits limits;
    limits.max_side = 1279;
    EXPECT_EQ(Process(file, limits).views.at(0).width, 640U);
    limits.max_side = 159;
    ExpectLimit(file, limits, Limit::kSide);
    limits = {};
    limits.max_pixels = 1280 * 960 - 1;
    limits.max_scaled_pixels = 1280 * 960 - 1;
    ExpectLimit(file, limits, Limit::kPixels);
  }
}

TEST(Scaling, OnlyWhileTheCoefficientsFit) {
  const Rgba picture = WavePicture(960, 1280, 5);
  decode::Limits limits;
  limits.max_pixels = 640 * 480;
  limits.memory_bytes = 4 << 20;
  EXPECT_EQ(Process(EncodeJpeg(picture, {}), limits).cause, Cause::kNone);
  const Bytes progressive = EncodeJpeg(picture, {.progressive = true});
  ExpectLimit(progressive, limits, Limit::kPixels);
  limits.memory_bytes = 16 << 20;
  EXPECT_EQ(Process(progressive, limits).cause, Cause::kNone);
}

TEST(Scaling, ATruncatedPictureIsCroppedToWhatIsThere) {
  const Rgba picture = WavePicture(960, 1280, 5);
  Bytes file = EncodeJpeg(picture, {});
  file.resize(file.size() / 2);
  decode::Limits limits;
  const auto whole = Process(file, limits);
  limits.max_pixels = 640 * 480;
  const auto half = Process(file, limits);
  ASSERT_EQ(half.cause, Cause::kTruncated);
  ASSERT_EQ(whole.cause, Cause::kTruncated);
  ASSERT_EQ(half.views.size(), 1U);
  EXPECT_EQ(half.views[0].height, whole.views.at(0).height / 2);
  EXPECT_LE(Distance(half.views[0].pdq.at(0).forms[0], whole.views[0].pdq.at(0).forms[0]), 6);
}

/// A row of threats to decoders that were measured on others (OpenCV's and what it loads).
TEST(Bombs, EveryKindHasItsCause) {
  // A billion and more pixels in a file of a few hundred bytes.
  ExpectLimit(PngHeader(30'000, 30'000, 1, 0), {}, Limit::kSide);
  ExpectLimit(PngHeader(16'000, 16'000, 8, 2), {}, Limit::kPixels);
  ExpectLimit(PngHeader(8'000, 8'000, 16, 6), {}, Limit::kPixels);
  const Bytes small = EncodeJpeg(ColorPicture(64, 64), {.across = 2, .down = 2});
  ExpectLimit(WithJpegSides(small, 20'000, 14'000), {}, Limit::kSide);
  ExpectLimit(WithJpegSides(small, 16'000, 16'000), {}, Limit::kPixels);
  ExpectLimit(WithJpegSides(small, 65'535, 65'535), {}, Limit::kPixels);
  // So many scans that the pixels they go over count, however few the file has.
  const Bytes progressive = EncodeJpeg(ColorPicture(64, 64), {.progressive = true});
  ExpectLimit(RepeatFirstScan(WithJpegSides(progressive, 8'000, 8'000), 1'000), {}, Limit::kScans);
  ExpectLimit(RepeatFirstScan(WithJpegSides(progressive, 7'000, 7'000), 50), {}, Limit::kScanPixels);
  ExpectLimit(RepeatFirstScan(WithJpegSides(progressive, 2'000, 2'000), 5'000), {}, Limit::kScans);
  // Coefficients that have to be kept, of more pixels than are decoded whole.
  ExpectLimit(WithJpegSides(progressive, 15'000, 15'000), {}, Limit::kPixels);
  // Canvases that are only declared.
  Bytes webp = EncodeWebpAnimation({ColorPicture(8, 8), GreyPicture(8, 8)});
  const std::uint8_t side[] = {0xfe, 0x3f, 0, 0xfe, 0x3f, 0};
  std::ranges::copy(side, webp.begin() + 24);
  ExpectLimit(webp, {}, Limit::kPixels);
  Bytes gif = EncodeGif({ColorPicture(8, 8)}, {.canvas_width = 16'383, .canvas_height = 16'383});
  ExpectLimit(gif, {}, Limit::kPixels);
  // Formats behind which other programs find a rich library.
  for (const std::string& magic :
       {std::string(128, '\0') + "DICM", std::string("\x76\x2f\x31\x01\x02\0\0\0", 8),
        std::string("#?RADIANCE\n"), std::string("PF\n8 8\n-1.0\n"), std::string("\x59\xa6\x6a\x95", 4),
        std::string("NITF02.10"), std::string("II*\0\x08\0\0\0", 8),
        std::string("\0\0\0\x0cjP  \r\n\x87\n", 12)}) {
    Bytes file(magic.begin(), magic.end());
    file.resize(file.size() + 64);
    EXPECT_EQ(Name(Process(file).cause), Name(Cause::kUnsupportedFormat)) << magic.substr(0, 4);
  }
}

TEST(Bombs, WhatInflatesBesideThePictureIsPassedOver) {
  Bytes zeros(64U << 20);
  Bytes packed(compressBound(zeros.size()));
  uLongf size = packed.size();
  ASSERT_EQ(compress2(packed.data(), &size, zeros.data(), zeros.size(), 9), Z_OK);
  packed.resize(size);
  for (const char* type : {"iCCP", "zTXt", "iTXt"}) {
    Bytes data = {'a', 0, 0};
    if (std::string(type) == "iTXt") data = {'a', 0, 1, 0, 0, 0};
    data.insert(data.end(), packed.begin(), packed.end());
    Bytes file = EncodePng(ColorPicture(60, 80), {});
    const Bytes chunk = PngChunk(type, data);
    file.insert(file.begin() + 33, chunk.begin(), chunk.end());
    const auto result = Process(file);
    EXPECT_EQ(result.cause, Cause::kNone) << type;
    // A profile of that size cannot be read, so it may ask for anything.
    EXPECT_EQ(result.colour_unusual, std::string(type) == "iCCP") << type;
  }
}

TEST(Bombs, AHeaderOfAMillionBytesEnds) {
  for (const Bytes& piece : {Bytes{0xff, 0xe1, 0, 2}, Bytes{0xff, 0xff}, Bytes{0xff, 0xd8, 0xff},
                             Bytes{0xff, 0xe2, 0, 6, 0xff, 0xd8, 0xff, 0xd8}, Bytes{0xff, 0xda, 0, 2}}) {
    Bytes file = {0xff, 0xd8, 0xff};
    while (file.size() < 1'000'000) file.insert(file.end(), piece.begin(), piece.end());
    const auto result = Process(file);
    EXPECT_NE(result.cause, Cause::kNone);
    EXPECT_TRUE(result.views.empty());
  }
}

TEST(Bombs, DeclaredSidesAreRefusedUnread) {
  EXPECT_EQ(Process(PngHeader(30000, 30000, 1, 0)).cause, Cause::kTooManyPixels);
  EXPECT_EQ(Process(PngHeader(0x7fffffff, 0x7fffffff, 8, 6)).cause, Cause::kTooManyPixels);
  Bytes bmp = EncodeBmp(ColorPicture(8, 8), {});
  for (const std::size_t at : {18U, 19U, 22U, 23U}) bmp[at] = 0x3f;
  EXPECT_EQ(Process(bmp).cause, Cause::kTooManyPixels);
  Bytes gif = EncodeGif({ColorPicture(8, 8)}, {});
  for (const std::size_t at : {6U, 7U, 8U, 9U}) gif[at] = 0xff;
  EXPECT_EQ(Process(gif).cause, Cause::kTooManyPixels);
  Bytes jpeg = EncodeJpeg(ColorPicture(8, 8), {});
  for (std::size_t at = 0; at + 9 < jpeg.size(); ++at) {
    if (jpeg[at] == 0xff && jpeg[at + 1] == 0xc0) {
      std::fill_n(jpeg.begin() + static_cast<std::ptrdiff_t>(at) + 5, 4, std::uint8_t{0xff});
      break;
    }
  }
  EXPECT_EQ(Process(jpeg).cause, Cause::kTooManyPixels);
}

TEST(Bombs, HugePngChunkCostsNothing) {
  // A chunk that declares a gigabyte and carries nothing: 57 bytes in all.
  for (const char* type : {"tEXt", "zTXt", "iCCP", "eXIf", "sPLT", "abCd", "tRNS", "PLTE", "acTL"}) {
    Bytes file = PngHeader(8, 8, 8, 2);
    const std::uint8_t declared[] = {0x3f, 0xff, 0xff, 0xff};
    file.insert(file.end(), declared, declared + 4);
    file.insert(file.end(), type, type + 4);
    file.resize(57);
    const auto result = Process(file);
    EXPECT_TRUE(result.cause == Cause::kTruncated || result.cause == Cause::kCorrupt) << type;
    EXPECT_TRUE(result.views.empty());
  }
}

TEST(Bombs, ManyScansAreTooCostly) {
  const Bytes file = EncodeJpeg(GreyPicture(64, 64), {.color = JpegColor::kGrey, .progressive = true});
  const Bytes bomb = RepeatFirstScan(file, 200);
  ExpectLimit(bomb, {}, Limit::kScans);
  decode::Limits limits;
  limits.max_scans = 1000;
  EXPECT_EQ(Process(bomb, limits).cause, Cause::kNone);
  limits.max_scan_pixels = 64 * 64 * 100;
  ExpectLimit(bomb, limits, Limit::kScanPixels);
  // An ordinary progressive file is far from the limit.
  EXPECT_EQ(Process(file).cause, Cause::kNone);
}

TEST(Bombs, FramesAreCountedNotDecoded) {
  Bytes gif = EncodeGif({ColorPicture(8, 8)}, {});
  gif.pop_back();
  const Bytes frame = {0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 0};
  for (int i = 0; i < 300'000; ++i) gif.insert(gif.end(), frame.begin(), frame.end());
  gif.push_back(0x3b);
  ExpectLimit(gif, {}, Limit::kFrames);
  decode::Limits limits;
  limits.max_frames = 300'001;
  const auto result = Process(gif, limits);
  EXPECT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_total, 300'001U);
  EXPECT_LT(result.frames_seen, result.frames_total);
  limits.max_frames = 300'000;
  ExpectLimit(gif, limits, Limit::kFrames);

  // An APNG that only says so.
  Bytes png = EncodePng(ColorPicture(8, 8), {});
  const Bytes control = PngChunk("acTL", {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0});
  png.insert(png.begin() + 33, control.begin(), control.end());
  ExpectLimit(png, {}, Limit::kFrames);

  Bytes webp = EncodeWebpAnimation({ColorPicture(2, 2), GreyPicture(2, 2)});
  const Bytes name = {'A', 'N', 'M', 'F'};
  const auto last = std::find_end(webp.begin(), webp.end(), name.begin(), name.end());
  const Bytes again(last, webp.end());
  for (int i = 0; i < 20'000; ++i) webp.insert(webp.end(), again.begin(), again.end());
  const auto size = static_cast<std::uint32_t>(webp.size() - 8);
  for (unsigned i = 0; i < 4; ++i) webp[4 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  ExpectLimit(webp, {}, Limit::kFrames);
}

}  // namespace
}  // namespace hashgate::testing
