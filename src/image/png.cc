// PNG through libpng: samples as stored, 16 bits scaled to 8, palettes resolved; gamma, profiles, text and
// unknown chunks passed over. Source of the format: W3C PNG (third edition).
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstring>
#include <new>

#include "decode/byte_order.h"
#include "image/codec.h"

#include <png.h>

namespace hashgate::image {
namespace {

/// No single chunk may make libpng allocate more than this.
constexpr std::size_t kMaxChunkBytes = 8U << 20;
constexpr int kMaxCachedChunks = 128;

/// Everything that must survive libpng's jump out of an error; the functions it leaves own nothing.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ByteSpan bytes;
  std::size_t at = 0;
  const decode::Limits* limits = nullptr;
  Decoded* out = nullptr;
  Bitmap bitmap;
  bool ran_out = false;
  bool warned = false;
  bool failed_allocation = false;
  bool complete = false;  ///< every pixel has been read
  bool interlaced = false;
  std::uint32_t rows_done = 0;  ///< of the current pass
  int passes_done = 0;
};

void ReadBytes(png_structp png, png_bytep to, std::size_t size) {
  Reader& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader.bytes.size() - reader.at) {
    reader.ran_out = true;
    png_error(png, "end of file");
  }
  std::memcpy(to, reader.bytes.data() + reader.at, size);
  reader.at += size;
}

[[noreturn]] void OnError(png_structp png, png_const_charp /*text*/) {
  png_longjmp(png, 1);
}
void OnWarning(png_structp png, png_const_charp /*text*/) {
  static_cast<Reader*>(png_get_error_ptr(png))->warned = true;
}

/// Frames that an APNG declares before its picture data; 1 for a plain PNG.
std::uint32_t CountFrames(ByteSpan bytes) {
  std::size_t at = 8;
  while (bytes.size() >= 12 && at <= bytes.size() - 12) {
    const std::size_t length = decode::Be32(bytes, at);
    const auto* type = bytes.data() + at + 4;
    if (std::memcmp(type, "IDAT", 4) == 0) break;
    if (std::memcmp(type, "acTL", 4) == 0 && length >= 8 && bytes.size() - at >= 16) {
      return std::max(decode::Be32(bytes, at + 8), 1U);
    }
    if (length > bytes.size() - at - 12) break;
    at += length + 12;
  }
  return 1;
}

void Configure(Reader& reader) {
  png_structp png = reader.png;
  png_set_read_fn(png, &reader, &ReadBytes);
  // libpng's own limit on a chunk is only a benign error: without this line a 57-byte file costs a gigabyte.
  png_set_benign_errors(png, 0);
  png_set_user_limits(png, reader.limits->max_side, reader.limits->max_side);
  png_set_chunk_malloc_max(png, kMaxChunkBytes);
  png_set_chunk_cache_max(png, kMaxCachedChunks);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
  static constexpr png_byte kIgnored[] =
      "iCCP\0tEXt\0zTXt\0iTXt\0eXIf\0sPLT\0hIST\0pCAL\0sCAL\0tIME\0oFFs\0pHYs\0bKGD\0sBIT\0cHRM\0gAMA\0sRGB";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kIgnored, sizeof kIgnored / 5);
  // Ancillary chunks with a wrong checksum are dropped, critical ones refused.
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
}

/// Reads the header, checks limits and sets up the output form. Returns kNone to go on.
Cause Begin(Reader& reader) {
  png_structp png = reader.png;
  png_infop info = reader.info;
  png_read_info(png, info);
  const std::uint32_t width = png_get_image_width(png, info);
  const std::uint32_t height = png_get_image_height(png, info);
  if (const Cause cause = CheckSides(width, height, *reader.limits); cause != Cause::kNone) return cause;

  const int type = png_get_color_type(png, info);
  const bool transparent = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  const bool grey = (type & PNG_COLOR_MASK_COLOR) == 0;
  png_set_expand(png);    // palettes, fewer than 8 bits, transparent colours
  png_set_scale_16(png);  // rounds v / 257, so 8-bit values stored in 16 bits come back unchanged
  if (grey && transparent) png_set_gray_to_rgb(png);
  reader.interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
  return Cause::kNone;
}

void Allocate(Reader& reader) {
  png_structp png = reader.png;
  try {
    reader.bitmap = Bitmap(png_get_image_width(png, reader.info), png_get_image_height(png, reader.info),
                           png_get_channels(png, reader.info));
  } catch (const std::bad_alloc&) {
    reader.failed_allocation = true;
  }
}

/// Rows that show the picture, though the last of an interlaced one may be coarse: from the first pass on,
/// each known pixel fills its neighbourhood until later passes bring the rest.
std::uint32_t ShownRows(const Reader& reader) {
  if (!reader.interlaced) return reader.rows_done;
  return reader.passes_done > 0 ? reader.bitmap.height : reader.rows_done;
}

Cause Run(Reader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) {
    reader.warned = true;
    if (reader.complete) return Cause::kNone;
    if (reader.failed_allocation) return Cause::kTooCostly;
    if (reader.bitmap.height != 0 && ShownRows(reader) > 0) return Cause::kTruncated;
    return reader.ran_out ? Cause::kTruncated : Cause::kCorrupt;
  }
  Configure(reader);
  if (const Cause cause = Begin(reader); cause != Cause::kNone) return cause;
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  Allocate(reader);
  if (reader.failed_allocation) return Cause::kTooCostly;
  if (png_get_rowbytes(reader.png, reader.info) != reader.bitmap.stride()) return Cause::kUnsupportedFormat;
  for (; reader.passes_done < passes; ++reader.passes_done) {
    for (reader.rows_done = 0; reader.rows_done < reader.bitmap.height; ++reader.rows_done) {
      png_bytep row = reader.bitmap.Row(reader.rows_done);
      png_read_row(reader.png, reader.interlaced ? nullptr : row, reader.interlaced ? row : nullptr);
    }
  }
  reader.complete = true;
  png_read_end(reader.png, nullptr);
  reader.out->trailing_bytes = reader.at < reader.bytes.size();
  return Cause::kNone;
}

}  // namespace

Decoded DecodePng(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  if (bytes.size() < 33) {
    out.cause = Cause::kTruncated;
    return out;
  }
  if (std::memcmp(bytes.data() + 12, "IHDR", 4) != 0) {
    out.cause = Cause::kCorrupt;
    return out;
  }
  out.width = decode::Be32(bytes, 16);
  out.height = decode::Be32(bytes, 20);
  out.cause = CheckSides(out.width, out.height, limits);
  if (out.cause != Cause::kNone) return out;
  out.frames_total = CountFrames(bytes);
  if (out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
    return out;
  }

  Reader reader;
  reader.bytes = bytes;
  reader.limits = &limits;
  reader.out = &out;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, &OnError, &OnWarning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  out.cause = reader.info == nullptr ? Cause::kTooCostly : Run(reader);
  png_destroy_read_struct(&reader.png, &reader.info, nullptr);
  out.warned = reader.warned;
  if (out.cause == Cause::kNone || out.cause == Cause::kTruncated) {
    const std::uint32_t shown = ShownRows(reader);
    out.bitmap = std::move(reader.bitmap);
    if (out.cause == Cause::kTruncated) out.bitmap.height = std::min(out.bitmap.height, shown);
  }
  return out;
}

}  // namespace hashgate::image
