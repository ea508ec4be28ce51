#include "image/codec.h"

#include <algorithm>
#include <array>

#include "image/look_at_frames.h"

namespace hashgate::image {
namespace {

constexpr std::array kCoreCodecs = {
    Codec{decode::Format::kJpeg, &DecodeJpeg},
    Codec{decode::Format::kPng, &DecodePng, &LookAtFrames},
    Codec{decode::Format::kWebp, &DecodeWebp, &LookAtFrames},
    Codec{decode::Format::kGif, &DecodeGif, &LookAtFrames},
    Codec{decode::Format::kBmp, &DecodeBmp},
};

std::span<const Codec> g_codecs = kCoreCodecs;  // NOLINT: set once, before the process serves

const Codec* Find(decode::Format format) {
  const auto found = std::ranges::find(g_codecs, format, &Codec::format);
  return found == g_codecs.end() ? nullptr : &*found;
}

}  // namespace

void UseCodecs(std::span<const Codec> codecs) {
  g_codecs = codecs;
}

DecodeFunction FindCodec(decode::Format format) {
  const Codec* codec = Find(format);
  return codec == nullptr ? nullptr : codec->decode;
}

FurtherFunction FindFurther(decode::Format format) {
  const Codec* codec = Find(format);
  return codec == nullptr ? nullptr : codec->further;
}

Cause CheckSides(std::uint64_t width, std::uint64_t height, const decode::Limits& limits) {
  if (width == 0 || height == 0) return Cause::kCorrupt;
  if (width > limits.max_side || height > limits.max_side) return Cause::kTooManyPixels;
  if (width * height > limits.max_pixels) return Cause::kTooManyPixels;
  return Cause::kNone;
}

Cause CheckMemory(std::uint64_t bytes, const decode::Limits& limits) {
  return bytes > limits.PictureBytes() ? Cause::kTooCostly : Cause::kNone;
}

}  // namespace hashgate::image
