// Strict base64. Source: RFC 4648, section 4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hashgate {

/// Decodes the standard alphabet, with or without padding at the end; no spaces, no line ends, and no bits
/// beyond the last byte. Empty optional where `text` is anything else. Empty text gives an empty vector.
std::optional<std::vector<std::uint8_t>> Base64Decode(std::string_view text);

/// The standard alphabet, with padding.
std::string Base64Encode(std::span<const std::uint8_t> bytes);

}  // namespace hashgate
