#include "unit/image/animations.h"

#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>

namespace hashgate::testing {
namespace {

void Append(Bytes& to, const Bytes& bytes) {
  to.reserve(to.size() + bytes.size());
  for (const std::uint8_t byte : bytes) to.push_back(byte);
}

void AppendBe32(Bytes& to, std::uint32_t value) {
  to.reserve(to.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t Be32At(const Bytes& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes.at(at + i);
  return value;
}

/// The data of all chunks of a type, joined.
Bytes ChunkData(const Bytes& png, const char* type) {
  Bytes data;
  for (std::size_t at = 8; at + 12 <= png.size(); at += Be32At(png, at) + 12) {
    if (std::memcmp(&png[at + 4], type, 4) != 0) continue;
    const auto first = png.begin() + static_cast<std::ptrdiff_t>(at) + 8;
    data.insert(data.end(), first, first + static_cast<std::ptrdiff_t>(Be32At(png, at)));
  }
  return data;
}

/// A sum of four plane waves over the unit square.
class Wave {
 public:
  explicit Wave(unsigned seed) {
    std::mt19937 random(seed);
    for (auto& [fy, fx, phase] : parts_) {
      fy = static_cast<double>(random() % 700) / 100.0 - 3.5;
      fx = static_cast<double>(random() % 700) / 100.0 - 3.5;
      phase = static_cast<double>(random() % 628) / 100.0;
    }
  }
  [[nodiscard]] double At(double y, double x) const {
    double sum = 0;
    for (const auto& [fy, fx, phase] : parts_) sum += std::cos(6.2831853 * (fy * y + fx * x) + phase);
    return sum;
  }

 private:
  std::array<std::array<double, 3>, 4> parts_{};
};

}  // namespace

Rgba WavePicture(int height, int width, unsigned seed) {
  Rgba picture{width, height, Bytes(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4)};
  const std::array<Wave, 3> waves = {Wave(seed * 3 + 1), Wave(seed * 3 + 2), Wave(seed * 3 + 3)};
  for (int r = 0; r < height; ++r) {
    for (int c = 0; c < width; ++c) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const double wave =
            waves[channel].At(static_cast<double>(r) / height, static_cast<double>(c) / width);
        picture.At(r, c)[channel] =
            static_cast<std::uint8_t>(85 * std::clamp(static_cast<int>(wave + 2), 0, 3));
      }
      picture.At(r, c)[3] = 255;
    }
  }
  return picture;
}

Rgba WithHoles(Rgba picture, unsigned seed) {
  const Wave wave(seed + 77);
  for (int r = 0; r < picture.height; ++r) {
    for (int c = 0; c < picture.width; ++c) {
      const double height =
          wave.At(static_cast<double>(r) / picture.height, static_cast<double>(c) / picture.width);
      if (height > 0.5) std::memset(picture.At(r, c), 0, 4);
    }
  }
  return picture;
}

Bytes EncodeGifFrames(int width, int height, const std::vector<AnimatedFrame>& frames) {
  Bytes out = {'G', 'I', 'F', '8', '9', 'a'};
  for (const int side : {width, height}) {
    out.push_back(static_cast<std::uint8_t>(side));
    out.push_back(static_cast<std::uint8_t>(side >> 8));
  }
  Append(out, Bytes{0x70, 0, 0});
  for (const AnimatedFrame& frame : frames) {
    // A file of this frame alone; its blocks behind the header, without the trailer, are what is wanted.
    const Bytes alone = EncodeGif({frame.picture}, {});
    std::size_t at = 13;
    std::uint8_t flags = static_cast<std::uint8_t>((frame.after == AfterFrame::kClear     ? 2
                                                    : frame.after == AfterFrame::kRestore ? 3
                                                                                          : 1)
                                                   << 2);
    std::uint8_t clear = 0;
    if (alone[at] == 0x21) {
      flags |= 1;
      clear = alone[at + 6];
      at += 8;
    }
    Append(out, Bytes{0x21, 0xf9, 4, flags, 10, 0, clear, 0});
    const std::size_t descriptor = out.size();
    out.insert(out.end(), alone.begin() + static_cast<std::ptrdiff_t>(at), alone.end() - 1);
    out[descriptor + 1] = static_cast<std::uint8_t>(frame.left);
    out[descriptor + 2] = static_cast<std::uint8_t>(frame.left >> 8);
    out[descriptor + 3] = static_cast<std::uint8_t>(frame.top);
    out[descriptor + 4] = static_cast<std::uint8_t>(frame.top >> 8);
  }
  out.push_back(0x3b);
  return out;
}

Bytes EncodeWebpFrames(int width, int height, const std::vector<AnimatedFrame>& frames) {
  WebPMux* mux = WebPMuxNew();
  for (const AnimatedFrame& frame : frames) {
    WebPConfig config;
    WebPConfigInit(&config);
    config.lossless = 1;
    config.exact = 1;
    WebPPicture picture;
    WebPPictureInit(&picture);
    picture.use_argb = 1;
    picture.width = frame.picture.width;
    picture.height = frame.picture.height;
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    WebPPictureImportRGBA(&picture, frame.picture.samples.data(), frame.picture.width * 4);
    WebPEncode(&config, &picture);
    WebPPictureFree(&picture);
    WebPMuxFrameInfo info{};
    info.bitstream = {writer.mem, writer.size};
    info.x_offset = frame.left;
    info.y_offset = frame.top;
    info.duration = 100;
    info.id = WEBP_CHUNK_ANMF;
    info.dispose_method =
        frame.after == AfterFrame::kClear ? WEBP_MUX_DISPOSE_BACKGROUND : WEBP_MUX_DISPOSE_NONE;
    info.blend_method = frame.blends ? WEBP_MUX_BLEND : WEBP_MUX_NO_BLEND;
    WebPMuxPushFrame(mux, &info, 1);
    WebPMemoryWriterClear(&writer);
  }
  const WebPMuxAnimParams params{0xffff0000, 0};
  WebPMuxSetAnimationParams(mux, &params);
  WebPMuxSetCanvasSize(mux, width, height);
  WebPData data;
  WebPDataInit(&data);
  WebPMuxAssemble(mux, &data);
  Bytes out(data.bytes, data.bytes + data.size);
  WebPDataClear(&data);
  WebPMuxDelete(mux);
  return out;
}

Bytes EncodeApng(const std::vector<AnimatedFrame>& frames, const ApngOptions& options) {
  const PngOptions png{.color = options.palette ? PngColor::kPalette : PngColor::kRgba,
                       .interlaced = options.interlaced};
  const bool hidden = options.hidden != nullptr;
  const Bytes still = EncodePng(hidden ? *options.hidden : frames.at(0).picture, png);
  Bytes out;
  for (std::size_t i = 0; i < 33; ++i) out.push_back(still.at(i));
  const Bytes palette = ChunkData(still, "PLTE");
  const Bytes clear = ChunkData(still, "tRNS");
  if (!palette.empty()) Append(out, PngChunk("PLTE", palette));
  if (!clear.empty()) Append(out, PngChunk("tRNS", clear));
  Bytes control;
  AppendBe32(control, static_cast<std::uint32_t>(frames.size()));
  AppendBe32(control, 0);
  Append(out, PngChunk("acTL", control));
  if (hidden) Append(out, PngChunk("IDAT", ChunkData(still, "IDAT")));
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const AnimatedFrame& frame = frames[i];
    control.clear();
    for (const int value :
         {static_cast<int>(number++), frame.picture.width, frame.picture.height, frame.left, frame.top}) {
      AppendBe32(control, static_cast<std::uint32_t>(value));
    }
    const int disposal = frame.after == AfterFrame::kKeep ? 0 : frame.after == AfterFrame::kClear ? 1 : 2;
    Append(control, Bytes{0, 1, 0, 10, static_cast<std::uint8_t>(disposal),
                          static_cast<std::uint8_t>(frame.blends ? 1 : 0)});
    Append(out, PngChunk("fcTL", control));
    // Frames that share a palette are written on a canvas that has all of its colours in the same order.
    Bytes data = ChunkData(EncodePng(frame.picture, png), "IDAT");
    if (i == 0 && !hidden) {
      Append(out, PngChunk("IDAT", data));
      continue;
    }
    const std::size_t step = options.data_bytes == 0 ? data.size() : options.data_bytes;
    for (std::size_t at = 0; at < data.size(); at += step) {
      Bytes part;
      AppendBe32(part, number++);
      part.insert(part.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                  data.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, data.size())));
      Append(out, PngChunk("fdAT", part));
    }
  }
  Append(out, PngChunk("IEND", {}));
  return out;
}

std::vector<Rgba> ShownFrames(int width, int height, const std::vector<AnimatedFrame>& frames) {
  std::vector<Rgba> shown;
  Rgba canvas{width, height, Bytes(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4)};
  for (const AnimatedFrame& frame : frames) {
    Rgba now = canvas;
    Rgba next = canvas;
    for (int r = 0; r < frame.picture.height; ++r) {
      for (int c = 0; c < frame.picture.width; ++c) {
        const int y = r + frame.top;
        const int x = c + frame.left;
        if (y >= height || x >= width) continue;
        const std::uint8_t* from = frame.picture.At(r, c);
        std::uint8_t* to = now.At(y, x);
        const double alpha = frame.blends ? from[3] / 255.0 : 1;
        if (!frame.blends) {
          std::copy_n(from, 4, to);
        } else if (alpha > 0) {
          const double below = to[3] / 255.0 * (1 - alpha);
          for (int i = 0; i < 3; ++i) {
            to[i] =
                static_cast<std::uint8_t>(std::lround((from[i] * alpha + to[i] * below) / (alpha + below)));
          }
          to[3] = static_cast<std::uint8_t>(std::lround(255 * (alpha + below)));
        }
        if (frame.after == AfterFrame::kKeep) std::copy_n(to, 4, next.At(y, x));
        if (frame.after == AfterFrame::kClear) std::fill_n(next.At(y, x), 4, std::uint8_t{0});
      }
    }
    shown.push_back(now);
    canvas = next;
  }
  return shown;
}

}  // namespace hashgate::testing
