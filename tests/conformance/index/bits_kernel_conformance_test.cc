// Every scan of bits that this machine runs gives the answer of two plain loops.
#include <gtest/gtest.h>

#include <random>
#include <tuple>
#include <vector>

#include "index/flat.h"
#include "index/kernels/kernel.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

using HitRow = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
using Value = std::vector<std::uint8_t>;
using Parameter = std::tuple<const Kernel*, Algorithm>;

class BitsKernelConformance : public ::testing::TestWithParam<Parameter> {
 protected:
  void SetUp() override {
    if (!kernel().supported()) GTEST_SKIP() << "this CPU does not run it";
  }

  static const Kernel& kernel() { return *std::get<0>(GetParam()); }
  static Algorithm algorithm() { return std::get<1>(GetParam()); }
  static std::size_t size() { return HashSize(algorithm()); }
  static std::size_t bits() { return 8 * size(); }

  Value Random() {
    Value value(size());
    for (std::uint8_t& byte : value) byte = static_cast<std::uint8_t>(random_());
    return value;
  }
  std::vector<Value> RandomValues(std::size_t count) {
    std::vector<Value> values(count);
    for (Value& value : values) value = Random();
    return values;
  }
  Value Flipped(Value value, std::size_t count) {
    std::vector<std::size_t> places(bits());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    std::ranges::shuffle(places, random_);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t& byte = value[places[i] / 8];
      byte = static_cast<std::uint8_t>(byte ^ 1U << (places[i] % 8));
    }
    return value;
  }
  static Value Flat(const std::vector<Value>& values) {
    Value bytes;
    for (const Value& value : values) bytes.insert(bytes.end(), value.begin(), value.end());
    return bytes;
  }
  static std::uint32_t PlainDistance(const Value& a, const Value& b) {
    std::uint32_t distance = 0;
    for (std::size_t bit = 0; bit < bits(); ++bit) {
      distance += (a[bit / 8] >> (bit % 8) & 1) != (b[bit / 8] >> (bit % 8) & 1) ? 1 : 0;
    }
    return distance;
  }

  // All hits of resumed calls with a buffer of that size, sorted, against the loops. Canaries behind the
  // buffer must survive. How many hits there were.
  std::size_t ExpectAgrees(const std::vector<Value>& values, const std::vector<Value>& queries,
                           std::size_t max_distance, std::size_t begin = 0,
                           std::size_t buffer_size = kMinVectorHitBuffer) {
    std::vector<HitRow> expected;
    for (std::size_t slot = begin; slot < values.size(); ++slot) {
      for (std::size_t q = 0; q < queries.size(); ++q) {
        const std::uint32_t distance = PlainDistance(values[slot], queries[q]);
        if (distance <= max_distance) expected.emplace_back(slot, q, distance);
      }
    }
    // Exactly as large as what is scanned: a kernel that reads beyond it is seen by the sanitizer.
    const Value flat_values = Flat(values);
    const Value flat_queries = Flat(queries);
    const VectorScanInput input{flat_values.data(), values.size(), flat_queries.data(), queries.size(),
                                static_cast<std::uint32_t>(max_distance)};
    constexpr VectorHit kCanary{0xdeadbeef, 0xdeadbeef, 0xdeadbeef};
    std::vector<VectorHit> buffer(buffer_size + 4, kCanary);
    std::vector<HitRow> found;
    const VectorScanFunction scan = FindFlat(algorithm())->scan(kernel());
    for (std::size_t next = begin; next < values.size();) {
      const ScanStep step = scan(input, next, std::span(buffer).first(buffer_size));
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
    EXPECT_EQ(found, expected) << values.size() << " values, " << queries.size() << " queries, threshold "
                               << max_distance;
    return expected.size();
  }

  std::mt19937_64 random_{testing::Seed()};
};

TEST_P(BitsKernelConformance, EverySmallSizeAndNumberOfQueries) {
  for (std::size_t count = 0; count <= 21; ++count) {
    const auto values = RandomValues(count);
    for (std::size_t queries = 1; queries <= kMaxVectorQueries; queries += 5) {
      const auto asked = RandomValues(queries);
      EXPECT_EQ(ExpectAgrees(values, asked, bits()), count * queries);
      ExpectAgrees(values, asked, bits() / 2);
      ExpectAgrees(values, asked, 0);
      for (std::size_t begin = 0; begin <= count; ++begin) ExpectAgrees(values, asked, bits() / 2, begin);
    }
  }
}

// Every bit counts, wherever it stands, and all of them together.
TEST_P(BitsKernelConformance, EveryBitAndAllOfThem) {
  const Value none(size(), 0);
  const Value all(size(), 0xff);
  std::vector<Value> values = {none, all};
  for (std::size_t bit = 0; bit < bits(); ++bit) {
    Value one = none;
    one[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    values.push_back(one);
  }
  EXPECT_EQ(ExpectAgrees(values, {none}, 1), 1 + bits());
  EXPECT_EQ(ExpectAgrees(values, {none}, 0), 1U);
  EXPECT_EQ(ExpectAgrees(values, {all}, bits() - 1), 1 + bits());
  EXPECT_EQ(ExpectAgrees(values, {none, all}, bits()), 2 * values.size());
}

TEST_P(BitsKernelConformance, ThresholdsAreInclusiveAndExact) {
  const Value centre = Random();
  std::vector<Value> values;
  for (std::size_t distance = 0; distance <= bits(); ++distance) values.push_back(Flipped(centre, distance));
  std::ranges::shuffle(values, random_);
  for (std::size_t distance = 0; distance <= bits(); ++distance) {
    EXPECT_EQ(ExpectAgrees(values, {centre}, distance), distance + 1);
  }
}

// More hits than the buffer takes: nothing is lost or told twice over the resumed calls.
TEST_P(BitsKernelConformance, ManyHitsInSmallBuffers) {
  const Value value = Random();
  const std::vector<Value> values(1'003, value);
  const std::vector<Value> queries(kMaxVectorQueries, value);
  for (const std::size_t buffer : {kMinVectorHitBuffer, kMinVectorHitBuffer + 1, 7 * kMinVectorHitBuffer}) {
    EXPECT_EQ(ExpectAgrees(values, queries, 0, 0, buffer), 1'003U * kMaxVectorQueries);
    EXPECT_EQ(ExpectAgrees(values, queries, 0, 998, buffer), 5U * kMaxVectorQueries);
  }
}

std::string NameOf(const ::testing::TestParamInfo<Parameter>& param) {
  return std::string(std::get<0>(param.param)->name) + "_" +
         std::string(AlgorithmName(std::get<1>(param.param)));
}

INSTANTIATE_TEST_SUITE_P(All, BitsKernelConformance,
                         ::testing::Combine(::testing::ValuesIn([] {
                                              std::vector<const Kernel*> kernels;
                                              for (const Kernel& kernel : AllKernels())
                                                kernels.push_back(&kernel);
                                              return kernels;
                                            }()),
                                            ::testing::ValuesIn(kImgHashes)),
                         NameOf);

}  // namespace
}  // namespace hashgate::index
