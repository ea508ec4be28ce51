// The band index against brute force: every radius, every kernel, and hashes placed where a band plan that is
// off by one loses them.
#include "index/bands/band_index.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "index_samples.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

using Found = std::set<std::pair<std::uint32_t, int>>;  // slot and distance

class FoundSink final : public SlotSink {
 public:
  explicit FoundSink(std::size_t queries) : found(queries) {}
  void Take(std::size_t query, const SlotHit& hit) override {
    found[query].emplace(hit.slot, hit.distance_bits);
  }
  int UsefulRadius(std::size_t /*query*/) override { return 256; }
  std::vector<Found> found;
};

// A segment and its band index; rows are in order of their slots.
class Bands {
 public:
  explicit Bands(std::span<const PdqHash> hashes, std::uint8_t seed = 7,
                 const Kernel& kernel = AllKernels().back()) {
    std::vector<IndexedHash> rows(hashes.size());
    std::vector<const IndexedHash*> pointers;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      rows[i] = PdqRow(1, i, hashes[i]);
      pointers.push_back(&rows[i]);
    }
    BitPermutation::Seed bytes{};
    bytes[3] = seed;
    permutation = std::make_shared<const BitPermutation>(bytes);
    segment = BuildSegment(Algorithm::kPdq, pointers, Fingerprints(IndexSeed{}), ledger);
    index = BandIndex::Build(*segment, permutation, ledger, kernel);
  }

  [[nodiscard]] std::vector<Found> Search(const Kernel& kernel, std::span<const PdqHash> queries,
                                          const RadiusPlan& plan) const {
    FoundSink sink(queries.size());
    EXPECT_TRUE(index->Search(kernel, segment->pdq(), queries, plan, SIZE_MAX, sink));
    return sink.found;
  }

  // Distinct hashes only, each by its first slot.
  [[nodiscard]] Found BruteForce(const PdqHash& query, int radius) const {
    Found found;
    std::set<PdqHash> seen;
    for (std::uint32_t slot = 0; slot < segment->size(); ++slot) {
      const PdqHash& hash = segment->pdq()[slot];
      const int distance = Distance(hash, query);
      if (distance <= radius && seen.insert(hash).second) found.emplace(slot, distance);
    }
    return found;
  }

  // The hash with permuted bit `bit` flipped.
  [[nodiscard]] PdqHash FlipPermuted(PdqHash hash, int bit) const {
    for (int k = 0; k < 256; ++k) {
      if (permutation->target(k) == bit)
        hash.words[static_cast<std::size_t>(k) / 64] ^= std::uint64_t{1} << (k % 64);
    }
    return hash;
  }

  std::shared_ptr<MemoryLedger> ledger = std::make_shared<MemoryLedger>(0);
  std::shared_ptr<const BitPermutation> permutation;
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const BandIndex> index;
};

// Bits to flip in each band so that nothing but band `band` finds the hash: as many as it allows there, one
// more than is allowed in every other.
std::vector<int> OnlyBand(const RadiusPlan& plan, std::size_t band) {
  std::vector<int> flips;
  for (const int allowance : plan.allowance) flips.push_back(allowance + 1);
  --flips[band];
  return flips;
}

PdqHash FlipInBands(const Bands& bands, PdqHash hash, std::span<const int> flips, std::mt19937_64& random) {
  for (std::size_t band = 0; band < flips.size(); ++band) {
    const Band& at = bands.index->layout().bands[band];
    std::vector<int> order(static_cast<std::size_t>(at.width));
    std::iota(order.begin(), order.end(), at.first);
    std::ranges::shuffle(order, random);
    for (int i = 0; i < flips[band]; ++i) hash = bands.FlipPermuted(hash, order[static_cast<std::size_t>(i)]);
  }
  return hash;
}

class BandIndexConformance : public ::testing::TestWithParam<const Kernel*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU cannot run it";
  }
  const Kernel& kernel() const { return *GetParam(); }
  std::mt19937_64 random_{testing::Seed()};
};

TEST_P(BandIndexConformance, EveryRadiusFindsWhatBruteForceFinds) {
  std::vector<PdqHash> hashes;
  for (int i = 0; i < 3'000; ++i) hashes.push_back(RandomHash(random_));
  std::vector<PdqHash> queries;
  for (int i = 0; i < 4; ++i) {
    queries.push_back(RandomHash(random_));
    for (int distance = 0; distance <= 65; ++distance)
      hashes.push_back(AtDistance(queries.back(), distance, random_));
  }
  const Bands bands(hashes);
  int planned = 0;
  for (int radius = 0; radius <= 63; ++radius) {
    const RadiusPlan* const plan = bands.index->plan(radius);
    if (plan == nullptr) continue;
    ++planned;
    const auto found = bands.Search(kernel(), queries, *plan);
    for (std::size_t q = 0; q < queries.size(); ++q) {
      ASSERT_EQ(found[q], bands.BruteForce(queries[q], radius)) << "radius " << radius << " query " << q;
    }
  }
  EXPECT_GE(planned, 60);
}

// Neighbours at each distance up to one beyond the radius, spread so that one band alone can find them.
TEST_P(BandIndexConformance, FindsWhatOnlyOneBandCanFind) {
  for (const int radius : {0, 1, 10, 11, 12, 23, 24, 31, 32, 40}) {
    const PdqHash query = RandomHash(random_);
    std::vector<PdqHash> hashes;
    for (int i = 0; i < 400; ++i) hashes.push_back(RandomHash(random_));
    const Bands layout(hashes);
    const RadiusPlan plan = *layout.index->plan(radius);
    std::size_t planted = 0;
    for (std::size_t band = 0; band < plan.allowance.size(); ++band) {
      if (plan.allowance[band] < 0) continue;
      hashes.push_back(FlipInBands(layout, query, OnlyBand(plan, band), random_));
      ++planted;
    }
    std::vector<int> beyond;
    for (const int allowance : plan.allowance) beyond.push_back(allowance + 1);
    hashes.push_back(FlipInBands(layout, query, beyond, random_));
    const Bands bands(hashes);
    const Found found = bands.Search(kernel(), std::span(&query, 1), plan).front();
    EXPECT_EQ(found, bands.BruteForce(query, radius)) << radius;
    EXPECT_EQ(found.size(), planted) << radius;
  }
}

// The tests above must be able to see a plan that is off by one: with one bit less in any band, something is
// lost.
TEST_P(BandIndexConformance, APlanThatIsOffByOneLosesNeighbours) {
  const PdqHash query = RandomHash(random_);
  std::vector<PdqHash> hashes;
  for (int i = 0; i < 400; ++i) hashes.push_back(RandomHash(random_));
  const Bands layout(hashes);
  const RadiusPlan plan = *layout.index->plan(31);
  for (std::size_t band = 0; band < plan.allowance.size(); ++band) {
    hashes.push_back(FlipInBands(layout, query, OnlyBand(plan, band), random_));
  }
  const Bands bands(hashes);
  const Found all = bands.BruteForce(query, 31);
  ASSERT_EQ(all.size(), plan.allowance.size());
  for (std::size_t band = 0; band < plan.allowance.size(); ++band) {
    RadiusPlan broken = plan;
    --broken.allowance[band];
    EXPECT_LT(bands.Search(kernel(), std::span(&query, 1), broken).front().size(), all.size()) << band;
  }
}

TEST_P(BandIndexConformance, ClusteredAndRepeatedHashes) {
  std::vector<PdqHash> hashes;
  std::vector<PdqHash> queries;
  for (int cluster = 0; cluster < 12; ++cluster) {
    const PdqHash centre = RandomHash(random_);
    queries.push_back(AtDistance(centre, cluster, random_));
    for (int i = 0; i < 300; ++i)
      hashes.push_back(AtDistance(centre, static_cast<int>(random_() % 40), random_));
    for (int i = 0; i < 50; ++i) hashes.push_back(centre);
  }
  // All bits alike: one bucket of each band.
  for (int i = 0; i < 500; ++i)
    hashes.push_back(AtDistance(PdqHash{}, static_cast<int>(random_() % 3), random_));
  queries.emplace_back();
  std::ranges::shuffle(hashes, random_);
  const Bands bands(hashes);
  for (const int radius : {0, 5, 31, 45}) {
    const auto found = bands.Search(kernel(), queries, *bands.index->plan(radius));
    for (std::size_t q = 0; q < queries.size(); ++q) {
      ASSERT_EQ(found[q], bands.BruteForce(queries[q], radius)) << "radius " << radius << " query " << q;
    }
  }
  // Every row is either the first of its hash or a repeat of one.
  std::size_t rows = bands.index->distinct_hashes();
  for (std::uint32_t slot = 0; slot < bands.segment->size(); ++slot) {
    const auto repeats = bands.index->RepeatsOf(slot);
    rows += repeats.size();
    EXPECT_TRUE(std::ranges::is_sorted(repeats));
    for (const std::uint32_t repeat : repeats) {
      EXPECT_GT(repeat, slot);
      EXPECT_EQ(bands.segment->pdq()[repeat], bands.segment->pdq()[slot]);
    }
  }
  EXPECT_EQ(rows, hashes.size());
}

// Buckets longer than the search's own buffers, and two hashes in all.
TEST_P(BandIndexConformance, LongBucketsAndTinySegments) {
  std::vector<PdqHash> hashes;
  std::set<PdqHash> distinct;
  // They differ in bits that lie behind the bands, so that all of them share a bucket of every band.
  const Bands layout(std::vector<PdqHash>(2));
  while (distinct.size() < 9'000) {
    PdqHash hash;
    for (int bit = 0; bit < 14; ++bit) {
      if (random_() % 2 == 0) hash = layout.FlipPermuted(hash, 255 - bit);
    }
    if (distinct.insert(hash).second) hashes.push_back(hash);
  }
  const Bands bands(hashes);
  const Band& last = bands.index->layout().bands.back();
  ASSERT_LE(last.first + last.width, 255 - 13);
  const PdqHash query = hashes[17];
  for (const int radius : {0, 3, 31}) {
    EXPECT_EQ(bands.Search(kernel(), std::span(&query, 1), *bands.index->plan(radius)).front(),
              bands.BruteForce(query, radius));
  }
  for (std::size_t count = 0; count <= 2; ++count) {
    const std::vector<PdqHash> few(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(count));
    const Bands tiny(few);
    EXPECT_EQ(tiny.Search(kernel(), std::span(&query, 1), *tiny.index->plan(31)).front(),
              tiny.BruteForce(query, 31));
  }
}

// A search that may do no work says that it gave up, and one that may do enough does not.
TEST_P(BandIndexConformance, GivesUpWhereTheWorkIsTooMuch) {
  std::vector<PdqHash> hashes;
  for (int i = 0; i < 5'000; ++i)
    hashes.push_back(AtDistance(PdqHash{}, static_cast<int>(random_() % 6), random_));
  const Bands bands(hashes);
  const PdqHash query;
  FoundSink sink(1);
  const RadiusPlan& plan = *bands.index->plan(31);
  EXPECT_FALSE(bands.index->Search(kernel(), bands.segment->pdq(), std::span(&query, 1), plan, 1'000, sink));
  // It stops soon, too: of 200,000 hashes that all lie near it looks at no more than the work allows and one
  // buffer.
  std::vector<PdqHash> crowd;
  for (int i = 0; i < 200'000; ++i)
    crowd.push_back(AtDistance(PdqHash{}, static_cast<int>(random_() % 8), random_));
  const Bands crowded(crowd);
  FoundSink looked_at(1);
  EXPECT_FALSE(crowded.index->Search(kernel(), crowded.segment->pdq(), std::span(&query, 1),
                                     *crowded.index->plan(31), 400'000, looked_at));
  EXPECT_LE(looked_at.found[0].size(), 400'000 / 16 + 4'096);
  EXPECT_TRUE(
      bands.index->Search(kernel(), bands.segment->pdq(), std::span(&query, 1), plan, 100'000'000, sink));
}

INSTANTIATE_TEST_SUITE_P(Kernels, BandIndexConformance, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           return kernels;
                         }()),
                         [](const ::testing::TestParamInfo<const Kernel*>& param) {
                           return std::string(param.param->name);
                         });

}  // namespace
}  // namespace hashgate::index
