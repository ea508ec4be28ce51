// Band layouts and plans keep the promise of the pigeonhole.
#include "index/bands/band_plan.h"

#include <gtest/gtest.h>

#include <bit>
#include <numeric>
#include <set>

#include "index/bands/bit_permutation.h"

namespace hashgate::index {
namespace {

TEST(BandLayout, BandsLieSideBySideWithinTheHash) {
  int last_width = 0;
  for (const std::size_t hashes : {std::size_t{0}, std::size_t{1}, std::size_t{1'000}, std::size_t{100'000},
                                   std::size_t{10'000'000}, std::size_t{2'000'000'000}}) {
    const BandLayout layout = LayoutFor(hashes);
    int next = 0;
    for (const Band& band : layout.bands) {
      EXPECT_EQ(band.first, next);
      next += band.width;
    }
    EXPECT_LE(next, 256);
    EXPECT_GE(layout.bands.front().width, last_width);
    last_width = layout.bands.front().width;
  }
}

TEST(BandLayout, KeysAndSignaturesAreTheBandsBits) {
  const BandLayout layout = LayoutFor(10'000'000);
  for (std::size_t band = 0; band < layout.bands.size(); ++band) {
    for (int bit = 0; bit < 256; ++bit) {
      PdqHash hash;
      hash.set_bit(bit);
      const int in_band = bit - layout.bands[band].first;
      const int in_next = bit - layout.bands[layout.next(band)].first;
      EXPECT_EQ(layout.KeyOf(band, hash),
                in_band >= 0 && in_band < layout.bands[band].width ? std::uint32_t{1} << in_band : 0U);
      EXPECT_EQ(layout.SignatureOf(band, hash),
                in_next >= 0 && in_next < layout.signature_bits(band) ? 1U << in_next : 0U);
    }
  }
}

TEST(RadiusPlan, AllowancesAddUpForEveryRadius) {
  for (const std::size_t hashes : {std::size_t{100}, std::size_t{1'000'000}, std::size_t{10'000'000}}) {
    const BandLayout layout = LayoutFor(hashes);
    std::size_t before = 0;
    for (int radius = 0; radius <= 63; ++radius) {
      const auto plan = PlanFor(layout, radius);
      ASSERT_TRUE(plan) << radius;
      int steps = 0;
      std::size_t buckets = 0;
      for (std::size_t band = 0; band < plan->allowance.size(); ++band) {
        const int allowance = plan->allowance[band];
        steps += allowance + 1;
        for (int flips = 0; flips <= allowance; ++flips) {
          buckets += FlipsOf(layout.bands[band].width, flips).size();
          // Whatever the next band allows, a hash that differs in nothing passes.
          EXPECT_GE(plan->MaxSignatureBits(layout, band, flips), 0);
        }
      }
      EXPECT_EQ(steps, radius + 1);
      EXPECT_EQ(plan->buckets, buckets);
      EXPECT_GT(buckets, before);
      before = buckets;
    }
  }
}

TEST(RadiusPlan, SaysWhereTheBandsCannotPromiseIt) {
  BandLayout layout;
  layout.bands = {{0, 16}, {16, 16}};
  EXPECT_TRUE(PlanFor(layout, 11));
  EXPECT_FALSE(PlanFor(layout, 12));
}

TEST(Flips, AreAllValuesWithSoManyOnes) {
  for (int width = 8; width <= 12; ++width) {
    for (int ones = 0; ones <= kMaxAllowance; ++ones) {
      const auto flips = FlipsOf(width, ones);
      const std::set<std::uint32_t> distinct(flips.begin(), flips.end());
      EXPECT_EQ(flips.size(), Choose(width, ones));
      EXPECT_EQ(distinct.size(), flips.size());
      for (const std::uint32_t flip : flips) {
        EXPECT_EQ(std::popcount(flip), ones);
        EXPECT_LT(flip, 1U << width);
      }
    }
  }
}

TEST(BitPermutation, MovesEachBitToAPlaceOfItsOwn) {
  BitPermutation::Seed seed{};
  seed[31] = 1;
  const BitPermutation permutation(seed);
  std::set<int> targets;
  int moved = 0;
  for (int bit = 0; bit < 256; ++bit) {
    PdqHash hash;
    hash.set_bit(bit);
    PdqHash expected;
    expected.set_bit(permutation.target(bit));
    EXPECT_EQ(permutation.Apply(hash), expected);
    targets.insert(permutation.target(bit));
    moved += permutation.target(bit) != bit ? 1 : 0;
  }
  EXPECT_EQ(targets.size(), 256U);
  EXPECT_GT(moved, 240);
  // Every part of the seed counts, and the same one gives the same.
  for (const std::size_t byte : {std::size_t{0}, std::size_t{8}, std::size_t{16}, std::size_t{31}}) {
    BitPermutation::Seed other = seed;
    other[byte] ^= 0x10;
    int same = 0;
    for (int bit = 0; bit < 256; ++bit) {
      same += BitPermutation(other).target(bit) == permutation.target(bit) ? 1 : 0;
    }
    EXPECT_LT(same, 20) << byte;
  }
  EXPECT_EQ(BitPermutation(seed).target(77), permutation.target(77));
}

}  // namespace
}  // namespace hashgate::index
