// The estimate by which admission goes: from headers alone, and never beyond what a worker may do.
#include "scan/cost.h"

#include <gtest/gtest.h>

#include <vector>

namespace hashgate::scan {
namespace {

std::vector<std::uint8_t> Png(std::uint32_t width, std::uint32_t height) {
  std::vector<std::uint8_t> bytes = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a,
                                     0,    0,   0,   13,  'I',  'H',  'D',  'R'};
  for (const std::uint32_t side : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(side >> shift));
  }
  bytes.insert(bytes.end(), {8, 2, 0, 0, 0});
  return bytes;
}

std::vector<std::uint8_t> Jpeg(std::uint16_t width, std::uint16_t height, int scans) {
  std::vector<std::uint8_t> bytes = {0xff, 0xd8, 0xff, 0xc2, 0, 11, 8};
  for (const std::uint16_t side : {height, width}) {
    bytes.push_back(static_cast<std::uint8_t>(side >> 8));
    bytes.push_back(static_cast<std::uint8_t>(side));
  }
  bytes.insert(bytes.end(), {1, 1, 0x11, 0});
  for (int i = 0; i < scans; ++i) bytes.insert(bytes.end(), {0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x55});
  bytes.insert(bytes.end(), {0xff, 0xd9});
  return bytes;
}

double MillisOf(const std::vector<std::uint8_t>& bytes, const decode::Limits& limits = {}) {
  return DeclaredCost(bytes, bytes.size(), limits).time.count() / 1'000;
}

TEST(Cost, GrowsWithPixels) {
  EXPECT_GT(MillisOf(Png(4'000, 3'000)), 10 * MillisOf(Png(1'000, 1'000)));
  EXPECT_NEAR(MillisOf(Png(4'000, 3'000)), MillisOf(Png(3'000, 4'000)), 0.001);
}

TEST(Cost, GrowsWithScans) {
  EXPECT_GT(MillisOf(Jpeg(4'000, 3'000, 100)), 20 * MillisOf(Jpeg(4'000, 3'000, 1)));
  EXPECT_LT(MillisOf(Jpeg(1'000, 1'000, 1)), 20);
}

TEST(Cost, OfAnimationsGrowsWithBytes) {
  std::vector<std::uint8_t> gif = {'G', 'I', 'F', '8', '9', 'a', 0xe0, 1, 0x0e, 1};  // 480 x 270
  std::vector<std::uint8_t> apng = Png(480, 270);
  apng.insert(apng.end(), {0, 0, 0, 0});  // the CRC of IHDR
  std::vector<std::uint8_t> png = apng;
  apng.insert(apng.end(), {0, 0, 0, 8, 'a', 'c', 'T', 'L', 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0});
  std::vector<std::uint8_t> webp = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E',  'B', 'P', 'V',  'P', '8',
                                    'X', 10,  0,   0,   0, 2, 0, 0, 0,   0xdf, 1,   0,   0x0d, 1,   0};
  for (auto* file : {&gif, &apng, &webp}) {
    file->resize(100);
    const double one = MillisOf(*file);
    EXPECT_LT(one, 5);
    file->resize(4 << 20);
    EXPECT_GT(MillisOf(*file), 100) << "about a hundred frames";
    EXPECT_LT(MillisOf(*file, {.max_frame_pixels = 100'000}), 20) << "no more than is decoded";
  }
  png.resize(4 << 20);
  EXPECT_LT(MillisOf(png), 10) << "says that it is still";
}

TEST(Cost, KindsAreTheFormatsThatAreDecoded) {
  const auto png = Png(10, 10);
  const auto jpeg = Jpeg(10, 10, 1);
  EXPECT_NE(DeclaredCost(png, png.size(), {}).kind, DeclaredCost(jpeg, jpeg.size(), {}).kind);
  EXPECT_NE(DeclaredCost(png, png.size(), {}).kind, DeclaredCost({}, png.size(), {}).kind);
  EXPECT_NE(DeclaredCost({}, 1, {}).kind, LookupCost(1, 0).kind);
}

TEST(Cost, IsNeverMoreThanAWorkerMayDo) {
  EXPECT_LE(MillisOf(Jpeg(65'000, 65'000, 1'000)), 10'001);
  EXPECT_LE(MillisOf(Png(0xffffffff, 0xffffffff)), 10'001);
  EXPECT_LE(MillisOf(Png(10'000, 10'000), {.max_pixels = 1'000'000}), 20);
}

TEST(Cost, FilesThatAreNotDecodedCostTheirBytes) {
  const std::vector<std::uint8_t> text(100, 'x');
  EXPECT_LT(MillisOf(text), 1);
  EXPECT_GT(DeclaredCost({}, 100 << 20, {}).time.count(), 100 * DeclaredCost({}, 100 << 10, {}).time.count());
  EXPECT_LT(MillisOf({}), 1);
  EXPECT_LT(MillisOf({0xff, 0xd8}), 1) << "a header that is cut off";
}

TEST(Cost, LookupsAddUp) {
  EXPECT_GT(LookupCost(1'000, 0).time.count(), 100 * LookupCost(1, 0).time.count() / 2);
}

}  // namespace
}  // namespace hashgate::scan
