#include "image/embedded.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "decode/byte_order.h"
#include "decode/sniff.h"
#include "image/codec.h"
#include "image/frame_chooser.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

constexpr int kDeepest = 3;  // pictures inside pictures
// Pixels of empty JPEG scans that take as long as one pixel of the slowest picture that another codec takes
// (an interlaced PNG of 16 bits with alpha): docs/decoding.md has the times.
constexpr std::uint64_t kScansOfOtherFormats = 26;

class Finder {
 public:
  /// Every JPEG in a region; `depth` 0 are those right inside the file.
  void Search(ByteSpan region, int depth) {
    std::size_t at = 0;
    while (!found_.more) {
      at = FindStart(region, at);
      if (at >= region.size()) return;
      const Walk walk = WalkJpeg(region, at, depth);
      if (walk.has_frame) Add(region.subspan(walk.start, walk.end - walk.start));
      at = walk.end;
    }
  }

  /// What lies in the segments of the JPEG that the file is, and behind it.
  void SearchFile(ByteSpan file) {
    const Walk walk = WalkJpeg(file, 0, -1);
    Search(file.subspan(walk.end), 0);
  }

  EmbeddedPictures Take() { return std::move(found_); }

 private:
  struct Walk {
    std::size_t start = 0;  // of the last start marker: what is in front of it is no part of the picture
    std::size_t end = 0;    // behind the end marker, or where nothing more can be read; beyond the start
    bool has_frame = false;
  };

  static std::size_t FindStart(ByteSpan region, std::size_t at) {
    while (at + 3 < region.size()) {
      const void* hit = std::memchr(region.data() + at, 0xff, region.size() - at - 3);
      if (hit == nullptr) return region.size();
      at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(hit) - region.data());
      if (region[at + 1] == 0xd8 && region[at + 2] == 0xff) return at;
      ++at;
    }
    return region.size();
  }

  /// From marker to marker; entropy-coded data is passed over as a decoder does.
  Walk WalkJpeg(ByteSpan region, std::size_t start, int depth) {
    Walk walk{.start = start, .end = region.size()};
    std::size_t at = start + 2;
    while (at + 1 < region.size()) {
      const void* hit = std::memchr(region.data() + at, 0xff, region.size() - at - 1);
      if (hit == nullptr) return walk;
      at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(hit) - region.data()) + 1;
      const std::uint8_t marker = region[at];
      if (marker == 0xff) continue;
      ++at;
      if (marker == 0xd8) {
        // No decoder passes a second start: another picture begins here. One that had its frame is cut off.
        if (walk.has_frame) {
          walk.end = at - 2;
          return walk;
        }
        walk.start = at - 2;
      }
      if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
      if (marker == 0xd9) {
        walk.end = at;
        return walk;
      }
      if (at + 2 > region.size()) return walk;
      const std::size_t length = decode::Be16(region, at);
      if (length < 2 || length > region.size() - at) {
        walk.end = at;
        return walk;
      }
      walk.has_frame = walk.has_frame || (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
                                          marker != 0xc8 && marker != 0xcc);
      if (marker >= 0xe0 && marker <= 0xef && depth < kDeepest) {
        Search(region.subspan(at + 2, length - 2), depth + 1);
      }
      at += length;
    }
    return walk;
  }

  void Add(ByteSpan picture) {
    if (found_.pictures.size() == kMaxEmbedded) {
      found_.more = true;
      return;
    }
    found_.pictures.push_back(picture);
  }

  EmbeddedPictures found_;
};

/// The data of a PNG's or WebP's chunk of Exif; empty where there is none.
ByteSpan FindExif(decode::Format format, ByteSpan bytes) {
  const bool png = format == decode::Format::kPng;
  const std::string_view name = png ? "eXIf" : "EXIF";
  std::size_t at = png ? 8 : 12;
  while (at + 8 <= bytes.size()) {
    const std::size_t length = png ? decode::Be32(bytes, at) : decode::Le32(bytes, at + 4);
    const ByteSpan rest = bytes.subspan(at + 8);
    if (std::memcmp(bytes.data() + at + (png ? 4 : 0), name.data(), name.size()) == 0) {
      return rest.first(std::min(length, rest.size()));
    }
    const std::size_t behind = png ? 4 : length % 2;  // a checksum, or padding
    if (length + behind > rest.size()) break;
    at += 8 + length + behind;
  }
  return {};
}

/// What decoding the picture that the file is took, in pixels of JPEG scans.
std::uint64_t ScanPixelsTaken(const decode::DecodeResult& result, ByteSpan bytes) {
  const bool jpeg = result.format == decode::Format::kJpeg;
  const std::uint64_t scans = jpeg ? decode::ReadHeader(result.format, bytes).scans : kScansOfOtherFormats;
  return std::uint64_t{result.width} * result.height * scans;
}

bool LooksLike(const decode::ViewHashes& view, const decode::ViewHashes& other) {
  if (view.pdq.empty() || other.pdq.empty()) return false;
  return Distance(view.pdq[0].forms[0], other.pdq[0].forms[0]) <= kSameFrameBits;
}

/// `taken`: pixels of scans that the file has taken so far.
void LookAtFound(const EmbeddedPictures& found, std::uint64_t taken, const decode::Wanted& wanted,
                 const decode::Limits& limits, decode::DecodeResult& result) {
  if (found.more) result.embedded_unseen = true;
  std::uint64_t pixels_left = limits.max_pixels;
  std::uint64_t scan_pixels_left = limits.max_scan_pixels - std::min(limits.max_scan_pixels, taken);
  std::uint32_t number = 0;
  for (const ByteSpan picture : found.pictures) {
    const std::uint32_t frame = number++;
    const decode::HeaderFacts header = decode::ReadHeader(decode::Format::kJpeg, picture);
    const std::uint64_t pixels = std::uint64_t{header.width} * header.height;
    const std::uint64_t scan_pixels = pixels * header.scans;
    Decoded decoded;
    if (pixels <= pixels_left && scan_pixels <= scan_pixels_left) {
      // No more than is taken off here, should libjpeg see more scans than were counted.
      decode::Limits its_limits = limits;
      its_limits.max_scan_pixels = scan_pixels;
      pixels_left -= pixels;
      scan_pixels_left -= scan_pixels;
      decoded = DecodeJpeg(picture, its_limits);
    }
    const bool shown = decoded.cause == Cause::kNone || decoded.cause == Cause::kTruncated;
    if (!shown || decoded.bitmap.height == 0) {
      result.embedded_unseen = true;
      continue;
    }
    decode::ViewHashes view =
        HashView(ViewKind::kEmbedded, decoded.bitmap, {.opaque = true}, WithoutVectors(wanted));
    if (!result.views.empty() && LooksLike(view, result.views.front())) continue;
    view.frame = frame;
    view.hidden = true;
    result.views.push_back(std::move(view));
  }
}

}  // namespace

EmbeddedPictures FindEmbedded(decode::Format format, ByteSpan bytes, std::size_t max_exif_bytes) {
  Finder finder;
  if (format == decode::Format::kJpeg && bytes.size() > 2) finder.SearchFile(bytes);
  if (format == decode::Format::kPng || format == decode::Format::kWebp) {
    const ByteSpan exif = FindExif(format, bytes);
    if (exif.size() > max_exif_bytes) return {.pictures = {}, .more = true};
    finder.Search(exif, 0);
  }
  return finder.Take();
}

void LookAtEmbedded(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                    decode::DecodeResult& result) {
  const EmbeddedPictures found = FindEmbedded(result.format, bytes, limits.max_exif_bytes);
  const std::uint64_t taken = found.pictures.empty() ? 0 : ScanPixelsTaken(result, bytes);
  LookAtFound(found, taken, wanted, limits, result);
}

void LookAtExif(ByteSpan exif, const decode::Wanted& wanted, const decode::Limits& limits,
                decode::DecodeResult& result) {
  if (exif.size() > limits.max_exif_bytes) {
    result.embedded_unseen = true;
    return;
  }
  Finder finder;
  finder.Search(exif, 0);
  LookAtFound(finder.Take(), ScanPixelsTaken(result, {}), wanted, limits, result);
}

}  // namespace hashgate::image
