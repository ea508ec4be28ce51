// The random numbers that pictures are drawn from: integers only, the same on every machine and build.
#pragma once

#include <cstdint>

namespace hashgate::testkit {

/// A seeded sequence. Source: SplitMix64, Steele, Lea and Flood 2014. Threads: confined.
class RandomSource {
 public:
  /// The seed is mixed first: the sequences of seeds that differ by the generator's own step would otherwise
  /// be one sequence, shifted.
  explicit RandomSource(std::uint64_t seed) : state_(Mix(seed ^ 0x5851f42d4c957f2dULL)) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    return Mix(state_);
  }
  /// A number in [low, high], both inclusive; low <= high.
  int Range(int low, int high) {
    const std::uint64_t width = static_cast<std::uint64_t>(static_cast<std::int64_t>(high) - low) + 1;
    return static_cast<int>(low + static_cast<std::int64_t>(((Next() >> 32) * width) >> 32));
  }
  bool Chance(int percent) { return Range(0, 99) < percent; }

 private:
  static std::uint64_t Mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

/// Scrambles 32 bits. Source: the public "lowbias32" function by Chris Wellons.
constexpr std::uint32_t Scramble(std::uint32_t a) {
  a ^= a >> 16;
  a *= 0x7feb352dU;
  a ^= a >> 15;
  a *= 0x846ca68bU;
  a ^= a >> 16;
  return a;
}

}  // namespace hashgate::testkit
