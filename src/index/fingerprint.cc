#include "index/fingerprint.h"

#include <algorithm>
#include <bit>

namespace hashgate::index {
namespace {

__extension__ using Uint128 = unsigned __int128;

// Digits of pi, so that no word that is 0 wipes out its neighbour.
constexpr std::array<std::uint64_t, 5> kSalt = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
                                                0x082efa98ec4e6c89, 0x452821e638d01377};

std::uint64_t MultiplyFold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

SipHash::Key KeyOf(const IndexSeed& seed) {
  // Half of the seed's bytes: whatever they give away, the shuffle of bits still hangs on the other half.
  SipHash::Key key{};
  std::copy_n(seed.begin() + 16, key.size(), key.begin());
  return key;
}

// Of values longer than four words: each pair of them stirs what came before.
std::uint64_t SumOfMany(std::uint64_t whose, std::span<const std::uint8_t> value) {
  std::uint64_t sum = whose ^ kSalt[4];
  for (std::size_t at = 0; at < value.size(); at += 2 * sizeof(std::uint64_t)) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), &value[at], std::min(sizeof(words), value.size() - at));
    sum = MultiplyFold(sum ^ words[0] ^ kSalt[0], words[1] ^ kSalt[1]) ^ std::rotl(sum, 31);
  }
  return MultiplyFold(sum ^ kSalt[2], kSalt[3]);
}

}  // namespace

Fingerprints::Fingerprints(const IndexSeed& seed) : hash_(KeyOf(seed)) {}

std::uint64_t RowSum(Algorithm algorithm, Pipeline pipeline, EntryId entry, const std::uint8_t* value) {
  const std::uint64_t whose =
      entry ^ static_cast<std::uint64_t>(algorithm) << 56 ^ static_cast<std::uint64_t>(pipeline) << 52;
  if (ValueSize(algorithm) > sizeof(PdqHash)) return SumOfMany(whose, {value, ValueSize(algorithm)});
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), value, ValueSize(algorithm));
  const std::uint64_t front = MultiplyFold(words[0] ^ kSalt[0], words[1] ^ kSalt[1]);
  const std::uint64_t back = MultiplyFold(words[2] ^ kSalt[2], words[3] ^ kSalt[3]);
  return MultiplyFold(front ^ whose, back ^ kSalt[4]);
}

Tallier::Tallier(const IndexSeed& seed) : fingerprints_(std::make_shared<const Fingerprints>(seed)) {}

Tally Tallier::Of(std::span<const IndexedHash> hashes) const {
  Tally tally;
  for (const IndexedHash& hash : hashes) {
    const RowValue value(hash, *fingerprints_);
    // Only PDQ has pipelines.
    const Pipeline pipeline = hash.algorithm == Algorithm::kPdq ? hash.pipeline : Pipeline::kUnspecified;
    tally += {1, RowSum(hash.algorithm, pipeline, hash.entry, value.data())};
  }
  return tally;
}

Tally Tallier::Of(const IndexedRows& rows) const {
  Tally tally = Of(rows.hashes);
  for (const IndexedVector& vector : rows.vectors) {
    tally += {1, RowSum(vector.algorithm, Pipeline::kUnspecified, vector.entry, vector.bytes.data())};
  }
  return tally;
}

}  // namespace hashgate::index
