#include "index/bands/band_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace hashgate::index {
namespace {

constexpr int kBits = 256;
constexpr int kBandCount = 12;
constexpr std::size_t kVisitStride = 7;
static_assert(std::gcd(kVisitStride, std::size_t{kBandCount}) == 1);
constexpr int kMinWidth = 8;
// A bucket of the widest band still fits a 32-bit number of buckets with room, and its directory pays for
// itself.
constexpr int kMaxWidth = kBits / kBandCount;

// Hashes that share a bucket, on average: measured to be where opening buckets and looking through them cost
// alike.
constexpr std::size_t kHashesPerBucket = 10;

std::uint64_t BitsAt(const PdqHash& hash, int first, int width) {
  const auto word = static_cast<std::size_t>(first) / 64;
  const int shift = first % 64;
  std::uint64_t bits = hash.words[word] >> shift;
  if (shift + width > 64) bits |= hash.words[word + 1] << (64 - shift);
  return bits & ((std::uint64_t{1} << width) - 1);
}

}  // namespace

int BandLayout::signature_bits(std::size_t band) const {
  return std::min(kMaxSignatureBits, bands[next(band)].width);
}

std::uint32_t BandLayout::KeyOf(std::size_t band, const PdqHash& permuted) const {
  return static_cast<std::uint32_t>(BitsAt(permuted, bands[band].first, bands[band].width));
}

std::uint16_t BandLayout::SignatureOf(std::size_t band, const PdqHash& permuted) const {
  return static_cast<std::uint16_t>(BitsAt(permuted, bands[next(band)].first, signature_bits(band)));
}

BandLayout LayoutFor(std::size_t distinct_hashes) {
  const std::size_t buckets = std::max<std::size_t>(1, distinct_hashes / kHashesPerBucket);
  const int width = std::clamp(static_cast<int>(std::bit_width(buckets)), kMinWidth, kMaxWidth);
  BandLayout layout;
  for (int band = 0; band < kBandCount; ++band) layout.bands.push_back({band * width, width});
  return layout;
}

std::size_t Choose(int n, int k) {
  if (k < 0 || k > n) return 0;
  std::size_t ways = 1;
  for (int i = 1; i <= k; ++i)
    ways = ways * static_cast<std::size_t>(n - k + i) / static_cast<std::size_t>(i);
  return ways;
}

int RadiusPlan::MaxSignatureBits(const BandLayout& layout, std::size_t band, int flips) const {
  return allowance[band] + allowance[layout.next(band)] + 1 - flips;
}

std::optional<RadiusPlan> PlanFor(const BandLayout& layout, int radius) {
  RadiusPlan plan;
  plan.radius = radius;
  plan.allowance.assign(layout.bands.size(), -1);
  // Each of the R + 1 steps goes where it opens the fewest buckets. Steps of one band get dearer, so taking
  // the cheapest first is the best there is. Among equals every seventh band is next, so that bands with less
  // lie between bands with more: a signature sees the next band, and the less that may differ there, the more
  // it rules out.
  for (int step = 0; step <= radius; ++step) {
    std::size_t best = layout.bands.size();
    std::size_t least = 0;
    for (std::size_t visit = 0; visit < layout.bands.size(); ++visit) {
      const std::size_t i = visit * kVisitStride % layout.bands.size();
      if (plan.allowance[i] == kMaxAllowance) continue;
      const std::size_t more = Choose(layout.bands[i].width, plan.allowance[i] + 1);
      if (best == layout.bands.size() || more < least) {
        best = i;
        least = more;
      }
    }
    if (best == layout.bands.size()) return std::nullopt;
    ++plan.allowance[best];
    plan.buckets += least;
  }
  return plan;
}

std::vector<std::uint32_t> FlipsOf(int width, int ones) {
  if (ones == 0) return {0};
  std::vector<std::uint32_t> flips;
  flips.reserve(Choose(width, ones));
  // Gosper's hack (HAKMEM 175): the next greater number with as many ones.
  const std::uint64_t end = std::uint64_t{1} << width;
  for (std::uint64_t value = (std::uint64_t{1} << ones) - 1; value < end;) {
    flips.push_back(static_cast<std::uint32_t>(value));
    const std::uint64_t lowest = value & (~value + 1);
    const std::uint64_t carried = value + lowest;
    value = (((value ^ carried) >> 2) / lowest) | carried;
  }
  return flips;
}

}  // namespace hashgate::index
