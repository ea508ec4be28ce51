// Writes pictures as files of every format Hashgate reads. For tests, benchmarks and the tool that makes the
// test kit: nothing that runs in production links this.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "testkit/edits.h"
#include "testkit/pictures.h"

namespace hashgate::testkit {

using Bytes = std::vector<std::uint8_t>;

// All functions: pixels as in pictures.h; alpha is dropped where the format or the mode has none.
// Errors: kInvariantBroken where the codec refuses (a bug of the caller). Threads: thread-safe. The bytes
// depend on the version of the codec library; for lossless modes the decoded pixels do not.

struct JpegOptions {
  enum class Colour : std::uint8_t {
    kYcc,
    kGrey,
    kCmyk,       ///< stored inverted with Adobe's marker
    kYcck,       ///< the same as luma and chroma
    kAmounts,    ///< inks stored as their amounts, without the marker
    kStoredYcc,  ///< the picture's channels are Y, Cb and Cr already
  };
  int quality = 88;  ///< 1..100
  Colour colour = Colour::kYcc;
  bool halve_chroma = true;  ///< 4:2:0; only for kYcc and kStoredYcc
  bool progressive = false;
  bool scan_per_coefficient = false;  ///< progressive in 190 scans (kYcc) or 64 (kGrey); not for inks
  int restart_rows = 0;               ///< rows of blocks between restart markers; 0 none
};
Result<Bytes> EncodeJpeg(const Picture& picture, const JpegOptions& options = {});
/// Quantised coefficients of a block of 8x8 samples, in steps of kJpegBlockQuantum: of the constant part (8
/// times the mean less 128) and of the highest frequency in both directions. All others are 0.
struct JpegBlock {
  int constant = 0;
  int finest = 0;
};
inline constexpr int kJpegBlockQuantum = 4;
/// A grey JPEG of rows * columns blocks, whose samples may lie beyond 0..255 before they are clamped.
Result<Bytes> EncodeJpegBlocks(int columns, int rows, std::span<const JpegBlock> blocks);
/// RGB of a baseline or progressive JPEG made here, as libjpeg's accurate integer DCT decodes it.
struct JpegReading {
  bool luma_only = false;  ///< the stored luma plane as grey, not the clamped colours
  int denominator = 1;     ///< 2, 4 or 8: that much smaller, from each block's lower frequencies
};
Result<Picture> DecodeJpeg(ByteSpan bytes, const JpegReading& reading = {});

struct PngOptions {
  enum class Colour : std::uint8_t { kRgb, kRgba, kGrey, kRgb16, kGrey16, kGreyAlpha };
  Colour colour = Colour::kRgb;
  bool interlaced = false;
  int compression = 6;  ///< zlib's 0..9
};
/// kGrey modes store the rounded luma (see Grey). 16-bit samples are the 8-bit ones times 257.
Result<Bytes> EncodePng(const Picture& picture, const PngOptions& options = {});
/// With a tRNS chunk where the picture has transparent pixels.
Result<Bytes> EncodePng(const IndexedPicture& picture, const PngOptions& options = {});

struct WebpOptions {
  bool lossless = false;
  int quality = 85;  ///< 0..100; for lossless the effort
};
/// RGBA pictures keep their alpha. Lossless keeps the colours under alpha 0 too.
Result<Bytes> EncodeWebp(const Picture& picture, const WebpOptions& options = {});
/// RGB over nothing: alpha is dropped.
Result<Picture> DecodeWebp(ByteSpan bytes);

/// One or more frames of one size; more than one loops for ever. Colours are reduced by ReduceColours.
Result<Bytes> EncodeGif(std::span<const Picture> frames, int delay_centiseconds = 8);
/// A frame with a place of its own. An opaque one stays until it is drawn over.
struct PlacedFrame {
  Picture picture;
  int left = 0;  ///< even for WebP
  int top = 0;
};
/// The canvas is as large as the first frame, which lies at its corner; later ones lie within it.
Result<Bytes> EncodeGifAnimation(std::span<const PlacedFrame> frames, int delay_centiseconds = 8);
/// The same as PNG, RGB. The default picture is the first frame, or `apart`, of that size, shown only where
/// animations are not.
Result<Bytes> EncodeApng(std::span<const PlacedFrame> frames, const Picture* apart = nullptr);
/// The same as WebP, RGB.
Result<Bytes> EncodeWebpAnimation(std::span<const PlacedFrame> frames, const WebpOptions& options = {});
/// Whole frames, one after the other.
std::vector<PlacedFrame> WholeFrames(std::span<const Picture> pictures);

struct BmpOptions {
  int bits = 24;  ///< 8 (palette, by ReduceColours), 24, or 32 (fourth byte unused)
  bool top_down = false;
};
Result<Bytes> EncodeBmp(const Picture& picture, const BmpOptions& options = {});

}  // namespace hashgate::testkit
