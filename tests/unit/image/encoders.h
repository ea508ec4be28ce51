// Writes small files of every format and colour mode from given pixels, for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "testkit/rgba.h"

namespace hashgate::testing {

using testkit::Bytes;
using testkit::Rgba;

/// A smooth grey picture ("lattice" of the golden vectors), opaque.
Rgba GreyPicture(int height, int width);
/// A colour picture of at most 64 colours, opaque.
Rgba ColorPicture(int height, int width);
/// The first `rows` rows.
Rgba CropRows(const Rgba& picture, int rows);

enum class JpegColor { kGrey, kYcc, kRgb, kCmyk, kYcck };
struct JpegOptions {
  JpegColor color = JpegColor::kYcc;
  int quality = 95;
  bool progressive = false;
  int restart_interval = 0;  ///< in MCUs
  int across = 1;            ///< pixels along a row that share a sample of chroma
  int down = 1;              ///< the same along a column
  std::uint8_t black = 255;  ///< value of the fourth ink all over
  bool adobe_marker = true;  ///< with kCmyk: says that the inks are stored inverted
};
Bytes EncodeJpeg(const Rgba& picture, const JpegOptions& options);
/// The JPEG with other coefficients. `edit` is given each block: its component, row and column, and 64
/// quantised coefficients, row-major.
Bytes EditCoefficients(const Bytes& file, const std::function<void(int, int, int, std::int16_t*)>& edit,
                       bool progressive = false);
/// The first scan of a JPEG `count` times more: it stands for itself, so that repeating it is allowed and
/// changes nothing.
Bytes RepeatFirstScan(Bytes file, int count);

enum class PngColor { kGrey, kGreyAlpha, kRgb, kRgba, kPalette };
struct PngOptions {
  PngColor color = PngColor::kRgb;
  int depth = 8;  ///< bits a sample; grey below 8 keeps the high bits
  bool interlaced = false;
  int high_byte =
      -1;  ///< of every 16-bit colour sample, which keeps its detail in the low byte; -1: both alike
};
Bytes EncodePng(const Rgba& picture, const PngOptions& options);
/// One chunk with its checksum.
Bytes PngChunk(const char* type, const Bytes& data);
/// An APNG's control chunk of the frame `number`, which covers `width` x `height` from the canvas's corner.
Bytes PngFrameControl(std::uint32_t number, std::uint32_t width, std::uint32_t height);
/// Signature and IHDR with the given declared sides, nothing else.
Bytes PngHeader(std::uint32_t width, std::uint32_t height, int depth, int color_type);

Bytes EncodeWebp(const Rgba& picture, bool lossless, bool alpha);
/// Frames of one size, shown one after the other.
Bytes EncodeWebpAnimation(const std::vector<Rgba>& frames);

struct GifOptions {
  bool interlaced = false;
  int left = 0;  ///< of the frame on its canvas
  int top = 0;
  int canvas_width = 0;  ///< 0: as wide as needed
  int canvas_height = 0;
};
/// Pixels of alpha under 128 become transparent. At most 255 colours.
Bytes EncodeGif(const std::vector<Rgba>& frames, const GifOptions& options);

struct BmpOptions {
  int depth = 24;  ///< 1, 4, 8, 16, 24, 32
  bool from_top = false;
  bool fields = false;        ///< BITFIELDS: 5-6-5, or 32 bits with red lowest
  std::uint32_t header = 40;  ///< 12, 16 to 64, 108, 124; without fields where it is under 40
  bool alpha = false;         ///< with 32 bits, or 16 without fields, and header >= 56
};
Bytes EncodeBmp(const Rgba& picture, const BmpOptions& options);

}  // namespace hashgate::testing
