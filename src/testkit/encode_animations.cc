// Animations put together from still files, which hold the same data in other wrappings.
#include <string_view>
#include <utility>

#include "testkit/byte_sink.h"
#include "testkit/encode.h"
#include "testkit/hostile/parts.h"

namespace hashgate::testkit {
namespace {

std::string_view TypeOf(const Bytes& png_chunk) {
  return {reinterpret_cast<const char*>(png_chunk.data()) + 4, 4};
}

// The chunks of a still PNG, its signature first.
Result<std::vector<Bytes>> PngParts(const Picture& picture) {
  HASHGATE_ASSIGN_OR_RETURN(const Bytes png, EncodePng(picture));
  return hostile::Split(hostile::Layout::kPng, png);
}

// Calls `use` with each chunk of pixels.
template <typename Use>
void ForPixelChunks(const std::vector<Bytes>& parts, const Use& use) {
  for (const Bytes& part : parts) {
    if (part.size() >= 12 && TypeOf(part) == "IDAT") use(part);
  }
}

}  // namespace

std::vector<PlacedFrame> WholeFrames(std::span<const Picture> pictures) {
  std::vector<PlacedFrame> frames;
  for (const Picture& picture : pictures) frames.push_back({.picture = picture});
  return frames;
}

// Source: W3C PNG, third edition, 11.3.6.
Result<Bytes> EncodeApng(std::span<const PlacedFrame> frames, const Picture* apart) {
  if (frames.empty()) return Fail(Reason::kInvariantBroken, "an animation has a frame");
  HASHGATE_ASSIGN_OR_RETURN(const auto still, PngParts(apart != nullptr ? *apart : frames[0].picture));
  ByteSink out;
  out.Put(still[0]).Put(still[1]);
  out.Put(PngChunk("acTL", ByteSink().Big(frames.size(), 4).Big(0, 4).Take()));
  if (apart != nullptr) ForPixelChunks(still, [&](const Bytes& part) { out.Put(part); });
  std::uint32_t number = 0;
  for (const PlacedFrame& frame : frames) {
    HASHGATE_ASSIGN_OR_RETURN(const auto parts, PngParts(frame.picture));
    ByteSink control;
    control.Big(number++, 4).Put(ByteSpan(parts[1]).subspan(8, 8));
    control.Big(static_cast<std::uint64_t>(frame.left), 4).Big(static_cast<std::uint64_t>(frame.top), 4);
    out.Put(PngChunk("fcTL", control.Big(1, 2).Big(10, 2).Big(0, 2).Take()));
    const bool is_default = apart == nullptr && &frame == frames.data();
    ForPixelChunks(parts, [&](const Bytes& part) {
      if (is_default) {
        out.Put(part);
        return;
      }
      const ByteSpan data = ByteSpan(part).subspan(8, part.size() - 12);
      out.Put(PngChunk("fdAT", ByteSink().Big(number++, 4).Put(data).Take()));
    });
  }
  return out.Put(PngChunk("IEND", {})).Take();
}

// Source: RFC 9649.
Result<Bytes> EncodeWebpAnimation(std::span<const PlacedFrame> frames, const WebpOptions& options) {
  if (frames.empty()) return Fail(Reason::kInvariantBroken, "an animation has a frame");
  ByteSink chunks;
  const auto number = [](int value) { return static_cast<std::uint64_t>(value); };
  const auto sides = [&](const Picture& picture) {
    chunks.Little(number(picture.width - 1), 3).Little(number(picture.height - 1), 3);
  };
  chunks.Text("VP8X").Little(10, 4).Little(0x12, 4);
  sides(frames[0].picture);
  chunks.Text("ANIM").Little(6, 4).Little(0, 6);
  for (const PlacedFrame& frame : frames) {
    HASHGATE_ASSIGN_OR_RETURN(const Bytes still, EncodeWebp(frame.picture, options));
    const ByteSpan data = ByteSpan(still).subspan(12);
    chunks.Text("ANMF").Little(16 + data.size(), 4);
    chunks.Little(number(frame.left / 2), 3).Little(number(frame.top / 2), 3);
    sides(frame.picture);
    chunks.Little(100, 3).Little(0, 1).Put(data);
  }
  return ByteSink().Text("RIFF").Little(chunks.size() + 4, 4).Text("WEBP").Put(chunks.Take()).Take();
}

}  // namespace hashgate::testkit
