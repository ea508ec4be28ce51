// Sources: AV1 Image File Format 1.1; libavif's documentation of its decoder.
#include <avif/avif.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "image/heif/heif.h"
#include "image/view_hashes.h"

namespace hashgate::image {
namespace {

struct Closer {
  void operator()(avifDecoder* decoder) const { avifDecoderDestroy(decoder); }
};
using Decoder = std::unique_ptr<avifDecoder, Closer>;

Cause CauseOf(avifResult result) {
  switch (result) {
    case AVIF_RESULT_OK: return Cause::kNone;
    case AVIF_RESULT_OUT_OF_MEMORY: return Cause::kTooCostly;
    case AVIF_RESULT_TRUNCATED_DATA: return Cause::kTruncated;
    case AVIF_RESULT_UNSUPPORTED_DEPTH:
    case AVIF_RESULT_NO_CODEC_AVAILABLE:
    case AVIF_RESULT_NOT_IMPLEMENTED: return Cause::kUnsupportedFormat;
    default: return Cause::kCorrupt;
  }
}

// Memory for the table of a sequence's samples is bounded by this; up to here, too many frames have a cause
// of their own.
constexpr std::uint32_t kMostSamples = 1'000'000;

Decoder Open(ByteSpan bytes, const decode::Limits& limits) {
  Decoder decoder(avifDecoderCreate());
  if (decoder == nullptr) throw std::bad_alloc();
  decoder->codecChoice = AVIF_CODEC_CHOICE_DAV1D;
  decoder->maxThreads = 1;
  decoder->ignoreExif = AVIF_TRUE;
  decoder->ignoreXMP = AVIF_TRUE;
  // Viewers are not strict either.
  decoder->strictFlags = AVIF_STRICT_DISABLED;
  decoder->imageCountLimit = std::max(limits.max_frames, kMostSamples);
  if (avifDecoderSetIOMemory(decoder.get(), bytes.data(), bytes.size()) != AVIF_RESULT_OK) {
    throw std::bad_alloc();
  }
  return decoder;
}

Cause CheckImage(const avifImage& image, const decode::Limits& limits) {
  if (const Cause cause = CheckSides(image.width, image.height, limits); cause != Cause::kNone) return cause;
  // Planes and alpha, what dav1d keeps beside them for references, and colours.
  const std::uint64_t bytes_per_pixel = image.depth > 8 ? 14 : 10;
  return std::uint64_t{image.width} * image.height * bytes_per_pixel > limits.memory_bytes ? Cause::kTooCostly
                                                                                           : Cause::kNone;
}

Cause ToBitmap(const avifImage& image, const decode::Limits& limits, Bitmap& out) {
  if (const Cause cause = CheckImage(image, limits); cause != Cause::kNone) return cause;
  const bool alpha = image.alphaPlane != nullptr;
  Bitmap bitmap(image.width, image.height, alpha ? 4 : 3);
  avifRGBImage colors{};
  avifRGBImageSetDefaults(&colors, &image);
  colors.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  colors.depth = 8;
  colors.ignoreAlpha = alpha ? AVIF_FALSE : AVIF_TRUE;
  // Ours is not multiplied in.
  colors.alphaPremultiplied = AVIF_FALSE;
  colors.pixels = bitmap.samples.data();
  colors.rowBytes = static_cast<std::uint32_t>(bitmap.stride());
  if (const avifResult result = avifImageYUVToRGB(&image, &colors); result != AVIF_RESULT_OK) {
    return CauseOf(result);
  }
  out = std::move(bitmap);
  return Cause::kNone;
}

// Frames of a sequence that are shown to the hash: the first and the last, and evenly spaced ones between.
std::vector<std::uint32_t> Choose(std::uint32_t count) {
  std::vector<std::uint32_t> chosen;
  const std::uint32_t wanted = std::min(count, kMaxAvifFrames);
  for (std::uint32_t i = 0; i < wanted; ++i) {
    chosen.push_back(wanted < 2 ? 0
                                : static_cast<std::uint32_t>(std::uint64_t{i} * (count - 1) / (wanted - 1)));
  }
  return chosen;
}

// Reads the boxes of one of the file's sources, checks what they declare, and bounds what the stream may have
// instead. libavif says CORRUPT where its own limits are passed, so it is asked twice: without, then with
// them.
Cause Parse(ByteSpan bytes, avifDecoderSource source, const decode::Limits& limits, Decoder& decoder) {
  for (const bool bounded : {false, true}) {
    decoder = Open(bytes, limits);
    if (bounded) {
      decoder->imageSizeLimit = static_cast<std::uint32_t>(
          std::clamp<std::uint64_t>(limits.max_pixels, 1, std::uint64_t{AVIF_DEFAULT_IMAGE_SIZE_LIMIT}));
      decoder->imageDimensionLimit = limits.max_side;
    } else {
      decoder->imageDimensionLimit = 0;
    }
    avifDecoderSetSource(decoder.get(), source);
    if (const avifResult result = avifDecoderParse(decoder.get()); result != AVIF_RESULT_OK) {
      return CauseOf(result);
    }
    if (const Cause cause = CheckImage(*decoder->image, limits); cause != Cause::kNone) return cause;
  }
  return Cause::kNone;
}

// Opens the file's sequence of pictures, where it has one. Phones and browsers show it instead of the still.
Decoder OpenSequence(ByteSpan bytes, const decode::Limits& limits) {
  Decoder decoder;
  const Cause cause = Parse(bytes, AVIF_DECODER_SOURCE_TRACKS, limits, decoder);
  return cause == Cause::kNone && decoder->imageCount >= 1 ? std::move(decoder) : nullptr;
}

Cause DecodeStill(ByteSpan bytes, const decode::Limits& limits, Decoded& out) {
  Decoder decoder;
  Cause cause = Parse(bytes, AVIF_DECODER_SOURCE_PRIMARY_ITEM, limits, decoder);
  // Without a still the first of the sequence stands for it.
  if (cause == Cause::kCorrupt) cause = Parse(bytes, AVIF_DECODER_SOURCE_TRACKS, limits, decoder);
  if (decoder->image != nullptr) {
    out.width = decoder->image->width;
    out.height = decoder->image->height;
  }
  if (cause != Cause::kNone) return cause;
  if (const avifResult result = avifDecoderNextImage(decoder.get()); result != AVIF_RESULT_OK) {
    return CauseOf(result);
  }
  return ToBitmap(*decoder->image, limits, out.bitmap);
}

}  // namespace

Decoded DecodeAvif(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  out.cause = DecodeStill(bytes, limits, out);
  if (out.cause != Cause::kNone && out.cause != Cause::kTooManyPixels && out.cause != Cause::kTooCostly) {
    // Named AVIF, yet viewers go by what is inside.
    Decoded other = DecodeHeif(bytes, limits);
    if (other.cause == Cause::kNone) return other;
    return out;
  }
  out.frames_total = 1;
  if (out.cause != Cause::kNone) return out;
  if (const Decoder sequence = OpenSequence(bytes, limits); sequence != nullptr) {
    out.frames_total = std::max(1U, static_cast<std::uint32_t>(sequence->imageCount));
  }
  if (out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
    out.bitmap = Bitmap();
  }
  return out;
}

void DecodeAvifFurther(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                       decode::DecodeResult& result) {
  const Decoder decoder = OpenSequence(bytes, limits);
  if (decoder == nullptr) {
    DecodeHeifFurther(bytes, wanted, limits, result);
    return;
  }
  const auto count = static_cast<std::uint32_t>(decoder->imageCount);
  if (count < 2 || CheckImage(*decoder->image, limits) != Cause::kNone) return;
  const std::uint64_t pixels = std::uint64_t{decoder->image->width} * decoder->image->height;
  const std::vector<std::uint32_t> chosen = Choose(count);
  const std::uint64_t budget = limits.max_frame_pixels / std::max<std::uint64_t>(pixels, 1);
  std::uint64_t decoded = 0;
  std::uint32_t seen = 0;
  for (const std::uint32_t number : chosen) {
    // A frame takes all those since the key frame before it, unless they have been decoded just now.
    const std::uint32_t key = avifDecoderNearestKeyframe(decoder.get(), number);
    const auto next = static_cast<std::uint32_t>(decoder->imageIndex + 1);
    const std::uint32_t from = next > key && next <= number ? next : key;
    if (decoded + (number - from + 1) > budget) continue;
    decoded += number - from + 1;
    if (avifDecoderNthImage(decoder.get(), number) != AVIF_RESULT_OK) {
      result.codec_warned = true;
      continue;
    }
    if (result.views.size() + 2 > static_cast<std::size_t>(decode::kMaxViews)) break;
    Bitmap bitmap;
    if (ToBitmap(*decoder->image, limits, bitmap) != Cause::kNone) continue;
    if (AddFlattened(ViewKind::kFrame, number, bitmap, wanted, result.views)) result.has_alpha = true;
    ++seen;
  }
  result.frames_seen = std::clamp(seen, result.frames_seen, result.frames_total);
}

}  // namespace hashgate::image
