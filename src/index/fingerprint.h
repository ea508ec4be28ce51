// What the index keeps in place of a digest, and what its rows add up to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/siphash.h"
#include "index/flat.h"
#include "index/hash_index.h"

namespace hashgate::index {

/// 80 bits under the store's seed. Two digests share one with a chance of 2^-80, and nobody without the seed
/// can look for two that do.
struct Fingerprint {
  static constexpr std::size_t kBytes = 10;

  std::uint64_t head = 0;
  std::uint16_t tail = 0;

  static Fingerprint Read(const std::uint8_t* bytes) {
    Fingerprint out;
    std::memcpy(&out.head, bytes, sizeof(out.head));
    std::memcpy(&out.tail, bytes + sizeof(out.head), sizeof(out.tail));
    return out;
  }
  void Write(std::uint8_t* bytes) const {
    std::memcpy(bytes, &head, sizeof(head));
    std::memcpy(bytes + sizeof(head), &tail, sizeof(tail));
  }
  auto operator<=>(const Fingerprint&) const = default;
};

/// Makes fingerprints. Threads: thread-safe.
class Fingerprints {
 public:
  explicit Fingerprints(const IndexSeed& seed);
  [[nodiscard]] Fingerprint Of(std::span<const std::uint8_t> digest) const {
    const auto halves = hash_(digest);
    return {halves[0], static_cast<std::uint16_t>(halves[1])};
  }

 private:
  SipHash hash_;
};

/// Whether rows hold a fingerprint of the hash, and a directory leads to it.
constexpr bool IsFingerprinted(Algorithm algorithm) {
  return algorithm != Algorithm::kPdq && FindFlat(algorithm) == nullptr;
}

/// Bytes of a hash as rows hold it: a PDQ hash in PdqHash's layout, vectors as they are, of digests the
/// fingerprint.
constexpr std::size_t ValueSize(Algorithm algorithm) {
  if (const FlatAlgorithm* const flat = FindFlat(algorithm)) return flat->value_size;
  return algorithm == Algorithm::kPdq ? sizeof(PdqHash) : Fingerprint::kBytes;
}

/// A hash as rows hold it.
class RowValue {
 public:
  RowValue(const IndexedHash& row, const Fingerprints& fingerprints) {
    if (row.algorithm == Algorithm::kPdq) {
      const PdqHash hash = PdqHash::FromBytes(row.bytes);
      std::memcpy(bytes_.data(), &hash, sizeof(hash));
    } else {
      fingerprints.Of(std::span(row.bytes).first(HashSize(row.algorithm))).Write(bytes_.data());
    }
  }
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

 private:
  std::array<std::uint8_t, sizeof(PdqHash)> bytes_{};
};

/// What a row adds to its list's Tally. Shapes: ValueSize(algorithm) bytes.
[[nodiscard]] std::uint64_t RowSum(Algorithm algorithm, Pipeline pipeline, EntryId entry,
                                   const std::uint8_t* value);

}  // namespace hashgate::index
