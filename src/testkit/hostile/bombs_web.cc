// Sources of the formats: GIF89a; RFC 9649 (WebP) with RFC 6386 (VP8); Microsoft's bitmap headers.
#include <algorithm>
#include <array>

#include "testkit/byte_sink.h"
#include "testkit/hostile/bombs.h"

namespace hashgate::testkit::hostile {
namespace {

// ---- GIF

Bytes SubBlocks(ByteSpan data, std::size_t piece = 255) {
  ByteSink out;
  for (std::size_t at = 0; at < data.size(); at += piece) {
    const ByteSpan block = data.subspan(at, std::min(piece, data.size() - at));
    out.Big(block.size(), 1).Put(block);
  }
  return out.Big(0, 1).Take();
}

// `count` pixels of colour 0: each code stands for one pixel more than the one before, until the table is
// full.
Bytes LzwOfZeros(std::uint64_t count) {
  constexpr std::uint32_t kClear = 4;
  BitSink bits;
  std::uint32_t next = kClear + 2;
  int width = 3;
  bits.Put(kClear, width);
  for (std::uint64_t left = count, run = 1; left > 0;) {
    if (next == 4096) {
      bits.Put(kClear, width);
      next = kClear + 2;
      width = 3;
      run = 1;
    }
    const bool first = run == 1;
    const std::uint64_t pixels = std::min(left, run);
    bits.Put(pixels == 1 ? 0 : kClear + static_cast<std::uint32_t>(pixels), width);
    left -= pixels;
    ++run;
    if (first) continue;
    if (++next == 1U << width && width < 12) ++width;
  }
  bits.Put(kClear + 1, width);
  return bits.Take();
}

Bytes GifFront(std::uint32_t width, std::uint32_t height) {
  return ByteSink()
      .Text("GIF89a")
      .Little(width, 2)
      .Little(height, 2)
      .Big(0x810000, 3)
      .Repeat(0, 6)
      .Repeat(255, 6)
      .Take();
}

Bytes GifFrame(std::uint32_t x, std::uint32_t width, std::uint32_t height, ByteSpan lzw) {
  return ByteSink()
      .Big(0x2c, 1)
      .Little(x, 2)
      .Little(0, 2)
      .Little(width, 2)
      .Little(height, 2)
      .Big(0x0002, 2)
      .Put(SubBlocks(lzw))
      .Take();
}

Bytes GifOf(std::uint32_t width, std::uint32_t height, ByteSpan part, int count) {
  ByteSink out;
  out.Put(GifFront(width, height));
  for (int i = 0; i < count; ++i) out.Put(part);
  return out.Big(0x3b, 1).Take();
}

Bytes FlatFrame(std::uint32_t width, std::uint32_t height) {
  return GifFrame(0, width, height, LzwOfZeros(std::uint64_t{width} * height));
}

constexpr std::array kGif = {
    Bomb{"gif-50000-frames-of-16383", [] { return GifOf(16'383, 16'383, FlatFrame(1, 1), 50'000); }},
    Bomb{"gif-300000-frames", [] { return GifOf(64, 64, FlatFrame(1, 1), 300'000); }},
    Bomb{"gif-49mp", [] { return GifOf(7'000, 7'000, FlatFrame(7'000, 7'000), 1); }},
    Bomb{"gif-100-frames-of-49mp", [] { return GifOf(7'000, 7'000, FlatFrame(7'000, 7'000), 100); }},
    Bomb{"gif-1000-frames-of-1mp", [] { return GifOf(1'000, 1'000, FlatFrame(1'000, 1'000), 1'000); }},
    Bomb{"gif-49mp-no-data",
         [] { return GifOf(7'000, 7'000, GifFrame(0, 7'000, 7'000, Bytes{0x4c, 1}), 1); }},
    Bomb{"gif-65535-sides", [] { return GifOf(65'535, 65'535, FlatFrame(65'535, 100), 1); }},
    Bomb{"gif-frame-outside", [] { return GifOf(64, 64, GifFrame(0xfff0, 64, 64, LzwOfZeros(4'096)), 3); }},
    Bomb{"gif-frame-larger-than-canvas", [] { return GifOf(1, 1, FlatFrame(7'000, 7'000), 1); }},
    Bomb{"gif-1000000-comments", [] { return GifOf(64, 64, Bytes{0x21, 0xfe, 0}, 1'000'000); }},
    Bomb{"gif-100000-graphic-controls",
         [] { return GifOf(64, 64, Bytes{0x21, 0xf9, 4, 0, 0, 0, 0, 0}, 100'000); }},
    Bomb{"gif-blocks-of-one-byte",
         [] {
           ByteSink frame;
           frame.Big(0x2c, 1).Big(0, 4).Little(3'000, 2).Little(3'000, 2).Big(0x0002, 2);
           frame.Put(SubBlocks(LzwOfZeros(9'000'000), 1));
           return GifOf(3'000, 3'000, frame.Take(), 1);
         }},
    Bomb{"gif-clear-codes-only",
         [] {
           BitSink bits;
           for (int i = 0; i < 4'000'000; ++i) bits.Put(4, 3);
           return GifOf(7'000, 7'000, GifFrame(0, 7'000, 7'000, bits.Take()), 1);
         }},
    Bomb{"gif-no-frame", [] { return GifOf(16'383, 3'000, {}, 0); }},
};

// ---- WebP

// A lossless picture of one colour: each of the five codes has one symbol, so pixels take no bits at all.
Bytes Vp8l(std::uint32_t width, std::uint32_t height) {
  BitSink bits;
  bits.Put(0x2f, 8);
  bits.Put(width - 1, 14);
  bits.Put(height - 1, 14);
  bits.Put(0, 1 + 3);      // no alpha, version 0
  bits.Put(0, 1 + 1 + 1);  // no transform, no colour cache, one group of codes
  for (int code = 0; code < 5; ++code) {
    bits.Put(1, 1);  // simple
    bits.Put(0, 1);  // of one symbol
    bits.Put(0, 1);  // that takes one bit
    bits.Put(code == 4 ? 0 : 1, 1);
  }
  return bits.Take();
}

Bytes Chunk(std::string_view type, ByteSpan data) {
  return ByteSink().Text(type).Little(data.size(), 4).Put(data).Repeat(0, data.size() % 2).Take();
}

Bytes Riff(ByteSpan chunks) {
  return ByteSink().Text("RIFF").Little(chunks.size() + 4, 4).Text("WEBP").Put(chunks).Take();
}

Bytes Extended(std::uint32_t flags, std::uint32_t width, std::uint32_t height, ByteSpan chunks) {
  return Riff(
      ByteSink()
          .Put(Chunk("VP8X", ByteSink().Little(flags, 4).Little(width - 1, 3).Little(height - 1, 3).Take()))
          .Put(chunks)
          .Take());
}

Bytes WebpAnimation(std::uint32_t canvas, std::uint32_t x, std::uint32_t width, std::uint32_t height,
                    int count) {
  const Bytes frame = Chunk("ANMF", ByteSink()
                                        .Little(x, 3)
                                        .Little(0, 3)
                                        .Little(width - 1, 3)
                                        .Little(height - 1, 3)
                                        .Little(100, 3)
                                        .Little(0, 1)
                                        .Put(Chunk("VP8L", Vp8l(width, height)))
                                        .Take());
  ByteSink chunks;
  chunks.Put(Chunk("ANIM", ByteSink().Little(0, 6).Take()));
  for (int i = 0; i < count; ++i) chunks.Put(frame);
  return Extended(2, canvas, canvas, chunks.Take());
}

Bytes Vp8(std::uint32_t width, std::uint32_t height, std::size_t data) {
  const std::uint64_t first_partition = data / 2;
  return ByteSink()
      .Little(first_partition << 5 | 0x10, 3)
      .Big(0x9d012a, 3)
      .Little(width, 2)
      .Little(height, 2)
      .Repeat(0, data)
      .Take();
}

constexpr std::array kWebp = {
    Bomb{"webp-lossless-49mp", [] { return Riff(Chunk("VP8L", Vp8l(16'383, 3'051))); }},
    Bomb{"webp-lossless-268mp", [] { return Riff(Chunk("VP8L", Vp8l(16'384, 16'384))); }},
    Bomb{"webp-lossy-49mp", [] { return Riff(Chunk("VP8 ", Vp8(7'000, 7'000, 500'000))); }},
    Bomb{"webp-lossy-49mp-no-data", [] { return Riff(Chunk("VP8 ", Vp8(7'000, 7'000, 10))); }},
    Bomb{"webp-lossy-16383", [] { return Riff(Chunk("VP8 ", Vp8(16'383, 16'383, 1'000))); }},
    Bomb{"webp-canvas-16777216", [] { return Extended(0, 1 << 24, 1 << 24, Chunk("VP8L", Vp8l(16, 16))); }},
    Bomb{"webp-canvas-smaller-than-picture",
         [] { return Extended(0, 1, 1, Chunk("VP8L", Vp8l(16'383, 3'051))); }},
    Bomb{"webp-50000-frames", [] { return WebpAnimation(7'000, 0, 1, 1, 50'000); }},
    Bomb{"webp-1000-frames-of-49mp", [] { return WebpAnimation(7'000, 0, 7'000, 7'000, 1'000); }},
    Bomb{"webp-1000-frames-of-1mp", [] { return WebpAnimation(1'000, 0, 1'000, 1'000, 1'000); }},
    Bomb{"webp-frame-outside", [] { return WebpAnimation(64, 0xffffff, 64, 64, 3); }},
    Bomb{"webp-200000-unknown-chunks",
         [] {
           ByteSink chunks;
           for (int i = 0; i < 200'000; ++i) chunks.Text("abcd").Little(0, 4);
           return Extended(0, 16, 16, chunks.Put(Chunk("VP8L", Vp8l(16, 16))).Take());
         }},
    Bomb{"webp-4mib-profile",
         [] {
           return Extended(0x20, 16, 16,
                           ByteSink()
                               .Put(Chunk("ICCP", ByteSink().Repeat(0, 4 << 20).Take()))
                               .Put(Chunk("VP8L", Vp8l(16, 16)))
                               .Take());
         }},
    Bomb{"webp-chunk-too-long",
         [] { return Riff(ByteSink().Text("VP8L").Little(0xfffffff6, 4).Put(Vp8l(16'383, 3'051)).Take()); }},
    Bomb{"webp-alpha-49mp",
         [] {
           const Bytes alpha =
               Chunk("ALPH", ByteSink().Big(1, 1).Put(ByteSpan(Vp8l(7'000, 7'000)).subspan(5)).Take());
           return Extended(0x10, 7'000, 7'000,
                           ByteSink().Put(alpha).Put(Chunk("VP8 ", Vp8(7'000, 7'000, 100'000))).Take());
         }},
};

// ---- BMP

struct Header {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t bits = 24;
  std::uint32_t compression = 0;
  std::uint32_t colours = 0;
  std::uint32_t offset = 54;
};

Bytes Bmp(const Header& header, ByteSpan data) {
  return ByteSink()
      .Text("BM")
      .Little(54 + data.size(), 4)
      .Little(0, 4)
      .Little(header.offset, 4)
      .Little(40, 4)
      .Little(header.width, 4)
      .Little(header.height, 4)
      .Little(1, 2)
      .Little(header.bits, 2)
      .Little(header.compression, 4)
      .Little(0, 12)
      .Little(header.colours, 4)
      .Little(0, 4)
      .Put(data)
      .Take();
}

constexpr std::array kBmp = {
    Bomb{"bmp-49mp-no-data", [] { return Bmp({.width = 7'000, .height = 7'000}, {}); }},
    Bomb{"bmp-1bit-49mp",
         [] {
           return Bmp({.width = 7'008, .height = 6'992, .bits = 1, .colours = 2, .offset = 62},
                      ByteSink().Big(0, 4).Big(0xffffff00, 4).Repeat(0xaa, std::size_t{876} * 6'992).Take());
         }},
    Bomb{"bmp-2147483647-sides", [] { return Bmp({.width = 0x7fffffff, .height = 0x7fffffff}, {}); }},
    Bomb{"bmp-lowest-height", [] { return Bmp({.width = 100, .height = 0x80000000}, {}); }},
    Bomb{"bmp-negative-width", [] { return Bmp({.width = 0xffffff00, .height = 100}, {}); }},
    Bomb{"bmp-4294967295-colours",
         [] { return Bmp({.width = 100, .height = 100, .bits = 8, .colours = 0xffffffff}, Bytes(1'000)); }},
    Bomb{"bmp-pixels-beyond-the-end",
         [] { return Bmp({.width = 100, .height = 100, .offset = 0xfffffff0}, Bytes(30'000)); }},
    Bomb{"bmp-pixels-in-the-header",
         [] { return Bmp({.width = 100, .height = 100, .offset = 0}, Bytes(30'000)); }},
    Bomb{"bmp-run-lengths-49mp",
         [] {
           ByteSink data;
           data.Repeat(0, 1'024);
           for (int i = 0; i < 200'000; ++i) data.Big(0xff00, 2);
           return Bmp({.width = 7'000, .height = 7'000, .bits = 8, .compression = 1, .offset = 1'078},
                      data.Take());
         }},
    Bomb{"bmp-run-length-jumps",
         [] {
           ByteSink data;
           data.Repeat(0, 1'024);
           for (int i = 0; i < 500'000; ++i) data.Big(0x0002ffff, 4);
           return Bmp({.width = 7'000, .height = 7'000, .bits = 8, .compression = 1, .offset = 1'078},
                      data.Take());
         }},
    Bomb{"bmp-holds-jpeg",
         [] { return Bmp({.width = 7'000, .height = 7'000, .bits = 0, .compression = 4}, Bytes(100)); }},
};

}  // namespace

std::span<const Bomb> GifBombs() {
  return kGif;
}
std::span<const Bomb> WebpBombs() {
  return kWebp;
}
std::span<const Bomb> BmpBombs() {
  return kBmp;
}

}  // namespace hashgate::testkit::hostile
