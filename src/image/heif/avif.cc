// Sources: AV1 Image File Format 1.1; libavif's documentation of its decoder.
#include <avif/avif.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "image/color_profile.h"
#include "image/heif/boxes.h"
#include "image/heif/heif.h"
#include "image/heif/heif_pictures.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

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

// Memory for the table of a track's samples is bounded by this.
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

// Too many samples have no result of their own.
bool PassedTheCountLimit(const avifDecoder& decoder) {
  return std::string_view(decoder.diag.error).starts_with("Exceeded avifDecoder's imageCountLimit");
}

Cause CheckImage(const avifImage& image, const decode::Limits& limits) {
  if (const Cause cause = CheckSides(image.width, image.height, limits); cause != Cause::kNone) return cause;
  // Planes and alpha, what dav1d keeps beside them for references, colours, and a cut-out part of these.
  const bool is_cut = (image.transformFlags & AVIF_TRANSFORM_CLAP) != 0;
  const std::uint64_t bytes_per_pixel = (image.depth > 8 ? 14 : 10) + (is_cut ? 4 : 0);
  return std::uint64_t{image.width} * image.height * bytes_per_pixel > limits.memory_bytes ? Cause::kTooCostly
                                                                                           : Cause::kNone;
}

bool HasUnusualColors(const avifImage& image, const decode::Limits& limits) {
  if (AreUnusualHeifCodePoints(image.colorPrimaries, image.transferCharacteristics)) return true;
  const ByteSpan profile(image.icc.data, image.icc.size);
  return !profile.empty() && (profile.size() > limits.max_profile_bytes || IsUnusualProfile(profile));
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

// The side that a clap box leaves of one of `whole` pixels, and where it begins, in points; rounded to pixels
// and cut off at the picture's sides, since some viewers take what others find invalid.
struct Span {
  std::uint32_t start = 0;
  std::uint32_t length = 0;
};

Span SpanOf(std::uint32_t whole, std::uint32_t length_n, std::uint32_t length_d, std::uint32_t offset_n,
            std::uint32_t offset_d) {
  // All are signed in the files that mean something by it.
  const auto ratio = [](std::uint32_t n, std::uint32_t d) {
    return static_cast<double>(static_cast<std::int32_t>(n)) /
           static_cast<double>(static_cast<std::int32_t>(d));
  };
  if (length_d == 0 || offset_d == 0) return {.length = whole};
  const double length = ratio(length_n, length_d);
  // The box gives the way from the middle of one to the middle of the other.
  const double start = (static_cast<double>(whole) - length) / 2 + ratio(offset_n, offset_d);
  const auto cut = [whole](double at) {
    return static_cast<std::uint32_t>(std::clamp(std::round(at), 0.0, static_cast<double>(whole)));
  };
  const std::uint32_t first = cut(start);
  return {.start = first, .length = cut(start + length) - std::min(first, cut(start + length))};
}

// The part of the picture that its clean aperture leaves; empty where that is all or nothing of it. Some
// viewers cut the picture to it, others show all. Source: ISO/IEC 14496-12, 12.1.4.
Bitmap CleanAperture(const avifImage& image, const Bitmap& whole) {
  if ((image.transformFlags & AVIF_TRANSFORM_CLAP) == 0) return {};
  const avifCleanApertureBox& box = image.clap;
  const Span columns = SpanOf(whole.width, box.widthN, box.widthD, box.horizOffN, box.horizOffD);
  const Span rows = SpanOf(whole.height, box.heightN, box.heightD, box.vertOffN, box.vertOffD);
  if (columns.length == 0 || rows.length == 0) return {};
  if (columns.length == whole.width && rows.length == whole.height) return {};
  Bitmap part(columns.length, rows.length, whole.channels);
  for (std::uint32_t y = 0; y < rows.length; ++y) {
    const std::uint8_t* from = whole.Row(rows.start + y) + std::size_t{columns.start} * whole.channels;
    std::memcpy(part.Row(y), from, part.stride());
  }
  return part;
}

// Frames of a sequence that are shown to the hash: the first and the last, and evenly spaced ones between.
std::vector<std::uint32_t> Choose(std::uint32_t count) {
  std::vector<std::uint32_t> chosen;
  const std::uint32_t wanted = std::min(count, kMaxAvifFrames);
  chosen.reserve(wanted);
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
      return PassedTheCountLimit(*decoder) ? Cause::kTooManyFrames : CauseOf(result);
    }
    if (const Cause cause = CheckImage(*decoder->image, limits); cause != Cause::kNone) return cause;
  }
  return Cause::kNone;
}

// The pictures of the file's track. Browsers show them instead of the still.
struct Track {
  Cause cause = Cause::kNone;  // why it cannot be opened
  Decoder decoder;             // null: there is none, or it cannot be opened
  // 0: there is no track. One that cannot be opened has a picture, so that it counts as not looked at.
  std::uint32_t pictures = 0;
};

Track OpenTrack(ByteSpan bytes, const decode::Limits& limits) {
  Track track;
  if (!HasTracks(bytes)) return track;
  track.pictures = 1;
  track.cause = Parse(bytes, AVIF_DECODER_SOURCE_TRACKS, limits, track.decoder);
  if (track.cause == Cause::kNone && track.decoder->imageCount < 1) track.cause = Cause::kCorrupt;
  if (track.cause == Cause::kNone) {
    track.pictures = static_cast<std::uint32_t>(track.decoder->imageCount);
  } else {
    track.decoder.reset();
  }
  return track;
}

// Decodes the primary item into `out`, or the first of the track. `items` becomes the number of pictures that
// the file has beside its track's.
Cause DecodeStill(ByteSpan bytes, const decode::Limits& limits, Decoded& out, std::uint32_t& items) {
  Decoder decoder;
  items = 1;
  Cause cause = Parse(bytes, AVIF_DECODER_SOURCE_PRIMARY_ITEM, limits, decoder);
  if (cause == Cause::kCorrupt && HasTracks(bytes)) {
    // Without a still the first of the track stands for it. Where there is one that cannot be read, two are
    // counted, the stand-in and the still itself, which nobody has seen.
    items = HasOuterBox(bytes, "meta") ? 2 : 0;
    cause = Parse(bytes, AVIF_DECODER_SOURCE_TRACKS, limits, decoder);
  }
  if (decoder->image != nullptr) {
    out.width = decoder->image->width;
    out.height = decoder->image->height;
  }
  if (cause != Cause::kNone) return cause;
  if (const avifResult result = avifDecoderNextImage(decoder.get()); result != AVIF_RESULT_OK) {
    return CauseOf(result);
  }
  out.colour_unusual = HasUnusualColors(*decoder->image, limits);
  cause = ToBitmap(*decoder->image, limits, out.bitmap);
  if (cause == Cause::kNone) out.alternate = CleanAperture(*decoder->image, out.bitmap);
  return cause;
}

// Pictures of the track, numbered behind the `items` that the file has beside it.
void LookAtTrack(avifDecoder& decoder, std::uint32_t items, const decode::Wanted& wanted,
                 const decode::Limits& limits, decode::DecodeResult& result) {
  const auto count = static_cast<std::uint32_t>(decoder.imageCount);
  // One that stood for the still has been looked at.
  if (items == 0 && count < 2) return;
  if (CheckImage(*decoder.image, limits) != Cause::kNone) return;
  const std::uint64_t pixels = std::uint64_t{decoder.image->width} * decoder.image->height;
  const std::uint64_t budget = limits.max_frame_pixels / std::max<std::uint64_t>(pixels, 1);
  VectorBudget vectors;
  std::uint64_t decoded = 0;
  std::uint32_t seen = items == 0 ? 0 : result.frames_seen;
  for (const std::uint32_t number : Choose(count)) {
    // A frame takes all those since the key frame before it, unless they have been decoded just now.
    const std::uint32_t key = avifDecoderNearestKeyframe(&decoder, number);
    const auto next = static_cast<std::uint32_t>(decoder.imageIndex + 1);
    const std::uint32_t from = next > key && next <= number ? next : key;
    if (decoded + (number - from + 1) > budget) continue;
    decoded += number - from + 1;
    if (avifDecoderNthImage(&decoder, number) != AVIF_RESULT_OK) {
      result.codec_warned = true;
      continue;
    }
    if (result.views.size() + 4 > static_cast<std::size_t>(decode::kMaxViews)) break;
    Bitmap bitmap;
    if (ToBitmap(*decoder.image, limits, bitmap) != Cause::kNone) continue;
    if (AddFlattened(ViewKind::kFrame, items + number, bitmap, vectors.Take(wanted, bitmap), result.views))
      result.has_alpha = true;
    const Bitmap part = CleanAperture(*decoder.image, bitmap);
    if (part.height != 0)
      AddFlattened(ViewKind::kFrame, items + number, part, vectors.Take(wanted, part), result.views);
    if (HasUnusualColors(*decoder.image, limits)) result.colour_unusual = true;
    ++seen;
  }
  result.frames_seen = std::clamp(seen, result.frames_seen, result.frames_total);
}

}  // namespace

Decoded DecodeAvif(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  std::uint32_t items = 0;
  out.cause = DecodeStill(bytes, limits, out, items);
  if (out.cause == Cause::kTooManyPixels || out.cause == Cause::kTooCostly) {
    out.frames_total = 1;
    return out;
  }
  if (out.cause != Cause::kNone && out.cause != Cause::kTooManyFrames) {
    // Named AVIF, yet viewers go by what is inside.
    Decoded other = DecodeHeif(bytes, limits);
    if (other.bitmap.height == 0) return out;
    out = std::move(other);
    // It has counted a track as one picture.
    items = out.frames_total - (HasTracks(bytes) ? 1 : 0);
  }
  const Track track = OpenTrack(bytes, limits);
  out.frames_total = items + track.pictures;
  if (track.cause == Cause::kTooManyFrames || out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
  }
  if (out.cause == Cause::kTooManyFrames) {
    out.bitmap = Bitmap();
    out.alternate = Bitmap();
  }
  return out;
}

void DecodeAvifFurther(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                       decode::DecodeResult& result) {
  const Track track = OpenTrack(bytes, limits);
  const std::uint32_t items = result.frames_total - std::min(result.frames_total, track.pictures);
  LookAtHeifPictures(bytes, items, wanted, limits, result);
  if (track.decoder != nullptr) LookAtTrack(*track.decoder, items, wanted, limits, result);
}

}  // namespace hashgate::image
