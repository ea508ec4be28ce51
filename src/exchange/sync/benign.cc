#include "exchange/sync/benign.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kTable[] = {
#include "exchange/sync/benign_corpus.inc"
};
static_assert(std::size(kTable) % kDihedralCount == 0, "each picture has all its turned forms");

constexpr std::size_t kHexDigits = 64;

// A line that is no hash does not compile: skipped, it would let in what it stands for.
consteval PdqHash ParseLine(std::string_view text) {
  if (text.size() != kHexDigits) throw "not 64 hex digits";
  PdqHash hash;
  for (std::size_t i = 0; i < kHexDigits; ++i) {
    const char digit = text[i];
    const bool is_letter = digit >= 'a' && digit <= 'f';
    if (!is_letter && (digit < '0' || digit > '9')) throw "not 64 hex digits";
    std::uint64_t& word = hash.words[3 - i / 16];
    word = word << 4U | static_cast<std::uint64_t>(is_letter ? digit - 'a' + 10 : digit - '0');
  }
  return hash;
}

consteval std::array<PdqHash, std::size(kTable)> ParseTable() {
  std::array<PdqHash, std::size(kTable)> hashes;
  std::ranges::transform(kTable, hashes.begin(), ParseLine);
  return hashes;
}

constexpr std::array kPictureForms = ParseTable();

// The transparent picture of one pixel that pages count their readers with; GIF89a, 43 bytes.
constexpr std::array<std::uint8_t, 43> kTrackingPixel = {
    'G', 'I', 'F', '8', '9', 'a',  1, 0, 1, 0, 0x80, 0, 0, 0xff, 0xff, 0xff, 0, 0,    0, 0x21, 0xf9, 4,
    1,   0,   0,   0,   0,   0x2c, 0, 0, 0, 0, 1,    0, 1, 0,    0,    2,    2, 0x44, 1, 0,    0x3b};

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

[[gnu::always_inline]] inline bool AnyFormWithin(const PdqHash& hash, int max_distance_bits) {
  for (const PdqHash& form : kPictureForms) {
    // By the first half nearly all are too far away; by a quarter every other, which no processor foresees.
    int bits = std::popcount(form.words[0] ^ hash.words[0]) + std::popcount(form.words[1] ^ hash.words[1]);
    if (bits > max_distance_bits) continue;
    bits += std::popcount(form.words[2] ^ hash.words[2]) + std::popcount(form.words[3] ^ hash.words[3]);
    if (bits <= max_distance_bits) return true;
  }
  return false;
}

#ifdef __x86_64__
// Without the processor's own counting the corpus would take a good part of a sync's time.
[[gnu::target("popcnt")]] bool AnyFormWithinByPopcnt(const PdqHash& hash, int max_distance_bits) {
  return AnyFormWithin(hash, max_distance_bits);
}
#endif

// Uploads are searched in all their turned forms, so any form of the picture is found by it.
bool IsBenignPicture(const PdqHash& hash, int max_distance_bits) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("popcnt")) return AnyFormWithinByPopcnt(hash, max_distance_bits);
#endif
  return AnyFormWithin(hash, max_distance_bits);
}

bool IsBenignDigest(const std::vector<std::uint8_t>& bytes) {
  static const std::vector<std::vector<std::uint8_t>> digests = Digests();
  return std::ranges::find(digests, bytes) != digests.end();
}

}  // namespace

bool IsBenign(const HashValue& hash, int max_distance_bits) {
  switch (hash.algorithm) {
    case Algorithm::kPdq:
      return hash.bytes.size() == 32 &&
             IsBenignPicture(PdqHash::FromBytes(std::span(hash.bytes).first<32>()), max_distance_bits);
    case Algorithm::kMd5:
    case Algorithm::kSha1:
    case Algorithm::kSha256: return IsBenignDigest(hash.bytes);
    default: return false;
  }
}

std::size_t BenignPictureCount() {
  return kPictureForms.size() / kDihedralCount;
}

}  // namespace hashgate::exchange
