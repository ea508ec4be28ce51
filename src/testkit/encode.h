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
  enum class Colour : std::uint8_t { kYcc, kGrey, kCmyk };  ///< kCmyk is stored inverted with Adobe's marker
  int quality = 88;                                         ///< 1..100
  Colour colour = Colour::kYcc;
  bool halve_chroma = true;  ///< 4:2:0; only for kYcc
  bool progressive = false;
  bool scan_per_coefficient = false;  ///< progressive in 190 scans (kYcc) or 64 (kGrey); not for kCmyk
  int restart_rows = 0;               ///< rows of blocks between restart markers; 0 none
};
Result<Bytes> EncodeJpeg(const Picture& picture, const JpegOptions& options = {});
/// RGB of a baseline or progressive JPEG made here, as libjpeg's accurate integer DCT decodes it.
Result<Picture> DecodeJpeg(ByteSpan bytes);

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

struct BmpOptions {
  int bits = 24;  ///< 8 (palette, by ReduceColours), 24, or 32 (fourth byte unused)
  bool top_down = false;
};
Result<Bytes> EncodeBmp(const Picture& picture, const BmpOptions& options = {});

}  // namespace hashgate::testkit
