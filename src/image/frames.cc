#include "image/frames.h"

#include <algorithm>
#include <cstring>

namespace hashgate::image {
namespace {

/// Source over destination where neither has its alpha multiplied in. Source: W3C Compositing, "source over".
void BlendPixel(const std::uint8_t* from, std::uint8_t* to) {
  const std::uint32_t alpha = from[3];
  if (alpha == 0) return;
  if (alpha == 255 || to[3] == 0) {
    std::memcpy(to, from, 4);
    return;
  }
  const std::uint32_t below = to[3] * (255 - alpha);  // of 255 * 255
  const std::uint32_t sum = alpha * 255 + below;
  for (int i = 0; i < 3; ++i) {
    to[i] = static_cast<std::uint8_t>((from[i] * alpha * 255 + to[i] * below + sum / 2) / sum);
  }
  to[3] = static_cast<std::uint8_t>((sum + 127) / 255);
}

bool AreSamePixels(const std::uint8_t* a, const std::uint8_t* b) {
  return std::memcmp(a, b, 4) == 0;
}

/// Puts a row of `count` pixels there. Returns how many have changed.
std::uint64_t CopyRow(const std::uint8_t* from, std::uint32_t count, std::uint8_t* to) {
  const std::size_t size = std::size_t{count} * 4;
  if (std::memcmp(from, to, size) == 0) return 0;
  std::uint64_t changed = 0;
  for (std::size_t i = 0; i < size; i += 4) changed += AreSamePixels(from + i, to + i) ? 0 : 1;
  std::memcpy(to, from, size);
  return changed;
}

std::uint64_t BlendRow(const std::uint8_t* from, std::uint32_t count, std::uint8_t* to) {
  std::uint64_t changed = 0;
  for (std::uint32_t x = 0; x < count; ++x, from += 4, to += 4) {
    std::uint8_t before[4];
    std::memcpy(before, to, 4);
    BlendPixel(from, to);
    changed += AreSamePixels(before, to) ? 0 : 1;
  }
  return changed;
}

}  // namespace

std::unique_ptr<FrameSource> OpenFrames(decode::Format format, ByteSpan bytes, std::uint32_t width,
                                        std::uint32_t height) {
  switch (format) {
    case decode::Format::kGif: return OpenGifFrames(bytes, width, height);
    case decode::Format::kWebp: return OpenWebpFrames(bytes, width, height);
    case decode::Format::kPng: return OpenPngFrames(bytes, width, height);
    default: return nullptr;
  }
}

void CutToCanvas(std::uint32_t canvas_width, std::uint32_t canvas_height, FrameFact& frame) {
  frame.width = frame.left >= canvas_width ? 0 : std::min(frame.width, canvas_width - frame.left);
  frame.height = frame.top >= canvas_height ? 0 : std::min(frame.height, canvas_height - frame.top);
}

void FrameCanvas::Reset() {
  std::memset(bitmap_.samples.data(), 0, bitmap_.samples.size());
  last_ = {};
}

std::uint64_t FrameCanvas::Dispose() {
  if (last_.disposal == Disposal::kKeep || last_.width == 0) return 0;
  std::uint64_t changed = 0;
  const WipedBuffer<std::uint8_t> clear(last_.disposal == Disposal::kClear ? std::size_t{last_.width} * 4
                                                                           : 0);
  for (std::uint32_t y = 0; y < last_.height; ++y) {
    const std::uint8_t* from = last_.disposal == Disposal::kClear ? clear.data() : saved_.Row(y);
    changed += CopyRow(from, last_.width, bitmap_.Row(last_.top + y) + std::size_t{last_.left} * 4);
  }
  return changed;
}

std::uint64_t FrameCanvas::Draw(const FrameFact& frame, const Bitmap& part, std::uint32_t rows) {
  std::uint64_t changed = Dispose();
  last_ = frame;
  if (frame.width == 0 || frame.height == 0) return changed;
  if (frame.disposal == Disposal::kRestore) {
    saved_ = Bitmap(frame.width, frame.height, 4);
    for (std::uint32_t y = 0; y < frame.height; ++y) {
      std::copy_n(bitmap_.Row(frame.top + y) + std::size_t{frame.left} * 4, saved_.stride(), saved_.Row(y));
    }
  }
  for (std::uint32_t y = 0; y < std::min(rows, frame.height); ++y) {
    std::uint8_t* to = bitmap_.Row(frame.top + y) + std::size_t{frame.left} * 4;
    changed += frame.blends ? BlendRow(part.Row(y), frame.width, to) : CopyRow(part.Row(y), frame.width, to);
  }
  return changed;
}

}  // namespace hashgate::image
