#include "testkit/raw_files.h"

#include <algorithm>

#include "base/digest.h"

namespace hashgate::testkit {
namespace {

void PutBig32(Bytes& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(v >> shift));
}
void PutLittle(Bytes& out, std::uint32_t v, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
}
// Byte by byte: g++ 12 warns of overflows that are not there when it inlines a vector's insert.
void Put(Bytes& out, ByteSpan bytes) {
  for (const std::uint8_t byte : bytes) out.push_back(byte);
}
void PutText(Bytes& out, std::string_view text) {
  Put(out, AsBytes(text));
}

void PutChunk(Bytes& png, std::string_view type, ByteSpan data) {
  PutBig32(png, static_cast<std::uint32_t>(data.size()));
  const std::size_t checked = png.size();
  PutText(png, type);
  Put(png, data);
  PutBig32(png, Crc32(ByteSpan(png).subspan(checked)));
}

// Where the segment with one of the markers in [first, last] begins; jpeg.size() if none. DHT (0xc4) and DAC
// (0xcc) lie among the frame headers' numbers and are told apart by the caller's range.
std::size_t FindSegment(const Bytes& jpeg, std::uint8_t first, std::uint8_t last) {
  std::size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == 0xff && jpeg[at + 1] != 0xda) {
    if (jpeg[at + 1] >= first && jpeg[at + 1] <= last) return at;
    at += 2 + static_cast<std::size_t>(jpeg[at + 2]) * 256 + jpeg[at + 3];
  }
  return jpeg.size();
}

}  // namespace

std::uint32_t Crc32(ByteSpan bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

Bytes PngDeclaring(std::uint32_t width, std::uint32_t height) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  PutBig32(header, width);
  PutBig32(header, height);
  Put(header, Bytes{8, 0, 0, 0, 0});
  PutChunk(png, "IHDR", header);
  // A zlib stream of one stored block with one byte.
  const Bytes data = {0x78, 0x01, 0x01, 0x01, 0x00, 0xfe, 0xff, 0x00, 0x00, 0x01, 0x00, 0x01};
  PutChunk(png, "IDAT", data);
  PutChunk(png, "IEND", {});
  return png;
}

Bytes JpegDeclaring(Bytes jpeg, std::uint16_t width, std::uint16_t height) {
  const std::size_t frame = FindSegment(jpeg, 0xc0, 0xc2);
  jpeg[frame + 5] = static_cast<std::uint8_t>(height >> 8);
  jpeg[frame + 6] = static_cast<std::uint8_t>(height);
  jpeg[frame + 7] = static_cast<std::uint8_t>(width >> 8);
  jpeg[frame + 8] = static_cast<std::uint8_t>(width);
  return jpeg;
}

Bytes JpegWithoutTables(Bytes jpeg) {
  const std::size_t table = FindSegment(jpeg, 0xc4, 0xc4);
  // 16 counts of codes by length: 255 of each cannot be.
  std::fill_n(jpeg.begin() + static_cast<std::ptrdiff_t>(table) + 5, 16, std::uint8_t{255});
  return jpeg;
}

// Source: PKWARE's APPNOTE.
Bytes ZipHolding(std::string_view name, std::string_view text) {
  const std::uint32_t crc = Crc32(FromText(text));
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto put_common = [&](Bytes& zip) {
    PutLittle(zip, 10, 2);
    PutLittle(zip, 0, 2);
    PutLittle(zip, 0, 2);
    PutLittle(zip, 0x5a210000, 4);
    PutLittle(zip, crc, 4);
    PutLittle(zip, size, 4);
    PutLittle(zip, size, 4);
    PutLittle(zip, static_cast<std::uint32_t>(name.size()), 2);
    PutLittle(zip, 0, 2);
  };
  Bytes zip;
  PutLittle(zip, 0x04034b50, 4);
  put_common(zip);
  PutText(zip, name);
  PutText(zip, text);
  const auto directory = static_cast<std::uint32_t>(zip.size());
  PutLittle(zip, 0x02014b50, 4);
  PutLittle(zip, 10, 2);
  put_common(zip);
  Put(zip, Bytes(14, 0));
  PutText(zip, name);
  const auto directory_size = static_cast<std::uint32_t>(zip.size()) - directory;
  PutLittle(zip, 0x06054b50, 4);
  PutLittle(zip, 0, 4);
  PutLittle(zip, 1, 2);
  PutLittle(zip, 1, 2);
  PutLittle(zip, directory_size, 4);
  PutLittle(zip, directory, 4);
  PutLittle(zip, 0, 2);
  return zip;
}

Bytes SmallPdf() {
  return FromText(
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
      "trailer<</Root 1 0 R>>\n%%EOF\n");
}

Bytes SmallMp4() {
  Bytes mp4;
  PutBig32(mp4, 24);
  PutText(mp4, "ftypisom");
  PutBig32(mp4, 0x200);
  PutText(mp4, "isommp42");
  PutBig32(mp4, 8);
  PutText(mp4, "mdat");
  return mp4;
}

Bytes SmallWav() {
  Bytes wav;
  PutText(wav, "RIFF");
  PutLittle(wav, 36 + 64, 4);
  PutText(wav, "WAVEfmt ");
  PutLittle(wav, 16, 4);
  PutLittle(wav, 1, 2);
  PutLittle(wav, 1, 2);
  PutLittle(wav, 8000, 4);
  PutLittle(wav, 8000, 4);
  PutLittle(wav, 1, 2);
  PutLittle(wav, 8, 2);
  PutText(wav, "data");
  PutLittle(wav, 64, 4);
  Put(wav, Bytes(64, 128));
  return wav;
}

Bytes SmallTiff() {
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
}

}  // namespace hashgate::testkit
