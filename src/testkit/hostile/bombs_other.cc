// Sources of the formats: TIFF 6.0; ISO/IEC 14496-12 and 23008-12 as libheif's and libavif's documents tell
// them.
#include <array>
#include <string>

#include "testkit/byte_sink.h"
#include "testkit/hostile/bombs.h"
#include "testkit/raw_files.h"

namespace hashgate::testkit::hostile {
namespace {

// ---- TIFF

struct Entry {
  int tag;
  int type;
  std::uint32_t count;
  std::uint32_t value;
};

Bytes Directory(std::span<const Entry> entries, std::uint32_t next) {
  ByteSink out;
  out.Little(entries.size(), 2);
  for (const Entry& entry : entries) {
    out.Little(static_cast<std::uint64_t>(entry.tag), 2).Little(static_cast<std::uint64_t>(entry.type), 2);
    out.Little(entry.count, 4).Little(entry.value, 4);
  }
  return out.Little(next, 4).Take();
}

Bytes Tiff(ByteSpan rest) {
  return ByteSink().Text("II").Little(42, 2).Little(8, 4).Put(rest).Take();
}

// A picture whose one piece lies right behind the only directory.
Bytes TiffPicture(std::uint32_t width, std::uint32_t height, bool tiled, int compression, ByteSpan data) {
  constexpr std::uint32_t kEntries = 11;
  constexpr std::uint32_t kData = 8 + 2 + 12 * kEntries + 4;
  const auto size = static_cast<std::uint32_t>(data.size());
  const std::array<Entry, kEntries> entries = {{
      {256, 4, 1, width},
      {257, 4, 1, height},
      {258, 3, 1, 8},
      {259, 3, 1, static_cast<std::uint32_t>(compression)},
      {262, 3, 1, 1},
      {277, 3, 1, 1},
      {tiled ? 322 : 278, 4, 1, tiled ? width : height},
      {tiled ? 323 : 284, tiled ? 4 : 3, 1, tiled ? height : 1},
      {tiled ? 324 : 273, 4, 1, kData},
      {tiled ? 325 : 279, 4, 1, size},
      {tiled ? 339 : 296, 3, 1, 1},
  }};
  return Tiff(ByteSink().Put(Directory(entries, 0)).Put(data).Take());
}

// ---- Boxes

Bytes Box(std::string_view type, ByteSpan data) {
  return ByteSink().Big(data.size() + 8, 4).Text(type).Put(data).Take();
}
Bytes FullBox(std::string_view type, ByteSpan data) {
  return Box(type, ByteSink().Big(0, 4).Put(data).Take());
}

Bytes Heif(std::string_view brand, ByteSpan meta, ByteSpan rest = {}) {
  return ByteSink()
      .Put(Box("ftyp", ByteSink().Text(brand).Big(0, 4).Text("mif1").Text(brand).Take()))
      .Put(FullBox("meta", ByteSink()
                               .Put(FullBox("hdlr", ByteSink().Big(0, 4).Text("pict").Big(0, 13).Take()))
                               .Put(FullBox("pitm", ByteSink().Big(1, 2).Take()))
                               .Put(meta)
                               .Take()))
      .Put(rest)
      .Take();
}

Bytes Item(std::uint32_t id, std::string_view type) {
  return Box("infe", ByteSink().Big(0x02000000, 4).Big(id, 2).Big(0, 2).Text(type).Big(0, 1).Take());
}

// One item of that type with that declared size, whose data are the last bytes of the file.
Bytes OneItem(std::string_view brand, std::string_view type, std::uint32_t width, std::uint32_t height,
              std::uint32_t offset, std::uint32_t length) {
  const Bytes items = FullBox("iinf", ByteSink().Big(1, 2).Put(Item(1, type)).Take());
  const Bytes places = FullBox(
      "iloc",
      ByteSink().Big(0x4400, 2).Big(1, 2).Big(1, 2).Big(0, 2).Big(1, 2).Big(offset, 4).Big(length, 4).Take());
  const Bytes size = FullBox("ispe", ByteSink().Big(width, 4).Big(height, 4).Take());
  const Bytes properties =
      Box("iprp", ByteSink()
                      .Put(Box("ipco", size))
                      .Put(FullBox("ipma", ByteSink().Big(1, 4).Big(1, 2).Big(0x0181, 2).Take()))
                      .Take());
  return Heif(brand, ByteSink().Put(items).Put(places).Put(properties).Take(), Box("mdat", Bytes(64, 0xff)));
}

Bytes BoxesInBoxes(std::string_view brand, int depth) {
  ByteSink inner;
  for (int i = depth; i > 0; --i) inner.Big(static_cast<std::uint64_t>(i) * 8, 4).Text("ipco");
  return Heif(brand, inner.Take());
}

constexpr std::array kContainers = {
    Bomb{"tiff-tile-unpacks",
         [] { return TiffPicture(8'192, 8'192, true, 8, ZlibOfZeros(std::uint64_t{8'192} * 8'192)); }},
    Bomb{"tiff-strip-49mp",
         [] { return TiffPicture(7'000, 7'000, false, 8, ZlibOfZeros(std::uint64_t{7'000} * 7'000)); }},
    Bomb{"tiff-no-data", [] { return TiffPicture(7'000, 7'000, false, 1, {}); }},
    Bomb{"tiff-4294967295-sides",
         [] { return TiffPicture(0xffffffff, 0xffffffff, true, 8, ZlibOfZeros(100)); }},
    Bomb{"tiff-directory-loop",
         [] {
           const std::array<Entry, 1> one = {{{256, 4, 1, 8}}};
           return Tiff(Directory(one, 8));
         }},
    Bomb{"tiff-100000-pages",
         [] {
           const std::array<Entry, 2> sides = {{{256, 4, 1, 8}, {257, 4, 1, 8}}};
           ByteSink pages;
           for (std::uint32_t i = 1; i <= 100'000; ++i) pages.Put(Directory(sides, 8 + 30 * i));
           return Tiff(pages.Take());
         }},
    Bomb{"tiff-4294967295-values",
         [] {
           const std::array<Entry, 3> huge = {
               {{258, 3, 0xffffffff, 8}, {273, 4, 0xffffffff, 8}, {279, 4, 0xffffffff, 8}}};
           return Tiff(Directory(huge, 0));
         }},
    Bomb{"heic-boxes-in-boxes", [] { return BoxesInBoxes("heic", 100'000); }},
    Bomb{"avif-boxes-in-boxes", [] { return BoxesInBoxes("avif", 100'000); }},
    Bomb{"heic-4294967295-sides", [] { return OneItem("heic", "hvc1", 0xffffffff, 0xffffffff, 0, 64); }},
    Bomb{"avif-4294967295-sides", [] { return OneItem("avif", "av01", 0xffffffff, 0xffffffff, 0, 64); }},
    Bomb{"heic-49mp", [] { return OneItem("heic", "hvc1", 7'000, 7'000, 0, 64); }},
    Bomb{"avif-49mp", [] { return OneItem("avif", "av01", 7'000, 7'000, 0, 64); }},
    Bomb{"heic-data-beyond-the-end", [] { return OneItem("heic", "hvc1", 64, 64, 0xfffffff0, 0xfffffff0); }},
    Bomb{"avif-data-beyond-the-end", [] { return OneItem("avif", "av01", 64, 64, 0xfffffff0, 0xfffffff0); }},
    Bomb{"heic-grid-without-tiles", [] { return OneItem("heic", "grid", 16'000, 16'000, 0, 8); }},
    Bomb{"heic-65535-items",
         [] {
           ByteSink items;
           items.Big(0xffff, 2);
           for (std::uint32_t i = 0; i < 0xffff; ++i) items.Put(Item(i, "hvc1"));
           return Heif("heic", FullBox("iinf", items.Take()));
         }},
    Bomb{"heic-4294967295-properties",
         [] {
           return Heif("heic",
                       Box("iprp", FullBox("ipma", ByteSink().Big(0xffffffff, 4).Repeat(1, 1'000).Take())));
         }},
    Bomb{"avif-sequence-4294967295-samples",
         [] {
           const Bytes sizes = FullBox("stsz", ByteSink().Big(1, 4).Big(0xffffffff, 4).Take());
           const Bytes track = Box("trak", Box("mdia", Box("minf", Box("stbl", sizes))));
           return ByteSink()
               .Put(Box("ftyp", ByteSink().Text("avis").Big(0, 4).Text("avisavifmif1").Take()))
               .Put(Box("moov", track))
               .Take();
         }},
};

// ---- Anything else

Bytes Billion() {
  std::string text = "<?xml version=\"1.0\"?>\n<!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\">";
  for (char name = 'b'; name < 'k'; ++name) {
    text += std::string("<!ENTITY ") + name + " \"";
    for (int i = 0; i < 10; ++i) text += std::string("&") + static_cast<char>(name - 1) + ";";
    text += "\">";
  }
  return FromText(text + "]>\n<svg xmlns=\"http://www.w3.org/2000/svg\"><text>&j;</text></svg>\n");
}

constexpr std::array kOther = {
    Bomb{"empty", [] { return Bytes(); }},
    Bomb{"one-byte", [] { return Bytes{0xff}; }},
    Bomb{"zeros", [] { return Bytes(1'000'000, 0); }},
    Bomb{"dicom-132", [] { return ByteSink().Repeat(0, 128).Text("DICM").Take(); }},
    Bomb{"exr",
         [] { return ByteSink().Big(0x762f3101, 4).Little(2, 4).Text("channels").Repeat(0, 300).Take(); }},
    Bomb{"radiance", [] { return FromText("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n"); }},
    Bomb{"portable-float-map", [] { return FromText("PF\n30000 30000\n-1.0\n"); }},
    Bomb{"portable-pixmap", [] { return FromText("P6\n30000 30000\n255\n"); }},
    Bomb{"sun-raster",
         [] {
           return ByteSink().Big(0x59a66a95, 4).Big(30'000, 4).Big(30'000, 4).Big(24, 4).Big(0, 16).Take();
         }},
    Bomb{"nitf", [] { return ByteSink().Text("NITF02.10").Repeat('0', 400).Take(); }},
    Bomb{"dted", [] { return ByteSink().Text("UHL1").Repeat('0', 3'000).Take(); }},
    Bomb{"jpeg-2000",
         [] {
           return ByteSink()
               .Big(12, 4)
               .Text("jP  ")
               .Big(0x0d0a870a, 4)
               .Put(Box("ftyp", FromText("jp2 \0\0\0\0jp2 ")))
               .Repeat(0xff, 100)
               .Take();
         }},
    Bomb{"jpeg-xl", [] { return ByteSink().Big(0xff0a, 2).Repeat(0xff, 100).Take(); }},
    Bomb{"photoshop",
         [] {
           return ByteSink()
               .Text("8BPS")
               .Big(1, 2)
               .Big(0, 6)
               .Big(3, 2)
               .Big(30'000, 4)
               .Big(30'000, 4)
               .Big(8, 2)
               .Big(3, 2)
               .Take();
         }},
    Bomb{"icon-of-png",
         [] {
           return ByteSink()
               .Little(0x10000, 4)
               .Little(1, 2)
               .Repeat(0, 12)
               .Little(22, 4)
               .Put(PngDeclaring(256, 256))
               .Take();
         }},
    Bomb{"icon-65535-pictures",
         [] { return ByteSink().Little(0x10000, 4).Little(0xffff, 2).Repeat(0xff, 100'000).Take(); }},
    Bomb{"svg-entities", [] { return Billion(); }},
    Bomb{"html-deep",
         [] {
           std::string text = "<!DOCTYPE html>";
           for (int i = 0; i < 100'000; ++i) text += "<div>";
           return FromText(text);
         }},
    Bomb{"text-4mib", [] { return Bytes(4 << 20, 'a'); }},
    Bomb{"png-in-zip", [] { return ZipHolding("a.png", "\x89PNG"); }},
    Bomb{"noise-before-jpeg",
         [] { return ByteSink().Text("junk").Big(0xffd8ffe0, 4).Repeat(0, 1'000).Take(); }},
};

}  // namespace

std::span<const Bomb> ContainerBombs() {
  return kContainers;
}
std::span<const Bomb> OtherBombs() {
  return kOther;
}

std::vector<Bomb> AllBombs() {
  std::vector<Bomb> all;
  for (const auto bombs :
       {PngBombs(), JpegBombs(), GifBombs(), WebpBombs(), BmpBombs(), ContainerBombs(), OtherBombs()}) {
    all.insert(all.end(), bombs.begin(), bombs.end());
  }
  return all;
}

}  // namespace hashgate::testkit::hostile
