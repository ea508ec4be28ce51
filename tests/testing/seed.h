// The seed of random tests: HASHGATE_SEED, else fixed, so that a run repeats.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace hashgate::testing {
inline std::uint64_t Seed() {
  const char* text = std::getenv("HASHGATE_SEED");
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : 20261122;
}
}  // namespace hashgate::testing
