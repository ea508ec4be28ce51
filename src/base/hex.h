// Strict hexadecimal.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hashgate {

/// Lower-case hex digits, two a byte.
std::string HexEncode(std::span<const std::uint8_t> bytes);

/// Decodes exactly two digits a byte, either case; no sign, space or prefix. Empty optional where `text` is
/// anything else. Empty text gives an empty vector.
std::optional<std::vector<std::uint8_t>> HexDecode(std::string_view text);

/// Decodes into `out`; false (and `out` unspecified) unless `text` is exactly 2 * out.size() hex digits.
bool HexDecodeInto(std::string_view text, std::span<std::uint8_t> out);

}  // namespace hashgate
