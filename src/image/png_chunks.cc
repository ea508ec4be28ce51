#include <algorithm>
#include <cstring>

#include "decode/byte_order.h"
#include "image/png_pieces.h"

#include <zlib.h>

namespace hashgate::image {
namespace {

/// A chunk from its type on, without its checksum, and whether that is right.
struct Chunk {
  ByteSpan data;
  std::uint32_t checksum = 0;

  [[nodiscard]] bool Is(const char* type) const { return std::memcmp(data.data(), type, 4) == 0; }
  [[nodiscard]] bool IsSound() const {
    return crc32(0, data.data(), static_cast<uInt>(data.size())) == checksum;
  }
};

/// True for a frame control chunk that makes the default picture the first frame: number 0, on all of the
/// canvas, checksum right.
bool OpensAnimation(const Chunk& chunk, std::uint32_t width, std::uint32_t height) {
  const ByteSpan data = chunk.data;
  return data.size() == 30 && decode::Be32(data, 4) == 0 && decode::Be32(data, 8) == width &&
         decode::Be32(data, 12) == height && decode::Be32(data, 16) == 0 && decode::Be32(data, 20) == 0 &&
         chunk.IsSound();
}

FrameFact ReadControl(const Chunk& chunk, std::uint32_t width, std::uint32_t height, bool first) {
  FrameFact frame{.readable = false};
  const ByteSpan data = chunk.data;
  if (data.size() != 30 || !chunk.IsSound()) return frame;
  const std::uint64_t right = std::uint64_t{decode::Be32(data, 8)} + decode::Be32(data, 16);
  const std::uint64_t bottom = std::uint64_t{decode::Be32(data, 12)} + decode::Be32(data, 20);
  if (right > width || bottom > height) return frame;
  frame.width = decode::Be32(data, 8);
  frame.height = decode::Be32(data, 12);
  frame.left = decode::Be32(data, 16);
  frame.top = decode::Be32(data, 20);
  frame.readable = frame.width != 0 && frame.height != 0;
  frame.cost = std::uint64_t{frame.width} * frame.height;
  if (data[28] == 1) frame.disposal = Disposal::kClear;
  // There is nothing to restore under the first frame.
  if (data[28] == 2) frame.disposal = first ? Disposal::kClear : Disposal::kRestore;
  frame.blends = data[29] == 1;
  return frame;
}

}  // namespace

PngChunks WalkPngChunks(ByteSpan bytes, std::vector<FrameFact>* planned) {
  PngChunks chunks;
  const std::uint32_t width = decode::Be32(bytes, 16);
  const std::uint32_t height = decode::Be32(bytes, 20);
  bool before_data = true;
  bool opened = false;
  std::uint32_t declared = 0;
  std::uint32_t controls = 0;
  FrameFact* open = nullptr;  // the frame whose data may follow
  std::size_t at = 8;
  while (bytes.size() >= 12 && at <= bytes.size() - 12) {
    const std::size_t length = decode::Be32(bytes, at);
    const std::size_t left = bytes.size() - at - 12;
    const Chunk chunk{.data = bytes.subspan(at + 4, std::min(length, left) + 4),
                      .checksum = decode::Be32(bytes, at + 8 + std::min(length, left))};
    const bool is_data = chunk.Is("fdAT") || (chunk.Is("IDAT") && opened && controls == 1);
    if (chunk.Is("IDAT")) before_data = false;
    // A frame's data may be cut off by the end of the file: what there is of it counts.
    if (is_data && open != nullptr) open->size = std::min(at + length + 12, bytes.size()) - open->at;
    if (length > left) break;
    const ByteSpan whole = bytes.subspan(at, length + 12);
    if (before_data && chunk.Is("PLTE")) chunks.palette = whole;
    if (before_data && chunk.Is("tRNS")) chunks.transparency = whole;
    if (chunk.Is("acTL") && before_data && length >= 8) {
      chunks.animated = true;
      declared = std::max(declared, decode::Be32(bytes, at + 8));
    } else if (chunk.Is("fcTL")) {
      ++controls;
      // A second one in front of the data, or one in front of the declaration, is out of order: viewers
      // differ.
      if (before_data) opened = chunks.animated && controls == 1 && OpensAnimation(chunk, width, height);
      open = nullptr;
      if (planned != nullptr && planned->size() < kMaxPlannedFrames) {
        open = &planned->emplace_back(ReadControl(chunk, width, height, controls == 1));
        open->at = at + length + 12;
      }
    }
    at += length + 12;
    if (chunk.Is("IEND")) {
      chunks.end = at;
      break;
    }
  }
  chunks.animated = chunks.animated && (declared > 0 || controls > 0);
  if (chunks.animated) {
    chunks.frames = std::max(declared, controls);
    chunks.default_is_shown = opened;
    if (!opened && chunks.frames < 0xffffffff) ++chunks.frames;
  }
  return chunks;
}

}  // namespace hashgate::image
