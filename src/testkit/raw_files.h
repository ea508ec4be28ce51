// Small files built byte by byte, where no encoder would write what is needed.
#pragma once

#include <cstdint>
#include <string_view>

#include "testkit/encode.h"

namespace hashgate::testkit {

/// CRC-32 as PNG and ZIP use it. Source: the PNG specification, annex D; cost 8 steps a byte.
std::uint32_t Crc32(ByteSpan bytes);

/// A whole grey 8-bit PNG, valid checksums included, that declares any size but holds next to no data.
Bytes PngDeclaring(std::uint32_t width, std::uint32_t height);
/// The JPEG with the size in its frame header replaced. Requires: a frame header is there.
Bytes JpegDeclaring(Bytes jpeg, std::uint16_t width, std::uint16_t height);
/// The JPEG with its first Huffman table made impossible: refused before the first pixel.
Bytes JpegWithoutTables(Bytes jpeg);

Bytes ZipHolding(std::string_view name, std::string_view text);  ///< one stored file
Bytes SmallPdf();
Bytes SmallMp4();   ///< file type box and an empty media data box
Bytes SmallWav();   ///< 8-bit mono silence
Bytes SmallTiff();  ///< little-endian header with one empty directory

inline Bytes FromText(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace hashgate::testkit
