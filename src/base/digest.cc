#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>

namespace hashgate {
namespace {

const EVP_MD* Method(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5: return EVP_md5();
    case DigestKind::kSha1: return EVP_sha1();
    case DigestKind::kSha256: return EVP_sha256();
  }
  std::abort();
}

// A digest that cannot be computed would make every match silently fail, so there is nothing to continue
// with.
void Require(int openssl_result) {
  if (openssl_result != 1) std::abort();
}

}  // namespace

struct DigestStream::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

DigestStream::DigestStream(DigestKind kind) : context_(std::make_unique<Context>()) {
  Require(EVP_DigestInit_ex(context_->evp, Method(kind), nullptr));
}
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::Update(std::span<const std::uint8_t> bytes) {
  Require(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()));
}

void DigestStream::Finish(std::span<std::uint8_t> out) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  Require(EVP_DigestFinal_ex(context_->evp, digest, &length));
  if (length > out.size()) std::abort();
  std::copy(digest, digest + length, out.begin());
}

std::array<std::uint8_t, 32> Sha256Of(std::span<const std::uint8_t> bytes) {
  DigestStream stream(DigestKind::kSha256);
  stream.Update(bytes);
  std::array<std::uint8_t, 32> digest{};
  stream.Finish(digest);
  return digest;
}

std::array<std::uint8_t, 32> HmacSha256(std::span<const std::uint8_t> key,
                                        std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, 32> digest{};
  unsigned int length = 0;
  const unsigned char* result = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(),
                                     bytes.size(), digest.data(), &length);
  if (result == nullptr || length != digest.size()) std::abort();
  return digest;
}

}  // namespace hashgate
