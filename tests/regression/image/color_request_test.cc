// A profile, a gamma or primaries far from sRGB change what people see and not what is hashed: the answer
// says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "image/color_profile.h"
#include "unit/image/profiles.h"
#include "unit/image/upload.h"

#include <zlib.h>

namespace hashgate::testing {
namespace {

using image::IsUnusualProfile;

Bytes LittleEndian(std::uint32_t value) {
  Bytes out;
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
  return out;
}
void Append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}
Bytes Text(const std::string& text) {
  return {text.begin(), text.end()};
}

Bytes PngProfileChunk(const Bytes& profile) {
  uLongf size = compressBound(profile.size());
  Bytes packed(size);
  compress(packed.data(), &size, profile.data(), profile.size());
  packed.resize(size);
  Bytes data = {'x', 0, 0};
  Append(data, packed);
  return PngChunk("iCCP", data);
}

Bytes PngWith(const Bytes& chunks) {
  Bytes file = EncodePng(ColorPicture(30, 40), {});
  file.insert(file.begin() + 33, chunks.begin(), chunks.end());
  return file;
}

/// One APP2 segment of a profile.
Bytes JpegPart(const Bytes& part, int number, int count) {
  const std::size_t length = part.size() + 16;
  Bytes out = {0xff, 0xe2, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  Append(out, Text("ICC_PROFILE"));
  Append(out, {0, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(count)});
  Append(out, part);
  return out;
}

Bytes JpegWith(const Bytes& segments) {
  Bytes file = EncodeJpeg(ColorPicture(30, 40), {});
  file.insert(file.begin() + 2, segments.begin(), segments.end());
  return file;
}

Bytes WebpWith(const Bytes& profile) {
  const Bytes plain = EncodeWebp(ColorPicture(30, 40), true, false);
  Bytes body = Text("WEBPVP8X");
  Append(body, {10, 0, 0, 0, 0x20, 0, 0, 0, 39, 0, 0, 29, 0, 0});
  Append(body, Text("ICCP"));
  Append(body, LittleEndian(static_cast<std::uint32_t>(profile.size())));
  Append(body, profile);
  if (profile.size() % 2 != 0) body.push_back(0);
  body.insert(body.end(), plain.begin() + 12, plain.end());
  Bytes file = Text("RIFF");
  Append(file, LittleEndian(static_cast<std::uint32_t>(body.size())));
  Append(file, body);
  return file;
}

void Put(Bytes& file, std::size_t at, std::uint32_t value) {
  const Bytes bytes = LittleEndian(value);
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
}

constexpr std::uint32_t kBmpSrgb = 0x73524742;
constexpr std::uint32_t kBmpEmbedded = 0x4d424544;

Bytes BmpWith(std::uint32_t space, const Bytes& profile = {}) {
  Bytes file = EncodeBmp(ColorPicture(30, 40), {.header = 124});
  Put(file, 14 + 56, space);
  Put(file, 14 + 112, static_cast<std::uint32_t>(file.size() - 14));
  Put(file, 14 + 116, static_cast<std::uint32_t>(profile.size()));
  Append(file, profile);
  return file;
}

bool Unusual(const Bytes& file) {
  const auto result = Process(file);
  EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
  // The fact says how far the hash goes; the hash stays that of the samples.
  EXPECT_EQ(result.views.size(), 1U);
  return result.colour_unusual;
}

TEST(ColorProfile, UsualOnes) {
  EXPECT_FALSE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(2.2))));
  EXPECT_FALSE(IsUnusualProfile(Profile(kSrgbLuminances, SrgbFunction())));
  EXPECT_FALSE(IsUnusualProfile(Profile({0.2412, 0.6922, 0.0666}, SrgbFunction()))) << "Display P3";
  EXPECT_FALSE(IsUnusualProfile(Profile({0.3111, 0.6257, 0.0632}, GammaCurve(2.19921875)))) << "Adobe RGB";
  EXPECT_FALSE(IsUnusualProfile(Profile({0.2880, 0.7118, 0.0001}, GammaCurve(1.8)))) << "ProPhoto";
  EXPECT_FALSE(IsUnusualProfile(Profile({0.2790, 0.6753, 0.0457}, GammaCurve(2.4)))) << "Rec. 2020";
  EXPECT_FALSE(
      IsUnusualProfile(Profile(kSrgbLuminances, TableCurve([](double x) { return std::pow(x, 2.2); }))));
  EXPECT_FALSE(IsUnusualProfile(GreyProfile(GammaCurve(2.2))));
}

TEST(ColorProfile, UnusualOnes) {
  const Bytes good = Profile(kSrgbLuminances, GammaCurve(2.2));
  EXPECT_TRUE(IsUnusualProfile({}));
  EXPECT_TRUE(IsUnusualProfile(Text("a negative in disguise")));
  // Curves: a negative, flat, with a dent, nearly black, nearly white.
  const std::vector<std::function<double(double)>> curves = {
      [](double x) { return 1 - x; }, [](double) { return 0.5; },
      [](double x) { return x < 0.5 ? x : x - 0.25; }, [](double x) { return std::pow(x, 8.0); },
      [](double x) { return std::pow(x, 0.2); }};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, TableCurve(curves[i])))) << i;
    EXPECT_TRUE(IsUnusualProfile(GreyProfile(TableCurve(curves[i])))) << i;
  }
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(6.0))));
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(1.0)))) << "linear";
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, {'c', 'u', 'r', 'v', 0, 0, 0, 0, 0, 0, 0, 0})))
      << "none";
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, TableCurve([](double x) { return x; }))));
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, Function(0, {6.0}))));
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, Function(1, {1.0, -1.0, 1.0})))) << "a falling line";
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, Function(5, {1.0}))));
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, Function(3, {2.4, 1.0})))) << "parameters missing";
  // The picture in one channel alone.
  EXPECT_TRUE(IsUnusualProfile(Profile({1.0, 0.0, 0.0}, GammaCurve(2.2))));
  EXPECT_TRUE(IsUnusualProfile(Profile({0.0606, 0.7169, 0.2225}, GammaCurve(2.2)))) << "red and blue swapped";
  // Look-up tables, other classes and spaces.
  for (const char* table : {"A2B0", "A2B1", "A2B2", "D2B0"}) {
    EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(2.2), {{table, Bytes(12)}}))) << table;
  }
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(2.2), {{"rTRC", GammaCurve(2.2)}})))
      << "twice";
  EXPECT_TRUE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(2.2), {{"cicp", CodePoints(1, 16)}})))
      << "PQ";
  EXPECT_FALSE(IsUnusualProfile(Profile(kSrgbLuminances, GammaCurve(2.2), {{"cicp", CodePoints(12, 13)}})));
  struct Change {
    std::size_t at;
    const char* text;
  };
  for (const Change& change : {Change{12, "prtr"}, Change{12, "link"}, Change{16, "CMYK"}, Change{16, "GRAY"},
                               Change{20, "Lab "}, Change{36, "xxxx"}}) {
    Bytes bad = good;
    std::copy_n(change.text, 4, bad.begin() + static_cast<std::ptrdiff_t>(change.at));
    EXPECT_TRUE(IsUnusualProfile(bad)) << change.text;
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_TRUE(IsUnusualProfile(ByteSpan(good).first(length))) << length;
  }
}

TEST(ColorRequest, ProfilesInEveryFormat) {
  const Bytes good = Profile(kSrgbLuminances, SrgbFunction());
  const Bytes bad = Profile(kSrgbLuminances, TableCurve([](double x) { return 1 - x; }));
  EXPECT_FALSE(Unusual(EncodePng(ColorPicture(30, 40), {})));
  EXPECT_FALSE(Unusual(EncodeJpeg(ColorPicture(30, 40), {})));
  EXPECT_FALSE(Unusual(EncodeWebp(ColorPicture(30, 40), true, false)));
  EXPECT_FALSE(Unusual(PngWith(PngProfileChunk(good))));
  EXPECT_FALSE(Unusual(JpegWith(JpegPart(good, 1, 1))));
  EXPECT_FALSE(Unusual(WebpWith(good)));
  EXPECT_FALSE(Unusual(BmpWith(kBmpEmbedded, good)));
  EXPECT_TRUE(Unusual(PngWith(PngProfileChunk(bad))));
  EXPECT_TRUE(Unusual(JpegWith(JpegPart(bad, 1, 1))));
  EXPECT_TRUE(Unusual(WebpWith(bad)));
  EXPECT_TRUE(Unusual(BmpWith(kBmpEmbedded, bad)));
}

TEST(ColorRequest, AProfileThatIsTooLongIsNotRead) {
  const Bytes good = Profile(kSrgbLuminances, SrgbFunction());
  for (const Bytes& file : {PngWith(PngProfileChunk(good)), JpegWith(JpegPart(good, 1, 1)), WebpWith(good),
                            BmpWith(kBmpEmbedded, good)}) {
    decode::Limits limits;
    limits.max_profile_bytes = static_cast<std::uint32_t>(good.size());
    EXPECT_FALSE(Process(file, limits).colour_unusual);
    --limits.max_profile_bytes;
    EXPECT_TRUE(Process(file, limits).colour_unusual);
    EXPECT_EQ(Process(file, limits).views.size(), 1U);
  }
}

TEST(ColorRequest, PngChunks) {
  const Bytes good = PngProfileChunk(Profile(kSrgbLuminances, SrgbFunction()));
  Bytes two = good;
  Append(two, good);
  EXPECT_TRUE(Unusual(PngWith(two)));
  EXPECT_TRUE(Unusual(PngWith(PngChunk("iCCP", Text("no profile")))));
  const auto gamma = [](std::uint32_t value) {
    return PngWith(
        PngChunk("gAMA", {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
                          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}));
  };
  for (const std::uint32_t value : {45'455U, 55'556U, 41'667U}) EXPECT_FALSE(Unusual(gamma(value))) << value;
  for (const std::uint32_t value : {0U, 1U, 15'000U, 100'000U, 300'000U, 0xffffffffU})
    EXPECT_TRUE(Unusual(gamma(value))) << value;
  const auto primaries = [](const std::vector<std::uint32_t>& values) {
    Bytes data;
    for (const std::uint32_t value : values) {
      for (int shift = 24; shift >= 0; shift -= 8) data.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return PngWith(PngChunk("cHRM", data));
  };
  EXPECT_FALSE(Unusual(primaries({31'270, 32'900, 64'000, 33'000, 30'000, 60'000, 15'000, 6'000}))) << "sRGB";
  EXPECT_FALSE(Unusual(primaries({31'270, 32'900, 68'000, 32'000, 26'500, 69'000, 15'000, 6'000}))) << "P3";
  EXPECT_FALSE(Unusual(primaries({31'270, 32'900, 64'000, 33'000, 21'000, 71'000, 15'000, 6'000})))
      << "Adobe";
  EXPECT_TRUE(Unusual(primaries({31'270, 32'900, 15'000, 6'000, 30'000, 60'000, 64'000, 33'000})))
      << "swapped";
  EXPECT_TRUE(Unusual(primaries({31'270, 32'900, 31'271, 32'901, 30'000, 60'000, 15'000, 6'000})))
      << "all in red";
  EXPECT_TRUE(Unusual(primaries({0, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_FALSE(Unusual(PngWith(PngChunk("cICP", {12, 13, 0, 1}))));
  EXPECT_TRUE(Unusual(PngWith(PngChunk("cICP", {9, 16, 0, 1}))));
  EXPECT_TRUE(Unusual(PngWith(PngChunk("cICP", {9, 13}))));
}

TEST(ColorRequest, JpegProfilesInParts) {
  const Bytes profile = Profile(kSrgbLuminances, SrgbFunction());
  const auto half = profile.begin() + static_cast<std::ptrdiff_t>(profile.size() / 2);
  const Bytes first(profile.begin(), half);
  const Bytes second(half, profile.end());
  const auto two = [](const Bytes& a, const Bytes& b) {
    Bytes both = a;
    Append(both, b);
    return JpegWith(both);
  };
  EXPECT_FALSE(Unusual(two(JpegPart(first, 1, 2), JpegPart(second, 2, 2))));
  EXPECT_TRUE(Unusual(two(JpegPart(second, 2, 2), JpegPart(first, 1, 2)))) << "out of order";
  EXPECT_TRUE(Unusual(two(JpegPart(first, 1, 2), JpegPart(second, 2, 3))));
  EXPECT_TRUE(Unusual(JpegWith(JpegPart(first, 1, 2)))) << "one is missing";
}

TEST(ColorRequest, BitmapSpaces) {
  EXPECT_FALSE(Unusual(BmpWith(kBmpSrgb)));
  EXPECT_FALSE(Unusual(BmpWith(0))) << "calibrated, all zeros";
  EXPECT_TRUE(Unusual(BmpWith(0x4c494e4b))) << "a profile in another file";
  EXPECT_TRUE(Unusual(BmpWith(kBmpEmbedded)));
  Bytes gamma = BmpWith(0);
  Put(gamma, 14 + 100, 0x23333);
  EXPECT_FALSE(Unusual(gamma)) << "2.2";
  Put(gamma, 14 + 100, 0xa0000);
  EXPECT_TRUE(Unusual(gamma)) << "10";
  Bytes primaries = BmpWith(0);
  Put(primaries, 14 + 64, 0x40000000);
  EXPECT_TRUE(Unusual(primaries)) << "all light from red";
}

}  // namespace
}  // namespace hashgate::testing
