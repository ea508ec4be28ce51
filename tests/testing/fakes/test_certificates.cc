#include "testing/fakes/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

namespace hashgate::testing {
namespace {

struct Deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter>;
using Certificate = std::unique_ptr<X509, Deleter>;

void Require(bool ok) {
  if (ok) return;
  std::fputs("OpenSSL cannot make a certificate\n", stderr);
  std::abort();
}

template <typename Write>
std::string Pem(Write write) {
  const std::unique_ptr<BIO, Deleter> bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Deleter> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  Require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// `issuer` null: it vouches for itself.
Certificate Make(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, long serial) {
  constexpr long kDay = 86'400;
  Certificate made(X509_new());
  Require(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1);
  Require(ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial) == 1);
  Require(X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDay) != nullptr);
  Require(X509_gmtime_adj(X509_getm_notAfter(made.get()), kDay) != nullptr);
  X509_NAME* const subject = X509_get_subject_name(made.get());
  Require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  X509* const signer = issuer == nullptr ? made.get() : issuer;
  Require(X509_set_issuer_name(made.get(), X509_get_subject_name(signer)) == 1);
  Require(X509_set_pubkey(made.get(), key) == 1);
  if (issuer == nullptr) {
    AddExtension(made.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(made.get(), signer, NID_key_usage, "critical,keyCertSign");
  } else {
    AddExtension(made.get(), signer, NID_subject_alt_name, "DNS:" + name);
  }
  Require(X509_sign(made.get(), issuer_key, EVP_sha256()) > 0);
  return made;
}

}  // namespace

struct TestAuthority::State {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority(const std::string& name) : state_(std::make_unique<State>()) {
  state_->key.reset(EVP_EC_gen("P-256"));
  Require(state_->key != nullptr);
  state_->certificate = Make(name, state_->key.get(), nullptr, state_->key.get(), 1);
}

TestAuthority::~TestAuthority() = default;

std::string TestAuthority::pem() const {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, state_->certificate.get()); });
}

ServerIdentity TestAuthority::Issue(const std::string& host) const {
  const Key key(EVP_EC_gen("P-256"));
  Require(key != nullptr);
  const Certificate certificate = Make(host, key.get(), state_->certificate.get(), state_->key.get(), 2);
  return {Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }), Pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace hashgate::testing
