#include "testkit/hostile/parts.h"

#include <algorithm>
#include <string_view>

#include "testkit/raw_files.h"

namespace hashgate::testkit::hostile {
namespace {

using namespace std::string_view_literals;

bool Begins(ByteSpan bytes, std::size_t at, std::string_view text) {
  if (bytes.size() < at || bytes.size() - at < text.size()) return false;
  return std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

std::uint64_t Number(ByteSpan bytes, std::size_t at, int size, bool big) {
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    const auto byte = static_cast<std::size_t>(big ? i : size - 1 - i);
    value = value << 8 | bytes[at + byte];
  }
  return value;
}

void SetNumber(Bytes& bytes, std::size_t at, std::uint32_t value, bool big) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * (big ? 3 - i : i)));
  }
}

// Each function says where the part that begins at `at` ends, or gives 0 where nothing valid begins there.

std::size_t PngEnd(ByteSpan bytes, std::size_t at) {
  if (bytes.size() - at < 12) return 0;
  const std::uint64_t length = Number(bytes, at, 4, true);
  return length > bytes.size() - at - 12 ? 0 : at + 12 + length;
}

std::size_t JpegEnd(ByteSpan bytes, std::size_t at) {
  if (bytes.size() - at < 4 || bytes[at] != 0xff) return 0;
  std::size_t end = at + 2 + Number(bytes, at + 2, 2, true);
  if (end > bytes.size()) return 0;
  if (bytes[at + 1] != 0xda) return end;
  // A scan goes up to the next marker that is no stuffing and no restart.
  while (end + 1 < bytes.size()) {
    const std::uint8_t next = bytes[end + 1];
    if (bytes[end] == 0xff && next != 0 && (next < 0xd0 || next > 0xd7)) return end;
    ++end;
  }
  return bytes.size();
}

std::size_t RiffEnd(ByteSpan bytes, std::size_t at) {
  if (bytes.size() - at < 8) return 0;
  const std::uint64_t length = Number(bytes, at + 4, 4, false);
  if (length > bytes.size() - at - 8) return 0;
  return std::min<std::size_t>(bytes.size(), at + 8 + length + length % 2);
}

std::size_t GifEnd(ByteSpan bytes, std::size_t at) {
  std::size_t end = at;
  if (bytes[at] == 0x21) {
    end = at + 2;
  } else if (bytes[at] == 0x2c && bytes.size() - at >= 11) {
    const std::uint8_t flags = bytes[at + 9];
    end = at + 11 + ((flags & 0x80) != 0 ? std::size_t{3} << ((flags & 7) + 1) : 0);
  } else {
    return 0;
  }
  while (end < bytes.size() && bytes[end] != 0) end += 1 + std::size_t{bytes[end]};
  return end < bytes.size() ? end + 1 : 0;
}

std::size_t BoxEnd(ByteSpan bytes, std::size_t at) {
  if (bytes.size() - at < 8) return 0;
  const std::uint64_t length = Number(bytes, at, 4, true);
  return length < 8 || length > bytes.size() - at ? 0 : at + length;
}

std::size_t FrontSize(Layout layout, ByteSpan bytes) {
  switch (layout) {
    case Layout::kPng: return 8;
    case Layout::kJpeg: return 2;
    case Layout::kRiff: return 12;
    case Layout::kGif:
      if (bytes.size() < 13) return 0;
      return 13 + ((bytes[10] & 0x80) != 0 ? std::size_t{3} << ((bytes[10] & 7) + 1) : 0);
    case Layout::kBmp: return 14;
    case Layout::kBoxes:
    case Layout::kOther: return 0;
  }
  return 0;
}

std::size_t PartEnd(Layout layout, ByteSpan bytes, std::size_t at) {
  switch (layout) {
    case Layout::kPng: return PngEnd(bytes, at);
    case Layout::kJpeg: return JpegEnd(bytes, at);
    case Layout::kRiff: return RiffEnd(bytes, at);
    case Layout::kGif: return GifEnd(bytes, at);
    case Layout::kBmp: {
      if (at != 14 || bytes.size() < 18) return 0;
      const std::uint64_t header = Number(bytes, 14, 4, false);
      return header < 12 || header > bytes.size() - at ? 0 : at + header;
    }
    case Layout::kBoxes: return BoxEnd(bytes, at);
    case Layout::kOther: return 0;
  }
  return 0;
}

Bytes Piece(ByteSpan bytes, std::size_t begin, std::size_t end) {
  const ByteSpan piece = bytes.subspan(begin, end - begin);
  return {piece.begin(), piece.end()};
}

}  // namespace

Layout LayoutOf(ByteSpan bytes) {
  if (Begins(bytes, 0, "\x89PNG\r\n\x1a\n"sv)) return Layout::kPng;
  if (Begins(bytes, 0, "\xff\xd8\xff"sv)) return Layout::kJpeg;
  if (Begins(bytes, 0, "RIFF"sv)) return Layout::kRiff;
  if (Begins(bytes, 0, "GIF8"sv)) return Layout::kGif;
  if (Begins(bytes, 0, "BM"sv)) return Layout::kBmp;
  if (Begins(bytes, 4, "ftyp"sv)) return Layout::kBoxes;
  return Layout::kOther;
}

std::vector<Bytes> Split(Layout layout, ByteSpan bytes) {
  std::vector<Bytes> parts;
  std::size_t at = FrontSize(layout, bytes);
  if (at > bytes.size()) at = 0;
  if (at > 0) parts.push_back(Piece(bytes, 0, at));
  while (at < bytes.size()) {
    const std::size_t end = PartEnd(layout, bytes, at);
    if (end <= at || end > bytes.size()) {
      parts.push_back(Piece(bytes, at, bytes.size()));
      break;
    }
    parts.push_back(Piece(bytes, at, end));
    at = end;
  }
  return parts;
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes whole;
  for (const Bytes& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

LengthField LengthFieldOf(Layout layout, const Bytes& part) {
  LengthField field;
  switch (layout) {
    case Layout::kPng:
    case Layout::kBoxes: field = {.at = 0, .bytes = 4, .big = true}; break;
    case Layout::kJpeg: field = {.at = 2, .bytes = 2, .big = true}; break;
    case Layout::kRiff: field = {.at = 4, .bytes = 4, .big = false}; break;
    case Layout::kGif:
      field = {.at = part.empty() || part[0] == 0x21 ? 2U : 11U, .bytes = 1, .big = true};
      break;
    case Layout::kBmp: field = {.at = 0, .bytes = 4, .big = false}; break;
    case Layout::kOther: break;
  }
  if (part.size() < field.at + static_cast<std::size_t>(field.bytes)) return {};
  return field;
}

void Repair(Layout layout, Bytes& bytes) {
  if (layout == Layout::kRiff && bytes.size() >= 8) {
    SetNumber(bytes, 4, static_cast<std::uint32_t>(bytes.size() - 8), false);
  }
  if (layout != Layout::kPng) return;
  for (std::size_t at = 8; at < bytes.size();) {
    const std::size_t end = PngEnd(bytes, at);
    if (end == 0) return;
    SetNumber(bytes, end - 4, Crc32(ByteSpan(bytes).subspan(at + 4, end - at - 8)), true);
    at = end;
  }
}

}  // namespace hashgate::testkit::hostile
