// Every kernel that this machine runs gives the answer of two plain loops.
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "conformance/index/index_samples.h"
#include "index/kernels/kernel.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

using HitRow = std::tuple<std::uint32_t, std::uint16_t, std::uint16_t>;

std::vector<HitRow> Expected(const ScanInput& input, std::size_t begin) {
  std::vector<HitRow> rows;
  for (std::size_t slot = begin; slot < input.hashes.size(); ++slot) {
    for (std::size_t q = 0; q < input.queries.size(); ++q) {
      const int distance = Distance(input.hashes[slot], input.queries[q]);
      if (distance <= input.max_distance_bits) rows.emplace_back(slot, q, distance);
    }
  }
  return rows;
}

// All hits of resumed calls with a buffer of that size, sorted. Canaries behind the buffer must survive.
std::vector<HitRow> Scanned(const Kernel& kernel, const ScanInput& input, std::size_t begin,
                            std::size_t buffer_size) {
  constexpr Hit kCanary{0xdeadbeef, 0xdead, 0xbeef};
  std::vector<Hit> buffer(buffer_size + 4, kCanary);
  std::vector<HitRow> rows;
  for (std::size_t next = begin; next < input.hashes.size();) {
    const ScanStep step = kernel.scan(input, next, std::span(buffer).first(buffer_size));
    if (step.next <= next || step.next > input.hashes.size() || step.hits > buffer_size) {
      ADD_FAILURE() << "the scan did not get on: from " << next << " to " << step.next;
      return rows;
    }
    for (const Hit& hit : std::span(buffer).first(step.hits)) {
      EXPECT_GE(hit.slot, next);
      EXPECT_LT(hit.slot, step.next);
      rows.emplace_back(hit.slot, hit.query, hit.distance_bits);
    }
    next = step.next;
    for (const Hit& hit : std::span(buffer).subspan(buffer_size)) EXPECT_EQ(hit.slot, kCanary.slot);
  }
  std::ranges::sort(rows);
  return rows;
}

class KernelConformance : public ::testing::TestWithParam<const Kernel*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU does not run it";
  }
  void ExpectAgrees(const ScanInput& input, std::size_t begin = 0, std::size_t buffer_size = kMinHitBuffer) {
    ASSERT_EQ(Scanned(*GetParam(), input, begin, buffer_size), Expected(input, begin))
        << input.hashes.size() << " hashes, " << input.queries.size() << " queries, radius "
        << input.max_distance_bits;
  }
  std::mt19937_64 random_{testing::Seed()};
};

TEST_P(KernelConformance, EverySizeAndNumberOfQueries) {
  std::vector<PdqHash> queries;
  for (std::size_t q = 0; q < kMaxScanQueries; ++q) queries.push_back(RandomHash(random_));
  std::vector<PdqHash> hashes;
  for (std::size_t i = 0; i < 67; ++i) {
    hashes.push_back(AtDistance(queries[i % queries.size()], static_cast<int>(i), random_));
  }
  for (std::size_t n = 0; n <= hashes.size(); ++n) {
    for (std::size_t q = 1; q <= queries.size(); ++q) {
      for (const int radius : {31, 63}) {
        ExpectAgrees({std::span(hashes).first(n), std::span(queries).first(q), radius});
      }
    }
  }
}

TEST_P(KernelConformance, EveryRadiusAroundEveryDistance) {
  const std::vector<PdqHash> queries = {RandomHash(random_)};
  std::vector<PdqHash> hashes;
  for (int distance = 0; distance <= 256; ++distance) {
    hashes.push_back(AtDistance(queries[0], distance, random_));
  }
  for (int radius = 0; radius <= 256; ++radius) ExpectAgrees({hashes, queries, radius});
}

// All differing bits in one 64-bit word or one half of the hash: the places where a test of a part could err.
TEST_P(KernelConformance, DifferencesInOnePartOfTheHash) {
  for (const auto& [first, last] :
       {std::pair{0, 64}, {64, 128}, {128, 192}, {192, 256}, {0, 128}, {128, 256}}) {
    const std::vector<PdqHash> queries = {RandomHash(random_), RandomHash(random_), RandomHash(random_),
                                          RandomHash(random_), RandomHash(random_)};
    std::vector<PdqHash> hashes;
    for (int distance = 0; distance <= 64; ++distance) {
      hashes.push_back(
          AtDistance(queries[static_cast<std::size_t>(distance) % 5], distance, random_, first, last));
    }
    for (const int radius : {0, 1, 30, 31, 32, kHalfTestMaxRadius, kHalfTestMaxRadius + 1, 63}) {
      ExpectAgrees({hashes, queries, radius});
    }
  }
}

TEST_P(KernelConformance, ComplementsAndExtremes) {
  PdqHash zero;
  PdqHash ones;
  for (auto& word : ones.words) word = ~std::uint64_t{0};
  const std::vector<PdqHash> queries = {zero, ones, RandomHash(random_)};
  std::vector<PdqHash> hashes(20, zero);
  hashes.insert(hashes.end(), 20, ones);
  for (const int radius : {0, 63, 255, 256}) ExpectAgrees({hashes, queries, radius});
}

// Everything hits everything: the buffer fills at every step and the scan has to go on from there.
TEST_P(KernelConformance, ResumesWhereTheBufferWasFull) {
  const std::vector<PdqHash> queries(kMaxScanQueries, RandomHash(random_));
  const std::vector<PdqHash> hashes(1003, queries[0]);
  for (const std::size_t buffer : {kMinHitBuffer, kMinHitBuffer + 1, kMinHitBuffer + 77, 5 * kMinHitBuffer}) {
    ExpectAgrees({hashes, queries, 31}, 0, buffer);
    ExpectAgrees({hashes, queries, 63}, 5, buffer);
  }
}

TEST_P(KernelConformance, AnyBeginAndAnyAlignment) {
  const std::vector<PdqHash> queries = {RandomHash(random_), RandomHash(random_)};
  std::vector<PdqHash> hashes;
  for (int i = 0; i < 60; ++i) hashes.push_back(AtDistance(queries[0], i % 40, random_));
  for (std::size_t offset = 0; offset < 4; ++offset) {
    for (std::size_t begin = 0; begin <= 20; ++begin) {
      ExpectAgrees({std::span(hashes).subspan(offset), queries, 20}, begin);
    }
  }
}

TEST_P(KernelConformance, RandomMixtures) {
  for (int round = 0; round < 60; ++round) {
    std::vector<PdqHash> queries;
    for (std::size_t q = 1 + random_() % kMaxScanQueries; q > 0; --q) queries.push_back(RandomHash(random_));
    std::vector<PdqHash> hashes;
    for (std::size_t n = random_() % 2000; n > 0; --n) {
      hashes.push_back(random_() % 2 == 0 ? RandomHash(random_)
                                          : AtDistance(queries[random_() % queries.size()],
                                                       static_cast<int>(random_() % 70), random_));
    }
    ExpectAgrees({hashes, queries, static_cast<int>(random_() % 64)});
  }
}

TEST_P(KernelConformance, PickedBitsAreThoseOfTheHashes) {
  for (const std::size_t count : {0U, 1U, 7U, 31U, 32U, 33U, 48U, 63U, 64U}) {
    BitPicks picks;
    for (picks.count = 0; picks.count < count; ++picks.count) {
      picks.positions[picks.count] = static_cast<std::uint8_t>(random_());
    }
    // Beyond the count nothing may be looked at.
    for (std::size_t i = count; i < picks.positions.size(); ++i) picks.positions[i] = 255;
    std::vector<PdqHash> hashes(101);
    for (PdqHash& hash : hashes) {
      for (std::uint64_t& word : hash.words) word = random_();
    }
    hashes.front() = {};
    for (std::uint64_t& word : hashes.back().words) word = ~std::uint64_t{0};
    std::vector<std::uint64_t> words(hashes.size());
    GetParam()->postings->pick_bits(picks, hashes, words.data());
    for (std::size_t h = 0; h < hashes.size(); ++h) {
      std::uint64_t expected = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (hashes[h].bit(picks.positions[i])) expected |= std::uint64_t{1} << i;
      }
      EXPECT_EQ(words[h], expected) << count << " picks, hash " << h;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelConformance, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           return kernels;
                         }()),
                         [](const ::testing::TestParamInfo<const Kernel*>& param) {
                           return std::string(param.param->name);
                         });

}  // namespace
}  // namespace hashgate::index
