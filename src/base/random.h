// Randomness for ids and secrets. Deterministic sequences for tests come from std::mt19937_64 with a printed
// seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace hashgate {

/// Fills `out` from the operating system's generator. Aborts where the system has none.
void FillRandom(std::span<std::uint8_t> out);

/// 26 characters of Crockford base 32: 48 bits of time in
/// milliseconds, then 80 random bits. Sorts by time. Source: github.com/ulid/spec.
std::string NewUlid(std::int64_t unix_millis);

}  // namespace hashgate
