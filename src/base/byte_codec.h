// Bounded reading and writing of the integers and texts that stored records are made of.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace hashgate {

/// Appends to a string. Threads: confined.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <std::integral T>
  void Little(T value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    char bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(bits >> (8 * i) & 0xff);
    out_.append(bytes, sizeof(T));
  }
  template <std::unsigned_integral T>
  void Big(T value) {
    for (std::size_t i = sizeof(T); i-- > 0;) out_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  /// A length of type `Length`, then the bytes; the caller has checked that they fit.
  template <std::unsigned_integral Length>
  void Text(std::string_view bytes) {
    Little(static_cast<Length>(bytes.size()));
    Raw(bytes);
  }

 private:
  std::string& out_;
};

/// Takes values off the front. After a failed read ok() is false and every further read gives zero or
/// nothing. Threads: confined.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T Little() {
    const std::string_view bytes = Raw(sizeof(T));
    std::make_unsigned_t<T> value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value = static_cast<std::make_unsigned_t<T>>(
          value | static_cast<std::make_unsigned_t<T>>(static_cast<std::uint8_t>(bytes[i])) << (8 * i));
    }
    return static_cast<T>(value);
  }
  template <std::unsigned_integral T>
  T Big() {
    const std::string_view bytes = Raw(sizeof(T));
    T value = 0;
    for (const char byte : bytes) value = static_cast<T>(value << 8 | static_cast<std::uint8_t>(byte));
    return value;
  }
  std::string_view Raw(std::size_t size) {
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  template <std::unsigned_integral Length>
  std::string_view Text(std::size_t max) {
    const auto size = static_cast<std::size_t>(Little<Length>());
    if (size > max) ok_ = false;
    return Raw(size);
  }
  /// Marks the bytes as wrong unless `holds`.
  void Require(bool holds) { ok_ = ok_ && holds; }

  [[nodiscard]] bool ok() const { return ok_; }
  /// Everything was right and nothing is left.
  [[nodiscard]] bool Complete() const { return ok_ && rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace hashgate
