#include "index/segment_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

#include "conformance/index/vector_samples.h"
#include "index/bands/band_index.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

IndexedHash RandomRow(std::mt19937_64& random, Algorithm algorithm, EntryId entry, ListId list = 1,
                      ActionClass action_class = 0) {
  IndexedHash row{.list = list, .entry = entry, .action_class = action_class, .algorithm = algorithm};
  for (std::size_t i = 0; i < HashSize(algorithm); ++i) row.bytes[i] = static_cast<std::uint8_t>(random());
  return row;
}

std::vector<IndexedHash> RandomRows(std::mt19937_64& random, Algorithm algorithm, std::size_t count,
                                    EntryId first = 0) {
  std::vector<IndexedHash> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(RandomRow(random, algorithm, first + i));
  return rows;
}

std::vector<IndexedVector> RandomVectorRows(std::mt19937_64& random, std::size_t count, EntryId first = 0) {
  std::vector<IndexedVector> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(VectorRow(1, first + i, RandomVector(random)));
  return rows;
}

// Of rows alone: a band index is made for none.
std::unique_ptr<IndexBuilder> WithoutBands(std::size_t max_bytes = 0) {
  SegmentIndexOptions options;
  options.max_bytes = max_bytes;
  options.band_rows = SIZE_MAX;
  return NewIndexBuilder(options);
}

class SegmentIndexTest : public ::testing::Test {
 protected:
  std::shared_ptr<const SegmentIndex> Snapshot(IndexBuilder& builder) {
    return std::dynamic_pointer_cast<const SegmentIndex>(builder.Snapshot());
  }
  std::mt19937_64 random_{testing::Seed()};
};

TEST_F(SegmentIndexTest, RefusesThresholdsOutOfRangeAndListsNamedTwice) {
  const auto index = NewIndexBuilder(IndexOptions{})->Snapshot();
  const PdqQuery query{};
  const auto reason = [&](std::vector<ListRadius> lists) {
    const auto found = index->SearchPdq(std::span(&query, 1), lists, {});
    return found ? std::string("none") : std::string(ReasonName(found.error().reason));
  };
  EXPECT_EQ(reason({{1, 0}, {2, 63}}), "none");
  EXPECT_EQ(reason({{1, 64}}), "REQUEST_INVALID");
  EXPECT_EQ(reason({{1, 31}, {2, -1}}), "REQUEST_INVALID");
  EXPECT_EQ(reason({{1, 31}, {2, 31}, {1, 30}}), "REQUEST_INVALID");
}

TEST_F(SegmentIndexTest, OneBadRowKeepsAllOut) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  for (const Algorithm bad :
       {Algorithm::kUnspecified, Algorithm::kPhotoDna, Algorithm::kPHash, static_cast<Algorithm>(200)}) {
    auto rows = RandomRows(random_, Algorithm::kPdq, 3);
    rows[2].algorithm = bad;
    const auto added = builder->Add(rows);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().reason, Reason::kRequestInvalid);
  }
  auto rows = RandomRows(random_, Algorithm::kPdq, 2);
  rows[1].pipeline = static_cast<Pipeline>(3);
  EXPECT_FALSE(builder->Add(rows));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 0U);
  EXPECT_EQ(builder->Snapshot()->Count(static_cast<Algorithm>(200)), 0U);
}

TEST_F(SegmentIndexTest, OneBadVectorKeepsAllOut) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  for (const Algorithm bad :
       {Algorithm::kUnspecified, Algorithm::kPdq, Algorithm::kSha256, Algorithm::kColorMoment}) {
    auto vectors = RandomVectorRows(random_, 3);
    vectors[1].algorithm = bad;
    const auto added = builder->Add(RandomRows(random_, Algorithm::kPdq, 2), vectors);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().reason, Reason::kRequestInvalid);
  }
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPhotoDna), 0U);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 0U);
}

TEST_F(SegmentIndexTest, SegmentsStayFewWhateverTheOrderOfChanges) {
  for (const Algorithm algorithm : {Algorithm::kPdq, Algorithm::kMd5, Algorithm::kPhotoDna}) {
    const auto builder = NewIndexBuilder(IndexOptions{});
    std::size_t total = 0;
    for (int batch = 0; batch < 400; ++batch) {
      const std::size_t count = random_() % 7 == 0 ? 1'500 : 1 + random_() % 40;
      if (algorithm == Algorithm::kPhotoDna) {
        ASSERT_TRUE(builder->Add({}, RandomVectorRows(random_, count, total)));
      } else {
        ASSERT_TRUE(builder->Add(RandomRows(random_, algorithm, count, total)));
      }
      total += count;
      for (int i = 0; i < 20; ++i) builder->Withdraw(1, random_() % total);
      const auto index = Snapshot(*builder);
      ASSERT_LE(index->SegmentCount(algorithm), std::bit_width(total) + 1);
    }
  }
}

TEST_F(SegmentIndexTest, CountsEachListForItself) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  auto rows = RandomRows(random_, Algorithm::kPdq, 100);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].list = i < 30 ? 1 : 2;
  ASSERT_TRUE(builder->Add(rows));
  builder->Withdraw(1, rows[0].entry);
  const auto index = builder->Snapshot();
  EXPECT_EQ(index->CountIn(1, Algorithm::kPdq), 29U);
  EXPECT_EQ(index->CountIn(2, Algorithm::kPdq), 70U);
  EXPECT_EQ(index->CountIn(3, Algorithm::kPdq), 0U);
  EXPECT_EQ(index->CountIn(1, Algorithm::kMd5), 0U);
  EXPECT_TRUE(index->HoldsAny(1, Algorithm::kPdq));
  EXPECT_FALSE(index->HoldsAny(3, Algorithm::kPdq));
  EXPECT_FALSE(index->HoldsAny(1, Algorithm::kMd5));
  builder->WithdrawList(1);
  EXPECT_FALSE(builder->Snapshot()->HoldsAny(1, Algorithm::kPdq));
}

TEST_F(SegmentIndexTest, KnowsThePipelinesOfEachList) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  auto rows = RandomRows(random_, Algorithm::kPdq, 5);
  for (auto& row : rows) row.list = 1;
  rows[3].pipeline = Pipeline::kNn512;
  rows[4].list = 2;
  rows[4].pipeline = Pipeline::kFull;
  ASSERT_TRUE(builder->Add(rows));
  const auto index = builder->Snapshot();
  EXPECT_TRUE(index->HoldsPdqOf(1, Pipeline::kUnspecified));
  EXPECT_TRUE(index->HoldsPdqOf(1, Pipeline::kNn512));
  EXPECT_FALSE(index->HoldsPdqOf(1, Pipeline::kFull));
  EXPECT_TRUE(index->HoldsPdqOf(2, Pipeline::kFull));
  EXPECT_FALSE(index->HoldsPdqOf(2, Pipeline::kNn512));
  EXPECT_FALSE(index->HoldsPdqOf(3, Pipeline::kUnspecified));
  builder->Withdraw(1, rows[3].entry);
  EXPECT_FALSE(builder->Snapshot()->HoldsPdqOf(1, Pipeline::kNn512));
  EXPECT_TRUE(builder->Snapshot()->HoldsPdqOf(1, Pipeline::kUnspecified));
}

TEST_F(SegmentIndexTest, WithdrawnHashesGiveTheirMemoryBack) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 10'000)));
  const std::size_t full = builder->Snapshot()->MemoryBytes();
  for (EntryId entry = 0; entry < 9'000; ++entry) builder->Withdraw(1, entry);
  const auto index = builder->Snapshot();
  EXPECT_EQ(index->Count(Algorithm::kPdq), 1'000U);
  EXPECT_LT(index->MemoryBytes(), full / 5);
  builder->WithdrawList(1);
  EXPECT_EQ(Snapshot(*builder)->SegmentCount(Algorithm::kPdq), 0U);
}

TEST_F(SegmentIndexTest, MemoryForEachHashIsSmallAndCounted) {
  constexpr std::size_t kCount = 50'000;
  for (const auto& [algorithm, least, most] : {std::tuple{Algorithm::kPdq, 36.0, 36.5},
                                               {Algorithm::kMd5, 19.0, 19.5},
                                               {Algorithm::kSha1, 19.0, 19.5},
                                               {Algorithm::kSha256, 19.0, 19.5}}) {
    const auto builder = WithoutBands();
    ASSERT_TRUE(builder->Add(RandomRows(random_, algorithm, kCount)));
    const double each = static_cast<double>(builder->Snapshot()->MemoryBytes()) / kCount;
    EXPECT_GE(each, least) << AlgorithmName(algorithm);
    EXPECT_LE(each, most) << AlgorithmName(algorithm);
  }
}

TEST_F(SegmentIndexTest, MemoryBoundRefusesWholeAdditionsAndHolds) {
  constexpr std::size_t kBound = 4 << 20;
  const auto builder = WithoutBands(kBound);
  std::size_t added = 0;
  while (true) {
    const auto status = builder->Add(RandomRows(random_, Algorithm::kPdq, 700, added));
    if (!status) {
      EXPECT_EQ(status.error().reason, Reason::kMemoryLimit);
      break;
    }
    added += 700;
    const auto index = builder->Snapshot();
    ASSERT_LE(index->MemoryBytes(), kBound);
    ASSERT_LT(added, kBound / 36);
  }
  // Most of it was usable, and the refused rows are not there.
  EXPECT_GT(added * 36, kBound * 3 / 4);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), added);
  // One huge addition is refused as a whole too.
  EXPECT_FALSE(builder->Add(RandomRows(random_, Algorithm::kSha256, 200'000)));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kSha256), 0U);
  // What is withdrawn makes room again.
  builder->WithdrawList(1);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 0U);
  EXPECT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 700)));
}

TEST_F(SegmentIndexTest, MemoryForEachVectorIsSmallAndCounted) {
  constexpr std::size_t kCount = 30'000;
  const auto builder = WithoutBands();
  const std::size_t empty = builder->Snapshot()->MemoryBytes();
  ASSERT_TRUE(builder->Add({}, RandomVectorRows(random_, kCount)));
  const double each = static_cast<double>(builder->Snapshot()->MemoryBytes() - empty) / kCount;
  EXPECT_GE(each, 148.0);
  EXPECT_LE(each, 149.0);
}

TEST_F(SegmentIndexTest, MemoryBoundRefusesWholeAdditionsOfVectorsToo) {
  constexpr std::size_t kBound = 8 << 20;
  const auto builder = WithoutBands(kBound);
  std::size_t added = 0;
  while (
      builder->Add(RandomRows(random_, Algorithm::kMd5, 500, added), RandomVectorRows(random_, 500, added))) {
    added += 500;
    ASSERT_LE(builder->Snapshot()->MemoryBytes(), kBound);
    ASSERT_LT(added, kBound / 148);
  }
  EXPECT_GT(added * 167, kBound / 2);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPhotoDna), added);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kMd5), added);
  builder->WithdrawList(1);
  EXPECT_TRUE(builder->Add({}, RandomVectorRows(random_, 500)));
}

// Old snapshots that somebody still holds are part of the bound.
TEST_F(SegmentIndexTest, MemoryBoundCountsSnapshotsThatAreStillHeld) {
  constexpr std::size_t kBound = 6 << 20;
  const auto builder = WithoutBands(kBound);
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 60'000)));
  auto held = builder->Snapshot();
  builder->WithdrawList(1);
  const auto empty = builder->Snapshot();
  EXPECT_EQ(empty->Count(Algorithm::kPdq), 0U);
  EXPECT_EQ(held->Count(Algorithm::kPdq), 60'000U);
  EXPECT_FALSE(builder->Add(RandomRows(random_, Algorithm::kPdq, 95'000)));
  held.reset();
  EXPECT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 95'000)));
}

// Entries numbered from further apart than four bytes reach are kept whole, beside others and merged with
// them.
TEST_F(SegmentIndexTest, EntryNumbersMayLieFarApart) {
  const std::vector<EntryId> numbers = {0, 1, 0xffff'ffff, 0x1'0000'0000, 0xffff'ffff'ffff'ffff};
  for (const bool at_once : {true, false}) {
    const auto builder = WithoutBands();
    std::vector<IndexedHash> rows;
    for (const EntryId number : numbers) rows.push_back(RandomRow(random_, Algorithm::kSha256, number));
    if (at_once) {
      ASSERT_TRUE(builder->Add(rows));
    } else {
      for (const IndexedHash& row : rows) {
        ASSERT_TRUE(builder->Add({&row, 1}));
        builder->Snapshot();
      }
    }
    const auto index = builder->Snapshot();
    const ListId lists[] = {1};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Sha256 digest{};
      std::ranges::copy(rows[i].bytes, digest.begin());
      const auto found = index->SearchDigests({.sha256 = &digest}, lists, {});
      ASSERT_TRUE(found);
      ASSERT_EQ(found->candidates.size(), 1U);
      EXPECT_EQ(found->candidates[0].entry, numbers[i]);
    }
    builder->Withdraw(1, 0x1'0000'0000);
    EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kSha256), 4U);
  }
}

// With its band index, each distinct PDQ takes 104 to 141 bytes, entry number included: 112 at ten million.
TEST_F(SegmentIndexTest, MemoryOfTheBandIndexIsSmallAndCounted) {
  constexpr std::size_t kCount = 200'000;
  const auto builder = NewIndexBuilder(IndexOptions{});
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, kCount)));
  builder->Settle();
  const double each = static_cast<double>(builder->Snapshot()->MemoryBytes()) / kCount;
  EXPECT_GT(each, 100.0);
  EXPECT_LE(each, 145.0);
  const double at_ten_million = 36 + static_cast<double>(BandIndex::BytesFor(10'000'000)) / 1e7;
  EXPECT_LE(at_ten_million, 120.0);
  EXPECT_NEAR(each, 36 + static_cast<double>(BandIndex::BytesFor(kCount)) / kCount, 2.0);
}

// Rows are refused where their band index would not find room, rather than searched slowly ever after.
TEST_F(SegmentIndexTest, TheBandIndexIsPartOfTheBound) {
  constexpr std::size_t kBound = 40 << 20;
  const auto builder = NewIndexBuilder(IndexOptions{.max_bytes = kBound});
  std::size_t added = 0;
  while (builder->Add(RandomRows(random_, Algorithm::kPdq, 10'000, added))) {
    added += 10'000;
    ASSERT_LT(added, kBound / 100);
  }
  EXPECT_GT(added, kBound / 180);
  EXPECT_LE(builder->Snapshot()->MemoryBytes(), kBound);
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), added);
}

TEST_F(SegmentIndexTest, ManyClassesAndListsCostRunsAndNothingElse) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 3'000; ++entry) {
    rows.push_back(RandomRow(random_, Algorithm::kPdq, entry, static_cast<ListId>(entry % 50),
                             static_cast<ActionClass>(entry % 3)));
  }
  ASSERT_TRUE(builder->Add(rows));
  const auto index = builder->Snapshot();
  for (const IndexedHash& row : rows) {
    const PdqQuery query{PdqHash::FromBytes(row.bytes), Pipeline::kFull, 3};
    const ListRadius radius{row.list, 0};
    const auto found = index->SearchPdq(std::span(&query, 1), std::span(&radius, 1), {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->candidates.size(), 1U);
    EXPECT_EQ(found->candidates[0].entry, row.entry);
    EXPECT_EQ(found->candidates[0].action_class, row.action_class);
    EXPECT_EQ(found->candidates[0].tag, 3U);
    const ListRadius other{(row.list + 1) % 50, 31};
    EXPECT_TRUE(index->SearchPdq(std::span(&query, 1), std::span(&other, 1), {})->candidates.empty());
  }
}

// More changes than the builder gathers at once, withdrawals of gathered rows among them.
TEST_F(SegmentIndexTest, ManyPendingWithdrawalsAreObeyed) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 50)));
  for (int i = 0; i < 40'000; ++i) builder->Withdraw(2, static_cast<EntryId>(i));
  for (EntryId entry = 0; entry < 25; ++entry) builder->Withdraw(1, entry);
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 10)));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 35U);
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 40'000, 1'000)));
  builder->WithdrawList(1);
  ASSERT_TRUE(builder->Add(RandomRows(random_, Algorithm::kPdq, 3)));
  EXPECT_EQ(builder->Snapshot()->Count(Algorithm::kPdq), 3U);
}

}  // namespace
}  // namespace hashgate::index
