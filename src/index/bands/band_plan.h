// How 256 bits are cut into bands, and how many bits a search lets differ in each.
//
// Generalised pigeonhole: where two hashes differ in at most R bits and the bands' allowances r_i satisfy
// sum(r_i + 1) = R + 1, some band differs in at most r_i bits. The bands stand in a ring, and more holds: the
// excesses d_i - (r_i + 1) sum to less than 0, so starting from some band every partial sum around the ring
// is below 0 (cycle lemma). From that band on, d_i <= r_i and d_i + d_(i+1) <= r_i + r_(i+1) + 1. So a hash
// that shares a bucket needs a closer look only where its next band is near as well. Sources: Norouzi,
// Punjani, Fleet 2012 (multi-index hashing); Qin, Xiao 2018 (pigeonring).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hashgate/hash.h"

namespace hashgate::index {

/// Bits [first, first + width) of the permuted hash.
struct Band {
  int first = 0;
  int width = 0;
};

/// Bands side by side from bit 0 on, all equally wide. Each posting carries a signature beside its bucket:
/// the first bits of the next band, the first band's for the last one.
struct BandLayout {
  std::vector<Band> bands;

  /// Bits of the next band that a signature holds.
  static constexpr int kMaxSignatureBits = 16;
  /// Buckets of each band: one for each of its values.
  [[nodiscard]] std::size_t buckets() const { return std::size_t{1} << bands.front().width; }
  [[nodiscard]] std::size_t next(std::size_t band) const { return band + 1 == bands.size() ? 0 : band + 1; }
  [[nodiscard]] int signature_bits(std::size_t band) const {
    return std::min(kMaxSignatureBits, bands[next(band)].width);
  }
  [[nodiscard]] std::uint32_t KeyOf(std::size_t band, const PdqHash& permuted) const {
    return static_cast<std::uint32_t>(BitsAt(permuted, bands[band].first, bands[band].width));
  }
  [[nodiscard]] std::uint16_t SignatureOf(std::size_t band, const PdqHash& permuted) const {
    return static_cast<std::uint16_t>(BitsAt(permuted, bands[next(band)].first, signature_bits(band)));
  }

 private:
  static std::uint64_t BitsAt(const PdqHash& hash, int first, int width) {
    const auto word = static_cast<std::size_t>(first) / 64;
    const int shift = first % 64;
    std::uint64_t bits = hash.words[word] >> shift;
    if (shift + width > 64) bits |= hash.words[word + 1] << (64 - shift);
    return bits & ((std::uint64_t{1} << width) - 1);
  }
};

/// The layout that searches so many distinct hashes at the usual radius fastest within the memory that an
/// entry may take. Range: any count.
BandLayout LayoutFor(std::size_t distinct_hashes);

/// How far a search looks into each band.
struct RadiusPlan {
  int radius = 0;
  /// Bits that may differ in each band, -1 where the band is not looked at.
  std::vector<int> allowance;
  /// Buckets that it opens in all.
  std::size_t buckets = 0;

  /// Bits in which a posting's signature may differ when its bucket lies `flips` bits off.
  [[nodiscard]] int MaxSignatureBits(const BandLayout& layout, std::size_t band, int flips) const;
};

/// More bits than this are never flipped in one band: the buckets would be more than a scan is dear.
inline constexpr int kMaxAllowance = 5;

/// The plan that opens the fewest buckets; none where the radius (0..63) is more than the bands can promise.
std::optional<RadiusPlan> PlanFor(const BandLayout& layout, int radius);

/// Every value of `width` bits with exactly `ones` of them set, ascending.
std::vector<std::uint32_t> FlipsOf(int width, int ones);

/// n over k. Range: n <= 32.
std::size_t Choose(int n, int k);

}  // namespace hashgate::index
