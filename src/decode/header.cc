#include <cstring>

#include "decode/byte_order.h"
#include "decode/sniff.h"

namespace hashgate::decode {
namespace {

// Source: ITU-T T.81 annex B. Goes from marker to marker up to the end of the first picture; entropy-coded
// data is passed over as a decoder does.
HeaderFacts ReadJpeg(ByteSpan bytes) {
  HeaderFacts facts;
  std::size_t at = 2;
  while (at + 1 < bytes.size()) {
    const void* found = std::memchr(bytes.data() + at, 0xff, bytes.size() - at - 1);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) + 1;
    const std::uint8_t marker = bytes[at];
    // Stuffed zeros, restart markers and TEM have no length; a run of 0xff is filling.
    if (marker == 0xff) continue;
    ++at;
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker == 0xd9) break;
    if (marker == 0xda) ++facts.scans;
    if (at + 2 > bytes.size()) break;
    const std::size_t length = Be16(bytes, at);
    const bool frame_header =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame_header && facts.width == 0 && at + 7 <= bytes.size()) {
      facts.height = Be16(bytes, at + 3);
      facts.width = Be16(bytes, at + 5);
    }
    if (length < 2 || length > bytes.size() - at) break;
    at += length;
  }
  return facts;
}

// Source: RFC 9649 (WebP) with RFC 6386 (VP8).
HeaderFacts ReadWebp(ByteSpan bytes) {
  HeaderFacts facts{.scans = 1};
  if (bytes.size() < 30) return facts;
  const auto chunk = [&](const char* name) { return std::memcmp(bytes.data() + 12, name, 4) == 0; };
  if (chunk("VP8X")) {
    facts.width = Le24(bytes, 24) + 1;
    facts.height = Le24(bytes, 27) + 1;
    facts.may_be_animated = (bytes[20] & 0x02) != 0;
  } else if (chunk("VP8L") && bytes[20] == 0x2f) {
    const std::uint32_t bits = Le32(bytes, 21);
    facts.width = (bits & 0x3fff) + 1;
    facts.height = (bits >> 14 & 0x3fff) + 1;
  } else if (chunk("VP8 ") && bytes[23] == 0x9d && bytes[24] == 0x01 && bytes[25] == 0x2a) {
    facts.width = Le16(bytes, 26) & 0x3fff;
    facts.height = Le16(bytes, 28) & 0x3fff;
  }
  return facts;
}

// Source: W3C PNG third edition, 5.6: acTL comes before the first IDAT. Encoders put few chunks before it;
// a file that hides it behind more is taken for still, and what that costs is learned.
HeaderFacts ReadPng(ByteSpan bytes) {
  constexpr int kMaxChunks = 16;
  HeaderFacts facts{.scans = 1};
  if (bytes.size() < 24 || std::memcmp(bytes.data() + 12, "IHDR", 4) != 0) return facts;
  facts.width = Be32(bytes, 16);
  facts.height = Be32(bytes, 20);
  std::size_t at = 8;
  for (int i = 0; i < kMaxChunks && bytes.size() - at >= 12; ++i) {
    const std::uint8_t* name = bytes.data() + at + 4;
    if (std::memcmp(name, "IDAT", 4) == 0) break;
    if (std::memcmp(name, "acTL", 4) == 0) facts.may_be_animated = true;
    const std::size_t length = Be32(bytes, at);
    if (length > bytes.size() - at - 12) break;
    at += length + 12;
  }
  return facts;
}

// Rows are stored from the top where the height is negative.
HeaderFacts ReadBmp(ByteSpan bytes) {
  HeaderFacts facts{.scans = 1};
  if (bytes.size() < 26) return facts;
  if (Le32(bytes, 14) <= 16) {
    // The old header of 12 bytes has 16-bit sides; OS/2's of 16 bytes has the wide ones.
    const bool narrow = Le32(bytes, 14) == 12;
    facts.width = narrow ? Le16(bytes, 18) : Le32(bytes, 18);
    facts.height = narrow ? Le16(bytes, 20) : Le32(bytes, 22);
    return facts;
  }
  const std::uint32_t width = Le32(bytes, 18);
  const std::uint32_t height = Le32(bytes, 22);
  facts.width = width > 0x7fffffff ? 0 : width;
  facts.height = height > 0x7fffffff ? 0U - height : height;
  return facts;
}

}  // namespace

HeaderFacts ReadHeader(Format format, ByteSpan bytes) {
  switch (format) {
    case Format::kJpeg: return ReadJpeg(bytes);
    case Format::kPng: return ReadPng(bytes);
    case Format::kGif:
      if (bytes.size() < 10) return {.scans = 1};
      return {.width = Le16(bytes, 6), .height = Le16(bytes, 8), .scans = 1, .may_be_animated = true};
    case Format::kWebp: return ReadWebp(bytes);
    case Format::kBmp: return ReadBmp(bytes);
    case Format::kUnknown:
    case Format::kTiff:
    case Format::kHeif:
    case Format::kAvif:
    case Format::kVideo:
    case Format::kAudio:
    case Format::kArchive:
    case Format::kDocument:
    case Format::kText: break;
  }
  return {};
}

}  // namespace hashgate::decode
