// Thumbnails and second pictures of a file.
#include "image/embedded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode/sniff.h"
#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

void Append(Bytes& to, const Bytes& bytes) {
  to.reserve(to.size() + bytes.size());
  for (const std::uint8_t byte : bytes) to.push_back(byte);
}

Bytes Text(const std::string& text) {
  return {text.begin(), text.end()};
}

Bytes Segment(std::uint8_t marker, const Bytes& data) {
  Bytes out = {0xff, marker, static_cast<std::uint8_t>((data.size() + 2) >> 8),
               static_cast<std::uint8_t>(data.size() + 2)};
  Append(out, data);
  return out;
}

/// A TIFF structure whose second directory names `thumbnail`, as Exif 2.32, 4.5.8 has it.
Bytes Exif(const Bytes& thumbnail) {
  const auto length = static_cast<std::uint32_t>(thumbnail.size());
  Bytes out = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 14, 0, 0, 0, 2, 0};
  for (const auto& [tag, value] : {std::pair{0x0201U, 44U}, {0x0202U, length}}) {
    for (const std::uint32_t field : {tag | 4U << 16, 1U, value}) {
      for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(field >> shift));
    }
  }
  Append(out, {0, 0, 0, 0});
  Append(out, thumbnail);
  return out;
}

Bytes With(const Bytes& jpeg, const Bytes& segment) {
  Bytes out = {jpeg[0], jpeg[1]};
  Append(out, segment);
  Append(out, Bytes(jpeg.begin() + 2, jpeg.end()));
  return out;
}

Bytes ExifSegment(const Bytes& thumbnail) {
  Bytes data = Text("Exif");
  Append(data, {0, 0});
  Append(data, Exif(thumbnail));
  return Segment(0xe1, data);
}

Bytes Jpeg(unsigned seed, int height = 120, int width = 160) {
  return EncodeJpeg(WavePicture(height, width, seed), {.quality = 95});
}

void ExpectEmbedded(const decode::DecodeResult& result, std::size_t view, std::uint32_t number,
                    const Rgba& picture) {
  ASSERT_LT(view, result.views.size());
  EXPECT_EQ(result.views[view].kind, ViewKind::kEmbedded);
  EXPECT_EQ(result.views[view].frame, number);
  EXPECT_TRUE(result.views[view].hidden);
  EXPECT_EQ(result.views[view].width, static_cast<std::uint32_t>(picture.width));
  EXPECT_LE(WorstDistance(result, view, ExpectedForms(picture)), 8);
  EXPECT_TRUE(decode::DecodeReply(decode::EncodeReply(result, 1), 1, {}).has_value());
}

TEST(Embedded, AThumbnailInAnySegmentIsAHiddenView) {
  Bytes editor = Text("Photoshop 3.0");
  Append(editor, Bytes(40, 7));
  Append(editor, Jpeg(2));
  Bytes extension = Text("JFXX");
  Append(extension, {0, 0x10});
  Append(extension, Jpeg(2));
  for (const Bytes& segment : {ExifSegment(Jpeg(2)), Segment(0xed, editor), Segment(0xe0, extension)}) {
    for (const bool progressive : {false, true}) {
      const Bytes main = EncodeJpeg(WavePicture(300, 400, 1), {.quality = 95, .progressive = progressive});
      const auto result = Process(With(main, segment));
      ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_EQ(result.frames_total, 1U);
      EXPECT_FALSE(result.embedded_unseen);
      ASSERT_EQ(result.views.size(), 2U);
      EXPECT_FALSE(result.views[0].hidden);
      ExpectEmbedded(result, 1, 0, WavePicture(120, 160, 2));
    }
  }
}

TEST(Embedded, TheSamePictureOnceMoreIsNoFurtherView) {
  const Rgba picture = WavePicture(240, 320, 1);
  Bytes file = EncodeJpeg(picture, {});
  Append(file, EncodeJpeg(picture, {.quality = 60}));
  const auto result = Process(file);
  EXPECT_EQ(result.views.size(), 1U);
  EXPECT_FALSE(result.embedded_unseen);
}

TEST(Embedded, PicturesBehindTheFirstAreViews) {
  // As MPO and MPF have it: each with its own thumbnail, with or without something between.
  for (const std::size_t gap : {0U, 5U, 3000U}) {
    Bytes file = With(Jpeg(1), ExifSegment(Jpeg(2, 60, 80)));
    Append(file, Bytes(gap, 0));
    Append(file, With(Jpeg(3), ExifSegment(Jpeg(4, 60, 80))));
    Append(file, Bytes(gap, 0xff));
    Append(file, EncodeJpeg(WavePicture(100, 90, 5), {.quality = 95, .progressive = true}));
    const auto result = Process(file);
    ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_TRUE(result.trailing_bytes);
    EXPECT_FALSE(result.embedded_unseen);
    ASSERT_EQ(result.views.size(), 5U);
    ExpectEmbedded(result, 1, 0, WavePicture(60, 80, 2));
    ExpectEmbedded(result, 2, 1, WavePicture(60, 80, 4));
    ExpectEmbedded(result, 3, 2, WavePicture(120, 160, 3));
    ExpectEmbedded(result, 4, 3, WavePicture(100, 90, 5));
  }
}

TEST(Embedded, ExifOfPngAndWebpIsSearchedToo) {
  Bytes png = EncodePng(WavePicture(50, 60, 1), {});
  const Bytes chunk = PngChunk("eXIf", Exif(Jpeg(2)));
  png.insert(png.end() - 12, chunk.begin(), chunk.end());
  auto result = Process(png);
  ASSERT_EQ(result.views.size(), 2U);
  ExpectEmbedded(result, 1, 0, WavePicture(120, 160, 2));
  Bytes webp = EncodeWebpFrames(60, 50, {{.picture = WavePicture(50, 60, 1)}});
  Bytes exif = Text("EXIF");
  Bytes data = Exif(Jpeg(2));
  if (data.size() % 2 != 0) data.push_back(0);
  for (int shift = 0; shift < 32; shift += 8) exif.push_back(static_cast<std::uint8_t>(data.size() >> shift));
  Append(exif, data);
  Append(webp, exif);
  const std::size_t size = webp.size() - 8;
  for (std::size_t i = 0; i < 4; ++i) webp[4 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  result = Process(webp);
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  ASSERT_GE(result.views.size(), 2U);
  ExpectEmbedded(result, result.views.size() - 1, 0, WavePicture(120, 160, 2));
}

TEST(Embedded, WhatIsLeftOutIsSaid) {
  Bytes many = Jpeg(1);
  for (unsigned i = 0; i < image::kMaxEmbedded; ++i) Append(many, Jpeg(2 + i, 40, 50));
  auto result = Process(many);
  EXPECT_EQ(result.views.size(), 1 + image::kMaxEmbedded);
  EXPECT_FALSE(result.embedded_unseen);
  Append(many, Jpeg(40, 40, 50));
  result = Process(many);
  EXPECT_EQ(result.views.size(), 1 + image::kMaxEmbedded);
  EXPECT_TRUE(result.embedded_unseen);

  decode::Limits limits;
  // As many as the pixels of one picture may be.
  limits.max_pixels = 120 * 160;
  many = Jpeg(1);
  for (unsigned i = 0; i < 4; ++i) Append(many, Jpeg(2 + i, 60, 100));
  result = Process(many, limits);
  EXPECT_EQ(result.views.size(), 4U);
  EXPECT_TRUE(result.embedded_unseen);

  // One whose tables are gone: it has a frame, and cannot be decoded.
  Bytes broken = Jpeg(2);
  for (std::size_t i = 2; i + 1 < broken.size(); ++i) {
    if (broken[i] == 0xff && broken[i + 1] == 0xc4) {
      broken[i + 5] = 0xff;
      break;
    }
  }
  result = Process(With(Jpeg(1), ExifSegment(broken)));
  EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_TRUE(result.embedded_unseen);
}

TEST(Embedded, ScansOfTheWholeFileShareOneLimit) {
  const auto thumbnail = [](unsigned seed) {
    const JpegOptions options{.color = JpegColor::kGrey, .progressive = true};
    return RepeatFirstScan(EncodeJpeg(WavePicture(64, 64, seed), options), 20);
  };
  const auto scan_pixels = [](const Bytes& jpeg) {
    const decode::HeaderFacts facts = decode::ReadHeader(decode::Format::kJpeg, jpeg);
    return std::uint64_t{facts.width} * facts.height * facts.scans;
  };
  const std::uint64_t each = scan_pixels(thumbnail(2));
  ASSERT_GT(each, 64U * 64 * 20);
  Bytes jpeg = Jpeg(1);
  for (const unsigned seed : {2U, 3U, 4U}) Append(jpeg, thumbnail(seed));
  Bytes png = EncodePng(WavePicture(50, 60, 1), {});
  const Bytes chunk = PngChunk("eXIf", Exif(thumbnail(2)));
  png.insert(png.end() - 12, chunk.begin(), chunk.end());

  decode::Limits limits;
  const std::uint64_t own = scan_pixels(jpeg);
  ASSERT_EQ(own, 120U * 160);
  for (const std::uint64_t count : {0U, 1U, 2U, 3U}) {
    SCOPED_TRACE(count);
    limits.max_scan_pixels = own + count * each;
    auto result = Process(jpeg, limits);
    EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_EQ(result.views.size(), 1 + count);
    EXPECT_EQ(result.embedded_unseen, count < 3);
    if (count == 0) continue;
    --limits.max_scan_pixels;
    result = Process(jpeg, limits);
    EXPECT_EQ(result.views.size(), count);
    EXPECT_TRUE(result.embedded_unseen);
  }
  // A picture of another format takes what as many scans of a JPEG would.
  limits.max_scan_pixels = std::uint64_t{50 * 60} * 26 + each;
  auto result = Process(png, limits);
  EXPECT_EQ(result.views.size(), 2U);
  EXPECT_FALSE(result.embedded_unseen);
  --limits.max_scan_pixels;
  result = Process(png, limits);
  EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_EQ(result.views.size(), 1U);
  EXPECT_TRUE(result.embedded_unseen);
}

TEST(Embedded, JunkInFrontHidesNothing) {
  // Starts of pictures that are none, also as a decoy right in front and around the real one.
  const Bytes start = {0xff, 0xd8, 0xff, 0xd8, 0xff, 0xd8, 0xff};
  Bytes around = {0xff, 0xd8};
  Append(around, ExifSegment(Jpeg(2)));
  for (const Bytes& junk :
       {start, Bytes{0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff}, Bytes{0xff, 0xd8, 0xff, 0xda, 0, 0}}) {
    Bytes file = Jpeg(1);
    for (int i = 0; i < 30; ++i) Append(file, junk);
    Append(file, Jpeg(2));
    const auto result = Process(file);
    ASSERT_EQ(result.views.size(), 2U);
    ExpectEmbedded(result, 1, 0, WavePicture(120, 160, 2));
  }
  Bytes file = Jpeg(1);
  Append(file, around);
  const auto result = Process(file);
  ASSERT_EQ(result.views.size(), 2U);
  ExpectEmbedded(result, 1, 0, WavePicture(120, 160, 2));
}

}  // namespace
}  // namespace hashgate::testing
