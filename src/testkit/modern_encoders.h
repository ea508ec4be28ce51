// Writes HEIC, AVIF and TIFF files from given pixels. An encoder that refuses throws std::runtime_error.
#pragma once

#include <cstdint>
#include <vector>

#include "testkit/rgba.h"

namespace hashgate::testkit {

struct HeicOptions {
  int quality = 90;  ///< 100: lossless
  bool alpha = false;
  int thumbnail_side = 0;    ///< longest side of a thumbnail of the picture itself; 0: none
  int thumbnails = 1;        ///< of that side
  std::vector<Rgba> others;  ///< further pictures of the file
  Bytes profile;             ///< ICC; empty: none
  Bytes exif;                ///< an item of Exif; empty: none
};
Bytes EncodeHeic(const Rgba& picture, const HeicOptions& options = {});

struct AvifOptions {
  int quality = 90;  ///< 100: lossless
  bool alpha = false;
  Bytes profile;                              ///< ICC; empty: none
  int transfer = 2;                           ///< code point of the curve
  std::vector<std::uint32_t> clean_aperture;  ///< the eight fields of a clap box; empty: none
  Bytes exif;                                 ///< an item of Exif; empty: none
  bool key_frames = false;                    ///< every picture of a sequence can be decoded by itself
};
/// One picture is a still, more are a sequence.
Bytes EncodeAvif(const std::vector<Rgba>& frames, const AvifOptions& options = {});

enum class TiffColor { kGrey, kRgb, kRgba, kPalette, kCmyk };
enum class TiffPacking { kNone, kLzw, kDeflate, kPackBits, kJpeg, kZstd };
struct TiffOptions {
  TiffColor color = TiffColor::kRgb;
  TiffPacking packing = TiffPacking::kLzw;
  int depth = 8;  ///< 8 or 16
  int rows_per_strip = 16;
  int tile = 0;                  ///< side of tiles, a multiple of 16; 0: strips
  bool big = false;              ///< BigTIFF
  bool separate = false;         ///< a plane for each colour
  Bytes profile;                 ///< ICC, of the last page; empty: none
  bool transfer = false;         ///< the last page has a transfer function
  std::vector<float> primaries;  ///< chromaticities of red, green and blue, of the last page; empty: none
};
/// A page for each picture.
Bytes EncodeTiff(const std::vector<Rgba>& pages, const TiffOptions& options = {});

}  // namespace hashgate::testkit
