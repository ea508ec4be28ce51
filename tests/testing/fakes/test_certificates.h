// Certificates that a test makes for itself: an authority, and servers it vouches for. They live for a day.
#pragma once

#include <memory>
#include <string>

namespace hashgate::testing {

struct ServerIdentity {
  std::string certificate_pem;
  std::string key_pem;
};

/// A certificate authority with a new key. Aborts where OpenSSL fails. Threads: confined.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test Authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  /// Its own certificate, for those who are to trust it.
  [[nodiscard]] std::string pem() const;
  /// For a server of that DNS name, with a new key.
  [[nodiscard]] ServerIdentity Issue(const std::string& host) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hashgate::testing
