#include "testkit/byte_sink.h"

#include <algorithm>

#include "testkit/raw_files.h"

namespace hashgate::testkit {

// Not in the header, where g++ 12 inlines them and warns of overflows that are not there.
ByteSink& ByteSink::Put(ByteSpan bytes) {
  // Not reserve(): it would make room for these bytes only, and copy all the earlier ones each time.
  const std::size_t before = out_.size();
  out_.resize(before + bytes.size());
  std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(before));
  return *this;
}

ByteSink& ByteSink::Repeat(std::uint8_t byte, std::size_t count) {
  out_.resize(out_.size() + count, byte);
  return *this;
}

Bytes JpegSegment(int marker, ByteSpan data) {
  return ByteSink()
      .Big(0xff, 1)
      .Big(static_cast<std::uint64_t>(marker), 1)
      .Big(data.size() + 2, 2)
      .Put(data)
      .Take();
}

Bytes PngChunk(std::string_view type, ByteSpan data) {
  const Bytes checked = ByteSink().Text(type).Put(data).Take();
  return ByteSink().Big(data.size(), 4).Put(checked).Big(Crc32(checked), 4).Take();
}

Bytes ZlibOfZeros(std::uint64_t count) {
  BitSink bits;
  bits.Put(0x78, 8);
  bits.Put(0x01, 8);
  // One last block with the fixed codes: a zero, then copies of the byte before of the longest length (258).
  bits.Put(1, 1);
  bits.Put(1, 2);
  constexpr std::uint32_t kLiteralZero = 0x30;
  constexpr std::uint32_t kLongestCopy = 0xc5;  // the code of length symbol 285
  std::uint64_t left = count;
  if (left > 0) {
    bits.PutCode(kLiteralZero, 8);
    --left;
  }
  for (; left >= 258; left -= 258) {
    bits.PutCode(kLongestCopy, 8);
    bits.PutCode(0, 5);
  }
  for (; left > 0; --left) bits.PutCode(kLiteralZero, 8);
  bits.PutCode(0, 7);
  ByteSink out;
  out.Put(bits.Take());
  // Adler-32 of zeros: its low half stays 1, its high half counts bytes.
  return out.Big(count % 65521 << 16 | 1, 4).Take();
}

}  // namespace hashgate::testkit
