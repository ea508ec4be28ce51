// The ways in which the bytes of a hash are written as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hashgate {

enum class HashEncoding : std::uint8_t {
  kHex,      ///< two digits a byte, either case
  kBase64,   ///< RFC 4648, with or without padding
  kDecimal,  ///< numbers from 0 to 255 with a comma between two
};

/// The bytes that `text` stands for. Empty optional where it is anything but `size` bytes so written.
std::optional<std::vector<std::uint8_t>> DecodeHashBytes(std::string_view text, HashEncoding encoding,
                                                         std::size_t size);

}  // namespace hashgate
