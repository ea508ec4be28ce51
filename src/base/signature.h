// Ed25519 signatures over OpenSSL. Source: RFC 8032 (Ed25519), RFC 8410 (the keys as PEM), as `openssl
// genpkey -algorithm ed25519` and `openssl pkey -pubout` write them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "hashgate/error.h"

namespace hashgate {

using Signature = std::array<std::uint8_t, 64>;

/// Checks signatures. Threads: thread-safe.
class VerifyingKey {
 public:
  /// The first "PUBLIC KEY" block of `pem`. Errors: kRequestInvalid where there is none, or of another
  /// algorithm.
  static Result<VerifyingKey> FromPem(std::string_view pem);

  /// Cost: about 0.1 ms, and SHA-512 of the message.
  [[nodiscard]] bool Verify(std::span<const std::uint8_t> message, const Signature& signature) const;

 private:
  friend class SigningKey;
  explicit VerifyingKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // OpenSSL's, never changed
};

/// Makes signatures. Threads: thread-safe.
class SigningKey {
 public:
  /// The first "PRIVATE KEY" block of `pem`, not encrypted. Errors: kRequestInvalid where there is none, it
  /// is encrypted, or of another algorithm.
  static Result<SigningKey> FromPem(std::string_view pem);

  /// The same key and message always give the same signature. Throws std::bad_alloc where memory is refused.
  [[nodiscard]] Signature Sign(std::span<const std::uint8_t> message) const;
  /// The key that checks what this one signs.
  [[nodiscard]] VerifyingKey PublicKey() const;

 private:
  explicit SigningKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // OpenSSL's, never changed
};

}  // namespace hashgate
