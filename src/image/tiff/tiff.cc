// Sources: TIFF revision 6.0; libtiff's documentation of its client interface and of TIFFReadRGBAStrip.
#include "image/tiff/tiff.h"

#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "image/color_profile.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

// The file in memory. libtiff reads, seeks and asks for the size; nothing is written or mapped.
struct Source {
  ByteSpan bytes;
  std::uint64_t at = 0;
};

tmsize_t Read(thandle_t handle, void* to, tmsize_t size) {
  auto& source = *static_cast<Source*>(handle);
  if (size <= 0 || source.at >= source.bytes.size()) return 0;
  const std::size_t left = source.bytes.size() - static_cast<std::size_t>(source.at);
  const std::size_t count = std::min(left, static_cast<std::size_t>(size));
  std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t RefuseWrite(thandle_t /*handle*/, void* /*from*/, tmsize_t /*size*/) {
  return 0;
}

toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<Source*>(handle);
  if (whence == SEEK_SET) source.at = offset;
  if (whence == SEEK_CUR) source.at += offset;
  if (whence == SEEK_END) source.at = source.bytes.size() + offset;
  return source.at;
}

int Close(thandle_t /*handle*/) {
  return 0;
}

toff_t SizeOf(thandle_t handle) {
  return static_cast<Source*>(handle)->bytes.size();
}

// Messages echo parts of the file: nothing of them goes anywhere.
int Ignore(TIFF* /*tiff*/, void* /*user*/, const char* /*module*/, const char* /*format*/, va_list /*rest*/) {
  return 1;
}

struct Closer {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};
using File = std::unique_ptr<TIFF, Closer>;

File Open(Source& source, const decode::Limits& limits) {
  const std::unique_ptr<TIFFOpenOptions, Closer> options(TIFFOpenOptionsAlloc());
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(limits.memory_bytes / 2));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), Ignore, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), Ignore, nullptr);
  // Not mapped; strips are not chopped, so that what a file declares is what is checked.
  return File(TIFFClientOpenExt("upload", "rmc", &source, Read, RefuseWrite, Seek, Close, SizeOf, nullptr,
                                nullptr, options.get()));
}

bool IsKnownCompression(std::uint16_t compression) {
  constexpr std::array<std::uint16_t, 9> kKnown = {
      COMPRESSION_NONE,          COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3,
      COMPRESSION_CCITTFAX4,     COMPRESSION_LZW,      COMPRESSION_JPEG,
      COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,  COMPRESSION_PACKBITS};
  return std::ranges::find(kKnown, compression) != kKnown.end();
}

// What one piece of a page is: the whole width of some rows, or a tile.
struct Layout {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t piece_width = 0;
  std::uint32_t piece_height = 0;
  bool tiled = false;
  bool has_alpha = false;
  bool fine_grey = false;  // one sample of 16 bits
  bool white_is_zero = false;
};

Cause ReadLayout(TIFF* tiff, const decode::Limits& limits, Layout& page) {
  if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page.width) == 0 ||
      TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page.height) == 0) {
    return Cause::kCorrupt;
  }
  if (const Cause cause = CheckSides(page.width, page.height, limits); cause != Cause::kNone) return cause;
  std::uint16_t compression = COMPRESSION_NONE;
  std::uint16_t bits = 1;
  std::uint16_t sample_format = SAMPLEFORMAT_UINT;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &sample_format);
  if (!IsKnownCompression(compression) || bits > 16 ||
      (sample_format != SAMPLEFORMAT_UINT && sample_format != SAMPLEFORMAT_VOID)) {
    return Cause::kUnsupportedFormat;
  }
  std::array<char, 1024> why{};
  TIFFRGBAImage reader{};
  if (TIFFRGBAImageOK(tiff, why.data()) == 0 || TIFFRGBAImageBegin(&reader, tiff, 1, why.data()) == 0) {
    return Cause::kUnsupportedFormat;
  }
  page.fine_grey =
      reader.bitspersample == 16 && reader.samplesperpixel == 1 &&
      (reader.photometric == PHOTOMETRIC_MINISBLACK || reader.photometric == PHOTOMETRIC_MINISWHITE);
  page.white_is_zero = reader.photometric == PHOTOMETRIC_MINISWHITE;
  TIFFRGBAImageEnd(&reader);
  page.tiled = TIFFIsTiled(tiff) != 0;
  if (page.tiled) {
    if (TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &page.piece_width) == 0 ||
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &page.piece_height) == 0) {
      return Cause::kCorrupt;
    }
    // A tile may be larger than its page.
    if (const Cause cause = CheckSides(page.piece_width, page.piece_height, limits); cause != Cause::kNone) {
      return cause;
    }
  } else {
    std::uint32_t rows = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
    page.piece_width = page.width;
    page.piece_height = std::clamp<std::uint32_t>(rows, 1, page.height);
  }
  std::uint16_t extra_count = 0;
  std::uint16_t* extra = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
  page.has_alpha = extra_count > 0 && extra != nullptr && extra[0] != EXTRASAMPLE_UNSPECIFIED;
  // The picture, one piece as colours, and the piece as the file stores it.
  const std::uint64_t pixels =
      std::uint64_t{page.width} * page.height + std::uint64_t{page.piece_width} * page.piece_height * 3;
  return pixels * 4 > limits.memory_bytes ? Cause::kTooCostly : Cause::kNone;
}

// Of the page that the file stands at. A transfer function is unusual by being there: no usual program
// writes one, and few viewers read it.
bool HasUnusualColors(TIFF* tiff, const decode::Limits& limits) {
  std::array<std::uint16_t*, 3> curves{};
  if (TIFFGetField(tiff, TIFFTAG_TRANSFERFUNCTION, &curves[0], &curves[1], &curves[2]) != 0) return true;
  const float* primaries = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_PRIMARYCHROMATICITIES, &primaries) != 0) {
    // D65, where no other is given.
    constexpr std::array<float, 2> kUsualWhite = {0.3127F, 0.3290F};
    const float* white = nullptr;
    if (TIFFGetField(tiff, TIFFTAG_WHITEPOINT, &white) == 0) white = kUsualWhite.data();
    std::array<Chromaticity, 4> points{{{white[0], white[1]}}};
    for (std::size_t i = 0; i < 3; ++i) points[i + 1] = {primaries[2 * i], primaries[2 * i + 1]};
    if (AreUnusualPrimaries(points)) return true;
  }
  std::uint32_t size = 0;
  const std::uint8_t* profile = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &size, &profile) == 0) return false;
  return size > limits.max_profile_bytes || IsUnusualProfile(ByteSpan(profile, size));
}

// libtiff gives colours multiplied by alpha, one pixel a word; ours are not multiplied.
void PutPixel(std::uint32_t word, bool has_alpha, std::uint8_t* to) {
  const std::uint32_t alpha = has_alpha ? TIFFGetA(word) : 255;
  const std::array<std::uint32_t, 3> colors = {TIFFGetR(word), TIFFGetG(word), TIFFGetB(word)};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::uint32_t color =
        alpha == 0 || alpha == 255 ? colors[i] : std::min<std::uint32_t>(255, colors[i] * 255 / alpha);
    to[i] = static_cast<std::uint8_t>(color);
  }
  if (has_alpha) to[3] = static_cast<std::uint8_t>(alpha);
}

// Tiles of 16-bit grey, the high byte of each sample. libtiff's own reading loses its place in a tile that
// goes past the right edge.
bool ReadFineGreyTiles(TIFF* tiff, const Layout& page, std::uint32_t top, WipedBuffer<std::uint32_t>& piece,
                       Bitmap& bitmap) {
  const std::size_t size = std::size_t{page.piece_width} * page.piece_height * 2;
  if (static_cast<std::size_t>(TIFFTileSize(tiff)) != size) return false;
  auto* samples = reinterpret_cast<std::uint8_t*>(piece.data());
  const std::uint32_t rows = std::min(page.piece_height, page.height - top);
  for (std::uint32_t left = 0; left < page.width; left += page.piece_width) {
    const std::uint32_t number = TIFFComputeTile(tiff, left, top, 0, 0);
    if (TIFFReadEncodedTile(tiff, number, samples, static_cast<tmsize_t>(size)) !=
        static_cast<tmsize_t>(size)) {
      return false;
    }
    const std::uint32_t columns = std::min(page.piece_width, page.width - left);
    for (std::uint32_t y = 0; y < rows; ++y) {
      std::uint8_t* to = bitmap.Row(top + y) + std::size_t{left} * bitmap.channels;
      for (std::uint32_t x = 0; x < columns; ++x, to += bitmap.channels) {
        std::uint16_t sample = 0;
        std::memcpy(&sample, samples + (std::size_t{y} * page.piece_width + x) * 2, sizeof sample);
        const auto grey = static_cast<std::uint8_t>(page.white_is_zero ? 255 - (sample >> 8) : sample >> 8);
        std::fill_n(to, 3, grey);
      }
    }
  }
  return true;
}

// Reads one row of pieces that begins at `top` into `bitmap`. libtiff puts the last row of a piece first.
bool ReadPieces(TIFF* tiff, const Layout& page, std::uint32_t top, WipedBuffer<std::uint32_t>& piece,
                Bitmap& bitmap) {
  const std::uint32_t rows = std::min(page.piece_height, page.height - top);
  if (page.tiled && page.fine_grey) return ReadFineGreyTiles(tiff, page, top, piece, bitmap);
  for (std::uint32_t left = 0; left < page.width; left += page.piece_width) {
    const int done = page.tiled ? TIFFReadRGBATileExt(tiff, left, top, piece.data(), 1)
                                : TIFFReadRGBAStripExt(tiff, top, piece.data(), 1);
    if (done == 0) return false;
    const std::uint32_t columns = std::min(page.piece_width, page.width - left);
    // A last strip holds only the rows that are left; a tile always all of its own.
    const std::uint32_t stored = page.tiled ? page.piece_height : rows;
    for (std::uint32_t y = 0; y < rows; ++y) {
      const std::uint32_t* from = piece.data() + std::size_t{stored - 1 - y} * page.piece_width;
      std::uint8_t* to = bitmap.Row(top + y) + std::size_t{left} * bitmap.channels;
      for (std::uint32_t x = 0; x < columns; ++x, to += bitmap.channels)
        PutPixel(from[x], page.has_alpha, to);
    }
  }
  return true;
}

// The page that the file stands at. Rows after the first damaged piece are cut off.
Cause ReadPage(TIFF* tiff, const decode::Limits& limits, Layout& page, Bitmap& out) {
  if (const Cause cause = ReadLayout(tiff, limits, page); cause != Cause::kNone) return cause;
  Bitmap bitmap(page.width, page.height, page.has_alpha ? 4 : 3);
  WipedBuffer<std::uint32_t> piece(std::size_t{page.piece_width} * page.piece_height);
  std::uint32_t rows = 0;
  while (rows < page.height && ReadPieces(tiff, page, rows, piece, bitmap)) {
    rows += std::min(page.piece_height, page.height - rows);
  }
  const Cause cause = rows == page.height ? Cause::kNone : Cause::kTruncated;
  bitmap.height = rows;
  out = std::move(bitmap);
  return cause;
}

}  // namespace

Decoded DecodeTiff(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  Source source{.bytes = bytes};
  const File tiff = Open(source, limits);
  if (tiff == nullptr) {
    out.cause = Cause::kCorrupt;
    return out;
  }
  Layout page;
  out.cause = ReadPage(tiff.get(), limits, page, out.bitmap);
  out.width = page.width;
  out.height = page.height;
  if (out.cause != Cause::kNone && out.cause != Cause::kTruncated) return out;
  out.colour_unusual = HasUnusualColors(tiff.get(), limits);
  // Walks the directories; libtiff notices loops.
  out.frames_total = std::max<std::uint32_t>(TIFFNumberOfDirectories(tiff.get()), 1);
  if (out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
    out.bitmap = Bitmap();
  }
  return out;
}

void DecodeTiffPages(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                     decode::DecodeResult& result) {
  if (result.frames_total < 2) return;
  Source source{.bytes = bytes};
  const File tiff = Open(source, limits);
  if (tiff == nullptr) return;
  VectorBudget vectors;
  std::uint64_t left = limits.max_frame_pixels;
  for (std::uint32_t number = 1; number < std::min(result.frames_total, kMaxPages); ++number) {
    if (TIFFReadDirectory(tiff.get()) == 0) return;
    Layout page;
    Bitmap bitmap;
    if (ReadLayout(tiff.get(), limits, page) != Cause::kNone) continue;
    const std::uint64_t pixels = std::uint64_t{page.width} * page.height;
    if (pixels > left) return;
    left -= pixels;
    const Cause cause = ReadPage(tiff.get(), limits, page, bitmap);
    if (cause != Cause::kNone && cause != Cause::kTruncated) continue;
    if (cause == Cause::kTruncated) result.cause = Cause::kTruncated;
    if (HasUnusualColors(tiff.get(), limits)) result.colour_unusual = true;
    if (bitmap.height == 0) continue;
    if (result.views.size() + 2 > static_cast<std::size_t>(decode::kMaxViews)) return;
    if (AddFlattened(ViewKind::kFrame, number, bitmap, vectors.Take(wanted, bitmap), result.views))
      result.has_alpha = true;
    ++result.frames_seen;
  }
}

std::span<const Codec> TiffCodecs() {
  static constexpr std::array kCodecs = {Codec{decode::Format::kTiff, &DecodeTiff, &DecodeTiffPages}};
  return kCodecs;
}

}  // namespace hashgate::image
