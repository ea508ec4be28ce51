#include "image/color_request.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include "decode/byte_order.h"
#include "image/color_profile.h"

#include <zlib.h>

namespace hashgate::image {
namespace {

using namespace std::string_view_literals;

bool Is(ByteSpan bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

// ---- PNG. Source: W3C PNG, third edition, "Color space information".

/// A profile behind its name and the byte that says deflate.
bool IsUnusualPngProfile(ByteSpan data, std::size_t max_bytes) {
  const auto name_end = std::find(data.begin(), data.end(), std::uint8_t{0});
  const auto name_bytes = static_cast<std::size_t>(name_end - data.begin());
  if (data.size() - name_bytes < 3 || data[name_bytes + 1] != 0) return true;
  const ByteSpan packed = data.subspan(name_bytes + 2);
  // One byte more than is read, so that a longer one shows.
  std::vector<std::uint8_t> profile(max_bytes + 1);
  uLongf size = profile.size();
  const int status = uncompress(profile.data(), &size, packed.data(), packed.size());
  return status != Z_OK || size > max_bytes || IsUnusualProfile(ByteSpan(profile).first(size));
}

bool IsUnusualPngChunk(ByteSpan type, ByteSpan data, std::size_t max_profile_bytes) {
  if (Is(type, 0, "iCCP"sv)) return IsUnusualPngProfile(data, max_profile_bytes);
  if (Is(type, 0, "gAMA"sv)) {
    const std::uint32_t value = data.size() == 4 ? decode::Be32(data, 0) : 0;
    return value == 0 || IsUnusualGamma(100'000.0 / value);
  }
  if (Is(type, 0, "cICP"sv))
    return data.size() != 4 || data[2] != 0 || AreUnusualCodePoints(data[0], data[1]);
  if (!Is(type, 0, "cHRM"sv)) return false;
  if (data.size() != 32) return true;
  std::array<Chromaticity, 4> points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = {decode::Be32(data, 8 * i) / 100'000.0, decode::Be32(data, 8 * i + 4) / 100'000.0};
  }
  return AreUnusualPrimaries(points);
}

bool PngAsks(ByteSpan bytes, std::size_t max_profile_bytes) {
  bool profile_seen = false;
  std::size_t at = 8;
  while (bytes.size() >= 12 && at <= bytes.size() - 12) {
    const std::size_t length = decode::Be32(bytes, at);
    const ByteSpan type = bytes.subspan(at + 4, 4);
    if (length > bytes.size() - at - 12 || Is(type, 0, "IDAT"sv)) return false;
    // One profile is all that a file may have; a second one would let it cost any number of inflations.
    if (Is(type, 0, "iCCP"sv)) {
      if (profile_seen) return true;
      profile_seen = true;
    }
    if (IsUnusualPngChunk(type, bytes.subspan(at + 8, length), max_profile_bytes)) return true;
    at += length + 12;
  }
  return false;
}

// ---- JPEG: the profile in numbered parts. Source: ICC.1:2022, B.4; ITU-T T.81 annex B.
bool JpegAsks(ByteSpan bytes, std::size_t max_profile_bytes) {
  constexpr std::string_view kName = "ICC_PROFILE\0"sv;
  std::vector<std::uint8_t> profile;
  unsigned parts = 0;
  unsigned expected = 0;
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    if (bytes[at] != 0xff) {
      ++at;
      continue;
    }
    const std::uint8_t marker = bytes[at + 1];
    // Filling, stuffed zeros, and markers without a length.
    if (marker == 0xff) {
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker == 0xda || marker == 0xd9) break;
    const std::size_t length = decode::Be16(bytes, at);
    if (length < 2 || length > bytes.size() - at) break;
    const ByteSpan data = bytes.subspan(at + 2, length - 2);
    at += length;
    if (marker != 0xe2 || !Is(data, 0, kName) || data.size() < kName.size() + 2) continue;
    if (parts == 0) expected = data[kName.size() + 1];
    // Parts out of order are read by some programs and passed over by others.
    if (data[kName.size()] != ++parts || data[kName.size() + 1] != expected) return true;
    const ByteSpan part = data.subspan(kName.size() + 2);
    if (part.size() > max_profile_bytes - profile.size()) return true;
    profile.insert(profile.end(), part.begin(), part.end());
  }
  return parts != 0 && (parts != expected || IsUnusualProfile(profile));
}

// ---- WebP. Source: RFC 9649.
bool WebpAsks(ByteSpan bytes, std::size_t max_profile_bytes) {
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::size_t length = decode::Le32(bytes, at + 4);
    if (Is(bytes, at, "ICCP"sv)) {
      return length > bytes.size() - at - 8 || length > max_profile_bytes ||
             IsUnusualProfile(bytes.subspan(at + 8, length));
    }
    at += 8 + length + length % 2;
  }
  return false;
}

// ---- BMP. Source: Microsoft's BITMAPV4HEADER and BITMAPV5HEADER; the names are numbers in little-endian
// order.
bool BmpAsks(ByteSpan bytes, std::size_t max_profile_bytes) {
  constexpr std::uint32_t kCalibrated = 0;
  constexpr std::uint32_t kSrgb = 0x73524742;
  constexpr std::uint32_t kWindows = 0x57696e20;
  constexpr std::uint32_t kEmbedded = 0x4d424544;
  constexpr std::size_t kInfo = 14;
  if (bytes.size() < kInfo + 108 || decode::Le32(bytes, kInfo) < 108) return false;
  const std::uint32_t space = decode::Le32(bytes, kInfo + 56);
  if (space == kSrgb || space == kWindows) return false;
  if (space == kEmbedded) {
    if (bytes.size() < kInfo + 124 || decode::Le32(bytes, kInfo) < 124) return true;
    const std::size_t at = kInfo + std::size_t{decode::Le32(bytes, kInfo + 112)};
    const std::size_t length = decode::Le32(bytes, kInfo + 116);
    return at > bytes.size() || length > bytes.size() - at || length > max_profile_bytes ||
           IsUnusualProfile(bytes.subspan(at, length));
  }
  if (space != kCalibrated) return true;
  // Primaries as XYZ of 2.30 bits, then gammas of 16.16; writers that mean nothing by them leave zeros.
  std::array<double, 3> luminances{};
  bool given = false;
  bool unusual = false;
  for (std::size_t i = 0; i < 3; ++i) {
    luminances[i] = decode::Le32(bytes, kInfo + 64 + 12 * i) / 1073741824.0;
    given = given || luminances[i] != 0;
    const std::uint32_t gamma = decode::Le32(bytes, kInfo + 96 + 4 * i);
    unusual = unusual || (gamma != 0 && IsUnusualGamma(gamma / 65536.0));
  }
  return unusual || (given && AreUnusualLuminances(luminances));
}

}  // namespace

bool AsksForUnusualColors(decode::Format format, ByteSpan bytes, std::size_t max_profile_bytes) {
  switch (format) {
    case decode::Format::kPng: return PngAsks(bytes, max_profile_bytes);
    case decode::Format::kJpeg: return JpegAsks(bytes, max_profile_bytes);
    case decode::Format::kWebp: return WebpAsks(bytes, max_profile_bytes);
    case decode::Format::kBmp: return BmpAsks(bytes, max_profile_bytes);
    // The codecs of the others tell, for only they find the colours.
    default: return false;
  }
}

}  // namespace hashgate::image
