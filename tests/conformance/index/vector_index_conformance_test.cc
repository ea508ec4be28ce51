// Vectors in the index, with every kernel that this machine runs, are found as brute force finds them.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "conformance/index/index_samples.h"
#include "conformance/index/vector_samples.h"
#include "index/segment_index.h"
#include "testing/brute_force_index.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

constexpr SearchBounds kUnbounded{.per_group = 1'000'000, .total = 100'000'000};
constexpr Algorithm kAlgorithm = Algorithm::kPhotoDna;

class VectorIndexConformance : public ::testing::TestWithParam<const Kernel*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU does not run it";
    MakeBuilders();
  }

  void MakeBuilders() {
    SegmentIndexOptions options;
    options.kernel = GetParam();
    options.small_rows = 64;
    builder_ = NewIndexBuilder(options);
    oracle_ = {};
  }

  void Add(const std::vector<IndexedVector>& rows) {
    ASSERT_TRUE(builder_->Add({}, rows));
    ASSERT_TRUE(oracle_.Add({}, rows));
  }
  void Withdraw(ListId list, EntryId entry) {
    builder_->Withdraw(list, entry);
    oracle_.Withdraw(list, entry);
  }
  void WithdrawList(ListId list) {
    builder_->WithdrawList(list);
    oracle_.WithdrawList(list);
  }
  void Publish() {
    index_ = builder_->Snapshot();
    expected_ = oracle_.Snapshot();
    ASSERT_EQ(index_->Count(kAlgorithm), expected_->Count(kAlgorithm));
    for (ListId list = 0; list < 4; ++list) {
      ASSERT_EQ(index_->CountIn(list, kAlgorithm), expected_->CountIn(list, kAlgorithm));
      ASSERT_EQ(index_->HoldsAny(list, kAlgorithm), expected_->HoldsAny(list, kAlgorithm));
      ASSERT_EQ(index_->TallyOf(list), expected_->TallyOf(list));
    }
  }

  // Queries keep what they point at.
  VectorQuery Query(const PhotoDna& vector, std::uint32_t tag) { return {kept_.emplace_back(vector), tag}; }
  std::size_t ExpectAgrees(const std::vector<VectorQuery>& queries, const std::vector<ListDistance>& lists,
                           const SearchBounds& bounds = kUnbounded) {
    const auto found = index_->SearchVectors(kAlgorithm, queries, lists, bounds);
    EXPECT_EQ(Text(found), Text(expected_->SearchVectors(kAlgorithm, queries, lists, bounds)));
    return found ? found->candidates.size() : 0;
  }

  std::mt19937_64 random_{testing::Seed()};
  std::deque<PhotoDna> kept_;
  std::unique_ptr<IndexBuilder> builder_;
  testing::BruteForceBuilder oracle_;
  std::shared_ptr<const HashIndex> index_;
  std::shared_ptr<const HashIndex> expected_;
};

TEST_P(VectorIndexConformance, EmptyAndAtTheThreshold) {
  const PhotoDna vector = RandomVector(random_);
  const std::vector<VectorQuery> queries = {Query(vector, 5)};
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, {{1, kMaxPhotoDnaDistance}}), 0U);
  Add({VectorRow(1, 1, AtSquaredDistance(vector, 20'000, random_)),
       VectorRow(1, 2, AtSquaredDistance(vector, 20'001, random_)), VectorRow(2, 3, vector)});
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, {{1, 20'000}}), 1U);
  EXPECT_EQ(ExpectAgrees(queries, {{1, 20'001}}), 2U);
  EXPECT_EQ(ExpectAgrees(queries, {{1, 19'999}}), 0U);
  EXPECT_EQ(ExpectAgrees(queries, {{1, 20'001}, {2, 0}}), 3U);
  EXPECT_EQ(ExpectAgrees({}, {{1, 20'000}}), 0U);
  EXPECT_EQ(ExpectAgrees(queries, {}), 0U);
  const auto found = index_->SearchVectors(kAlgorithm, queries, std::vector<ListDistance>{{1, 20'000}}, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->candidates.size(), 1U);
  EXPECT_EQ(found->candidates[0].distance, 20'000);
  EXPECT_EQ(found->candidates[0].tag, 5U);
  EXPECT_EQ(found->candidates[0].algorithm, kAlgorithm);
}

// Every one of many planted neighbours is found among unrelated vectors, whatever its place.
TEST_P(VectorIndexConformance, RecallIsOne) {
  std::vector<IndexedVector> rows;
  std::vector<VectorQuery> queries;
  std::vector<PhotoDna> centres;
  for (EntryId entry = 0; entry < 6'000; ++entry) {
    PhotoDna vector = RandomVector(random_);
    if (entry % 100 == 17) {
      centres.push_back(vector);
      vector = AtSquaredDistance(vector, static_cast<int>(random_() % 20'002), random_);
    }
    rows.push_back(VectorRow(1 + entry % 3, entry, vector, entry % 2));
  }
  for (const PhotoDna& centre : centres) {
    queries.push_back(Query(centre, static_cast<std::uint32_t>(queries.size())));
  }
  Add(rows);
  Publish();
  const std::vector<ListDistance> lists = {{1, 20'000}, {2, 20'000}, {3, 20'000}};
  EXPECT_GT(ExpectAgrees(queries, lists), 50U);
  for (const VectorQuery& query : queries) ExpectAgrees({query}, lists);
  ExpectAgrees(queries, {{1, 10'000}, {3, 40'000}});
}

TEST_P(VectorIndexConformance, BoundsKeepTheNearestOfEveryGroup) {
  const PhotoDna centre = RandomVector(random_);
  std::vector<IndexedVector> rows;
  EntryId entry = 0;
  for (int i = 0; i < 3'000; ++i) {
    rows.push_back(VectorRow(1, entry++, AtSquaredDistance(centre, i % 500, random_), i % 3));
  }
  rows.push_back(VectorRow(1, entry++, AtSquaredDistance(centre, 19'000, random_), 7));
  rows.push_back(VectorRow(2, entry++, AtSquaredDistance(centre, 20'000, random_), 0));
  std::ranges::shuffle(rows, random_);
  Add(rows);
  for (EntryId gone = 0; gone < 600; gone += 2) Withdraw(1, gone);
  Publish();
  const std::vector<VectorQuery> queries = {Query(centre, 0),
                                            Query(AtSquaredDistance(centre, 50, random_), 1)};
  const std::vector<ListDistance> lists = {{1, 20'000}, {2, 20'000}};
  for (const SearchBounds bounds : {SearchBounds{16, 256}, {1, 1}, {3, 4}, {100, 50}}) {
    EXPECT_GE(ExpectAgrees(queries, lists, bounds), 5U);
    ExpectAgrees({queries[0]}, lists, bounds);
  }
}

TEST_P(VectorIndexConformance, SetsAreBoundedForThemselves) {
  const PhotoDna a = RandomVector(random_);
  const PhotoDna b = RandomVector(random_);
  std::vector<IndexedVector> rows;
  for (EntryId entry = 0; entry < 200; ++entry) {
    rows.push_back(VectorRow(1, entry, AtSquaredDistance(entry % 5 == 0 ? b : a, 10, random_)));
  }
  Add(rows);
  Publish();
  std::vector<std::vector<VectorQuery>> queries(20);
  for (std::uint32_t i = 0; i < queries.size(); ++i) {
    if (i % 4 == 3) continue;  // an empty set
    queries[i] = {Query(i % 2 == 0 ? a : b, i), Query(RandomVector(random_), 100 + i)};
  }
  const std::vector<VectorQuerySet> sets(queries.begin(), queries.end());
  const std::vector<ListDistance> lists = {{1, 100}};
  const SearchBounds bounds{7, 100};
  const auto found = index_->SearchVectorsEach(kAlgorithm, sets, lists, bounds);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), sets.size());
  for (std::size_t i = 0; i < sets.size(); ++i) {
    EXPECT_EQ(Text((*found)[i]), Text(expected_->SearchVectors(kAlgorithm, sets[i], lists, bounds)));
    EXPECT_EQ((*found)[i].candidates.size(), sets[i].empty() ? 0U : 7U);
  }
}

TEST_P(VectorIndexConformance, WhatCannotBeSearchedIsRefused) {
  Publish();
  const PhotoDna vector{};
  const VectorQuery query{vector, 0};
  const VectorQuery cut{ByteSpan(vector).first(143), 0};
  const auto reason = [&](Algorithm algorithm, const VectorQuery& asked, std::vector<ListDistance> lists) {
    const auto found = index_->SearchVectors(algorithm, {&asked, 1}, lists, {});
    return found ? std::string("none") : std::string(ReasonName(found.error().reason));
  };
  EXPECT_EQ(reason(kAlgorithm, query, {{1, 0}, {2, kMaxPhotoDnaDistance}}), "none");
  EXPECT_EQ(reason(kAlgorithm, query, {{1, kMaxPhotoDnaDistance + 1}}), "REQUEST_INVALID");
  EXPECT_EQ(reason(kAlgorithm, query, {{1, -1}}), "REQUEST_INVALID");
  EXPECT_EQ(reason(kAlgorithm, query, {{1, 5}, {1, 6}}), "REQUEST_INVALID");
  EXPECT_EQ(reason(kAlgorithm, cut, {{1, 5}}), "REQUEST_INVALID");
  EXPECT_EQ(reason(Algorithm::kPdq, query, {{1, 5}}), "REQUEST_INVALID");
  EXPECT_EQ(reason(Algorithm::kPHash, query, {{1, 5}}), "REQUEST_INVALID");
}

// Any order of changes, vectors and hashes of the same entries together, with snapshots between.
TEST_P(VectorIndexConformance, RandomHistories) {
  for (int history = 0; history < 4; ++history) {
    MakeBuilders();
    const auto centres = RandomVectors(random_, 3);
    std::vector<VectorQuery> queries;
    for (const PhotoDna& centre : centres) {
      queries.push_back(Query(centre, static_cast<std::uint32_t>(queries.size())));
    }
    std::vector<std::pair<std::shared_ptr<const HashIndex>, std::string>> taken;
    const std::vector<ListDistance> lists = {{0, 20'000}, {1, 40'000}, {2, 0}};
    for (int step = 0; step < 150; ++step) {
      const auto list = static_cast<ListId>(random_() % 3);
      if (random_() % 40 == 0) WithdrawList(list);
      for (std::uint64_t n = random_() % 6; n > 0; --n) Withdraw(list, random_() % 150);
      std::vector<IndexedVector> vectors;
      std::vector<IndexedHash> hashes;
      for (std::uint64_t n = random_() % 30; n > 0; --n) {
        const EntryId entry = random_() % 150;
        const PhotoDna vector =
            random_() % 2 == 0
                ? RandomVector(random_)
                : AtSquaredDistance(centres[random_() % 3], static_cast<int>(random_() % 50'000), random_);
        vectors.push_back(VectorRow(list, entry, vector, entry % 2));
        if (random_() % 3 == 0) hashes.push_back(PdqRow(list, entry, RandomHash(random_)));
      }
      ASSERT_TRUE(builder_->Add(hashes, vectors));
      ASSERT_TRUE(oracle_.Add(hashes, vectors));
      if (random_() % 3 == 0) Withdraw(list, random_() % 150);
      if (random_() % 2 == 0) continue;
      Publish();
      ExpectAgrees(queries, lists);
      ExpectAgrees(queries, lists, {1 + random_() % 10, random_() % 30});
      if (HasFailure()) return;
      taken.emplace_back(index_, Text(expected_->SearchVectors(kAlgorithm, queries, lists, kUnbounded)));
    }
    for (const auto& [index, text] : taken) {
      ASSERT_EQ(Text(index->SearchVectors(kAlgorithm, queries, lists, kUnbounded)), text);
    }
  }
}

// Hashes of img_hash beside vectors of the same entries: each algorithm is searched by itself.
TEST_P(VectorIndexConformance, BitsBesideVectors) {
  const auto random_bits = [&](Algorithm algorithm) {
    std::vector<std::uint8_t> bits(HashSize(algorithm));
    for (std::uint8_t& byte : bits) byte = static_cast<std::uint8_t>(random_());
    return bits;
  };
  std::map<Algorithm, std::vector<std::uint8_t>> centres;
  for (const Algorithm algorithm : kImgHashes) centres[algorithm] = random_bits(algorithm);
  std::vector<IndexedVector> rows;
  for (EntryId entry = 0; entry < 700; ++entry) {
    const auto list = static_cast<ListId>(1 + entry % 2);
    rows.push_back(VectorRow(list, entry, RandomVector(random_)));
    for (const Algorithm algorithm : kImgHashes) {
      std::vector<std::uint8_t> bits = entry % 7 == 0 ? centres[algorithm] : random_bits(algorithm);
      for (std::uint64_t flips = random_() % 12; flips > 0; --flips) {
        std::uint8_t& byte = bits[random_() % bits.size()];
        byte = static_cast<std::uint8_t>(byte ^ 1U << (random_() % 8));
      }
      IndexedVector row{list, entry, static_cast<ActionClass>(entry % 3), algorithm, {}};
      std::ranges::copy(bits, row.bytes.begin());
      rows.push_back(row);
    }
  }
  Add(rows);
  for (EntryId gone = 0; gone < 700; gone += 11) Withdraw(static_cast<ListId>(1 + gone % 2), gone);
  Publish();
  for (const Algorithm algorithm : kImgHashes) {
    ASSERT_EQ(index_->Count(algorithm), expected_->Count(algorithm));
    const std::vector<std::uint8_t> other = random_bits(algorithm);
    const std::vector<VectorQuery> queries = {{centres[algorithm], 3}, {other, 4}};
    for (const int distance : {0, 5, 12, static_cast<int>(4 * HashSize(algorithm))}) {
      const std::vector<ListDistance> lists = {{1, distance}, {2, distance / 2}};
      for (const SearchBounds bounds : {kUnbounded, SearchBounds{3, 7}}) {
        const auto found = index_->SearchVectors(algorithm, queries, lists, bounds);
        ASSERT_TRUE(found);
        EXPECT_EQ(Text(found), Text(expected_->SearchVectors(algorithm, queries, lists, bounds)));
        if (distance == 12) {
          EXPECT_GE(found->candidates.size(), 7U);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, VectorIndexConformance, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           return kernels;
                         }()),
                         [](const ::testing::TestParamInfo<const Kernel*>& param) {
                           return std::string(param.param->name);
                         });

}  // namespace
}  // namespace hashgate::index
