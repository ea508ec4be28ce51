// WebP through libwebp: a still picture, or the frames of an animation.
// Source of the container: RFC 9649.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "decode/byte_order.h"
#include "image/codec.h"
#include "image/frames.h"

namespace hashgate::image {
namespace {

struct Closer {
  void operator()(WebPIDecoder* decoder) const { WebPIDelete(decoder); }
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

/// Decodes one bitstream into `to`, whose sides are those of the bitstream. Returns kNone, kCorrupt,
/// kTooCostly, or kTruncated with the rows that are there in `rows`.
Cause DecodeStill(ByteSpan bytes, Bitmap& to, std::uint32_t& rows) {
  rows = 0;
  const std::unique_ptr<WebPIDecoder, Closer> decoder(WebPINewRGB(to.channels == 4 ? MODE_RGBA : MODE_RGB,
                                                                  to.samples.data(), to.samples.size(),
                                                                  static_cast<int>(to.stride())));
  if (decoder == nullptr) return Cause::kTooCostly;
  const VP8StatusCode status = WebPIUpdate(decoder.get(), bytes.data(), bytes.size());
  if (status == VP8_STATUS_OK) {
    rows = to.height;
    return Cause::kNone;
  }
  if (status == VP8_STATUS_OUT_OF_MEMORY) return Cause::kTooCostly;
  int last = 0;
  if (WebPIDecGetRGB(decoder.get(), &last, nullptr, nullptr, nullptr) != nullptr && last > 0) {
    rows = std::min(static_cast<std::uint32_t>(last), to.height);
  }
  if (status == VP8_STATUS_SUSPENDED || rows > 0) return Cause::kTruncated;
  return status == VP8_STATUS_UNSUPPORTED_FEATURE ? Cause::kUnsupportedFormat : Cause::kCorrupt;
}

/// Where a frame lies, by its chunk's data; the last one may be cut off.
FrameFact ReadFrame(ByteSpan data, std::size_t offset) {
  FrameFact frame{.left = 2 * decode::Le24(data, 0),
                  .top = 2 * decode::Le24(data, 3),
                  .width = decode::Le24(data, 6) + 1,
                  .height = decode::Le24(data, 9) + 1,
                  .disposal = (data[15] & 1) != 0 ? Disposal::kClear : Disposal::kKeep,
                  .blends = (data[15] & 2) == 0};
  frame.cost = std::uint64_t{frame.width} * frame.height;
  // Its picture begins with its alpha, where that is apart; chunks of other kinds may stand in front.
  for (std::size_t at = 16; at + 8 <= data.size();) {
    const auto is = [&](const char* name) { return std::memcmp(data.data() + at, name, 4) == 0; };
    if (is("ALPH") || is("VP8 ") || is("VP8L")) {
      frame.at = offset + at;
      frame.size = data.size() - at;
      const bool lossless_alpha = is("VP8L") && at + 12 < data.size() && (data[at + 12] & 0x10) != 0;
      frame.blends = frame.blends && (is("ALPH") || lossless_alpha);
      break;
    }
    const std::size_t length = decode::Le32(data, at + 4);
    if (length > data.size() - at - 8) break;
    at += 8 + length + length % 2;
  }
  return frame;
}

/// Counts frames, one whose data is cut off included. The first kMaxPlannedFrames of them go to `frames`,
/// where it is given. Source: RFC 9649, 2.7.1.1. libwebp's demuxer does not give out a further frame that is
/// cut.
std::uint32_t WalkFrames(ByteSpan bytes, std::vector<FrameFact>* frames) {
  std::uint32_t count = 0;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::size_t length = decode::Le32(bytes, at + 4);
    const std::size_t left = bytes.size() - at - 8;
    if (std::memcmp(bytes.data() + at, "ANMF", 4) == 0 && std::min(length, left) >= 16) {
      ++count;
      if (frames != nullptr && frames->size() < kMaxPlannedFrames) {
        frames->push_back(ReadFrame(bytes.subspan(at + 8, std::min(length, left)), at + 8));
      }
    }
    if (length + length % 2 > left) break;
    at += 8 + length + length % 2;
  }
  return count;
}

/// Puts the first frame on a transparent canvas.
Cause DecodeFirstFrame(ByteSpan bytes, const decode::Limits& limits, Decoded& out) {
  const WebPData data{bytes.data(), bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  const std::unique_ptr<WebPDemuxer, Closer> demuxer(WebPDemuxPartial(&data, &state));
  if (demuxer == nullptr) return state == WEBP_DEMUX_PARSE_ERROR ? Cause::kCorrupt : Cause::kTruncated;
  out.frames_total = std::max(WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT), WalkFrames(bytes, nullptr));
  if (out.frames_total > limits.max_frames) return Cause::kTooManyFrames;
  WebPIterator frame{};
  if (WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0) {
    return state == WEBP_DEMUX_DONE ? Cause::kCorrupt : Cause::kTruncated;
  }
  const std::unique_ptr<WebPIterator, void (*)(WebPIterator*)> release(&frame, &WebPDemuxReleaseIterator);
  const auto left = static_cast<std::uint64_t>(frame.x_offset);
  const auto top = static_cast<std::uint64_t>(frame.y_offset);
  const auto width = static_cast<std::uint32_t>(frame.width);
  const auto height = static_cast<std::uint32_t>(frame.height);
  if (left + width > out.width || top + height > out.height) return Cause::kCorrupt;
  // The demuxer believes the frame's own header; what the bitstream says is what would be written.
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features) != VP8_STATUS_OK ||
      features.width != frame.width || features.height != frame.height) {
    return frame.complete != 0 ? Cause::kCorrupt : Cause::kTruncated;
  }
  Bitmap part(width, height, 4);
  std::uint32_t rows = 0;
  const Cause cause = DecodeStill({frame.fragment.bytes, frame.fragment.size}, part, rows);
  if (cause != Cause::kNone && cause != Cause::kTruncated) return cause;
  if (rows == 0) return cause;
  out.bitmap = Bitmap(out.width, out.height, 4);
  for (std::uint32_t y = 0; y < rows; ++y) {
    std::copy_n(part.Row(y), part.stride(), out.bitmap.Row(y + static_cast<std::uint32_t>(top)) + left * 4);
  }
  if (cause == Cause::kTruncated) {
    out.bitmap.height = static_cast<std::uint32_t>(top) + rows;
  } else if (state != WEBP_DEMUX_DONE) {
    out.frames_cut = true;
  }
  return cause;
}

Cause Decode(ByteSpan bytes, const decode::Limits& limits, Decoded& out) {
  WebPBitstreamFeatures features{};
  switch (WebPGetFeatures(bytes.data(), bytes.size(), &features)) {
    case VP8_STATUS_OK: break;
    case VP8_STATUS_NOT_ENOUGH_DATA: return Cause::kTruncated;
    case VP8_STATUS_UNSUPPORTED_FEATURE: return Cause::kUnsupportedFormat;
    default: return Cause::kCorrupt;
  }
  out.width = static_cast<std::uint32_t>(std::max(0, features.width));
  out.height = static_cast<std::uint32_t>(std::max(0, features.height));
  out.frames_total = 1;
  if (const Cause cause = CheckSides(out.width, out.height, limits); cause != Cause::kNone) return cause;
  // The picture, and what libwebp holds of a lossless one; of an animation the canvas too.
  const std::uint64_t bytes_per_pixel = features.has_animation != 0 ? 12 : 8;
  if (const Cause cause = CheckMemory(std::uint64_t{out.width} * out.height * bytes_per_pixel, limits);
      cause != Cause::kNone) {
    return cause;
  }
  if (features.has_animation != 0) return DecodeFirstFrame(bytes, limits, out);
  Bitmap bitmap(out.width, out.height, features.has_alpha != 0 ? 4 : 3);
  std::uint32_t rows = 0;
  const Cause cause = DecodeStill(bytes, bitmap, rows);
  if (cause != Cause::kNone && cause != Cause::kTruncated) return cause;
  out.bitmap = std::move(bitmap);
  out.bitmap.height = rows;
  return cause;
}

class WebpFrames final : public FrameSource {
 public:
  explicit WebpFrames(ByteSpan bytes) : bytes_(bytes) {}

  Cause Decode(std::size_t index, Bitmap& part, std::uint32_t& rows) override {
    const FrameFact& frame = frames[index];
    const ByteSpan data = bytes_.subspan(frame.at, frame.size);
    // The container's sides have been checked; what the bitstream says is what would be written.
    WebPBitstreamFeatures features{};
    const VP8StatusCode status = WebPGetFeatures(data.data(), data.size(), &features);
    if (status == VP8_STATUS_NOT_ENOUGH_DATA) {
      rows = 0;
      return Cause::kTruncated;
    }
    if (status != VP8_STATUS_OK || static_cast<std::uint32_t>(features.width) != part.width ||
        static_cast<std::uint32_t>(features.height) != part.height) {
      return Cause::kCorrupt;
    }
    return DecodeStill(data, part, rows);
  }

 private:
  ByteSpan bytes_;
};

}  // namespace

std::unique_ptr<FrameSource> OpenWebpFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height) {
  auto source = std::make_unique<WebpFrames>(bytes);
  source->width = width;
  source->height = height;
  if (WalkFrames(bytes, &source->frames) < 2) return nullptr;
  for (FrameFact& frame : source->frames) {
    const std::uint64_t right = std::uint64_t{frame.left} + frame.width;
    const std::uint64_t bottom = std::uint64_t{frame.top} + frame.height;
    frame.readable = frame.size != 0 && right <= width && bottom <= height;
  }
  return source;
}

Decoded DecodeWebp(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  out.cause = Decode(bytes, limits, out);
  if (out.cause == Cause::kNone && bytes.size() >= 12) {
    const std::uint64_t end = std::uint64_t{decode::Le32(bytes, 4)} + 8;
    out.trailing_bytes = end + end % 2 < bytes.size();
  }
  return out;
}

}  // namespace hashgate::image
