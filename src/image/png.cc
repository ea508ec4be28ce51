// PNG through libpng: samples as stored, 16 bits scaled to 8, palettes resolved; gamma, profiles, text and
// unknown chunks passed over. Source of the format: W3C PNG (third edition).
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "decode/byte_order.h"
#include "image/codec.h"
#include "image/png_pieces.h"

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
  const decode::Limits* limits = nullptr;
  Bitmap bitmap;
  Cause refusal = Cause::kNone;          ///< why the header's callback stopped
  const std::uint8_t* levels = nullptr;  ///< StretchedLevels, where samples are stretched
  bool warned = false;
  bool complete = false;  ///< every pixel has been read
  bool ended = false;     ///< the end chunk has been read
  int last_pass = 0;      ///< of those that hold pixels
  int pass = 0;
  std::uint32_t rows_done = 0;  ///< of the current pass
};

[[noreturn]] void OnError(png_structp png, png_const_charp /*text*/) {
  png_longjmp(png, 1);
}
void OnWarning(png_structp png, png_const_charp /*text*/) {
  static_cast<Reader*>(png_get_error_ptr(png))->warned = true;
}

/// Ends the decoding from inside a callback.
[[noreturn]] void Refuse(Reader& reader, Cause cause) {
  reader.refusal = cause;
  png_longjmp(reader.png, 1);
}

/// False where memory is refused. Apart, so that nothing is left half built by a jump.
bool Allocate(Reader& reader) noexcept {
  try {
    reader.bitmap =
        Bitmap(png_get_image_width(reader.png, reader.info), png_get_image_height(reader.png, reader.info),
               png_get_channels(reader.png, reader.info));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// What each sample of 16 bits becomes in 8, so that what lies between the bounds fills them all.
std::vector<std::uint8_t> StretchedLevels(SampleRange range) {
  // All samples that round to a value lie within half a step of it.
  const int least = std::max(0, range.least * 257 - 128);
  const int span = std::min(65535, range.most * 257 + 128) - least;
  std::vector<std::uint8_t> levels(65536);
  for (int value = 0; value < 65536; ++value) {
    levels[static_cast<std::size_t>(value)] =
        static_cast<std::uint8_t>(std::clamp((value - least) * 255 / span, 0, 255));
  }
  return levels;
}

/// Brings a row of 16-bit samples to 8 bits in place.
void StretchRow(png_structp png, png_row_infop info, png_bytep row) {
  const std::uint8_t* levels = static_cast<const Reader*>(png_get_user_transform_ptr(png))->levels;
  const std::uint32_t channels = info->channels;
  for (png_uint_32 x = 0; x < info->width; ++x) {
    for (std::uint32_t i = 0; i < channels; ++i) {
      const std::size_t at = std::size_t{x} * channels + i;
      const bool alpha = channels == 4 && i == 3;
      row[at] = alpha ? row[2 * at] : levels[row[2 * at] << 8 | row[2 * at + 1]];
    }
  }
}

/// Called when the header has been read: checks limits and sets up the output form.
void OnHeader(png_structp png, png_infop info) {
  Reader& reader = *static_cast<Reader*>(png_get_progressive_ptr(png));
  const std::uint32_t width = png_get_image_width(png, info);
  const std::uint32_t height = png_get_image_height(png, info);
  if (const Cause cause = CheckSides(width, height, *reader.limits); cause != Cause::kNone) {
    Refuse(reader, cause);
  }
  const int type = png_get_color_type(png, info);
  const bool transparent = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  const bool grey = (type & PNG_COLOR_MASK_COLOR) == 0;
  png_set_expand(png);  // palettes, fewer than 8 bits, transparent colours
  if (reader.levels != nullptr) {
    png_set_read_user_transform_fn(png, &StretchRow);
  } else {
    png_set_scale_16(png);  // rounds v / 257, so 8-bit values stored in 16 bits come back unchanged
  }
  if (grey && transparent) png_set_gray_to_rgb(png);
  if (reader.levels != nullptr) {
    png_set_user_transform_info(png, &reader, 8, (grey && !transparent ? 1 : 3) + (transparent ? 1 : 0));
  }
  if (png_set_interlace_handling(png) > 1) {
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; ++pass) {
      if (PNG_PASS_ROWS(height, pass) > 0 && PNG_PASS_COLS(width, pass) > 0) reader.last_pass = pass;
    }
  }
  png_read_update_info(png, info);
  if (const Cause cause = CheckMemory(std::uint64_t{png_get_rowbytes(png, info)} * height, *reader.limits);
      cause != Cause::kNone) {
    Refuse(reader, cause);
  }
  if (!Allocate(reader)) Refuse(reader, Cause::kTooCostly);
  if (png_get_rowbytes(png, info) != reader.bitmap.stride()) Refuse(reader, Cause::kUnsupportedFormat);
}

/// Called for every row of every pass; rows that a pass leaves alone come without data. The early passes of
/// an interlaced picture fill the neighbourhood of each known pixel, as viewers show them.
void OnRow(png_structp png, png_bytep row, png_uint_32 y, int pass) {
  Reader& reader = *static_cast<Reader*>(png_get_progressive_ptr(png));
  if (y >= reader.bitmap.height) return;
  if (row != nullptr) png_progressive_combine_row(png, reader.bitmap.Row(y), row);
  reader.pass = pass;
  reader.rows_done = y + 1;
  if (pass >= reader.last_pass && reader.rows_done == reader.bitmap.height) reader.complete = true;
}

void OnEnd(png_structp png, png_infop /*info*/) {
  static_cast<Reader*>(png_get_progressive_ptr(png))->ended = true;
}

void Configure(Reader& reader) {
  png_structp png = reader.png;
  png_set_progressive_read_fn(png, &reader, &OnHeader, &OnRow, &OnEnd);
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

/// Rows that show the picture, from its top.
std::uint32_t ShownRows(const Reader& reader) {
  return reader.pass > 0 ? reader.bitmap.height : reader.rows_done;
}

/// Hands libpng all pieces. False where it jumped out of an error or a callback.
bool Push(Reader& reader, PngPieces& pieces) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  Configure(reader);
  // The push interface, because it hands out each row as soon as its bytes are there.
  for (ByteSpan piece = pieces.Next(); !piece.empty(); piece = pieces.Next()) {
    png_process_data(reader.png, reader.info, const_cast<png_bytep>(piece.data()), piece.size());
  }
  return true;
}

/// Decodes as far as the bytes go. kTruncated where they end, or are damaged, after some rows.
Cause Run(Reader& reader, PngPieces& pieces) {
  const bool damaged = !Push(reader, pieces);
  if (reader.refusal != Cause::kNone) return reader.refusal;
  reader.warned = reader.warned || damaged || !reader.ended;
  if (reader.complete) return Cause::kNone;
  if (!damaged || ShownRows(reader) > 0) return Cause::kTruncated;
  return Cause::kCorrupt;
}

class WholeFile final : public PngPieces {
 public:
  explicit WholeFile(ByteSpan bytes) : bytes_(bytes) {}
  ByteSpan Next() noexcept override { return std::exchange(bytes_, ByteSpan()); }

 private:
  ByteSpan bytes_;
};

PngPart DecodePart(PngPieces& pieces, const decode::Limits& limits, const std::uint8_t* levels) {
  PngPart out;
  Reader reader;
  reader.limits = &limits;
  reader.levels = levels;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, &OnError, &OnWarning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  out.cause = reader.info == nullptr ? Cause::kTooCostly : Run(reader, pieces);
  png_destroy_read_struct(&reader.png, &reader.info, nullptr);
  out.warned = reader.warned;
  if (out.cause == Cause::kNone || out.cause == Cause::kTruncated) {
    const std::uint32_t shown = ShownRows(reader);
    out.bitmap = std::move(reader.bitmap);
    if (out.cause == Cause::kTruncated) out.bitmap.height = std::min(out.bitmap.height, shown);
  }
  return out;
}

}  // namespace

bool Is16BitPng(ByteSpan bytes) {
  return bytes.size() > 24 && bytes[24] == 16;
}

Bitmap DecodePngStretched(ByteSpan bytes, SampleRange range, const decode::Limits& limits) {
  WholeFile whole(bytes);
  const std::vector<std::uint8_t> levels = StretchedLevels(range);
  PngPart part = DecodePart(whole, limits, levels.data());
  return std::move(part.bitmap);
}

PngPart DecodePngPieces(PngPieces& pieces, const decode::Limits& limits) {
  return DecodePart(pieces, limits, nullptr);
}

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
  const PngChunks chunks = WalkPngChunks(bytes, nullptr);
  out.frames_total = chunks.frames;
  out.trailing_bytes = chunks.end != 0 && chunks.end < bytes.size();
  out.frames_needed = !chunks.default_is_shown;
  if (out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
    return out;
  }
  WholeFile whole(bytes);
  PngPart part = DecodePngPieces(whole, limits);
  out.cause = part.cause;
  out.warned = part.warned;
  out.bitmap = std::move(part.bitmap);
  return out;
}

}  // namespace hashgate::image
