// BMP by an own small parser: 1 to 32 bits a pixel, palettes, bit masks, rows from either end. Run-length
// coded and embedded JPEG or PNG pictures are not decoded. Source of the format: Microsoft's
// BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "decode/byte_order.h"
#include "image/codec.h"

namespace hashgate::image {
namespace {

using decode::Le16;

using decode::Le32;

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kRgb = 0;
constexpr std::uint32_t kBitFields = 3;
constexpr std::uint32_t kAlphaBitFields = 6;

/// One channel's bits in a pixel.
struct Mask {
  std::uint32_t bits = 0;

  [[nodiscard]] bool IsRun() const {
    if (bits == 0) return true;
    const std::uint32_t low = bits >> std::countr_zero(bits);
    return (low & (low + 1)) == 0;
  }
  /// The channel scaled to 0..255; 0 without a mask.
  [[nodiscard]] std::uint8_t Of(std::uint32_t pixel) const {
    if (bits == 0) return 0;
    const int shift = std::countr_zero(bits);
    const std::uint64_t most = bits >> shift;
    const std::uint64_t value = (pixel & bits) >> shift;
    return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
  }
};

struct Header {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool from_top = false;
  std::uint32_t depth = 0;  ///< bits a pixel
  std::size_t data = 0;     ///< where the rows begin
  std::size_t stride = 0;   ///< bytes a row, padded to four
  std::size_t end = 0;      ///< behind all that the headers name
  std::array<Mask, 4> masks{};
  std::array<std::array<std::uint8_t, 3>, 256> palette{};
};

/// Reads the masks of 16 and 32 bit pixels. False where they make no sense.
bool ReadMasks(ByteSpan bytes, std::uint32_t info_size, std::uint32_t compression, Header& header) {
  const std::size_t at = kFileHeader + 40;
  // Alpha counts where the header has room for its mask or the compression code declares it.
  const bool has_alpha = info_size >= 56 || compression == kAlphaBitFields;
  if (compression == kRgb) {
    if (header.depth == 16) header.masks = {{{0x7c00}, {0x03e0}, {0x001f}, {0}}};
    if (header.depth == 32) header.masks = {{{0xff0000}, {0x00ff00}, {0x0000ff}, {0}}};
    if (header.depth < 16 || header.depth == 24 || !has_alpha) return true;
    // Some viewers read the alpha mask even here, where the masks of the colours have no say. One that makes
    // no sense beside the fixed colours is left alone.
    if (bytes.size() < at + 16) return false;
    const Mask alpha{Le32(bytes, at + 12) & (header.depth == 16 ? 0xffffU : 0xffffffffU)};
    const std::uint32_t colors = header.masks[0].bits | header.masks[1].bits | header.masks[2].bits;
    if (alpha.IsRun() && (alpha.bits & colors) == 0) header.masks[3] = alpha;
    return true;
  }
  if (bytes.size() < at + (has_alpha ? 16U : 12U)) return false;
  for (std::size_t i = 0; i < (has_alpha ? 4U : 3U); ++i) {
    header.masks[i].bits = Le32(bytes, at + 4 * i);
    if (!header.masks[i].IsRun()) return false;
  }
  return true;
}

void ReadPalette(ByteSpan bytes, std::size_t at, std::size_t entry_size, std::size_t count, Header& header) {
  for (std::size_t i = 0; i < count && at + entry_size <= bytes.size(); ++i, at += entry_size) {
    header.palette[i] = {bytes[at + 2], bytes[at + 1], bytes[at]};
  }
}

/// Reads and checks everything before the rows. kNone to go on.
Cause ReadHeaders(ByteSpan bytes, const decode::Limits& limits, Header& header, Decoded& out) {
  if (bytes.size() < kFileHeader + 12) return Cause::kTruncated;
  header.data = Le32(bytes, 10);
  const std::uint32_t info_size = Le32(bytes, 14);
  const bool core = info_size == 12;
  // OS/2's second header may end after any of its fields; what is cut off is zero. Sizes that no
  // specification and hardly a viewer knows are left alone.
  const bool cut =
      info_size >= 16 && info_size <= 64 && (info_size % 4 == 0 || info_size == 42 || info_size == 46);
  if (!core && !cut && info_size != 108 && info_size != 124) return Cause::kUnsupportedFormat;
  if (bytes.size() < kFileHeader + std::size_t{info_size}) return Cause::kTruncated;
  std::uint32_t compression = kRgb;
  std::uint32_t colors_used = 0;
  if (core) {
    header.width = Le16(bytes, 18);
    header.height = Le16(bytes, 20);
    header.depth = Le16(bytes, 24);
  } else {
    const std::uint32_t height = Le32(bytes, 22);
    header.width = Le32(bytes, 18);
    header.from_top = height > 0x7fffffff;
    header.height = header.from_top ? 0U - height : height;
    header.depth = Le16(bytes, 28);
    if (info_size >= 20) compression = Le32(bytes, 30);
    if (info_size >= 36) colors_used = Le32(bytes, 46);
  }
  out.width = header.width;
  out.height = header.height;
  out.frames_total = 1;
  if (const Cause cause = CheckSides(header.width, header.height, limits); cause != Cause::kNone)
    return cause;
  if (CheckMemory(std::uint64_t{header.width} * header.height * 4, limits) != Cause::kNone) {
    return Cause::kTooCostly;
  }

  const bool masked = compression == kBitFields || compression == kAlphaBitFields;
  // Code 3 stands for Huffman coding in OS/2's header.
  const bool windows = info_size == 40 || info_size == 52 || info_size == 56 || info_size >= 108;
  if (compression != kRgb && (!masked || !windows)) return Cause::kUnsupportedFormat;
  constexpr std::array<std::uint32_t, 6> kDepths = {1, 4, 8, 16, 24, 32};
  if (std::ranges::find(kDepths, header.depth) == kDepths.end()) return Cause::kUnsupportedFormat;
  if (masked && header.depth != 16 && header.depth != 32) return Cause::kCorrupt;
  if (!ReadMasks(bytes, info_size, compression, header)) return Cause::kCorrupt;

  std::size_t after_headers = kFileHeader + std::size_t{info_size};
  if (masked && info_size == 40) after_headers += compression == kAlphaBitFields ? 16 : 12;
  if (header.depth <= 8) {
    const std::size_t most = std::size_t{1} << header.depth;
    const std::size_t count = colors_used == 0 ? most : std::min<std::size_t>(colors_used, most);
    ReadPalette(bytes, after_headers, core ? 3 : 4, count, header);
  }
  if (header.data < kFileHeader + 12) return Cause::kCorrupt;
  header.stride = (std::size_t{header.width} * header.depth + 31) / 32 * 4;
  header.end = header.data + header.stride * header.height;
  if (info_size >= 124 && bytes.size() >= kFileHeader + 124) {
    // A colour profile of version 5 lies behind the rows.
    const std::size_t profile = kFileHeader + std::size_t{Le32(bytes, 126)};
    if (profile >= header.end) header.end = profile + Le32(bytes, 130);
  }
  return Cause::kNone;
}

void ReadRow(ByteSpan row, const Header& header, std::uint32_t channels, std::uint8_t* to) {
  for (std::uint32_t x = 0; x < header.width; ++x, to += channels) {
    if (header.depth <= 8) {
      const std::uint32_t bit = x * header.depth;
      const std::uint32_t shift = 8 - header.depth - bit % 8;
      const std::uint32_t index = row[bit / 8] >> shift & ((1U << header.depth) - 1);
      std::ranges::copy(header.palette[index], to);
    } else if (header.depth == 24) {
      const std::size_t at = std::size_t{x} * 3;
      to[0] = row[at + 2];
      to[1] = row[at + 1];
      to[2] = row[at];
    } else {
      const std::size_t at = std::size_t{x} * header.depth / 8;
      const std::uint32_t pixel = header.depth == 16 ? Le16(row, at) : Le32(row, at);
      for (std::uint32_t i = 0; i < channels; ++i) to[i] = header.masks[i].Of(pixel);
    }
  }
}

/// Many writers leave the alpha bytes at zero and viewers then show the picture as opaque.
void OpaqueWhereAlphaIsUnused(Bitmap& bitmap) {
  const std::size_t size = bitmap.stride() * bitmap.height;
  for (std::size_t i = 3; i < size; i += 4) {
    if (bitmap.samples[i] != 0) return;
  }
  for (std::size_t i = 3; i < size; i += 4) bitmap.samples[i] = 255;
}

}  // namespace

Decoded DecodeBmp(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  Header header;
  out.cause = ReadHeaders(bytes, limits, header, out);
  if (out.cause != Cause::kNone) return out;
  // Rows that are there: only they are allocated.
  const std::size_t there = bytes.size() > header.data ? (bytes.size() - header.data) / header.stride : 0;
  const auto rows = static_cast<std::uint32_t>(std::min<std::size_t>(there, header.height));
  if (rows < header.height) out.cause = Cause::kTruncated;
  if (rows == 0) return out;
  const std::uint32_t channels = header.depth >= 16 && header.masks[3].bits != 0 ? 4 : 3;
  out.bitmap = Bitmap(header.width, rows, channels);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const ByteSpan row = bytes.subspan(header.data + i * header.stride, header.stride);
    ReadRow(row, header, channels, out.bitmap.Row(header.from_top ? i : rows - 1 - i));
  }
  if (channels == 4) OpaqueWhereAlphaIsUnused(out.bitmap);
  // Alpha in a bitmap is an extension: many viewers pass it over.
  out.alpha_disputed = channels == 4;
  out.trailing_bytes = bytes.size() > header.end;
  return out;
}

}  // namespace hashgate::image
