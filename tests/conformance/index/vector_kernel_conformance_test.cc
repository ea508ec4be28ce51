// Every vector scan that this machine runs gives the answer of two plain loops.
#include <gtest/gtest.h>

#include <random>
#include <tuple>
#include <vector>

#include "conformance/index/vector_samples.h"
#include "index/kernels/kernel.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

using HitRow = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

class VectorKernelConformance : public ::testing::TestWithParam<const Kernel*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU does not run it";
  }

  static std::vector<std::uint8_t> Flat(const std::vector<PhotoDna>& vectors) {
    std::vector<std::uint8_t> bytes;
    for (const PhotoDna& vector : vectors) bytes.insert(bytes.end(), vector.begin(), vector.end());
    return bytes;
  }

  // All hits of resumed calls with a buffer of that size, sorted, against the loops. Canaries behind the
  // buffer must survive. How many hits there were.
  std::size_t ExpectAgrees(const std::vector<PhotoDna>& values, const std::vector<PhotoDna>& queries,
                           int max_distance, std::size_t begin = 0,
                           std::size_t buffer_size = kMinVectorHitBuffer) {
    std::vector<HitRow> expected;
    for (std::size_t slot = begin; slot < values.size(); ++slot) {
      for (std::size_t q = 0; q < queries.size(); ++q) {
        const int distance = Distance(values[slot], queries[q]);
        if (distance <= max_distance) expected.emplace_back(slot, q, distance);
      }
    }
    // Exactly as large as what is scanned: a kernel that reads beyond it is seen by the sanitizer.
    const std::vector<std::uint8_t> flat_values = Flat(values);
    const std::vector<std::uint8_t> flat_queries = Flat(queries);
    const VectorScanInput input{flat_values.data(), values.size(), flat_queries.data(), queries.size(),
                                static_cast<std::uint32_t>(max_distance)};
    constexpr VectorHit kCanary{0xdeadbeef, 0xdeadbeef, 0xdeadbeef};
    std::vector<VectorHit> buffer(buffer_size + 4, kCanary);
    std::vector<HitRow> found;
    for (std::size_t next = begin; next < values.size();) {
      const ScanStep step = GetParam()->vectors->photodna(input, next, std::span(buffer).first(buffer_size));
      if (step.next <= next || step.next > values.size() || step.hits > buffer_size) {
        ADD_FAILURE() << "the scan did not get on: from " << next << " to " << step.next;
        return 0;
      }
      for (const VectorHit& hit : std::span(buffer).first(step.hits)) {
        EXPECT_TRUE(hit.slot >= next && hit.slot < step.next);
        found.emplace_back(hit.slot, hit.query, hit.distance);
      }
      for (const VectorHit& hit : std::span(buffer).subspan(buffer_size)) EXPECT_EQ(hit, kCanary);
      next = step.next;
    }
    std::ranges::sort(found);
    EXPECT_EQ(found, expected) << values.size() << " vectors, " << queries.size() << " queries, threshold "
                               << max_distance;
    return expected.size();
  }

  std::mt19937_64 random_{testing::Seed()};
};

TEST_P(VectorKernelConformance, EverySmallSizeAndNumberOfQueries) {
  for (std::size_t count = 0; count <= 21; ++count) {
    const auto values = RandomVectors(random_, count);
    for (std::size_t queries = 1; queries <= kMaxVectorQueries; queries += 5) {
      const auto asked = RandomVectors(random_, queries);
      EXPECT_EQ(ExpectAgrees(values, asked, kMaxPhotoDnaDistance), count * queries);
      ExpectAgrees(values, asked, 1'500'000);
      ExpectAgrees(values, asked, 0);
      for (std::size_t begin = 0; begin <= count; ++begin) ExpectAgrees(values, asked, 1'600'000, begin);
    }
  }
}

// Black against white is the greatest distance there is, and a component that differs by 255 must not
// overflow wherever it stands.
TEST_P(VectorKernelConformance, Extremes) {
  PhotoDna black{};
  PhotoDna white{};
  white.fill(255);
  std::vector<PhotoDna> values(7, black);
  values[1] = values[4] = values[6] = white;
  for (std::size_t i = 0; i < black.size(); ++i) {
    PhotoDna one = black;
    one[i] = 255;
    values.push_back(one);
    one = white;
    one[i] = 0;
    values.push_back(one);
  }
  EXPECT_EQ(Distance(black, white), kMaxPhotoDnaDistance);
  for (const int distance : {0, 65'024, 65'025, kMaxPhotoDnaDistance - 65'026, kMaxPhotoDnaDistance - 65'025,
                             kMaxPhotoDnaDistance - 1, kMaxPhotoDnaDistance}) {
    EXPECT_GT(ExpectAgrees(values, {black, white}, distance), 0U);
  }
}

TEST_P(VectorKernelConformance, ThresholdsAreInclusiveAndExact) {
  const auto centres = RandomVectors(random_, 3);
  std::vector<PhotoDna> values = RandomVectors(random_, 300);
  for (const PhotoDna& centre : centres) {
    for (const int distance : {0, 1, 19'999, 20'000, 20'001, 40'000, 200'000}) {
      values.push_back(AtSquaredDistance(centre, distance, random_));
    }
  }
  std::ranges::shuffle(values, random_);
  EXPECT_EQ(ExpectAgrees(values, centres, 20'000), 12U);
  EXPECT_EQ(ExpectAgrees(values, centres, 19'999), 9U);
  EXPECT_EQ(ExpectAgrees(values, centres, 0), 3U);
  EXPECT_EQ(ExpectAgrees(values, centres, 200'000), 21U);
}

// Kernels look at some components first: all of a difference may lie in any sixteen.
TEST_P(VectorKernelConformance, WhereverTheDifferenceLies) {
  const PhotoDna centre = RandomVector(random_);
  for (const int distance : {16 * 100 * 100, 16 * 40 * 40, 16}) {
    std::vector<PhotoDna> values = RandomVectors(random_, 2);
    const int step = distance == 16 ? 1 : distance == 16 * 40 * 40 ? 40 : 100;
    for (std::size_t begin = 0; begin + 16 <= centre.size(); begin += 4) {
      PhotoDna value = centre;
      for (std::size_t i = begin; i < begin + 16; ++i) {
        value[i] = static_cast<std::uint8_t>(value[i] < 128 ? value[i] + step : value[i] - step);
      }
      values.push_back(value);
    }
    EXPECT_EQ(ExpectAgrees(values, {centre}, distance), 33U);
    EXPECT_EQ(ExpectAgrees(values, {centre}, distance - 1), 0U);
  }
}

// Unrelated pairs that are within a wide threshold, on both sides of where kernels change their way.
TEST_P(VectorKernelConformance, AroundTheFirstTest) {
  std::vector<PhotoDna> values;
  const PhotoDna centre = RandomVector(random_);
  for (int i = 0; i < 400; ++i) {
    values.push_back(AtSquaredDistance(centre, kFirstTestMaxDistance - 200 + i, random_));
  }
  for (const int around : {-1, 0, 1, 150}) {
    EXPECT_EQ(ExpectAgrees(values, {centre, RandomVector(random_)}, kFirstTestMaxDistance + around),
              static_cast<std::size_t>(201 + around));
  }
}

// More hits than the buffer takes: nothing is lost or told twice over the resumed calls.
TEST_P(VectorKernelConformance, ManyHitsInSmallBuffers) {
  const PhotoDna vector = RandomVector(random_);
  const std::vector<PhotoDna> values(1'003, vector);
  const std::vector<PhotoDna> queries(kMaxVectorQueries, vector);
  for (const std::size_t buffer : {kMinVectorHitBuffer, kMinVectorHitBuffer + 1, 7 * kMinVectorHitBuffer}) {
    EXPECT_EQ(ExpectAgrees(values, queries, 0, 0, buffer), 1'003U * kMaxVectorQueries);
    EXPECT_EQ(ExpectAgrees(values, queries, 0, 998, buffer), 5U * kMaxVectorQueries);
  }
}

TEST_P(VectorKernelConformance, RandomVectorsAndThresholds) {
  for (int round = 0; round < 60; ++round) {
    const auto values = RandomVectors(random_, random_() % 400);
    const auto queries = RandomVectors(random_, 1 + random_() % kMaxVectorQueries);
    ExpectAgrees(values, queries, static_cast<int>(random_() % 3'000'000), 0,
                 kMinVectorHitBuffer + random_() % 100);
  }
}

INSTANTIATE_TEST_SUITE_P(All, VectorKernelConformance, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           return kernels;
                         }()),
                         [](const ::testing::TestParamInfo<const Kernel*>& param) {
                           return std::string(param.param->name);
                         });

}  // namespace
}  // namespace hashgate::index
