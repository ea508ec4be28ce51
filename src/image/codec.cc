#include "image/codec.h"

#include <array>
#include <utility>

namespace hashgate::image {
namespace {

constexpr std::array<std::pair<decode::Format, DecodeFunction>, 5> kCodecs = {{
    {decode::Format::kJpeg, &DecodeJpeg},
    {decode::Format::kPng, &DecodePng},
    {decode::Format::kWebp, &DecodeWebp},
    {decode::Format::kGif, &DecodeGif},
    {decode::Format::kBmp, &DecodeBmp},
}};

}  // namespace

DecodeFunction FindCodec(decode::Format format) {
  for (const auto& [known, function] : kCodecs) {
    if (known == format) return function;
  }
  return nullptr;
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
