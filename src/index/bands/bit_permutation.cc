#include "index/bands/bit_permutation.h"

#include <cstring>
#include <numeric>
#include <utility>

namespace hashgate::index {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): numbers that are the same everywhere, which std::shuffle does not
// promise.
std::uint64_t NextNumber(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

}  // namespace

BitPermutation::BitPermutation(const Seed& seed)
    : seed_(seed), table_(std::make_unique<std::array<PdqHash, std::size_t{32} * 256>>()) {
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), seed.data(), seed.size());
  std::iota(targets_.begin(), targets_.end(), std::uint8_t{0});
  // Fisher-Yates once for each quarter of the seed, so that all of it counts. What taking a remainder of 64
  // bits favours is far below what anybody could measure.
  for (std::uint64_t state : words) {
    for (std::size_t left = targets_.size(); left > 1; --left) {
      std::swap(targets_[left - 1], targets_[NextNumber(state) % left]);
    }
  }
  for (std::size_t bit = 0; bit < targets_.size(); ++bit) {
    sources_[targets_[bit]] = static_cast<std::uint8_t>(bit);
  }
  for (std::size_t byte = 0; byte < 32; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) (*table_)[byte * 256 + value].set_bit(targets_[byte * 8 + bit]);
      }
    }
  }
}

}  // namespace hashgate::index
