// The loops of the band index over buckets and postings, as the kernels offer them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "hashgate/hash.h"

namespace hashgate::index {

/// One bucket of a band in one cache line: its postings are numbered from `begin` on, and the signatures of
/// the first ones lie here. A bucket with more of them keeps the number of its first further signature in the
/// place of the last two.
struct alignas(64) BucketLine {
  static constexpr std::uint32_t kInline = 28;
  static constexpr std::uint32_t kInlineOfLong = kInline - 2;

  std::uint32_t begin;
  std::uint32_t count;
  std::array<std::uint16_t, kInline> signatures;

  [[nodiscard]] bool is_long() const { return count > kInline; }
  /// How many signatures lie in the line.
  [[nodiscard]] std::uint32_t inline_count() const { return is_long() ? kInlineOfLong : count; }
  /// Where the further signatures of a long bucket lie among all further ones.
  [[nodiscard]] std::uint32_t overflow_begin() const {
    std::uint32_t at = 0;
    std::memcpy(&at, &signatures[kInlineOfLong], sizeof(at));
    return at;
  }
  void set_overflow_begin(std::uint32_t at) { std::memcpy(&signatures[kInlineOfLong], &at, sizeof(at)); }
};
static_assert(sizeof(BucketLine) == 64);

/// A query's look into one band.
struct BucketFilter {
  const BucketLine* lines = nullptr;  ///< by the band's bits
  std::uint32_t key = 0;
  std::uint16_t signature = 0;
  int max_bits = 0;  ///< differing bits of the signature that pass, inclusive; 0 or more
};

/// What a filter wrote.
struct Filtered {
  std::size_t postings = 0;
  std::size_t long_buckets = 0;
};

/// Looks into the bucket of each `key ^ flip`: writes the numbers of the postings whose signature lies in the
/// line and passes, and of the buckets that have more than lie there. Shapes: `postings` has room for
/// BucketLine::kInline a flip, `long_buckets` for one. Threads: thread-safe.
using BucketFilterFunction = Filtered (*)(const BucketFilter& filter, std::span<const std::uint32_t> flips,
                                          std::uint32_t* postings, std::uint32_t* long_buckets);

/// Readable bytes that must follow further signatures, whatever they hold.
inline constexpr std::size_t kSignaturePadding = 64;

/// Writes the positions of the signatures that pass, plus `offset`; returns how many. `out` has room for all.
/// Threads: thread-safe.
using SignatureFilterFunction = std::size_t (*)(std::span<const std::uint16_t> signatures,
                                                std::uint16_t query, int max_bits, std::uint32_t offset,
                                                std::uint32_t* out);

/// A hash within the radius.
struct SlotHit {
  std::uint32_t slot = 0;
  std::uint16_t distance_bits = 0;
};

/// Writes those of the slots whose hash lies within the radius (inclusive); returns how many. `out` has room
/// for all of them. Threads: thread-safe.
using VerifyFunction = std::size_t (*)(const PdqHash* hashes, std::span<const std::uint32_t> slots,
                                       const PdqHash& query, int max_distance_bits, SlotHit* out);

/// Some bits of a hash in an order of one's own. Range: 64 at most.
struct BitPicks {
  std::array<std::uint8_t, 64> positions{};  ///< of the hash's bits
  std::size_t count = 0;
};

/// Writes a word for each hash: its bit i is the hash's bit positions[i], bits from `count` on are 0. Shapes:
/// `out` has room for all. Threads: thread-safe.
using PickBitsFunction = void (*)(const BitPicks& picks, std::span<const PdqHash> hashes, std::uint64_t* out);

/// The four of one CPU family.
struct PostingKernel {
  BucketFilterFunction filter_buckets;
  SignatureFilterFunction filter_signatures;
  VerifyFunction verify;
  PickBitsFunction pick_bits;
};

// NOLINTBEGIN(readability-identifier-naming): constants, though only the linker knows their value.
extern const PostingKernel kPortablePostings;
#if defined(__x86_64__)
extern const PostingKernel kPopcntPostings;
extern const PostingKernel kAvx2Postings;
extern const PostingKernel kAvx512Postings;
#endif
// NOLINTEND(readability-identifier-naming)

}  // namespace hashgate::index
