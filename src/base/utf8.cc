#include "base/utf8.h"

namespace hashgate {

bool Utf8Validator::Update(std::span<const std::uint8_t> bytes) {
  if (!valid_) return false;
  for (const std::uint8_t byte : bytes) {
    if (pending_ > 0) {
      if (byte < low_ || byte > high_) return valid_ = false;
      low_ = 0x80;
      high_ = 0xbf;
      --pending_;
    } else if (byte >= 0x80) {
      if (byte >= 0xc2 && byte <= 0xdf) {
        pending_ = 1;
      } else if (byte >= 0xe0 && byte <= 0xef) {
        pending_ = 2;
        if (byte == 0xe0) low_ = 0xa0;   // shorter forms exist
        if (byte == 0xed) high_ = 0x9f;  // surrogates
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        pending_ = 3;
        if (byte == 0xf0) low_ = 0x90;
        if (byte == 0xf4) high_ = 0x8f;  // above 10FFFF
      } else {
        return valid_ = false;
      }
    }
  }
  return true;
}

std::size_t Utf8SequenceLength(std::string_view text) {
  Utf8Validator validator;
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    const auto byte = static_cast<std::uint8_t>(text[length - 1]);
    if (!validator.Update({&byte, 1})) return 0;
    if (validator.Complete()) return length;
  }
  return 0;
}

}  // namespace hashgate
