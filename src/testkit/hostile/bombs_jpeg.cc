// Source of the format: ITU-T T.81; EXIF 2.32 and CIPA DC-007 for what lies in application segments.
#include <algorithm>
#include <array>

#include "testkit/byte_sink.h"
#include "testkit/hostile/bombs.h"

namespace hashgate::testkit::hostile {
namespace {

constexpr int kBaseline = 0xc0;
constexpr int kProgressive = 0xc2;
constexpr int kLossless = 0xc3;
constexpr int kArithmetic = 0xc9;
constexpr int kArithmeticProgressive = 0xca;

struct Frame {
  int marker = kBaseline;
  std::uint32_t width = 16;
  std::uint32_t height = 16;
  int components = 1;
  int sampling = 0x11;
  int precision = 8;
};

std::uint64_t Blocks(const Frame& frame) {
  return std::uint64_t{(frame.width + 7) / 8} * ((frame.height + 7) / 8);
}

// One code of one bit for `symbol`: zero bits repeat it.
Bytes HuffmanTable(int id, int symbol) {
  return JpegSegment(0xc4, ByteSink()
                               .Big(static_cast<std::uint64_t>(id), 1)
                               .Big(1, 1)
                               .Repeat(0, 15)
                               .Big(static_cast<std::uint64_t>(symbol), 1)
                               .Take());
}

Bytes FrameHeader(const Frame& frame) {
  ByteSink data;
  data.Big(static_cast<std::uint64_t>(frame.precision), 1).Big(frame.height, 2).Big(frame.width, 2);
  data.Big(static_cast<std::uint64_t>(frame.components), 1);
  for (int i = 1; i <= frame.components; ++i) {
    data.Big(static_cast<std::uint64_t>(i), 1)
        .Big(static_cast<std::uint64_t>(i == 1 ? frame.sampling : 0x11), 1)
        .Big(0, 1);
  }
  return JpegSegment(frame.marker, data.Take());
}

// In progressive frames an AC code of 0xe0 with zero bits behind ends 16,384 blocks.
Bytes Tables(const Frame& frame) {
  const bool progressive = frame.marker == kProgressive || frame.marker == kArithmeticProgressive;
  return ByteSink()
      .Put(JpegSegment(0xdb, ByteSink().Big(0, 1).Repeat(1, 64).Take()))
      .Put(HuffmanTable(0x00, 0))
      .Put(HuffmanTable(0x10, progressive ? 0xe0 : 0))
      .Take();
}

Bytes Scan(int components, int first, int last, std::size_t data_bytes) {
  ByteSink header;
  header.Big(static_cast<std::uint64_t>(components), 1);
  for (int i = 1; i <= components; ++i) header.Big(static_cast<std::uint64_t>(i), 1).Big(0, 1);
  header.Big(static_cast<std::uint64_t>(first), 1).Big(static_cast<std::uint64_t>(last), 1).Big(0, 1);
  return ByteSink().Put(JpegSegment(0xda, header.Take())).Repeat(0, data_bytes).Take();
}

Bytes Picture(const Frame& frame, ByteSpan before, ByteSpan scans) {
  return ByteSink()
      .Big(0xffd8, 2)
      .Put(before)
      .Put(Tables(frame))
      .Put(FrameHeader(frame))
      .Put(scans)
      .Big(0xffd9, 2)
      .Take();
}

// Every block the same.
Bytes Flat(const Frame& frame, ByteSpan before = {}) {
  const std::uint64_t bits = Blocks(frame) * 2 * static_cast<std::uint64_t>(frame.components);
  return Picture(frame, before, Scan(frame.components, 0, 63, bits / 8 + 1));
}

Bytes ManyScans(std::uint32_t side, int count) {
  const Frame frame{.marker = kProgressive, .width = side, .height = side};
  const Bytes again = Scan(1, 1, 63, Blocks(frame) / 16'384 * 15 / 8 + 4);
  ByteSink scans;
  scans.Put(Scan(1, 0, 0, Blocks(frame) / 8 + 1));
  for (int i = 1; i < count; ++i) scans.Put(again);
  return Picture(frame, {}, scans.Take());
}

Bytes ManySegments(ByteSpan segment, int count) {
  ByteSink before;
  for (int i = 0; i < count; ++i) before.Put(segment);
  return Flat({.width = 64, .height = 64}, before.Take());
}

Bytes Exif(ByteSpan tiff) {
  return JpegSegment(0xe1, ByteSink().Text("Exif").Big(0, 2).Put(tiff).Take());
}

// A first directory of one entry, and a second that names a thumbnail.
Bytes ExifThumbnail(ByteSpan thumbnail) {
  ByteSink tiff;
  tiff.Text("MM").Big(42, 2).Big(8, 4).Big(0, 2).Big(14, 4);
  tiff.Big(2, 2).Big(0x0201, 2).Big(4, 2).Big(1, 4).Big(44, 4);
  tiff.Big(0x0202, 2).Big(4, 2).Big(1, 4).Big(thumbnail.size(), 4).Big(0, 4);
  return Exif(tiff.Put(thumbnail).Take());
}

Bytes Nested(int levels) {
  Bytes inner = Flat({.width = 64, .height = 64});
  for (int i = 0; i < levels; ++i) inner = Flat({.width = 64, .height = 64}, ExifThumbnail(inner));
  return inner;
}

Bytes MultiPicture(std::uint32_t count) {
  ByteSink index;
  index.Text("MPF").Big(0, 1).Text("MM").Big(42, 2).Big(8, 4).Big(2, 2);
  index.Big(0xb001, 2).Big(4, 2).Big(1, 4).Big(count, 4);
  index.Big(0xb002, 2).Big(7, 2).Big(16ULL * count, 4).Big(38, 4).Big(0, 4);
  // All of them the file itself.
  for (std::uint32_t i = 0; i < std::min(count, 4'000U); ++i) index.Big(0x030000, 4).Big(1'000, 4).Big(0, 8);
  return Flat({.width = 64, .height = 64}, JpegSegment(0xe2, index.Take()));
}

constexpr std::array kBombs = {
    Bomb{"jpeg-64mp-1000-scans", [] { return ManyScans(8'000, 1'000); }},
    Bomb{"jpeg-4mp-5000-scans", [] { return ManyScans(2'000, 5'000); }},
    Bomb{"jpeg-15mp-100-scans", [] { return ManyScans(3'872, 100); }},
    Bomb{"jpeg-49mp-30-scans", [] { return ManyScans(7'000, 30); }},
    Bomb{"jpeg-49mp-two-scans", [] { return ManyScans(7'000, 2); }},
    Bomb{"jpeg-268mp", [] { return Flat({.width = 16'384, .height = 16'384}); }},
    Bomb{"jpeg-249mp-chroma", [] { return Flat({.width = 15'800, .height = 15'800, .components = 3}); }},
    Bomb{"jpeg-49mp", [] { return Flat({.width = 7'000, .height = 7'000}); }},
    Bomb{"jpeg-49mp-chroma", [] { return Flat({.width = 7'000, .height = 7'000, .components = 3}); }},
    Bomb{"jpeg-49mp-four-components",
         [] { return Flat({.width = 7'000, .height = 7'000, .components = 4}); }},
    Bomb{"jpeg-49mp-no-data",
         [] {
           const Frame frame{.width = 7'000, .height = 7'000, .components = 3};
           return Picture(frame, {}, Scan(3, 0, 63, 0));
         }},
    Bomb{"jpeg-49mp-progressive-no-data",
         [] {
           const Frame frame{.marker = kProgressive, .width = 7'000, .height = 7'000, .components = 3};
           return Picture(frame, {}, Scan(3, 0, 0, 0));
         }},
    Bomb{"jpeg-65535-sides",
         [] {
           const Frame frame{.width = 65'535, .height = 65'535, .components = 3};
           return Picture(frame, {}, Scan(3, 0, 63, 100));
         }},
    Bomb{"jpeg-no-height",
         [] {
           const Frame frame{.width = 16'000, .height = 0};
           return Picture(
               frame, {},
               ByteSink().Put(Scan(1, 0, 63, 1'000'000)).Put(JpegSegment(0xdc, Bytes{0xff, 0xff})).Take());
         }},
    Bomb{"jpeg-odd-sampling",
         [] { return Flat({.width = 3'000, .height = 3'000, .components = 3, .sampling = 0x41}); }},
    Bomb{"jpeg-impossible-sampling",
         [] { return Flat({.width = 3'000, .height = 3'000, .components = 3, .sampling = 0xff}); }},
    Bomb{"jpeg-arithmetic-25mp",
         [] {
           return Picture({.marker = kArithmetic, .width = 5'000, .height = 5'000}, {},
                          Scan(1, 0, 63, 4'000'000));
         }},
    Bomb{"jpeg-arithmetic-many-scans",
         [] {
           const Frame frame{.marker = kArithmeticProgressive, .width = 2'000, .height = 2'000};
           ByteSink scans;
           scans.Put(Scan(1, 0, 0, 1'000));
           for (int i = 0; i < 98; ++i) scans.Put(Scan(1, 1, 63, 20'000));
           return Picture(frame, {}, scans.Take());
         }},
    Bomb{"jpeg-lossless", [] { return Flat({.marker = kLossless, .width = 5'000, .height = 5'000}); }},
    Bomb{"jpeg-12-bit", [] { return Flat({.width = 2'000, .height = 2'000, .precision = 12}); }},
    Bomb{"jpeg-240000-comments", [] { return ManySegments(JpegSegment(0xfe, {}), 240'000); }},
    Bomb{"jpeg-200000-application-segments",
         [] { return ManySegments(JpegSegment(0xe5, Bytes{1}), 200'000); }},
    Bomb{"jpeg-20000-huffman-tables", [] { return ManySegments(HuffmanTable(0x10, 0), 20'000); }},
    Bomb{"jpeg-20000-quantisers",
         [] { return ManySegments(JpegSegment(0xdb, ByteSink().Big(0, 1).Repeat(1, 64).Take()), 20'000); }},
    Bomb{"jpeg-filling",
         [] { return Flat({.width = 64, .height = 64}, ByteSink().Repeat(0xff, 5'000'000).Take()); }},
    Bomb{"jpeg-bytes-between-segments",
         [] { return Flat({.width = 64, .height = 64}, ByteSink().Repeat(0x41, 2'000'000).Take()); }},
    Bomb{"jpeg-restarts-missing",
         [] { return Flat({.width = 4'000, .height = 4'000}, JpegSegment(0xdd, Bytes{0, 1})); }},
    Bomb{"jpeg-restarts-only",
         [] {
           ByteSink scan;
           scan.Put(Scan(1, 0, 63, 0));
           for (int i = 0; i < 1'000'000; ++i) scan.Big(0xffd0, 2);
           return Picture({.width = 7'000, .height = 7'000}, JpegSegment(0xdd, Bytes{0, 1}), scan.Take());
         }},
    Bomb{"jpeg-4mib-profile",
         [] {
           ByteSink before;
           for (int i = 1; i <= 64; ++i) {
             before.Put(JpegSegment(0xe2, ByteSink()
                                              .Text("ICC_PROFILE")
                                              .Big(0, 1)
                                              .Big(static_cast<std::uint64_t>(i), 1)
                                              .Big(64, 1)
                                              .Repeat(0, 65'000)
                                              .Take()));
           }
           return Flat({.width = 64, .height = 64}, before.Take());
         }},
    Bomb{"jpeg-exif-loop",
         [] {
           ByteSink tiff;
           tiff.Text("II").Little(42, 2).Little(8, 4).Little(1, 2);
           tiff.Little(0x8769, 2).Little(4, 2).Little(1, 4).Little(8, 4).Little(8, 4);
           return Flat({.width = 64, .height = 64}, Exif(tiff.Take()));
         }},
    Bomb{"jpeg-exif-65535-entries",
         [] {
           ByteSink tiff;
           tiff.Text("MM").Big(42, 2).Big(8, 4).Big(0xffff, 2).Repeat(0xff, 65'000);
           return Flat({.width = 64, .height = 64}, Exif(tiff.Take()));
         }},
    Bomb{"jpeg-thumbnails-60-deep", [] { return Nested(60); }},
    Bomb{"jpeg-thumbnail-declares-49mp",
         [] {
           const Bytes inner = Picture({.width = 7'000, .height = 7'000}, {}, Scan(1, 0, 63, 10));
           return Flat({.width = 64, .height = 64}, ExifThumbnail(inner));
         }},
    Bomb{"jpeg-4000-pictures-indexed", [] { return MultiPicture(4'000); }},
    Bomb{"jpeg-4294967295-pictures-indexed", [] { return MultiPicture(0xffffffff); }},
    Bomb{"jpeg-5000-pictures-in-a-row",
         [] {
           const Bytes one = Flat({.width = 64, .height = 64});
           ByteSink all;
           for (int i = 0; i < 5'000; ++i) all.Put(one);
           return all.Take();
         }},
    Bomb{"jpeg-start-only", [] { return ByteSink().Big(0xffd8ff, 3).Take(); }},
};

}  // namespace

std::span<const Bomb> JpegBombs() {
  return kBombs;
}

}  // namespace hashgate::testkit::hostile
