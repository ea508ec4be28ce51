#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "decode/sniff.h"

namespace hashgate::decode {
namespace {

using namespace std::string_literals;

HeaderFacts Read(Format format, const std::string& text) {
  return ReadHeader(format, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void ExpectSides(const HeaderFacts& facts, std::uint32_t width, std::uint32_t height) {
  EXPECT_EQ(facts.width, width);
  EXPECT_EQ(facts.height, height);
}

const std::string kApp = "\xff\xe0\0\x04xx"s;
const std::string kFrame = "\xff\xc2\0\x0b\x08\x01\x02\x03\x04\x01\x01\x11\0"s;  // 772 x 258
const std::string kScan = "\xff\xda\0\x08\x01\x01\0\0\x3f\0"s;

TEST(ReadHeader, Jpeg) {
  const std::string file = "\xff\xd8"s + kApp + kFrame + kScan + "data\xff\0data\xff\xd0more"s + kScan +
                           "x\xff\xff\xda\0\x02"s + "\xff\xd9"s + kScan;
  const HeaderFacts facts = Read(Format::kJpeg, file);
  ExpectSides(facts, 772, 258);
  EXPECT_EQ(facts.scans, 3U) << "stuffing and restarts are no scans; what follows the end is not counted";
}

TEST(ReadHeader, JpegTakesTheFirstFrameHeaderAndNoTableForOne) {
  const std::string table = "\xff\xc4\0\x09\x08\x09\x09\x09\x09\x09\x09"s;
  const std::string second = "\xff\xc0\0\x0b\x08\0\x09\0\x09\x01\x01\x11\0"s;
  ExpectSides(Read(Format::kJpeg, "\xff\xd8"s + table + kFrame + second), 772, 258);
}

TEST(ReadHeader, JpegCutAnywhereStaysWithinItsBytes) {
  const std::string file = "\xff\xd8"s + kApp + kFrame + kScan + "data\xff\xd9"s;
  for (std::size_t length = 0; length < file.size(); ++length) {
    const HeaderFacts facts = Read(Format::kJpeg, file.substr(0, length));
    EXPECT_TRUE(facts.width == 0 || facts.width == 772) << length;
  }
  EXPECT_EQ(Read(Format::kJpeg, "\xff\xd8\xff\xe0\0\0\xff\xc0"s).width, 0U);
}

TEST(ReadHeader, JpegCostsLinearTime) {
  // 16 MiB that look like a marker at every byte.
  std::string file(16 << 20, '\xff');
  file[1] = '\xd8';
  const auto start = std::chrono::steady_clock::now();
  Read(Format::kJpeg, file);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(ReadHeader, Png) {
  const std::string file = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\0\x02\0\0\x03\x04"s;
  const HeaderFacts facts = Read(Format::kPng, file);
  ExpectSides(facts, 65'538, 772);
  EXPECT_EQ(facts.scans, 1U);
  ExpectSides(Read(Format::kPng, file.substr(0, file.size() - 1)), 0, 0);
  std::string other = file;
  other.replace(12, 4, "iCCP");
  ExpectSides(Read(Format::kPng, other), 0, 0);
}

TEST(ReadHeader, Gif) {
  ExpectSides(Read(Format::kGif, "GIF89a\x02\x01\x04\x03"s), 258, 772);
  ExpectSides(Read(Format::kGif, "GIF89a\x02\x01\x04"s), 0, 0);
}

TEST(ReadHeader, Webp) {
  const std::string riff = "RIFF\0\0\0\0WEBP"s;
  // Lossy: 14-bit sides beside two bits of scaling.
  ExpectSides(Read(Format::kWebp, riff + "VP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x02\x41\x04\x83"s), 258, 772);
  // Lossless: 14 bits each, one less than the side.
  ExpectSides(Read(Format::kWebp, riff + "VP8L\0\0\0\0\x2f\x01\xc1\xc0\0"s + std::string(8, '\0')), 258, 772);
  ExpectSides(Read(Format::kWebp, riff + "VP8X\x0a\0\0\0\0\0\0\0\x01\x01\0\x03\x03\0"s), 258, 772);
  ExpectSides(Read(Format::kWebp, riff + "VP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff"s), 1 << 24,
              1 << 24);
  ExpectSides(Read(Format::kWebp, riff + "JUNK"s + std::string(30, '\x9d')), 0, 0);
}

TEST(ReadHeader, Bmp) {
  const std::string lead = "BM"s + std::string(12, '\0');
  ExpectSides(Read(Format::kBmp, lead + "\x28\0\0\0\x02\x01\0\0\x04\x03\0\0"s), 258, 772);
  ExpectSides(Read(Format::kBmp, lead + "\x0c\0\0\0\x02\x01\x04\x03\0\0\0\0"s), 258, 772);
  // From the top down: a negative height.
  ExpectSides(Read(Format::kBmp, lead + "\x28\0\0\0\x02\x01\0\0\xfc\xfc\xff\xff"s), 258, 772);
  ExpectSides(Read(Format::kBmp, lead + "\x28\0\0\0\xff\xff\xff\xff\0\0\0\x80"s), 0, 0x80000000);
}

TEST(ReadHeader, NothingForOtherFormats) {
  const HeaderFacts facts = Read(Format::kTiff, std::string(100, 'x'));
  ExpectSides(facts, 0, 0);
}

}  // namespace
}  // namespace hashgate::decode
