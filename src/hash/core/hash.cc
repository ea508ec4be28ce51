#include "hashgate/hash.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "base/hex.h"
#include "hash/core/degenerate.h"
#include "hash/core/hash_text.h"

namespace hashgate {
namespace {

struct AlgorithmRow {
  Algorithm algorithm;
  std::string_view name;
  std::size_t size;
};

constexpr AlgorithmRow kAlgorithms[] = {
    {Algorithm::kUnspecified, "unspecified", 0},
    {Algorithm::kMd5, "md5", 16},
    {Algorithm::kSha1, "sha1", 20},
    {Algorithm::kSha256, "sha256", 32},
    {Algorithm::kPdq, "pdq", 32},
    {Algorithm::kPhotoDna, "photodna", 144},
    {Algorithm::kPHash, "phash", 8},
    {Algorithm::kBlockMean, "block_mean", 32},
    {Algorithm::kMarrHildreth, "marr_hildreth", 72},
    {Algorithm::kRadialVariance, "radial_variance", 0},
    {Algorithm::kAverage, "average", 8},
    {Algorithm::kColorMoment, "color_moment", 0},
};
static_assert(std::size(kAlgorithms) == kAlgorithmCount);

// The three text forms in which PhotoDNA vectors are exchanged: base64, hex, decimal numbers.
Result<std::vector<std::uint8_t>> ParsePhotoDna(std::string_view text) {
  constexpr std::size_t kSize = 144;
  std::optional<std::vector<std::uint8_t>> bytes;
  if (text.size() == kSize * 2) {
    bytes = DecodeHashBytes(text, HashEncoding::kHex, kSize);
  } else if (text.size() == kSize / 3 * 4) {
    bytes = DecodeHashBytes(text, HashEncoding::kBase64, kSize);
  }
  if (!bytes) bytes = DecodeHashBytes(text, HashEncoding::kDecimal, kSize);
  if (!bytes) {
    return Fail(
        Reason::kHashMalformed,
        "a PhotoDNA vector is 144 bytes as 192 base64 characters, 288 hex digits or 144 decimal numbers");
  }
  return *std::move(bytes);
}

PhotoDna ToPhotoDna(ByteSpan bytes) {
  PhotoDna vector{};
  std::ranges::copy(bytes, vector.begin());
  return vector;
}

int DifferingBits(ByteSpan a, ByteSpan b) {
  int bits = 0;
  for (std::size_t i = 0; i < a.size(); ++i) bits += std::popcount(static_cast<unsigned>(a[i] ^ b[i]));
  return bits;
}

}  // namespace

std::string_view AlgorithmName(Algorithm algorithm) {
  const auto index = static_cast<std::size_t>(algorithm);
  return index < std::size(kAlgorithms) ? kAlgorithms[index].name : kAlgorithms[0].name;
}

Result<Algorithm> ParseAlgorithm(std::string_view name) {
  for (const AlgorithmRow& row : std::span(kAlgorithms).subspan(1)) {
    if (row.name == name) return row.algorithm;
  }
  return Fail(Reason::kAlgorithmUnknown,
              "'" + std::string(name.substr(0, 64)) + "' is not a known hash algorithm");
}

std::string_view PipelineName(Pipeline pipeline) {
  switch (pipeline) {
    case Pipeline::kFull: return "full";
    case Pipeline::kNn512: return "nn512";
    case Pipeline::kUnspecified: break;
  }
  return "unknown";
}

Result<Pipeline> ParsePipeline(std::string_view name) {
  if (name == "full") return Pipeline::kFull;
  if (name == "nn512") return Pipeline::kNn512;
  if (name == "unknown") return Pipeline::kUnspecified;
  return Fail(Reason::kRequestInvalid,
              "'" + std::string(name.substr(0, 64)) + "' is not a PDQ pipeline: use full, nn512 or unknown");
}

std::size_t HashSize(Algorithm algorithm) {
  const auto index = static_cast<std::size_t>(algorithm);
  return index < std::size(kAlgorithms) ? kAlgorithms[index].size : 0;
}

std::array<std::uint8_t, 32> PdqHash::bytes() const {
  std::array<std::uint8_t, 32> out{};
  for (std::size_t i = 0; i < 32; ++i) {
    out[i] = static_cast<std::uint8_t>(words[3 - i / 8] >> (56 - 8 * (i % 8)));
  }
  return out;
}

PdqHash PdqHash::FromBytes(std::span<const std::uint8_t, 32> bytes) {
  PdqHash hash;
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, &bytes[8 * i], sizeof(word));
    hash.words[3 - i] = std::endian::native == std::endian::little ? std::byteswap(word) : word;
  }
  return hash;
}

std::string PdqHash::hex() const {
  return HexEncode(bytes());
}

Result<PdqHash> PdqHash::FromHex(std::string_view text) {
  std::array<std::uint8_t, 32> bytes{};
  if (!HexDecodeInto(text, bytes)) {
    return Fail(Reason::kHashMalformed, "a PDQ hash is exactly 64 hex digits");
  }
  return FromBytes(bytes);
}

int Distance(const PhotoDna& a, const PhotoDna& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int difference = a[i] - b[i];
    sum += difference * difference;
  }
  return sum;
}

int Distance(Algorithm algorithm, ByteSpan a, ByteSpan b) {
  const std::size_t size = HashSize(algorithm);
  if (a.size() != size || b.size() != size) return -1;
  if (IsImgHash(algorithm)) return DifferingBits(a, b);
  if (algorithm == Algorithm::kPdq)
    return Distance(PdqHash::FromBytes(a.first<32>()), PdqHash::FromBytes(b.first<32>()));
  return algorithm == Algorithm::kPhotoDna ? Distance(ToPhotoDna(a), ToPhotoDna(b)) : -1;
}

bool IsDegenerate(Algorithm algorithm, ByteSpan value) {
  if (value.size() != HashSize(algorithm)) return false;
  if (algorithm == Algorithm::kPdq) return IsDegenerate(PdqHash::FromBytes(value.first<32>()));
  if (IsImgHash(algorithm)) return IsDegenerateImgHash(algorithm, value);
  return algorithm == Algorithm::kPhotoDna && IsDegenerate(ToPhotoDna(value));
}

int GreatestMaxDistance(Algorithm algorithm) {
  constexpr int kOther = 65'535;
  switch (algorithm) {
    case Algorithm::kPdq: return 63;
    case Algorithm::kPhotoDna: return kMaxPhotoDnaDistance;
    case Algorithm::kPHash:
    case Algorithm::kBlockMean: return 10;
    case Algorithm::kMarrHildreth: return 115;
    case Algorithm::kAverage: return 3;
    case Algorithm::kRadialVariance:
    case Algorithm::kColorMoment: return kOther;
    default: return -1;
  }
}

int DefaultMaxDistance(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kPdq: return kDefaultPdqMaxDistanceBits;
    case Algorithm::kPhotoDna: return kDefaultPhotoDnaMaxDistance;
    case Algorithm::kPHash:
    case Algorithm::kBlockMean: return 4;
    case Algorithm::kMarrHildreth: return 57;
    case Algorithm::kAverage: return 1;
    default: return -1;
  }
}

Result<HashValue> ParseHashText(Algorithm algorithm, std::string_view text) {
  HashValue value{.algorithm = algorithm};
  const std::size_t size = HashSize(algorithm);
  if (size == 0) {
    return Fail(Reason::kUnsupported, "this build stores no hashes of the algorithm '" +
                                          std::string(AlgorithmName(algorithm)) + "'");
  }
  if (algorithm == Algorithm::kPhotoDna) {
    HASHGATE_ASSIGN_OR_RETURN(value.bytes, ParsePhotoDna(text));
    return value;
  }
  value.bytes.resize(size);
  if (!HexDecodeInto(text, value.bytes)) {
    return Fail(Reason::kHashMalformed, "a " + std::string(AlgorithmName(algorithm)) + " hash is exactly " +
                                            std::to_string(size * 2) + " hex digits");
  }
  return value;
}

std::string_view DihedralName(Dihedral dihedral) {
  switch (dihedral) {
    case Dihedral::kOriginal: return "original";
    case Dihedral::kRotate90: return "rotate90";
    case Dihedral::kRotate180: return "rotate180";
    case Dihedral::kRotate270: return "rotate270";
    case Dihedral::kFlipX: return "flipx";
    case Dihedral::kFlipY: return "flipy";
    case Dihedral::kFlipPlus1: return "flipplus1";
    case Dihedral::kFlipMinus1: return "flipminus1";
  }
  return "original";
}

}  // namespace hashgate
