// What a file is, by its bytes and never by its name. Allocation-free, bounded, fuzzed.
#pragma once

#include <cstdint>

#include "base/utf8.h"
#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::decode {

/// Bytes from the front that Sniff looks at, at most.
inline constexpr std::size_t kSniffBytes = 4096;

/// The format by magic bytes alone (never kText: that takes the whole file). kUnknown where nothing is
/// recognised.
Format Sniff(ByteSpan front);

/// True for formats this build decodes.
bool IsDecodable(Format format);
/// True for pictures, decodable or not: never NOT_AN_IMAGE.
bool IsImage(Format format);

/// Tells text from unrecognised bytes as they arrive: valid UTF-8 all through, no NUL, and no SVG or HTML
/// root near its front (a browser would draw those). Threads: confined.
class TextSniffer {
 public:
  void Update(ByteSpan bytes);
  /// True where the whole stream was such text and not empty.
  [[nodiscard]] bool IsText() const;

 private:
  Utf8Validator validator_;
  bool possible_ = true;
  std::size_t seen_ = 0;
  std::size_t front_size_ = 0;
  std::uint8_t front_[1024] = {};
};

/// Declared facts read from a header without decoding; zeros where the header does not say.
struct HeaderFacts {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t scans = 0;  ///< SOS markers seen in `bytes` for JPEG; 1 otherwise
};

/// Reads declared width, height and scan count. Never trusts lengths; cost is linear in `bytes` at most.
HeaderFacts ReadHeader(Format format, ByteSpan bytes);

}  // namespace hashgate::decode
