// The loops of the band index over postings, as the kernels offer them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hashgate/hash.h"

namespace hashgate::index {

/// Postings [begin, end).
struct PostingRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// Readable bytes that must follow the signatures, whatever they hold.
inline constexpr std::size_t kSignaturePadding = 64;

struct SignatureFilter {
  const std::uint16_t* signatures = nullptr;  ///< of all postings, followed by kSignaturePadding bytes
  std::uint16_t query = 0;
  int max_bits = 0;  ///< differing bits that pass, inclusive; 0 or more
};

/// Writes the numbers of the postings in the ranges whose signature passes; returns how many. `out` has room
/// for all postings of the ranges. Threads: thread-safe.
using FilterFunction = std::size_t (*)(const SignatureFilter& filter, std::span<const PostingRange> ranges,
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

// The implementations. kernel.cc has the table.
std::size_t FilterPortable(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                           std::uint32_t* out);
std::size_t VerifyPortable(const PdqHash* hashes, std::span<const std::uint32_t> slots, const PdqHash& query,
                           int max_distance_bits, SlotHit* out);
#if defined(__x86_64__)
std::size_t FilterPopcnt(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                         std::uint32_t* out);
std::size_t VerifyPopcnt(const PdqHash* hashes, std::span<const std::uint32_t> slots, const PdqHash& query,
                         int max_distance_bits, SlotHit* out);
std::size_t FilterAvx2(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                       std::uint32_t* out);
std::size_t FilterAvx512(const SignatureFilter& filter, std::span<const PostingRange> ranges,
                         std::uint32_t* out);
#endif

}  // namespace hashgate::index
