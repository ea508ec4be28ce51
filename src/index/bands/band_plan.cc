#include "index/bands/band_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace hashgate::index {
namespace {

constexpr int kBits = 256;
// With 12 bands fewer buckets are opened than with 11 (8 bands of two flips and 4 of one, against 10 and 1).
// Beyond this many hashes the widest 12 bands would have long buckets, and 11 can be wider.
constexpr int kBandCount = 12;
constexpr int kFewBandCount = 11;
constexpr std::size_t kMostForWideBands = 48'000'000;
constexpr std::size_t kVisitStride = 7;
static_assert(std::gcd(kVisitStride, std::size_t{kBandCount}) == 1 &&
              std::gcd(kVisitStride, std::size_t{kFewBandCount}) == 1);
constexpr int kMinWidth = 8;
// A bucket's line holds 28 signatures. With 23 on average one bucket in eight has more, and with half of that
// the next narrower band would be too full.
constexpr std::size_t kMostPerBucket = 23;

}  // namespace

BandLayout LayoutFor(std::size_t distinct_hashes) {
  const int bands = distinct_hashes <= kMostForWideBands ? kBandCount : kFewBandCount;
  const std::size_t least = distinct_hashes / kMostPerBucket;
  const int width = std::clamp(static_cast<int>(std::bit_width(least)), kMinWidth, kBits / bands);
  BandLayout layout;
  for (int band = 0; band < bands; ++band) layout.bands.push_back({band * width, width});
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
  if (ones <= 0) return {0};
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
