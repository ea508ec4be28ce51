#include "hash/core/hash_text.h"

#include <charconv>

#include "base/base64.h"
#include "base/hex.h"

namespace hashgate {
namespace {

std::optional<std::vector<std::uint8_t>> DecodeDecimalList(std::string_view text, std::size_t size) {
  std::vector<std::uint8_t> out;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (out.size() < size) {
    unsigned value = 0;
    if (at == end || *at < '0' || *at > '9') return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || value > 255) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(value));
    if (next == end) return out;
    if (*next != ',') return std::nullopt;
    at = next + 1;
    // As many tools write lists.
    if (at != end && *at == ' ') ++at;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> DecodeHashBytes(std::string_view text, HashEncoding encoding,
                                                         std::size_t size) {
  std::optional<std::vector<std::uint8_t>> bytes;
  switch (encoding) {
    case HashEncoding::kHex: bytes = HexDecode(text); break;
    case HashEncoding::kBase64: bytes = Base64Decode(text); break;
    case HashEncoding::kDecimal: bytes = DecodeDecimalList(text, size); break;
  }
  if (bytes && bytes->size() != size) bytes.reset();
  return bytes;
}

}  // namespace hashgate
