// Small files that a command line names: policies, mappings, keys.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include "base/signature.h"
#include "hashgate/error.h"

namespace hashgate::cli {

/// A whole file of at most `max_bytes`, or `in` for "-". Errors: kFileUnreadable.
Result<std::string> ReadTextFile(const std::string& path, std::istream& in, std::size_t max_bytes);

/// A public key as PEM. Errors: kFileUnreadable; kRequestInvalid where it is none.
Result<VerifyingKey> ReadPublicKey(const std::string& path);

/// A private key as PEM, of a file that nobody but its owner may read; its text is wiped from memory. Errors:
/// kFileUnreadable; kRequestInvalid where others may read it, or it is no key.
Result<SigningKey> ReadPrivateKey(const std::string& path);

}  // namespace hashgate::cli
