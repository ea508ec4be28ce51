#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <new>

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

// OpenSSL takes memory when it makes, sets up or copies a context, and has no other reason to refuse these.
void RequireMemory(bool had) {
  if (!had) throw std::bad_alloc();
}

struct EvpContext {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  EvpContext() { RequireMemory(evp != nullptr); }
  ~EvpContext() { EVP_MD_CTX_free(evp); }
  EvpContext(const EvpContext&) = delete;
  EvpContext& operator=(const EvpContext&) = delete;
};

}  // namespace

struct DigestStream::Context : EvpContext {};

DigestStream::DigestStream(DigestKind kind) : context_(std::make_unique<Context>()) {
  RequireMemory(EVP_DigestInit_ex(context_->evp, Method(kind), nullptr) == 1);
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
  RequireMemory(result != nullptr);
  if (length != digest.size()) std::abort();
  return digest;
}

// The inner and the outer digest of RFC 2104, each after its first block, which is the key's alone.
struct KeyedSha256::Contexts {
  EvpContext inner;
  EvpContext outer;
};

KeyedSha256::KeyedSha256(std::span<const std::uint8_t> key) {
  constexpr std::size_t kBlock = 64;
  if (key.size() > kBlock) std::abort();
  auto contexts = std::make_unique<Contexts>();
  const auto begin = [&](EVP_MD_CTX* context, std::uint8_t pad) {
    std::array<std::uint8_t, kBlock> block{};
    std::ranges::copy(key, block.begin());
    for (std::uint8_t& byte : block) byte ^= pad;
    RequireMemory(EVP_DigestInit_ex(context, Method(DigestKind::kSha256), nullptr) == 1);
    Require(EVP_DigestUpdate(context, block.data(), block.size()));
  };
  begin(contexts->inner.evp, 0x36);
  begin(contexts->outer.evp, 0x5c);
  contexts_ = std::move(contexts);
}
KeyedSha256::~KeyedSha256() = default;

std::array<std::uint8_t, 32> KeyedSha256::Of(std::span<const std::uint8_t> bytes) const {
  // Made once a thread: making one costs as much as the digest.
  static thread_local const EvpContext scratch;
  std::array<std::uint8_t, 32> digest{};
  RequireMemory(EVP_MD_CTX_copy_ex(scratch.evp, contexts_->inner.evp) == 1);
  Require(EVP_DigestUpdate(scratch.evp, bytes.data(), bytes.size()));
  Require(EVP_DigestFinal_ex(scratch.evp, digest.data(), nullptr));
  RequireMemory(EVP_MD_CTX_copy_ex(scratch.evp, contexts_->outer.evp) == 1);
  Require(EVP_DigestUpdate(scratch.evp, digest.data(), digest.size()));
  Require(EVP_DigestFinal_ex(scratch.evp, digest.data(), nullptr));
  return digest;
}

}  // namespace hashgate
