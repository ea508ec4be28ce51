#include "exchange/sync/benign.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kPictures[] = {
#include "exchange/sync/benign_corpus.inc"
};

// The transparent picture of one pixel that pages count their readers with; GIF89a, 43 bytes.
constexpr std::array<std::uint8_t, 43> kTrackingPixel = {
    'G', 'I', 'F', '8', '9', 'a',  1, 0, 1, 0, 0x80, 0, 0, 0xff, 0xff, 0xff, 0, 0,    0, 0x21, 0xf9, 4,
    1,   0,   0,   0,   0,   0x2c, 0, 0, 0, 0, 1,    0, 1, 0,    0,    2,    2, 0x44, 1, 0,    0x3b};

std::vector<PdqHash> Pictures() {
  std::vector<PdqHash> pictures;
  for (const std::string_view text : kPictures) {
    if (const Result<PdqHash> hash = PdqHash::FromHex(text)) pictures.push_back(*hash);
  }
  return pictures;
}

std::vector<std::vector<std::uint8_t>> Digests() {
  std::vector<std::vector<std::uint8_t>> digests;
  const std::pair<DigestKind, Algorithm> kinds[] = {{DigestKind::kMd5, Algorithm::kMd5},
                                                    {DigestKind::kSha1, Algorithm::kSha1},
                                                    {DigestKind::kSha256, Algorithm::kSha256}};
  for (const auto& [kind, algorithm] : kinds) {
    for (const ByteSpan bytes : {ByteSpan(), ByteSpan(kTrackingPixel)}) {
      DigestStream stream(kind);
      stream.Update(bytes);
      stream.Finish(digests.emplace_back(HashSize(algorithm)));
    }
  }
  return digests;
}

bool IsBenignPicture(const PdqHash& hash) {
  static const std::vector<PdqHash> pictures = Pictures();
  return std::ranges::any_of(pictures, [&](const PdqHash& picture) {
    return Distance(picture, hash) <= kDefaultPdqMaxDistanceBits;
  });
}

bool IsBenignDigest(const std::vector<std::uint8_t>& bytes) {
  static const std::vector<std::vector<std::uint8_t>> digests = Digests();
  return std::ranges::find(digests, bytes) != digests.end();
}

}  // namespace

bool IsBenign(const HashValue& hash) {
  switch (hash.algorithm) {
    case Algorithm::kPdq:
      return hash.bytes.size() == 32 &&
             IsBenignPicture(PdqHash::FromBytes(std::span(hash.bytes).first<32>()));
    case Algorithm::kMd5:
    case Algorithm::kSha1:
    case Algorithm::kSha256: return IsBenignDigest(hash.bytes);
    default: return false;
  }
}

std::size_t BenignPictureCount() {
  return std::size(kPictures);
}

}  // namespace hashgate::exchange
