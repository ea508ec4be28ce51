#include "base/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace hashgate {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

struct State {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v3 = std::rotl(v3, 21) ^ v0;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Take(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  std::uint64_t Finish() {
    for (int i = 0; i < 4; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

SipHash::SipHash(const Key& key) {
  std::memcpy(key_.data(), key.data(), key.size());
}

std::array<std::uint64_t, 2> SipHash::operator()(std::span<const std::uint8_t> bytes) const {
  // "somepseudorandomlygeneratedbytes", and the mark of the longer output.
  State state{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d ^ 0xee, key_[0] ^ 0x6c7967656e657261,
              key_[1] ^ 0x7465646279746573};
  const std::size_t size = bytes.size();
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    state.Take(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(size) << 56;
  for (std::size_t i = 0; i < bytes.size(); ++i) last |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  state.Take(last);
  state.v2 ^= 0xee;
  const std::uint64_t first = state.Finish();
  state.v1 ^= 0xdd;
  return {first, state.Finish()};
}

}  // namespace hashgate
