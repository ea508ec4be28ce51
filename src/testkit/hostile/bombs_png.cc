// Source of the formats: the PNG specification (third edition, with APNG).
#include <array>

#include "testkit/byte_sink.h"
#include "testkit/hostile/bombs.h"

namespace hashgate::testkit::hostile {
namespace {

constexpr std::string_view kMagic = "\x89PNG\r\n\x1a\n";
constexpr int kGrey = 0;
constexpr int kRgb = 2;
constexpr int kRgba = 6;

struct Shape {
  std::uint32_t width;
  std::uint32_t height;
  int bits = 8;
  int colour = kRgb;
  bool interlaced = false;
};

Bytes Header(const Shape& shape) {
  return PngChunk("IHDR", ByteSink()
                              .Big(shape.width, 4)
                              .Big(shape.height, 4)
                              .Big(static_cast<std::uint64_t>(shape.bits), 1)
                              .Big(static_cast<std::uint64_t>(shape.colour), 1)
                              .Big(0, 2)
                              .Big(shape.interlaced ? 1 : 0, 1)
                              .Take());
}

// The bytes of all rows, filter bytes included, not interlaced.
std::uint64_t RawBytes(const Shape& shape) {
  const std::uint64_t channels = shape.colour == kRgb ? 3 : shape.colour == kRgba ? 4 : 1;
  const std::uint64_t row = (channels * static_cast<std::uint64_t>(shape.bits) * shape.width + 7) / 8;
  return shape.height * (row + 1);
}

Bytes Whole(const Shape& shape, ByteSpan before, ByteSpan packed) {
  return ByteSink()
      .Text(kMagic)
      .Put(Header(shape))
      .Put(before)
      .Put(PngChunk("IDAT", packed))
      .Put(PngChunk("IEND", {}))
      .Take();
}

Bytes Flat(const Shape& shape) {
  return Whole(shape, {}, ZlibOfZeros(RawBytes(shape)));
}

constexpr Shape kSmall{.width = 100, .height = 100};
constexpr Shape kLarge{.width = 7000, .height = 7000};

Bytes SmallWith(ByteSpan before) {
  return Whole(kSmall, before, ZlibOfZeros(RawBytes(kSmall)));
}

// A chunk that says it is longer than any file, and ends at once.
Bytes ChunkTooLong(std::string_view type) {
  return ByteSink()
      .Text(kMagic)
      .Put(Header(kSmall))
      .Big(0x7ffffff0, 4)
      .Text(type)
      .Text("Comment\0x")
      .Big(0, 3)
      .Take();
}

Bytes Repeated(std::string_view type, ByteSpan data, int count) {
  const Bytes chunk = PngChunk(type, data);
  ByteSink chunks;
  for (int i = 0; i < count; ++i) chunks.Put(chunk);
  return chunks.Take();
}

Bytes FrameControl(std::uint32_t number, std::uint32_t width, std::uint32_t height, std::uint32_t x) {
  return PngChunk("fcTL", ByteSink()
                              .Big(number, 4)
                              .Big(width, 4)
                              .Big(height, 4)
                              .Big(x, 4)
                              .Big(0, 4)
                              .Big(1, 2)
                              .Big(10, 2)
                              .Big(0, 2)
                              .Take());
}

Bytes Animation(const Shape& canvas, std::uint32_t declared, int frames, std::uint32_t side,
                std::uint32_t x) {
  ByteSink out;
  out.Text(kMagic).Put(Header(canvas)).Put(PngChunk("acTL", ByteSink().Big(declared, 4).Big(0, 4).Take()));
  out.Put(FrameControl(0, canvas.width, canvas.height, 0))
      .Put(PngChunk("IDAT", ZlibOfZeros(RawBytes(canvas))));
  const Bytes data = ZlibOfZeros(RawBytes({.width = side, .height = side}));
  std::uint32_t number = 1;
  for (int i = 0; i < frames; ++i) {
    out.Put(FrameControl(number, side, side, x));
    out.Put(PngChunk("fdAT", ByteSink().Big(number + 1, 4).Put(data).Take()));
    number += 2;
  }
  return out.Put(PngChunk("IEND", {})).Take();
}

constexpr std::array kBombs = {
    Bomb{"png-1bit-30000",
         [] { return Flat({.width = 30'000, .height = 30'000, .bits = 1, .colour = kGrey}); }},
    Bomb{"png-rgb-20000", [] { return Flat({.width = 20'000, .height = 20'000}); }},
    Bomb{"png-rgba16-8000",
         [] { return Flat({.width = 8'000, .height = 8'000, .bits = 16, .colour = kRgba}); }},
    Bomb{"png-1bit-7000", [] { return Flat({.width = 7'000, .height = 7'000, .bits = 1, .colour = kGrey}); }},
    Bomb{"png-rgb-7000", [] { return Flat(kLarge); }},
    Bomb{"png-rgba16-7000",
         [] { return Flat({.width = 7'000, .height = 7'000, .bits = 16, .colour = kRgba}); }},
    Bomb{"png-interlaced-7000",
         [] {
           // More than the seven passes need: each row of each pass has its filter byte.
           const Shape shape{.width = 7'000, .height = 7'000, .bits = 8, .colour = kRgba, .interlaced = true};
           return Whole(shape, {}, ZlibOfZeros(RawBytes(shape) + 100'000));
         }},
    Bomb{"png-interlaced-no-data",
         [] {
           return Whole({.width = 7'000, .height = 7'000, .bits = 16, .colour = kRgba, .interlaced = true},
                        {}, ZlibOfZeros(10));
         }},
    Bomb{"png-7000-no-data", [] { return Whole(kLarge, {}, ZlibOfZeros(10)); }},
    Bomb{"png-widest", [] { return Flat({.width = 0x7fffffff, .height = 1, .bits = 1, .colour = kGrey}); }},
    Bomb{"png-tallest",
         [] {
           return Whole({.width = 1, .height = 0x7fffffff, .bits = 1, .colour = kGrey}, {}, ZlibOfZeros(10));
         }},
    Bomb{"png-sides-overflow",
         [] { return Whole({.width = 0x80000001, .height = 0x80000001}, {}, ZlibOfZeros(10)); }},
    Bomb{"png-ztxt-too-long", [] { return ChunkTooLong("zTXt"); }},
    Bomb{"png-iccp-too-long", [] { return ChunkTooLong("iCCP"); }},
    Bomb{"png-plte-too-long", [] { return ChunkTooLong("PLTE"); }},
    Bomb{"png-trns-too-long", [] { return ChunkTooLong("tRNS"); }},
    Bomb{"png-idat-too-long", [] { return ChunkTooLong("IDAT"); }},
    Bomb{"png-unknown-too-long", [] { return ChunkTooLong("abCd"); }},
    Bomb{"png-critical-too-long", [] { return ChunkTooLong("ABCD"); }},
    Bomb{"png-iccp-unpacks",
         [] {
           return SmallWith(
               PngChunk("iCCP", ByteSink().Text("p").Big(0, 2).Put(ZlibOfZeros(300'000'000)).Take()));
         }},
    Bomb{"png-ztxt-unpacks",
         [] {
           return SmallWith(
               PngChunk("zTXt", ByteSink().Text("k").Big(0, 2).Put(ZlibOfZeros(300'000'000)).Take()));
         }},
    Bomb{"png-itxt-unpacks",
         [] {
           return SmallWith(PngChunk(
               "iTXt", ByteSink().Text("k").Big(0x000100, 3).Big(0, 2).Put(ZlibOfZeros(300'000'000)).Take()));
         }},
    Bomb{"png-idat-unpacks-further", [] { return Whole(kSmall, {}, ZlibOfZeros(500'000'000)); }},
    Bomb{"png-200000-text-chunks", [] { return SmallWith(Repeated("tEXt", Bytes{'k', 0}, 200'000)); }},
    Bomb{"png-200000-unknown-chunks", [] { return SmallWith(Repeated("abCd", {}, 200'000)); }},
    Bomb{"png-200000-gamma-chunks", [] { return SmallWith(Repeated("gAMA", Bytes{0, 0, 0, 1}, 200'000)); }},
    Bomb{"png-100000-data-chunks",
         [] {
           ByteSink out;
           out.Text(kMagic).Put(Header(kSmall));
           for (const std::uint8_t byte : ZlibOfZeros(RawBytes(kSmall)))
             out.Put(PngChunk("IDAT", {&byte, 1}));
           const Bytes empty = PngChunk("IDAT", {});
           for (int i = 0; i < 100'000; ++i) out.Put(empty);
           return out.Put(PngChunk("IEND", {})).Take();
         }},
    Bomb{"apng-2147483647-frames-declared", [] { return Animation(kSmall, 0x7fffffff, 2, 10, 0); }},
    Bomb{"apng-20000-frames", [] { return Animation(kSmall, 20'001, 20'000, 4, 0); }},
    Bomb{"apng-5000-frames-of-7000", [] { return Animation(kLarge, 5'001, 5'000, 1, 0); }},
    Bomb{"apng-100-large-frames",
         [] { return Animation({.width = 1'500, .height = 1'500}, 101, 100, 1'500, 0); }},
    Bomb{"apng-frame-outside", [] { return Animation(kSmall, 3, 2, 50, 0xffffffe0); }},
};

}  // namespace

std::span<const Bomb> PngBombs() {
  return kBombs;
}

}  // namespace hashgate::testkit::hostile
