// UTF-8 validation, whole or as bytes arrive. Source: RFC 3629 (no overlong forms, surrogates or values above
// 10FFFF).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hashgate {

/// Bytes of the valid UTF-8 sequence at the front of `text` (1..4), or 0 where there is none.
std::size_t Utf8SequenceLength(std::string_view text);

/// Validates a stream of bytes in pieces of any size, allocation-free. Threads: confined.
class Utf8Validator {
 public:
  /// False from the first invalid byte on.
  bool Update(std::span<const std::uint8_t> bytes);
  /// True where everything so far was valid and no sequence is open.
  [[nodiscard]] bool Complete() const { return valid_ && pending_ == 0; }

 private:
  bool valid_ = true;
  int pending_ = 0;          // continuation bytes still expected
  std::uint8_t low_ = 0x80;  // bounds of the next continuation byte
  std::uint8_t high_ = 0xbf;
};

}  // namespace hashgate
