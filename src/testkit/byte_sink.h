// Builds files byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "hashgate/hash.h"
#include "testkit/encode.h"

namespace hashgate::testkit {

/// Appends numbers and bytes. Threads: confined.
class ByteSink {
 public:
  /// The low `bytes` bytes of `value`, the highest first. Of more than eight the others are 0.
  ByteSink& Big(std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      out_.push_back(ByteAt(value, shift));
    }
    return *this;
  }
  /// The same, the lowest first.
  ByteSink& Little(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_.push_back(ByteAt(value, 8 * i));
    return *this;
  }
  ByteSink& Text(std::string_view text) {
    for (const char c : text) out_.push_back(static_cast<std::uint8_t>(c));
    return *this;
  }
  ByteSink& Put(ByteSpan bytes);
  ByteSink& Repeat(std::uint8_t byte, std::size_t count);
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  Bytes Take() { return std::exchange(out_, {}); }

 private:
  static std::uint8_t ByteAt(std::uint64_t value, int shift) {
    return shift < 64 ? static_cast<std::uint8_t>(value >> shift) : 0;
  }

  Bytes out_;
};

/// Appends bits, each number's lowest first, as DEFLATE, GIF and lossless WebP do. Threads: confined.
class BitSink {
 public:
  void Put(std::uint32_t value, int bits) {
    for (int i = 0; i < bits; ++i) {
      if (used_ == 0) out_.push_back(0);
      out_.back() = static_cast<std::uint8_t>(out_.back() | (value >> i & 1U) << used_);
      used_ = (used_ + 1) % 8;
    }
  }
  /// A Huffman code, which DEFLATE stores with its highest bit first.
  void PutCode(std::uint32_t code, int bits) {
    for (int i = bits - 1; i >= 0; --i) Put(code >> i & 1U, 1);
  }
  Bytes Take() { return std::exchange(out_, {}); }

 private:
  Bytes out_;
  int used_ = 0;
};

/// One JPEG segment with its length.
Bytes JpegSegment(int marker, ByteSpan data);
/// One PNG chunk with its checksum.
Bytes PngChunk(std::string_view type, ByteSpan data);
/// A zlib stream that unpacks to `count` zero bytes; 158 times shorter than that. Source: RFC 1950, RFC 1951.
Bytes ZlibOfZeros(std::uint64_t count);

}  // namespace hashgate::testkit
