#include "base/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <new>

namespace hashgate {
namespace {

EVP_PKEY* Handle(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}

std::shared_ptr<void> Own(EVP_PKEY* key) {
  if (key == nullptr) return {};
  return {key, [](void* owned) { EVP_PKEY_free(static_cast<EVP_PKEY*>(owned)); }};
}

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

// An encrypted key must not make OpenSSL ask for its passphrase on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

template <typename Read>
std::shared_ptr<void> ReadKey(std::string_view pem, Read read) {
  constexpr std::size_t kMaxPemBytes = 64 * 1024;
  if (pem.size() > kMaxPemBytes) return {};
  const std::unique_ptr<BIO, BioDeleter> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) throw std::bad_alloc();
  std::shared_ptr<void> key = Own(read(bio.get(), nullptr, &NoPassphrase, nullptr));
  // What went wrong is told by our own sentence.
  ERR_clear_error();
  if (key != nullptr && EVP_PKEY_get_id(Handle(key)) != EVP_PKEY_ED25519) key.reset();
  return key;
}

Context NewContext() {
  Context context(EVP_MD_CTX_new());
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

}  // namespace

Result<VerifyingKey> VerifyingKey::FromPem(std::string_view pem) {
  std::shared_ptr<void> key = ReadKey(pem, &PEM_read_bio_PUBKEY);
  if (key == nullptr) {
    return Fail(Reason::kRequestInvalid, "not an Ed25519 public key in PEM (BEGIN PUBLIC KEY)", "public_key");
  }
  return VerifyingKey(std::move(key));
}

bool VerifyingKey::Verify(std::span<const std::uint8_t> message, const Signature& signature) const {
  const Context context = NewContext();
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, Handle(key_)) != 1) {
    throw std::bad_alloc();
  }
  const int result =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size());
  ERR_clear_error();
  return result == 1;
}

Result<SigningKey> SigningKey::FromPem(std::string_view pem) {
  std::shared_ptr<void> key = ReadKey(pem, &PEM_read_bio_PrivateKey);
  if (key == nullptr) {
    return Fail(Reason::kRequestInvalid,
                "not an Ed25519 private key in PEM without a passphrase (openssl genpkey -algorithm ed25519)",
                "key");
  }
  return SigningKey(std::move(key));
}

Signature SigningKey::Sign(std::span<const std::uint8_t> message) const {
  const Context context = NewContext();
  Signature signature{};
  std::size_t length = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, Handle(key_)) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) != 1) {
    throw std::bad_alloc();
  }
  if (length != signature.size()) std::abort();
  return signature;
}

VerifyingKey SigningKey::PublicKey() const {
  std::array<std::uint8_t, 32> raw{};
  std::size_t length = raw.size();
  if (EVP_PKEY_get_raw_public_key(Handle(key_), raw.data(), &length) != 1) throw std::bad_alloc();
  std::shared_ptr<void> key = Own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), length));
  if (key == nullptr) throw std::bad_alloc();
  return VerifyingKey(std::move(key));
}

}  // namespace hashgate
