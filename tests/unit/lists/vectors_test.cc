// PhotoDNA vectors of lists: in the index after every kind of change, after a start, and told apart where
// they say too little.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

using testing::MakeHash;

constexpr Algorithm kPhotoDna = Algorithm::kPhotoDna;
constexpr std::size_t kAtOnce = 4'000;

// An entry with MD5 and PhotoDNA.
EntryRecord VectorRecord(std::uint64_t number, int variant = 0) {
  EntryRecord record;
  record.source_id = "item-" + std::to_string(number);
  record.hashes = {MakeHash(Algorithm::kMd5, number), MakeHash(kPhotoDna, number)};
  record.classification = "class-" + std::to_string(variant);
  return record;
}

class ListsVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove(path_);
    Restart();
    ASSERT_TRUE(catalog_->CreateList(testing::MakeConfig("one")));
    ASSERT_TRUE(catalog_->CreateList(testing::MakeConfig("two")));
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove(path_);
  }

  void Restart() {
    catalog_.reset();
    CatalogOptions options;
    options.snapshot_path = path_.string();
    options.merge_in_background = false;
    options.remove_in_background = false;
    options.take_care = false;
    auto opened = Catalog::Open(store_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = *std::move(opened);
  }

  void Import(const std::string& list, std::vector<EntryRecord> records, bool replace = false) {
    const auto import = catalog_->StartImport({.list = list, .file = "f", .replace = replace}).value();
    std::vector<ImportRecord> lines;
    for (EntryRecord& record : records) lines.push_back({lines.size() + 1, std::move(record), {}});
    for (std::size_t from = 0; from < lines.size(); from += kAtOnce) {
      const auto added = import->Add(std::span(lines).subspan(from, std::min(kAtOnce, lines.size() - from)));
      ASSERT_TRUE(added) << added.error().message;
      ASSERT_EQ(added->quarantined, 0U);
    }
    ASSERT_TRUE(import->Finish());
  }
  void Add(const std::string& list, std::uint64_t from, std::uint64_t to, int variant = 0,
           bool replace = false) {
    std::vector<EntryRecord> records;
    for (std::uint64_t number = from; number < to; ++number) records.push_back(VectorRecord(number, variant));
    Import(list, std::move(records), replace);
  }
  [[nodiscard]] ListId Id(const std::string& name) const { return catalog_->GetList(name)->id; }

  // What the index says of a vector: entry, distance and class.
  [[nodiscard]] std::string Said(const std::string& list, const std::vector<std::uint8_t>& bytes,
                                 int max_distance = 0) const {
    const auto generation = catalog_->Current();
    const index::VectorQuery query{bytes, 0};
    const index::ListDistance distance{Id(list), max_distance};
    const auto found = generation->index->SearchVectors(kPhotoDna, {&query, 1}, {&distance, 1}, {});
    if (!found) return "failed";
    std::string said;
    for (const index::Candidate& candidate : found->candidates) {
      const ActionClassInfo& info = generation->action_classes.at(candidate.action_class);
      const auto entry = catalog_->GetEntry(candidate.list, candidate.entry);
      said += (entry ? entry->record.source_id : "withdrawn") + " " + std::to_string(candidate.distance) +
              " " + info.classification + (info.degenerate ? " degenerate" : "") +
              (info.low_quality ? " low" : "") + "; ";
    }
    return said;
  }
  [[nodiscard]] std::string Said(const std::string& list, std::uint64_t number) const {
    return Said(list, MakeHash(kPhotoDna, number).bytes);
  }
  // Every vector of the list that is there, as text.
  [[nodiscard]] std::string All(const std::string& list) const {
    std::string said;
    for (std::uint64_t number = 0; number < 160; ++number) said += Said(list, number);
    return said;
  }
  [[nodiscard]] std::size_t Held(const std::string& list) const {
    return catalog_->Current()->index->CountIn(Id(list), kPhotoDna);
  }

  const std::filesystem::path path_ = std::filesystem::current_path() / "vectors.snapshot";
  testing::FakeStore store_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(ListsVectorsTest, AreFoundFromTheGenerationThatAddsThem) {
  const auto before = catalog_->Current();
  Add("one", 0, 20);
  EXPECT_EQ(Said("one", 3), "item-3 0 class-0; ");
  EXPECT_EQ(Said("two", 3), "");
  EXPECT_EQ(Held("one"), 20U);
  EXPECT_EQ(before->index->Count(kPhotoDna), 0U);
  // Near ones within the distance that is asked for, and no farther.
  std::vector<std::uint8_t> near = MakeHash(kPhotoDna, 3).bytes;
  near[0] = static_cast<std::uint8_t>(near[0] < 128 ? near[0] + 100 : near[0] - 100);
  EXPECT_EQ(Said("one", near, 10'000), "item-3 10000 class-0; ");
  EXPECT_EQ(Said("one", near, 9'999), "");
}

TEST_F(ListsVectorsTest, ChangedWithdrawnReplacedAndDeleted) {
  Add("one", 0, 50);
  Add("two", 0, 10);
  Add("one", 10, 15, 1);
  EXPECT_EQ(Said("one", 12), "item-12 0 class-1; ") << "once, with its new class";
  EXPECT_EQ(Held("one"), 50U);
  EntryRecord other = VectorRecord(20);
  other.hashes[1] = MakeHash(kPhotoDna, 900);
  Import("one", {other});
  EXPECT_EQ(Said("one", 20), "");
  EXPECT_EQ(Said("one", 900), "item-20 0 class-0; ");
  const auto found = catalog_->ListEntries("one", "", 1)->entries;
  ASSERT_EQ(found.size(), 1U);
  ASSERT_TRUE(catalog_->DeleteEntry("one", found[0].id));
  EXPECT_EQ(Said("one", 0), "");
  EXPECT_EQ(Said("two", 0), "item-0 0 class-0; ");
  EXPECT_EQ(Held("one"), 49U);
  Add("one", 40, 60, 2, true);
  EXPECT_EQ(Held("one"), 20U);
  EXPECT_EQ(Said("one", 30), "");
  EXPECT_EQ(Said("one", 45), "item-45 0 class-2; ");
  const ListId gone = Id("one");
  ASSERT_TRUE(catalog_->DeleteList("one", ""));
  EXPECT_FALSE(catalog_->Current()->index->HoldsAny(gone, kPhotoDna));
  EXPECT_EQ(Held("two"), 10U);
}

// Each hash for itself: an entry's flat vector says nothing of its digests.
TEST_F(ListsVectorsTest, ThoseThatSayLittleAreOfAClassOfTheirOwn) {
  EntryRecord flat = VectorRecord(1);
  flat.hashes[1].bytes.assign(144, 7);
  EntryRecord nearly = VectorRecord(2);
  for (std::size_t i = 0; i < 144; ++i) nearly.hashes[1].bytes[i] = static_cast<std::uint8_t>(i / 6);
  Import("one", {flat, nearly, VectorRecord(3)});
  EXPECT_EQ(Said("one", flat.hashes[1].bytes), "item-1 0 class-0 degenerate; ");
  EXPECT_EQ(Said("one", nearly.hashes[1].bytes), "item-2 0 class-0 degenerate; ");
  EXPECT_EQ(Said("one", 3), "item-3 0 class-0; ");
  Md5 md5{};
  std::ranges::copy(flat.hashes[0].bytes, md5.begin());
  const auto generation = catalog_->Current();
  const ListId list = Id("one");
  const auto digest = generation->index->SearchDigests({.md5 = &md5}, {&list, 1}, {});
  ASSERT_EQ(digest->candidates.size(), 1U);
  EXPECT_FALSE(generation->action_classes.at(digest->candidates[0].action_class).degenerate);
}

TEST_F(ListsVectorsTest, AStartHasThemFromTheStoreAndFromTheSnapshot) {
  Add("one", 0, 100);
  Add("two", 50, 80, 3);
  Add("one", 20, 30, 1);
  const std::string one = All("one");
  const std::string two = All("two");
  EXPECT_EQ(std::ranges::count(one, ';'), 100);
  Restart();
  EXPECT_EQ(All("one"), one) << "from the store";
  EXPECT_EQ(All("two"), two);
  EXPECT_EQ(catalog_->Health().differences, 0U);

  catalog_->SaveSnapshot();
  Restart();
  EXPECT_GT(catalog_->Health().snapshot_generation, 0) << "from the snapshot";
  EXPECT_EQ(All("one"), one);
  EXPECT_EQ(All("two"), two);

  // And what came after the snapshot.
  Add("one", 95, 120, 4);
  Add("two", 50, 52, 5);
  const auto found = catalog_->ListEntries("one", "", 1)->entries;
  ASSERT_TRUE(catalog_->DeleteEntry("one", found[0].id));
  const std::string later = All("one");
  EXPECT_NE(later, one);
  const std::string later_two = All("two");
  Restart();
  EXPECT_GT(catalog_->Health().snapshot_generation, 0);
  EXPECT_EQ(All("one"), later);
  EXPECT_EQ(All("two"), later_two);
  EXPECT_EQ(catalog_->Health().differences, 0U);
}

// The version that knew no vectors wrote snapshots without them, and tallies that leave them out.
TEST_F(ListsVectorsTest, ASnapshotOfTheVersionBeforeIsNotTaken) {
  Add("one", 0, 30);
  catalog_->SaveSnapshot();
  catalog_.reset();
  {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(8);
    file.put(1);
  }
  Restart();
  EXPECT_EQ(catalog_->Health().snapshot_generation, 0);
  EXPECT_EQ(Held("one"), 30U);
  EXPECT_EQ(Said("one", 29), "item-29 0 class-0; ");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

// Changes of thousands of entries, which go through runs and merges.
TEST_F(ListsVectorsTest, ManyAtOnce) {
  constexpr std::uint64_t kMany = 20'000;
  Add("one", 0, kMany);
  Add("one", 0, kMany / 2, 1);
  EXPECT_EQ(Held("one"), kMany);
  EXPECT_EQ(Said("one", 77), "item-77 0 class-1; ");
  EXPECT_EQ(Said("one", kMany - 1), "item-19999 0 class-0; ");
  EXPECT_EQ(catalog_->Health().differences, 0U);
  EXPECT_TRUE(catalog_->Current()->index->CheckMemory(1));
}

}  // namespace
}  // namespace hashgate::lists
