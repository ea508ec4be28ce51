#include "lists/identity_filter.h"

#include <algorithm>
#include <cstring>

namespace hashgate::lists {
namespace {

// Six bits of a line of 512. The digest is keyed and as good as random: any of its bits will do.
std::array<std::uint64_t, 8> BitsOf(const KeyedDigest& identity) {
  std::uint64_t source = 0;
  std::memcpy(&source, identity.data() + sizeof(source), sizeof(source));
  std::array<std::uint64_t, 8> bits{};
  constexpr int kBits = 6;
  for (int i = 0; i < kBits; ++i, source >>= 9) bits[source >> 6 & 7] |= std::uint64_t{1} << (source & 63);
  return bits;
}

std::size_t LineOf(const KeyedDigest& identity, std::size_t lines) {
  std::uint64_t at = 0;
  std::memcpy(&at, identity.data(), sizeof(at));
  return static_cast<std::size_t>(at) & (lines - 1);
}

}  // namespace

void IdentityFilter::Add(const KeyedDigest& identity) {
  if (layers_.empty() || layers_.back().left == 0) {
    const std::size_t lines = layers_.empty() ? kFirstLines : 2 * layers_.back().lines.size();
    layers_.push_back({std::vector<Line>(lines), lines * kKeysOfALine});
  }
  Layer& layer = layers_.back();
  --layer.left;
  ++added_;
  Line& line = layer.lines[LineOf(identity, layer.lines.size())];
  const std::array<std::uint64_t, 8> bits = BitsOf(identity);
  for (std::size_t i = 0; i < bits.size(); ++i) line.words[i] |= bits[i];
}

bool IdentityFilter::MayHold(const KeyedDigest& identity) const {
  const std::array<std::uint64_t, 8> bits = BitsOf(identity);
  return std::ranges::any_of(layers_, [&](const Layer& layer) {
    const Line& line = layer.lines[LineOf(identity, layer.lines.size())];
    std::uint64_t missing = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) missing |= bits[i] & ~line.words[i];
    return missing == 0;
  });
}

}  // namespace hashgate::lists
