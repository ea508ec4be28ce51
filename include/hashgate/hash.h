// Hash values: the vocabulary of matching. Standard library only.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"

namespace hashgate {

using ByteSpan = std::span<const std::uint8_t>;

/// How a hash is made and compared. Values reach disk and wire: never renumber.
enum class Algorithm : std::uint8_t {
  kUnspecified = 0,
  kMd5 = 1,
  kSha1 = 2,
  kSha256 = 3,
  kPdq = 4,
  kPhotoDna = 5,
  kPHash = 6,
  kBlockMean = 7,
  kMarrHildreth = 8,
  kRadialVariance = 9,
  kAverage = 10,
  kColorMoment = 11,
};
inline constexpr int kAlgorithmCount = 12;

/// Which published way of making a PDQ hash: from full-resolution pixels, or after a nearest-neighbour shrink
/// to 512x512. They differ by up to 28 bits on one picture. Values reach disk and wire.
enum class Pipeline : std::uint8_t { kUnspecified = 0, kFull = 1, kNn512 = 2 };

/// Lower snake case: "md5", "pdq", "phash". "unspecified" for zero and for unknown values.
std::string_view AlgorithmName(Algorithm algorithm);
/// Inverse of AlgorithmName. Errors: kAlgorithmUnknown.
Result<Algorithm> ParseAlgorithm(std::string_view name);
std::string_view PipelineName(Pipeline pipeline);
Result<Pipeline> ParsePipeline(std::string_view name);

/// Length in bytes of a stored value of `algorithm`; 0 where this build does not know the algorithm's layout.
std::size_t HashSize(Algorithm algorithm);

using Md5 = std::array<std::uint8_t, 16>;
using Sha1 = std::array<std::uint8_t, 20>;
using Sha256 = std::array<std::uint8_t, 32>;

/// 256 bits of PDQ. Bit k of pdq.md (k = 16*row + column of the DCT block) is bit k%64 of word k/64. The text
/// and byte forms are big-endian: the first hex digit and the first byte hold bits 255 downwards.
struct PdqHash {
  std::array<std::uint64_t, 4> words{};

  auto operator<=>(const PdqHash&) const = default;

  [[nodiscard]] bool bit(int k) const {
    return ((words[static_cast<std::size_t>(k) / 64] >> (k % 64)) & 1) != 0;
  }
  void set_bit(int k) { words[static_cast<std::size_t>(k) / 64] |= std::uint64_t{1} << (k % 64); }

  /// 32 bytes, big-endian: the wire and stored form.
  [[nodiscard]] std::array<std::uint8_t, 32> bytes() const;
  static PdqHash FromBytes(std::span<const std::uint8_t, 32> bytes);
  /// 64 lower-case hex digits.
  [[nodiscard]] std::string hex() const;
  /// Exactly 64 hex digits of either case. Errors: kHashMalformed.
  static Result<PdqHash> FromHex(std::string_view text);
};

/// Differing bits, 0..256.
inline int Distance(const PdqHash& a, const PdqHash& b) {
  int bits = 0;
  for (std::size_t i = 0; i < 4; ++i) bits += std::popcount(a.words[i] ^ b.words[i]);
  return bits;
}

/// PDQ's greatest distance that still counts as a match unless a list says otherwise; inclusive.
inline constexpr int kDefaultPdqMaxDistanceBits = 31;
/// Below this quality (0..100) a PDQ hash is kept and looked up, but limits what a match may do.
inline constexpr int kMinUsablePdqQuality = 50;
/// Pixels: below this longer side a picture says too little for a perceptual hash to tell copies from
/// lookalikes.
inline constexpr std::uint32_t kMinUsableSide = 24;
/// Quality unknown: the source gave none.
inline constexpr int kQualityUnknown = -1;

/// True where the bits alone show that the picture had too little structure to identify it: few distinct rows
/// (rank-1 energy share above 0.40), or nearly all bits equal. Source: rank-1 gate measured in
/// docs/matching.md.
bool IsDegenerate(const PdqHash& hash);

/// A PhotoDNA vector as a licensed hasher gives it: 144 components, 0..255. Made by plug-ins only.
using PhotoDna = std::array<std::uint8_t, 144>;

/// Sum of the squared differences of all components, 0..kMaxPhotoDnaDistance: the square of the Euclidean
/// distance, as public tools count it (github.com/gabedwrds/photodna-matcher, github.com/sepinf-inc/IPED).
int Distance(const PhotoDna& a, const PhotoDna& b);
inline constexpr int kMaxPhotoDnaDistance = 144 * 255 * 255;
/// PhotoDNA's greatest distance that still counts as a match unless a list says otherwise; inclusive. Strict:
/// IPED's default is 40,000, unrelated pictures lie at 200,000 and more.
inline constexpr int kDefaultPhotoDnaMaxDistance = 20'000;

/// True where the components say too little to identify a picture, as those of a flat one: the entropy of
/// their values is below 0.7 of that of 144 different values (docs/matching.md).
bool IsDegenerate(const PhotoDna& vector);

/// The hashes of OpenCV's img_hash that this build makes and compares (docs/img_hash.md): bits in OpenCV's
/// own order of bytes, compared by how many of them differ.
inline constexpr std::array kImgHashes = {Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kMarrHildreth,
                                          Algorithm::kAverage};
constexpr bool IsImgHash(Algorithm algorithm) {
  return std::ranges::find(kImgHashes, algorithm) != kImgHashes.end();
}

/// Whether a hash of this perceptual algorithm says by itself which picture it is of. False for those that
/// are short or coarse: unrelated pictures come near to each other among many.
constexpr bool IdentifiesAlone(Algorithm algorithm) {
  return algorithm == Algorithm::kPdq || algorithm == Algorithm::kPhotoDna ||
         algorithm == Algorithm::kMarrHildreth;
}

/// The greatest distance that still counts as a match unless a list says otherwise; inclusive, in the
/// algorithm's own unit. -1 for those that are not compared by distance. Where the figures come from:
/// docs/matching.md, docs/img_hash.md.
int DefaultMaxDistance(Algorithm algorithm);

/// The same of bytes as values hold them, for the perceptual algorithms that this build compares: PDQ and
/// img_hash in bits, PhotoDNA squared. -1 for other algorithms, and where a value has another length than its
/// algorithm's.
int Distance(Algorithm algorithm, ByteSpan a, ByteSpan b);
/// False for other algorithms and lengths.
bool IsDegenerate(Algorithm algorithm, ByteSpan value);

/// Whether the algorithm's distances are numbers of a unit of its own, rather than bits.
constexpr bool HasOwnUnit(Algorithm algorithm) {
  return algorithm == Algorithm::kPhotoDna;
}

/// The greatest distance that a list may ask for, in the algorithm's own unit: PDQ 63 bits, PhotoDNA
/// kMaxPhotoDnaDistance, marr_hildreth 115 bits, block_mean 10, phash 10, average 3, other perceptual
/// algorithms 65,535; -1 for those without a distance.
int GreatestMaxDistance(Algorithm algorithm);

/// One value of any algorithm, as entries, requests and answers carry it.
struct HashValue {
  Algorithm algorithm = Algorithm::kUnspecified;
  Pipeline pipeline = Pipeline::kUnspecified;  ///< PDQ only
  std::int16_t quality = kQualityUnknown;      ///< PDQ only: 0..100, or kQualityUnknown
  std::vector<std::uint8_t> bytes;             ///< HashSize(algorithm) bytes

  bool operator==(const HashValue&) const = default;
};

/// Parses hex text of the algorithm's exact length (PhotoDNA also takes its usual text forms).
/// Errors: kHashMalformed, kUnsupported (algorithm without a known layout).
Result<HashValue> ParseHashText(Algorithm algorithm, std::string_view text);

/// The eight ways a picture can be turned and mirrored, as done to the pixels. Rotations are
/// counter-clockwise.
enum class Dihedral : std::uint8_t {
  kOriginal = 0,
  kRotate90 = 1,
  kRotate180 = 2,
  kRotate270 = 3,
  kFlipX = 4,       ///< upside down: the row order is reversed
  kFlipY = 5,       ///< mirrored: the column order is reversed
  kFlipPlus1 = 6,   ///< transposed
  kFlipMinus1 = 7,  ///< transposed along the other diagonal
};
inline constexpr int kDihedralCount = 8;
std::string_view DihedralName(Dihedral dihedral);

}  // namespace hashgate
