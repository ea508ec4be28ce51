#include "image/process.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>

#include "decode/sniff.h"
#include "hash/perceptual/pdq.h"
#include "image/codec.h"
#include "image/color_request.h"
#include "image/luma.h"
#include "image/nn512.h"

namespace hashgate::image {
namespace {

using Clock = std::chrono::steady_clock;

std::uint32_t MicrosSince(Clock::time_point start) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(micros, 0, std::numeric_limits<std::uint32_t>::max()));
}

/// How a picture's alpha is read.
enum class Reading : std::uint8_t { kOverWhite, kOverBlack, kOpaque };

void Draw(const Bitmap& bitmap, Reading reading, Luma& luma) {
  switch (reading) {
    case Reading::kOverWhite: luma.Draw(bitmap, 255); break;
    case Reading::kOverBlack: luma.Draw(bitmap, 0); break;
    case Reading::kOpaque: luma.DrawOpaque(bitmap); break;
  }
}

std::optional<perceptual::PdqFormSet> HashShrunk(const Bitmap& bitmap, Reading reading) {
  Luma luma(static_cast<int>(bitmap.height), static_cast<int>(bitmap.width));
  Draw(bitmap, reading, luma);
  return perceptual::ComputePdqForms(luma.view());
}

void AddPdq(Pipeline pipeline, const perceptual::PdqFormSet& forms, decode::ViewHashes& view) {
  view.pdq.push_back({.pipeline = pipeline, .quality = forms.quality, .forms = forms.forms});
}

// `luma` has the picture's sides; what it held is drawn over.
decode::ViewHashes HashView(ViewKind kind, const Bitmap& bitmap, Reading reading, Luma& luma,
                            const decode::Wanted& wanted) {
  decode::ViewHashes view{.kind = kind, .frame = 0, .width = bitmap.width, .height = bitmap.height};
  constexpr auto kLeast = static_cast<std::uint32_t>(perceptual::kMinHashableSide);
  view.hashable = bitmap.width >= kLeast && bitmap.height >= kLeast;
  if (!view.hashable || !wanted.pdq_full) return view;
  Draw(bitmap, reading, luma);
  const auto full = perceptual::ComputePdqForms(luma.view());
  if (!full) return view;
  AddPdq(Pipeline::kFull, *full, view);
  if (!wanted.pdq_nn512) return view;
  if (!IsChangedByNn512(bitmap.width, bitmap.height)) {
    AddPdq(Pipeline::kNn512, *full, view);
  } else if (const auto shrunk =
                 Nn512Forms(bitmap, [reading](const Bitmap& small) { return HashShrunk(small, reading); })) {
    AddPdq(Pipeline::kNn512, *shrunk, view);
  }
  return view;
}

void HashDecoded(const Decoded& decoded, const decode::Wanted& wanted, decode::DecodeResult& result) {
  const Bitmap& bitmap = decoded.bitmap;
  Luma luma(static_cast<int>(bitmap.height), static_cast<int>(bitmap.width));
  const auto add = [&](ViewKind kind, const Bitmap& from, Reading reading) {
    result.views.push_back(HashView(kind, from, reading, luma, wanted));
  };
  add(result.cause == Cause::kTruncated ? ViewKind::kTruncatedPart : ViewKind::kWhole, bitmap,
      Reading::kOverWhite);
  if (result.has_alpha) {
    add(ViewKind::kOverBlack, bitmap, Reading::kOverBlack);
    if (decoded.alpha_disputed) add(ViewKind::kAlternate, bitmap, Reading::kOpaque);
  }
  if (decoded.alternate.width != 0) add(ViewKind::kAlternate, decoded.alternate, Reading::kOverWhite);
}

void Process(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
             decode::DecodeResult& result) {
  const DecodeFunction codec = FindCodec(result.format);
  if (codec == nullptr) {
    result.cause = Cause::kUnsupportedFormat;
    return;
  }
  const auto start = Clock::now();
  const Decoded decoded = codec(bytes, limits);
  result.decode_micros = MicrosSince(start);
  result.cause = decoded.cause;
  result.width = decoded.width;
  result.height = decoded.height;
  result.frames_total = decoded.frames_total;
  result.codec_warned = decoded.warned;
  result.trailing_bytes = decoded.trailing_bytes;
  if (decoded.cause != Cause::kNone && decoded.cause != Cause::kTruncated) return;
  if (decoded.bitmap.height == 0) return;
  result.frames_seen = 1;
  result.colour_unusual = AsksForUnusualColors(result.format, bytes);
  result.has_alpha = HasTransparency(decoded.bitmap);
  const auto hashing = Clock::now();
  HashDecoded(decoded, wanted, result);
  result.hash_micros = MicrosSince(hashing);
}

}  // namespace

decode::DecodeResult ProcessUpload(ByteSpan bytes, decode::Format format_hint, const decode::Wanted& wanted,
                                   const decode::Limits& limits) noexcept {
  decode::DecodeResult result;
  try {
    if (bytes.empty()) {
      result.cause = Cause::kEmpty;
      return result;
    }
    result.format = decode::Sniff(bytes.first(std::min(bytes.size(), decode::kSniffBytes)));
    if (bytes.size() > limits.max_bytes) {
      result.cause = Cause::kTooLarge;
      return result;
    }
    if (result.format == decode::Format::kUnknown && !decode::IsDecodable(format_hint)) {
      result.format = format_hint;
    }
    Process(bytes, wanted, limits, result);
  } catch (const std::bad_alloc&) {
    result.views.clear();
    result.cause = Cause::kTooCostly;
  } catch (const std::length_error&) {
    result.views.clear();
    result.cause = Cause::kTooCostly;
  }
  return result;
}

}  // namespace hashgate::image
