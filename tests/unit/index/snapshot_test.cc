// An index saved and read back answers as before; a file that is not exactly what was written is refused.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "conformance/index/index_samples.h"
#include "conformance/index/vector_samples.h"
#include "index/bands/band_index.h"
#include "index/segment_index.h"
#include "index/snapshot_file.h"
#include "testing/seed.h"
#include "testing/turning_sealer.h"

namespace hashgate::index {
namespace {

class IndexSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::current_path() / ("index.snapshot." + std::to_string(::getpid()));
    options_.path = path_.string();
    options_.owner.fill(7);
    builder_options_.seed[5] = 9;
    builder_options_.band_rows = 2'000;
    builder_options_.small_rows = 300;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  // PDQ with bands, repeats and a scanned rest, all digests, three lists, something withdrawn from each.
  std::shared_ptr<const HashIndex> MakeIndex() {
    const auto builder = NewIndexBuilder(builder_options_);
    std::vector<IndexedHash> rows;
    for (EntryId entry = 0; entry < 3'000; ++entry) {
      if (entry % 10 != 3) pdq_.push_back(RandomHash(random_));
      rows.push_back(PdqRow(1 + entry % 3, entry, pdq_.back(), entry % 2));
    }
    EXPECT_TRUE(builder->Add(rows));
    builder->Settle();
    rows.clear();
    for (EntryId entry = 3'000; entry < 3'400; ++entry) {
      pdq_.push_back(RandomHash(random_));
      rows.push_back(PdqRow(1 + entry % 3, entry, pdq_.back()));
      sha256_.push_back(RandomDigest<Sha256>(random_));
      rows.push_back(DigestRow(1 + entry % 3, entry, Algorithm::kSha256, sha256_.back()));
      rows.push_back(DigestRow(1, entry, Algorithm::kMd5, RandomDigest<Md5>(random_)));
      rows.push_back(DigestRow(2, entry, Algorithm::kSha1, RandomDigest<Sha1>(random_)));
    }
    std::vector<IndexedVector> vectors;
    for (EntryId entry = 3'000; entry < 4'000; ++entry) {
      vectors_.push_back(RandomVector(random_));
      vectors.push_back(VectorRow(1 + entry % 3, entry, vectors_.back(), entry % 2));
    }
    EXPECT_TRUE(builder->Add(rows, vectors));
    builder->Snapshot();
    for (EntryId entry = 0; entry < 4'000; entry += 50) {
      for (const ListId list : {1U, 2U, 3U}) builder->Withdraw(list, entry);
    }
    return builder->Snapshot();
  }

  [[nodiscard]] Status Save(const HashIndex& index, std::function<bool()> cancelled = {}) const {
    HASHGATE_ASSIGN_OR_RETURN(const auto writer, SnapshotWriter::Create(options_, std::move(cancelled)));
    HASHGATE_RETURN_IF_ERROR(index.Save(*writer));
    return writer->Commit();
  }

  Result<std::shared_ptr<const HashIndex>> Load() {
    HASHGATE_ASSIGN_OR_RETURN(const auto reader, SnapshotReader::Open(options_));
    restored_ = NewIndexBuilder(builder_options_);
    HASHGATE_RETURN_IF_ERROR(restored_->Restore(*reader));
    if (!reader->values().Complete()) return Fail(Reason::kStoreCorrupt, "something is left");
    return restored_->Snapshot();
  }

  void ExpectAlike(const HashIndex& a, const HashIndex& b) {
    const std::vector<ListRadius> radii = {{1, 31}, {2, 63}, {3, 0}};
    const std::vector<ListId> lists = {1, 2, 3};
    for (std::size_t i = 0; i < pdq_.size(); i += 7) {
      const PdqQuery query{AtDistance(pdq_[i], static_cast<int>(i % 40), random_), Pipeline::kFull, 1};
      ASSERT_EQ(Text(a.SearchPdq({&query, 1}, radii, {})), Text(b.SearchPdq({&query, 1}, radii, {})));
    }
    const std::vector<ListDistance> distances = {{1, 20'000}, {2, 40'000}, {3, 0}};
    std::size_t found = 0;
    for (std::size_t i = 0; i < vectors_.size(); i += 7) {
      const PhotoDna near = AtSquaredDistance(vectors_[i], static_cast<int>(i * 50), random_);
      const VectorQuery query{near, 1};
      const auto in_a = a.SearchVectors(Algorithm::kPhotoDna, {&query, 1}, distances, {});
      ASSERT_EQ(Text(in_a), Text(b.SearchVectors(Algorithm::kPhotoDna, {&query, 1}, distances, {})));
      found += in_a->candidates.size();
    }
    EXPECT_GT(found, 20U);
    for (const Sha256& digest : sha256_) {
      ASSERT_EQ(Text(a.SearchDigests({.sha256 = &digest}, lists, {})),
                Text(b.SearchDigests({.sha256 = &digest}, lists, {})));
    }
    for (const ListId list : lists) {
      EXPECT_EQ(a.TallyOf(list), b.TallyOf(list));
      for (const Algorithm algorithm : kIndexedAlgorithms) {
        EXPECT_EQ(a.CountIn(list, algorithm), b.CountIn(list, algorithm));
      }
    }
    EXPECT_EQ(a.MemoryBytes(), b.MemoryBytes());
  }

  [[nodiscard]] std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Put(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::string ReasonOfLoad() {
    const auto loaded = Load();
    return loaded ? "none" : std::string(ReasonName(loaded.error().reason));
  }

  std::filesystem::path path_;
  SnapshotFileOptions options_;
  SegmentIndexOptions builder_options_;
  std::mt19937_64 random_{testing::Seed()};
  std::vector<PdqHash> pdq_;
  std::vector<Sha256> sha256_;
  std::vector<PhotoDna> vectors_;
  std::unique_ptr<IndexBuilder> restored_;
};

TEST_F(IndexSnapshotTest, AnswersAsBeforeAndGrowsOn) {
  const auto index = MakeIndex();
  ASSERT_TRUE(Save(*index));
  const auto loaded = Load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  ExpectAlike(*index, **loaded);
  EXPECT_TRUE((*loaded)->CheckMemory(1));
  // What was restored can be changed like anything else.
  const PdqHash hash = RandomHash(random_);
  const IndexedHash row = PdqRow(2, 9'999, hash);
  ASSERT_TRUE(restored_->Add({&row, 1}));
  restored_->WithdrawList(1);
  const auto changed = restored_->Snapshot();
  EXPECT_EQ(changed->TallyOf(1), Tally{});
  EXPECT_EQ(changed->CountIn(2, Algorithm::kPdq), index->CountIn(2, Algorithm::kPdq) + 1);
  EXPECT_EQ((*loaded)->TallyOf(1), index->TallyOf(1));
}

TEST_F(IndexSnapshotTest, AnEmptyIndexIsOneToo) {
  const auto index = NewIndexBuilder(builder_options_)->Snapshot();
  ASSERT_TRUE(Save(*index));
  const auto loaded = Load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->Count(Algorithm::kPdq), 0U);
}

TEST_F(IndexSnapshotTest, PassesASealer) {
  const auto index = MakeIndex();
  options_.sealer = std::make_shared<testing::TurningSealer>();
  ASSERT_TRUE(Save(*index));
  // Nothing stands in the file as it is in memory.
  const std::array<std::uint8_t, 32> planted = pdq_[0].bytes();
  const std::string_view words(reinterpret_cast<const char*>(&pdq_[0]), 16);
  EXPECT_EQ(Bytes().find(words), std::string::npos);
  const std::string_view vector(reinterpret_cast<const char*>(vectors_[0].data()), 16);
  EXPECT_EQ(Bytes().find(vector), std::string::npos);
  EXPECT_EQ(Bytes().find(std::string_view(reinterpret_cast<const char*>(planted.data()), 16)),
            std::string::npos);
  const auto loaded = Load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  ExpectAlike(*index, **loaded);
  options_.sealer = nullptr;
  EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
}

TEST_F(IndexSnapshotTest, IsReadableByItsOwnerOnly) {
  ASSERT_TRUE(Save(*MakeIndex()));
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// Wherever a bit tips over, and wherever the file ends, it is refused.
TEST_F(IndexSnapshotTest, DamagedFilesAreRefused) {
  ASSERT_TRUE(Save(*MakeIndex()));
  const std::string whole = Bytes();
  std::size_t refused = 0;
  std::size_t padding = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    const std::size_t at = i < 100 ? static_cast<std::size_t>(i) : random_() % whole.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random_() % 8)));
    Put(damaged);
    const std::string reason = ReasonOfLoad();
    if (reason == "none") {
      // Between arrays there are zeros that nobody reads.
      EXPECT_EQ(whole[at], 0) << "a flipped bit at byte " << at << " of " << whole.size() << " passed";
      ++padding;
    } else {
      EXPECT_TRUE(reason == "STORE_CORRUPT" || reason == "SCHEMA_TOO_NEW" || reason == "SCHEMA_UNKNOWN")
          << reason;
      ++refused;
    }
  }
  EXPECT_GT(refused, 200U);
  for (int i = 0; i < 60; ++i) {
    Put(std::string_view(whole).substr(0, random_() % whole.size()));
    EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
  }
  Put(whole + "x");
  EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
  Put("");
  EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
  Put(whole);
  EXPECT_EQ(ReasonOfLoad(), "none");
}

TEST_F(IndexSnapshotTest, OtherVersionsAndOtherStoresAreRefused) {
  ASSERT_TRUE(Save(*MakeIndex()));
  const std::string whole = Bytes();
  std::string other = whole;
  other[8] = 4;
  Put(other);
  EXPECT_EQ(ReasonOfLoad(), "SCHEMA_TOO_NEW");
  // 1 knew no vectors, 2 no img_hash: such a file would look as if no list held any.
  for (const char older : {'\0', '\1', '\2'}) {
    other[8] = older;
    Put(other);
    EXPECT_EQ(ReasonOfLoad(), "SCHEMA_UNKNOWN");
  }
  Put(whole);
  options_.owner.fill(8);
  EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
  std::filesystem::remove(path_);
  EXPECT_EQ(ReasonOfLoad(), "ENTRY_NOT_FOUND");
}

TEST_F(IndexSnapshotTest, TooLargeForTheBoundIsRefusedWithFigures) {
  ASSERT_TRUE(Save(*MakeIndex()));
  builder_options_.max_bytes = 100'000;
  const auto loaded = Load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, Reason::kMemoryLimit);
  EXPECT_NE(loaded.error().message.find("100000"), std::string::npos);
}

TEST_F(IndexSnapshotTest, GivenUpLeavesTheOldOneAndNothingElse) {
  const auto index = MakeIndex();
  ASSERT_TRUE(Save(*index));
  const std::string before = Bytes();
  int blocks = 0;
  const Status saved = Save(*index, [&] { return ++blocks > 5; });
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().reason, Reason::kCancelled);
  EXPECT_EQ(Bytes(), before);
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".new"));
}

TEST_F(IndexSnapshotTest, AFullDiskLeavesTheOldOneAndNothingElse) {
  const auto index = MakeIndex();
  ASSERT_TRUE(Save(*index));
  const std::string before = Bytes();
  // A limit to what a file may hold stands in for the disk's end.
  struct rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const struct rlimit tight{.rlim_cur = 100'000, .rlim_max = usual.rlim_max};
  ASSERT_NE(::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status full = Save(*index);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().reason, Reason::kStoreFull);
  EXPECT_EQ(Bytes(), before);
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".new"));

  options_.path = (std::filesystem::current_path() / "no such folder" / "file").string();
  const Status saved = Save(*index);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().reason, Reason::kStoreFailed);
}

// The checksums in the file are those of when the index was built: damage in between is found when it is
// read.
TEST_F(IndexSnapshotTest, DamageInMemoryIsFoundThereAndInTheFile) {
  const auto index = MakeIndex();
  EXPECT_TRUE(index->CheckMemory(1));
  // A byte of the hashes, found by what it holds.
  const auto* const segments = dynamic_cast<const SegmentIndex*>(index.get());
  ASSERT_NE(segments, nullptr);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(const_cast<PdqHash*>(segments->LargestPdq().data()));
  bytes[12'345] ^= 4;
  EXPECT_FALSE(index->CheckMemory(1));
  bool found = false;
  for (int i = 0; i < 8; ++i) found = found || !index->CheckMemory(8);
  EXPECT_TRUE(found);
  ASSERT_TRUE(Save(*index));
  EXPECT_EQ(ReasonOfLoad(), "STORE_CORRUPT");
  bytes[12'345] ^= 4;
  EXPECT_TRUE(index->CheckMemory(1));
}

TEST_F(IndexSnapshotTest, DamageToTombstonesIsFound) {
  const auto ledger = std::make_shared<MemoryLedger>(0);
  Tombstones dead(1'000, ledger);
  dead.Set(5, 1, 77);
  dead.Set(5, 1, 77);
  EXPECT_EQ(dead.count(), 1U);
  EXPECT_EQ(dead.TallyOf(1), (Tally{1, 77}));
  EXPECT_TRUE(dead.CheckMemory());
  dead.words()[3] ^= 8;
  EXPECT_FALSE(dead.CheckMemory());
  const auto writer = SnapshotWriter::Create(options_).value();
  EXPECT_FALSE(dead.Save(*writer));
}

// A merge writes no further than it has room for, whatever tombstones say.
TEST_F(IndexSnapshotTest, AMergeOverDamagedTombstonesFails) {
  const auto ledger = std::make_shared<MemoryLedger>(0);
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 200; ++entry) rows.push_back(PdqRow(1, entry, RandomHash(random_)));
  std::vector<const IndexedHash*> pointers;
  for (const IndexedHash& row : rows) pointers.push_back(&row);
  const auto segment = BuildSegment(Algorithm::kPdq, pointers, Fingerprints(IndexSeed{}), ledger);
  for (const bool more : {false, true}) {
    const auto dead = std::make_shared<Tombstones>(200, ledger);
    dead->Set(70, 1, 0);
    if (!more) dead->Set(71, 1, 0);
    dead->words()[1] ^= std::uint64_t{1} << (71 - 64);
    const LiveSegment source{segment, dead, nullptr};
    EXPECT_EQ(MergeSegments({&source, 1}, ledger), nullptr);
  }
}

// Tallies go by what is in the segments, whatever was added, withdrawn and merged on the way there.
TEST_F(IndexSnapshotTest, TalliesAreThoseOfTheRowsThatAreLeft) {
  builder_options_.band_rows = 500;
  builder_options_.small_rows = 100;
  const auto builder = NewIndexBuilder(builder_options_);
  const Tallier tallier(builder_options_.seed);
  std::map<std::pair<ListId, EntryId>, IndexedRows> rows;
  for (int step = 0; step < 4'000; ++step) {
    const auto list = static_cast<ListId>(1 + random_() % 2);
    const EntryId entry = random_() % 2'000;
    builder->Withdraw(list, entry);
    rows.erase({list, entry});
    if (random_() % 3 != 0) {
      IndexedRows row;
      switch (step % 3) {
        case 0: row.hashes = {PdqRow(list, entry, RandomHash(random_))}; break;
        case 1: row.hashes = {DigestRow(list, entry, Algorithm::kMd5, RandomDigest<Md5>(random_))}; break;
        default: row.vectors = {VectorRow(list, entry, RandomVector(random_))};
      }
      ASSERT_TRUE(builder->Add(row.hashes, row.vectors));
      rows[{list, entry}] = row;
    }
    if (step == 2'500) {
      builder->WithdrawList(2);
      std::erase_if(rows, [](const auto& row) { return row.first.first == 2; });
    }
    if (step % 97 != 0) continue;
    const auto index = builder->Snapshot();
    for (const ListId of : {1U, 2U}) {
      Tally expected;
      for (const auto& [key, row] : rows) {
        if (key.first == of) expected += tallier.Of(row);
      }
      ASSERT_EQ(index->TallyOf(of), expected) << "list " << of << " at step " << step;
    }
  }
}

}  // namespace
}  // namespace hashgate::index
