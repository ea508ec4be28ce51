// Every index, with every kernel that this machine runs, answers as brute force does: same candidates, same
// order, same truncation.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include <memory>
#include <vector>

#include "conformance/index/index_samples.h"
#include "index/segment_index.h"
#include "testing/brute_force_index.h"
#include "testing/seed.h"

namespace hashgate::index {
namespace {

// Of all layouts and kernels only those that run threads have something to show there.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadsOnly = true;
#else
constexpr bool kThreadsOnly = false;
#endif

constexpr SearchBounds kUnbounded{.per_group = 1'000'000, .total = 100'000'000};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<IndexBuilder>(const Kernel*)> make;
  const Kernel* kernel;
};

class HashIndexConformance : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    if (!GetParam().kernel->supported()) GTEST_SKIP() << "this CPU does not run it";
    builder_ = GetParam().make(GetParam().kernel);
  }

  void Add(const std::vector<IndexedHash>& rows) {
    ASSERT_TRUE(builder_->Add(rows));
    ASSERT_TRUE(oracle_.Add(rows));
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
    for (const Algorithm algorithm : kIndexedAlgorithms) {
      ASSERT_EQ(index_->Count(algorithm), expected_->Count(algorithm));
    }
  }
  // Compares the two; how many candidates there were.
  std::size_t ExpectAgrees(std::span<const PdqQuery> queries, std::span<const ListRadius> lists,
                           const SearchBounds& bounds = kUnbounded) {
    const auto found = index_->SearchPdq(queries, lists, bounds);
    EXPECT_EQ(Text(found), Text(expected_->SearchPdq(queries, lists, bounds)));
    return found ? found->candidates.size() : 0;
  }
  void ExpectDigestsAgree(const DigestQuery& query, std::span<const ListId> lists,
                          const SearchBounds& bounds = kUnbounded) {
    EXPECT_EQ(Text(index_->SearchDigests(query, lists, bounds)),
              Text(expected_->SearchDigests(query, lists, bounds)));
  }
  std::vector<PdqQuery> Queries(std::size_t count) {
    std::vector<PdqQuery> queries;
    for (std::size_t q = 0; q < count; ++q) {
      queries.push_back({RandomHash(random_), Pipeline::kFull, static_cast<std::uint32_t>(q)});
    }
    return queries;
  }

  std::mt19937_64 random_{testing::Seed()};
  std::unique_ptr<IndexBuilder> builder_;
  testing::BruteForceBuilder oracle_;
  std::shared_ptr<const HashIndex> index_;
  std::shared_ptr<const HashIndex> expected_;
};

TEST_P(HashIndexConformance, EmptyOneAndTwoEntries) {
  auto queries = Queries(8);
  const std::vector<ListRadius> lists = {{1, 31}};
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 0U);
  Add({PdqRow(1, 7, AtDistance(queries[3].hash, 31, random_))});
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 1U);
  EXPECT_EQ(ExpectAgrees({}, lists), 0U);
  EXPECT_EQ(ExpectAgrees(queries, {}), 0U);
  Add({PdqRow(1, 6, AtDistance(queries[3].hash, 32, random_))});
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 1U);
  EXPECT_EQ(ExpectAgrees(queries, std::vector<ListRadius>{{1, 32}}), 2U);
}

TEST_P(HashIndexConformance, FindsEveryPlantedNeighbourAmongUnrelatedHashes) {
  auto queries = Queries(8);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 20'000; ++entry) rows.push_back(PdqRow(1, entry, RandomHash(random_)));
  for (int distance = 0; distance <= 64; ++distance) {
    for (const PdqQuery& query : queries) {
      rows.push_back(PdqRow(1, rows.size(), AtDistance(query.hash, distance, random_)));
    }
  }
  std::ranges::shuffle(rows, random_);
  Add(rows);
  Publish();
  for (int radius = 0; radius <= 63; radius += radius < 28 || radius > 48 ? 7 : 1) {
    const std::vector<ListRadius> lists = {{1, radius}};
    EXPECT_EQ(ExpectAgrees(queries, lists), 8U * static_cast<std::size_t>(radius + 1)) << radius;
  }
}

TEST_P(HashIndexConformance, ClusteredHashesInManyListsWithTheirOwnRadii) {
  auto centres = Queries(5);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 6'000; ++entry) {
    const auto& centre = centres[random_() % centres.size()].hash;
    const auto list = static_cast<ListId>(1 + random_() % 6);
    rows.push_back(PdqRow(list, entry / 2, AtDistance(centre, static_cast<int>(random_() % 70), random_),
                          static_cast<ActionClass>(random_() % 3), static_cast<Pipeline>(random_() % 3)));
  }
  Add(rows);
  Publish();
  std::vector<PdqQuery> queries;
  for (std::size_t i = 0; i < 40; ++i) {  // more than one pass; tags repeat
    queries.push_back({AtDistance(centres[i % 5].hash, static_cast<int>(random_() % 10), random_),
                       static_cast<Pipeline>(i % 3), static_cast<std::uint32_t>(i / 2)});
  }
  const std::vector<ListRadius> lists = {{6, 63}, {1, 31}, {2, 0}, {4, 45}, {3, 20}, {99, 31}};
  EXPECT_GT(ExpectAgrees(queries, lists), 1'000U);
  for (const SearchBounds bounds : {SearchBounds{}, SearchBounds{0, 0}, SearchBounds{1, 3},
                                    SearchBounds{5, 40}, SearchBounds{64, 17}, SearchBounds{100'000, 100}}) {
    ExpectAgrees(queries, lists, bounds);
  }
}

// Each set's result is what it would be alone, whatever the sets beside it find or use up.
TEST_P(HashIndexConformance, SetsSearchedTogetherAnswerAsAlone) {
  auto centres = Queries(6);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 8'000; ++entry) {
    // One centre is crowded: its sets are truncated, the others must not notice.
    const auto centre = entry % 4 == 0 ? random_() % 6 : 0;
    const int distance = static_cast<int>(random_() % 60);
    rows.push_back(PdqRow(static_cast<ListId>(1 + random_() % 3), entry,
                          AtDistance(centres[centre].hash, distance, random_),
                          static_cast<ActionClass>(random_() % 3), static_cast<Pipeline>(random_() % 3)));
  }
  Add(rows);
  Publish();
  std::vector<PdqQuery> queries;
  for (std::uint32_t i = 0; i < 120; ++i) {
    queries.push_back({AtDistance(centres[i % 6].hash, static_cast<int>(random_() % 10), random_),
                       static_cast<Pipeline>(random_() % 3), i});
  }
  const auto some = [&](std::size_t first, std::size_t count) {
    return PdqQuerySet(queries).subspan(first, count);
  };
  // Sets of one centre and of several, empty ones, and one whose queries are in another set too.
  const std::vector<PdqQuerySet> sets = {some(0, 1), some(1, 1),   {},           some(2, 40),
                                         some(6, 1), some(42, 77), some(119, 1), some(3, 2)};
  const std::vector<ListRadius> lists = {{1, 31}, {2, 20}, {3, 45}};
  for (const SearchBounds bounds : {kUnbounded, SearchBounds{}, SearchBounds{1, 1}, SearchBounds{2, 30}}) {
    const auto found = index_->SearchPdqEach(sets, lists, bounds);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), sets.size());
    for (std::size_t i = 0; i < sets.size(); ++i) {
      // As a condition: to print how two such texts differ takes minutes.
      EXPECT_TRUE(Text(Result<SearchResult>((*found)[i])) ==
                  Text(expected_->SearchPdq(sets[i], lists, bounds)))
          << "set " << i << ", " << bounds.per_group << " a group";
    }
  }
  EXPECT_TRUE(index_->SearchPdqEach({}, lists, {})->empty());
  EXPECT_FALSE(index_->SearchPdqEach(sets, std::vector<ListRadius>{{1, 64}}, {}));
}

// A list made to fill few buckets: where a band search gives up, nothing may be missing after the scan.
TEST_P(HashIndexConformance, ACrowdedListIsSearchedAllTheSame) {
  const PdqHash centre = RandomHash(random_);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 12'000; ++entry) {
    rows.push_back(PdqRow(1, entry, AtDistance(centre, static_cast<int>(random_() % 30), random_)));
  }
  Add(rows);
  Publish();
  const std::vector<PdqQuery> queries = {{centre, Pipeline::kFull, 0},
                                         {AtDistance(centre, 25, random_), Pipeline::kFull, 1},
                                         {RandomHash(random_), Pipeline::kFull, 2}};
  const std::vector<ListRadius> lists = {{1, 31}};
  EXPECT_GT(ExpectAgrees(queries, lists, {100'000, 100'000}), 12'000U);
  ExpectAgrees(queries, lists);
}

// Where nearer hashes crowd out the rest a search narrows; what still counts must not fall to that.
TEST_P(HashIndexConformance, CrowdsHideNothingThatCounts) {
  for (const int nearest : {0, 9}) {
    builder_ = GetParam().make(GetParam().kernel);
    oracle_ = {};
    const PdqHash centre = RandomHash(random_);
    std::vector<IndexedHash> rows;
    EntryId entry = 0;
    const auto add = [&](ListId list, ActionClass action_class, int distance) {
      rows.push_back(PdqRow(list, entry++, AtDistance(centre, distance, random_)));
      rows.back().action_class = action_class;
    };
    for (int i = 0; i < 3'000; ++i) rows.push_back(PdqRow(1, entry++, RandomHash(random_)));
    for (int i = 0; i < 3'000; ++i) {
      add(1, static_cast<ActionClass>(i % 3), nearest + i % (32 - nearest));
    }
    for (int i = 0; i < 600; ++i) add(2, 0, nearest + i % 5);
    // Alone in their list or class, far out.
    for (const int distance : {31, 30, 29}) add(2, 7, distance);
    std::ranges::shuffle(rows, random_);
    Add(rows);
    for (const bool lone : {false, true}) {
      if (lone) {
        add(3, 0, 31);
        add(3, 0, 28);
        Add({rows[rows.size() - 2], rows.back()});
      }
      // What is withdrawn crowds out nothing.
      for (EntryId gone = 3'000; gone < 3'400; gone += 2) Withdraw(1, gone + (lone ? 1 : 0));
      Publish();
      std::vector<PdqQuery> queries;
      for (std::uint32_t tag = 0; tag < 5; tag += 2) {
        queries.push_back({AtDistance(centre, static_cast<int>(tag), random_), Pipeline::kFull, tag});
      }
      for (const std::size_t per_group : {1U, 16U, 100U}) {
        const SearchBounds bounds{.per_group = per_group, .total = 200};
        const std::vector<ListRadius> lists = {{1, 31}, {2, 31}, {3, 31}};
        for (const PdqQuery& query : queries) {
          EXPECT_GT(ExpectAgrees(std::span(&query, 1), lists, bounds), 0U);
          EXPECT_GT(ExpectAgrees(std::span(&query, 1), std::span(lists).first(1), bounds), 0U);
        }
        EXPECT_GT(ExpectAgrees(queries, lists, bounds), 0U);
        EXPECT_GT(ExpectAgrees(queries, std::vector<ListRadius>{{1, 20}, {2, 31}}, bounds), 0U);
      }
    }
  }
}

TEST_P(HashIndexConformance, ACrowdOfOneListDoesNotHideTheOnlyHitOfAnother) {
  std::vector<PdqQuery> centres = Queries(40);
  std::vector<IndexedHash> rows;
  for (const PdqQuery& centre : centres) {
    // Narrowing begins somewhere among the bands: of so many centres some have their far hit behind that.
    for (int i = 0; i < 200; ++i)
      rows.push_back(PdqRow(1, rows.size(), AtDistance(centre.hash, i % 4, random_)));
    rows.push_back(PdqRow(2, rows.size(), AtDistance(centre.hash, 31, random_)));
  }
  std::ranges::shuffle(rows, random_);
  Add(rows);
  Publish();
  const std::vector<ListRadius> lists = {{1, 31}, {2, 31}};
  for (const PdqQuery& centre : centres) EXPECT_EQ(ExpectAgrees(std::span(&centre, 1), lists, {3, 50}), 4U);
  ExpectAgrees(centres, lists, {3, 50});
}

TEST_P(HashIndexConformance, PipelinesThatDisagreeNeverMatch) {
  const PdqHash hash = RandomHash(random_);
  Add({PdqRow(1, 1, hash, 0, Pipeline::kUnspecified), PdqRow(1, 2, hash, 0, Pipeline::kFull),
       PdqRow(1, 3, hash, 0, Pipeline::kNn512)});
  Publish();
  const std::vector<ListRadius> lists = {{1, 0}};
  EXPECT_EQ(ExpectAgrees(std::vector<PdqQuery>{{hash, Pipeline::kFull, 0}}, lists), 2U);
  EXPECT_EQ(ExpectAgrees(std::vector<PdqQuery>{{hash, Pipeline::kNn512, 0}}, lists), 2U);
  EXPECT_EQ(ExpectAgrees(std::vector<PdqQuery>{{hash, Pipeline::kUnspecified, 0}}, lists), 3U);
}

TEST_P(HashIndexConformance, ManyCopiesOfOneHashStayWithinTheBounds) {
  const PdqHash flat = RandomHash(random_);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 100'000; ++entry) {
    rows.push_back(PdqRow(1, 100'000 - entry, flat, static_cast<ActionClass>(entry % 2)));
  }
  // One entry of a class of its own, farther than all the copies, must still be returned.
  rows.push_back(PdqRow(1, 500'000, AtDistance(flat, 31, random_), 7));
  rows.push_back(PdqRow(2, 500'001, AtDistance(flat, 20, random_), 0));
  Add(rows);
  Publish();
  std::vector<PdqQuery> queries(8, PdqQuery{flat, Pipeline::kFull, 0});
  for (std::uint32_t q = 0; q < 8; ++q) queries[q].tag = q;
  const std::vector<ListRadius> lists = {{1, 31}, {2, 31}};
  EXPECT_EQ(ExpectAgrees(queries, lists, {16, 256}), 2U * 16 + 8 + 8);
  EXPECT_EQ(ExpectAgrees(queries, lists, {16, 4}), 4U);
  EXPECT_EQ(ExpectAgrees(queries, lists, {1, 1}), 4U);
}

TEST_P(HashIndexConformance, TiesComeInOrderOfListEntryAndTag) {
  const PdqHash hash = RandomHash(random_);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 30; ++entry) {
    rows.push_back(PdqRow(static_cast<ListId>(entry % 3), entry, AtDistance(hash, 4, random_)));
  }
  std::ranges::shuffle(rows, random_);
  for (const IndexedHash& row : rows) {  // a segment each, to be merged in any order
    Add({row});
    Publish();
  }
  const std::vector<PdqQuery> queries = {{hash, Pipeline::kFull, 9}, {hash, Pipeline::kFull, 2}};
  const std::vector<ListRadius> lists = {{2, 31}, {0, 31}, {1, 31}};
  const auto found = index_->SearchPdq(queries, lists, kUnbounded);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->candidates.size(), 60U);
  EXPECT_EQ(found->candidates[0].entry, 0U);
  EXPECT_EQ(found->candidates[0].tag, 2U);
  EXPECT_EQ(found->candidates[1].tag, 9U);
  EXPECT_EQ(found->candidates[2].entry, 3U);
  ExpectAgrees(queries, lists);
  ExpectAgrees(queries, lists, {3, 7});
}

TEST_P(HashIndexConformance, WithdrawalsReAdditionsAndWholeLists) {
  const auto queries = Queries(2);
  const std::vector<ListRadius> lists = {{1, 31}, {2, 31}};
  const auto near = [&](ListId list, EntryId entry) {
    return PdqRow(list, entry, AtDistance(queries[entry % 2].hash, static_cast<int>(entry % 32), random_));
  };
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 64; ++entry) {
    rows.push_back(near(1, entry));
    rows.push_back(near(2, entry));
  }
  Add(rows);
  Withdraw(1, 5);                 // before it reached a snapshot
  Add({near(1, 5), near(1, 5)});  // and back, twice
  Withdraw(1, 6);
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 127U);
  Withdraw(1, 6);  // again: nothing left to do
  Withdraw(1, 7);
  Withdraw(2, 1000);  // unknown
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 126U);
  Add({near(1, 7)});
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 127U);
  WithdrawList(2);
  Add({near(2, 3)});
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 64U);
  WithdrawList(1);
  WithdrawList(2);
  Publish();
  EXPECT_EQ(ExpectAgrees(queries, lists), 0U);
}

TEST_P(HashIndexConformance, SnapshotsStayAsTheyWere) {
  const auto queries = Queries(1);
  const std::vector<ListRadius> lists = {{1, 31}};
  std::vector<std::pair<std::shared_ptr<const HashIndex>, std::string>> taken;
  for (EntryId entry = 0; entry < 300; ++entry) {
    Add({PdqRow(1, entry, AtDistance(queries[0].hash, static_cast<int>(entry % 31), random_))});
    if (entry % 3 == 2) Withdraw(1, entry / 2);
    if (entry == 200) WithdrawList(1);
    Publish();
    taken.emplace_back(index_, Text(expected_->SearchPdq(queries, lists, kUnbounded)));
  }
  for (const auto& [index, text] : taken) {
    ASSERT_EQ(Text(index->SearchPdq(queries, lists, kUnbounded)), text);
  }
}

// Any order of changes, with snapshots between, against the oracle.
TEST_P(HashIndexConformance, RandomHistories) {
  for (int history = 0; history < 6; ++history) {
    builder_ = GetParam().make(GetParam().kernel);
    oracle_ = {};
    const auto centres = Queries(3);
    std::vector<Md5> md5s(4);
    std::vector<Sha1> sha1s(4);
    std::vector<Sha256> sha256s(4);
    for (auto& digest : md5s) digest = RandomDigest<Md5>(random_);
    for (auto& digest : sha1s) digest = RandomDigest<Sha1>(random_);
    for (auto& digest : sha256s) digest = RandomDigest<Sha256>(random_);
    for (int step = 0; step < 120; ++step) {
      const auto list = static_cast<ListId>(random_() % 3);
      if (random_() % 40 == 0) WithdrawList(list);
      for (std::uint64_t n = random_() % 6; n > 0; --n) Withdraw(list, random_() % 150);
      std::vector<IndexedHash> rows;
      for (std::uint64_t n = random_() % 40; n > 0; --n) {
        const EntryId entry = random_() % 150;
        const auto action_class = static_cast<ActionClass>(entry % 2);
        switch (random_() % 6) {
          case 0:
            rows.push_back(DigestRow(list, entry, Algorithm::kMd5, md5s[random_() % 4], action_class));
            break;
          case 1:
            rows.push_back(DigestRow(list, entry, Algorithm::kSha1, sha1s[random_() % 4], action_class));
            break;
          case 2:
            rows.push_back(DigestRow(list, entry, Algorithm::kSha256, sha256s[random_() % 4], action_class));
            break;
          default:
            rows.push_back(
                PdqRow(list, entry,
                       AtDistance(centres[random_() % 3].hash, static_cast<int>(random_() % 60), random_),
                       action_class, static_cast<Pipeline>(random_() % 3)));
        }
      }
      Add(rows);
      if (random_() % 3 == 0) Withdraw(list, random_() % 150);
      if (random_() % 2 == 0) continue;
      Publish();
      const std::vector<ListRadius> radii = {{0, 31}, {1, static_cast<int>(random_() % 64)}};
      const SearchBounds bounds{1 + random_() % 10, random_() % 30};
      ExpectAgrees(centres, radii, bounds);
      ExpectAgrees(centres, radii);
      const DigestQuery query{&md5s[random_() % 4], random_() % 2 == 0 ? nullptr : &sha1s[random_() % 4],
                              &sha256s[random_() % 4]};
      ExpectDigestsAgree(query, std::vector<ListId>{2, 0}, bounds);
      ExpectDigestsAgree(query, std::vector<ListId>{0, 1, 2});
      if (HasFailure()) return;
    }
  }
}

TEST_P(HashIndexConformance, DigestsAreFoundAmongMany) {
  std::vector<IndexedHash> rows;
  std::vector<Sha256> digests;
  for (EntryId entry = 0; entry < 30'000; ++entry) {
    digests.push_back(RandomDigest<Sha256>(random_));
    rows.push_back(DigestRow(static_cast<ListId>(entry % 2), entry, Algorithm::kSha256, digests.back()));
  }
  Add(rows);
  Publish();
  const std::vector<ListId> lists = {0, 1};
  for (EntryId entry = 0; entry < digests.size(); ++entry) {
    Sha256 digest = digests[entry];
    const auto found = index_->SearchDigests({.sha256 = &digest}, lists, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->candidates.size(), 1U);
    ASSERT_EQ(found->candidates[0].entry, entry);
    ASSERT_EQ(found->candidates[0].algorithm, Algorithm::kSha256);
    digest[31] ^= 1;
    ASSERT_TRUE(index_->SearchDigests({.sha256 = &digest}, lists, {})->candidates.empty());
  }
  const Sha256 digest = digests[10];
  EXPECT_TRUE(index_->SearchDigests({.sha256 = &digest}, std::vector<ListId>{1}, {})->candidates.empty());
}

// A list with very many entries of one MD5 must not hide the entry whose other digests agree too.
TEST_P(HashIndexConformance, ManyEntriesOfOneMd5DoNotHideStrongIdentity) {
  const auto md5 = RandomDigest<Md5>(random_);
  const auto sha1 = RandomDigest<Sha1>(random_);
  const auto sha256 = RandomDigest<Sha256>(random_);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 50'000; ++entry) rows.push_back(DigestRow(1, entry, Algorithm::kMd5, md5));
  Add(rows);
  Add({DigestRow(1, 49'000, Algorithm::kSha1, sha1), DigestRow(1, 49'999, Algorithm::kSha256, sha256)});
  Publish();
  const std::vector<ListId> lists = {1};
  ExpectDigestsAgree({&md5, &sha1, &sha256}, lists, {16, 256});
  const auto found = index_->SearchDigests({&md5, &sha1, nullptr}, lists, {2, 3});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->truncated);
  EXPECT_EQ(Text(found),
            "truncated\n0 list 1 entry 0 tag 0 class 0 md5\n0 list 1 entry 49000 tag 0 class 0 md5\n"
            "0 list 1 entry 49000 tag 0 class 0 sha1\n");
}

INSTANTIATE_TEST_SUITE_P(
    All, HashIndexConformance, ::testing::ValuesIn([] {
      std::vector<Implementation> all;
      for (const Kernel& kernel : AllKernels()) {
        const auto add = [&](const std::string& layout, const SegmentIndexOptions& options) {
          if (kThreadsOnly && (!options.on_merged || !kernel.supported() || !all.empty())) return;
          all.push_back({layout + "_" + std::string(kernel.name),
                         [options](const Kernel* k) {
                           SegmentIndexOptions with_kernel = options;
                           with_kernel.kernel = k;
                           return NewIndexBuilder(with_kernel);
                         },
                         &kernel});
        };
        SegmentIndexOptions scan;
        scan.band_rows = std::numeric_limits<std::size_t>::max();
        add("scan", scan);
        // Bands for every segment, and always used: small ones too are cut into many.
        SegmentIndexOptions bands;
        bands.band_rows = 1;
        bands.small_rows = 8;
        bands.band_work_percent = 1'000'000'000;
        bands.seed[0] = 1;
        add("bands", bands);
        // The same, given up and scanned after all: what was found twice counts once.
        bands.band_work_percent = 100;
        add("given_up", bands);
        // Merged meanwhile: each snapshot may hold anything between the sources and the
        // result.
        bands.band_work_percent = 1'000'000'000;
        bands.on_merged = [] {};
        add("background", bands);
      }
      return all;
    }()),
    [](const ::testing::TestParamInfo<Implementation>& param) { return param.param.name; });

}  // namespace
}  // namespace hashgate::index
