// Lists and entries over a store in memory: what each call changes, refuses and keeps.
#include "lists/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lists/record_codec.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

using store::Family;
using ::testing::ElementsAre;
using testing::FakeStore;
using testing::FindBySha1;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeConfig;
using testing::MakeHash;
using testing::MakeImport;
using testing::MakeRecord;
using ::testing::SizeIs;

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    catalog_.reset();
    CatalogOptions options;
    options.remove_in_background = false;  // so that failing writes are counted in one order
    auto opened = Catalog::Open(store_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = *std::move(opened);
  }

  HashList Create(const std::string& name) {
    Result<HashList> list = catalog_->CreateList(MakeConfig(name));
    EXPECT_TRUE(list) << list.error().message;
    return *list;
  }

  ImportProgress ImportAll(const std::string& name, std::span<const ImportRecord> records,
                           bool replace = false) {
    auto import = catalog_->StartImport({.list = name, .file = "file.csv", .replace = replace});
    EXPECT_TRUE(import) << import.error().message;
    const Result<ImportProgress> added = (*import)->Add(records);
    EXPECT_TRUE(added) << added.error().message;
    const Result<ImportProgress> done = (*import)->Finish();
    EXPECT_TRUE(done) << done.error().message;
    return *done;
  }

  [[nodiscard]] std::int64_t Number() const { return catalog_->Current()->number; }

  FakeStore store_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, StartsAtGenerationOneWithoutLists) {
  EXPECT_EQ(Number(), 1);
  EXPECT_THAT(catalog_->Lists(true), IsEmpty());
  EXPECT_THAT(catalog_->StoreKey(), SizeIs(32));
}

TEST_F(CatalogTest, CreatesKeepsAndRefusesDoubles) {
  const HashList list = Create("demo");
  EXPECT_EQ(Number(), 2);
  EXPECT_GT(list.id, 0U);
  EXPECT_EQ(list.config.max_distances.at(Algorithm::kPdq), kDefaultPdqMaxDistanceBits);
  const auto again = catalog_->CreateList(MakeConfig("demo"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kListExists);
  const auto invalid = catalog_->CreateList(MakeConfig("hashgate-canary"));
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().reason, Reason::kRequestInvalid);
  EXPECT_EQ(invalid.error().field, "list.name");
  EXPECT_EQ(Number(), 2);

  const auto key = std::vector<std::uint8_t>(catalog_->StoreKey().begin(), catalog_->StoreKey().end());
  Restart();
  EXPECT_EQ(Number(), 2);
  EXPECT_EQ(catalog_->GetList("demo").value().etag, list.etag);
  EXPECT_EQ(catalog_->GetList("nothing").error().reason, Reason::kListNotFound);
  EXPECT_TRUE(std::ranges::equal(catalog_->StoreKey(), key));
}

TEST_F(CatalogTest, AListWithoutAPdqThresholdHasTheDefault) {
  ListConfig config = MakeConfig("demo");
  config.max_distances = {{Algorithm::kPdq, 12}};
  EXPECT_EQ(config.PdqMaxDistanceBits(), 12);
  config.max_distances.clear();
  EXPECT_EQ(config.PdqMaxDistanceBits(), kDefaultPdqMaxDistanceBits);
  EXPECT_EQ(config.MaxDistance(Algorithm::kPhotoDna), 20'000);
  config.max_distances[Algorithm::kPhotoDna] = 7;
  EXPECT_EQ(config.MaxDistance(Algorithm::kPhotoDna), 7);
  EXPECT_EQ(config.MaxDistance(Algorithm::kMd5), 0);
}

TEST_F(CatalogTest, GivesListsByName) {
  for (const char* name : {"b", "c", "a"}) Create(name);
  std::vector<std::string> names;
  for (const HashList& list : catalog_->Lists(false)) names.push_back(list.config.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
}

TEST_F(CatalogTest, UpdatesUnderAnEtag) {
  const HashList list = Create("demo");
  ListConfig config = list.config;
  config.description = "changed";
  const auto updated = catalog_->UpdateList(config, list.etag);
  ASSERT_TRUE(updated);
  EXPECT_NE(updated->etag, list.etag);
  EXPECT_EQ(Number(), 3);

  config.description = "too late";
  const auto stale = catalog_->UpdateList(config, list.etag);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().reason, Reason::kEtagMismatch);
  EXPECT_EQ(catalog_->GetList("demo")->config.description, "changed");

  // The same again changes nothing.
  config.description = "changed";
  EXPECT_EQ(catalog_->UpdateList(config, "")->etag, updated->etag);
  EXPECT_EQ(Number(), 3);

  config.name = "absent";
  EXPECT_EQ(catalog_->UpdateList(config, "").error().reason, Reason::kListNotFound);
  config.name = "demo";
  config.source.clear();
  EXPECT_EQ(catalog_->UpdateList(config, "").error().field, "list.source");
}

TEST_F(CatalogTest, DisablingHidesFromScansWithoutTouchingTheIndex) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 3));
  ASSERT_TRUE(catalog_->SetEnabled("demo", false));
  EXPECT_THAT(catalog_->Current()->EnabledFor("", {}), IsEmpty());
  EXPECT_THAT(FindBySha1(*catalog_->Current(), list.id, 1), SizeIs(1));
  ASSERT_TRUE(catalog_->SetEnabled("demo", true));
  EXPECT_THAT(catalog_->Current()->EnabledFor("", {}), SizeIs(1));
  EXPECT_EQ(catalog_->SetEnabled("absent", true).error().reason, Reason::kListNotFound);
}

TEST_F(CatalogTest, EnabledForHonoursTenantAndNames) {
  Create("shared");
  ListConfig owned = MakeConfig("owned");
  owned.tenant = "acme";
  ASSERT_TRUE(catalog_->CreateList(owned));
  const auto generation = catalog_->Current();
  EXPECT_THAT(generation->EnabledFor("other", {}), SizeIs(1));
  EXPECT_THAT(generation->EnabledFor("acme", {}), SizeIs(2));
  const std::vector<std::string> names = {"owned"};
  EXPECT_THAT(generation->EnabledFor("acme", names), SizeIs(1));
  EXPECT_THAT(generation->EnabledFor("other", names), IsEmpty());
}

TEST_F(CatalogTest, DeletesListsWithAllTheirRecords) {
  const HashList list = Create("demo");
  std::vector<ImportRecord> records = MakeImport(0, 5);
  records.push_back({6, std::nullopt, "unreadable"});
  ImportAll("demo", records);
  EXPECT_EQ(catalog_->DeleteList("demo", "other").error().reason, Reason::kEtagMismatch);
  const std::int64_t before = Number();
  const auto pinned = catalog_->Current();
  EXPECT_EQ(catalog_->DeleteList("demo", "").value(), before + 1);
  EXPECT_EQ(Number(), before + 1);
  EXPECT_THAT(FindBySha1(*catalog_->Current(), list.id, 1), IsEmpty());
  EXPECT_THAT(FindBySha1(*pinned, list.id, 1), SizeIs(1)) << "a pinned generation never changes";
  for (const Family family : {Family::kLists, Family::kEntries, Family::kEntryKeys, Family::kQuarantine}) {
    EXPECT_EQ(store_.Rows(family), 0U);
  }
  EXPECT_EQ(store_.Rows(Family::kMeta), 2U) << "state and secret only";
  EXPECT_EQ(catalog_->DeleteList("demo", "").error().reason, Reason::kListNotFound);
  // The number is not given out again.
  EXPECT_GT(Create("demo").id, list.id);
}

TEST_F(CatalogTest, RemovalInterruptedIsFinishedAtTheNextStart) {
  Create("demo");
  ImportAll("demo", MakeImport(0, 5));
  store_.FailWritesFrom(2, Reason::kStoreFull);
  ASSERT_TRUE(catalog_->DeleteList("demo", "")) << "withdrawn once its batch is durable";
  EXPECT_GT(store_.Rows(Family::kEntries), 0U);
  store_.Heal();
  Restart();
  EXPECT_EQ(store_.Rows(Family::kEntries), 0U);
  EXPECT_EQ(store_.Rows(Family::kEntryKeys), 0U);
  EXPECT_EQ(store_.Rows(Family::kMeta), 2U);
}

TEST_F(CatalogTest, DeletesOneEntryAndItsIdentity) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 3));
  const auto found = FindBySha1(*catalog_->Current(), list.id, 1);
  ASSERT_THAT(found, SizeIs(1));
  const std::int64_t deleted = catalog_->DeleteEntry("demo", found[0]).value();
  EXPECT_EQ(deleted, Number());
  EXPECT_THAT(FindBySha1(*catalog_->Current(), list.id, 1), IsEmpty());
  EXPECT_EQ(catalog_->GetList("demo")->entry_count, 2U);
  EXPECT_EQ(catalog_->GetEntry(list.id, found[0]).error().reason, Reason::kEntryNotFound);
  EXPECT_EQ(catalog_->DeleteEntry("demo", found[0]).error().reason, Reason::kEntryNotFound);
  // Imported again it is new, with a number of its own.
  EXPECT_EQ(ImportAll("demo", MakeImport(1, 2)).added, 1U);
  const auto again = FindBySha1(*catalog_->Current(), list.id, 1);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_GT(again[0], found[0]);
}

TEST_F(CatalogTest, GivesEntriesAsTheirSourceGaveThem) {
  const HashList list = Create("demo");
  std::vector<ImportRecord> records = MakeImport(4, 5);
  records[0].record->labels = {"one", "two"};
  ImportAll("demo", records);
  const auto found = FindBySha1(*catalog_->Current(), list.id, 4);
  ASSERT_THAT(found, SizeIs(1));
  const Entry entry = catalog_->GetEntry(list.id, found[0]).value();
  EXPECT_EQ(entry.list, list.id);
  EXPECT_EQ(entry.record.source_id, "item-4");
  EXPECT_EQ(entry.record.labels, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(entry.record.hashes, records[0].record->hashes);
  EXPECT_EQ(entry.version, 1U);
  EXPECT_EQ(catalog_->GetEntry(list.id + 1, found[0]).error().reason, Reason::kListNotFound);
}

TEST_F(CatalogTest, PagesThroughEntriesInOrder) {
  Create("demo");
  ImportAll("demo", MakeImport(0, 25));
  std::vector<EntryId> ids;
  std::string token;
  int pages = 0;
  do {
    const EntryPage page = catalog_->ListEntries("demo", token, 10).value();
    for (const Entry& entry : page.entries) ids.push_back(entry.id);
    token = page.next_page_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(ids, SizeIs(25));
  EXPECT_TRUE(std::ranges::is_sorted(ids));
}

TEST_F(CatalogTest, RefusesForeignTokensAndSizes) {
  Create("demo");
  Create("other");
  ImportAll("demo", MakeImport(0, 5));
  ImportAll("other", MakeImport(0, 5));
  const std::string token = catalog_->ListEntries("demo", "", 2)->next_page_token;
  ASSERT_FALSE(token.empty());
  const auto refused = [&](std::string_view list, const std::string& page_token, int size) {
    const auto page = catalog_->ListEntries(list, page_token, size);
    return !page && page.error().reason == Reason::kRequestInvalid;
  };
  EXPECT_TRUE(refused("other", token, 2)) << "another list's";
  std::string altered = token;
  altered[20] = altered[20] == '0' ? '1' : '0';
  EXPECT_TRUE(refused("demo", altered, 2));
  EXPECT_TRUE(refused("demo", "nonsense", 2));
  EXPECT_TRUE(refused("demo", token + "00", 2));
  EXPECT_TRUE(refused("demo", "", 0));
  EXPECT_TRUE(refused("demo", "", 10'001));
  EXPECT_EQ(catalog_->ListEntries("absent", "", 1).error().reason, Reason::kListNotFound);
  // A replaced list's pages would not fit together.
  ImportAll("demo", MakeImport(0, 4), true);
  EXPECT_TRUE(refused("demo", token, 2));
  // Another store's token.
  FakeStore foreign_store;
  auto foreign = Catalog::Open(foreign_store, {}).value();
  ASSERT_TRUE(foreign->CreateList(MakeConfig("demo")));
  EXPECT_FALSE(foreign->ListEntries("demo", token, 2));
}

TEST_F(CatalogTest, SystemListsAreKeptApart) {
  const std::vector<EntryRecord> entries = {MakeRecord(1), MakeRecord(2)};
  ASSERT_TRUE(catalog_->EnsureSystemList(MakeConfig("hashgate-canary"), entries));
  EXPECT_THAT(catalog_->Lists(false), IsEmpty());
  ASSERT_THAT(catalog_->Lists(true), SizeIs(1));
  const ListId id = catalog_->Lists(true)[0].id;
  EXPECT_THAT(FindBySha1(*catalog_->Current(), id, 2), SizeIs(1));
  EXPECT_THAT(catalog_->Current()->EnabledFor("", {}), IsEmpty());
  EXPECT_FALSE(catalog_->EnsureSystemList(MakeConfig("canary"), entries));
  for (const Reason reason : {catalog_->DeleteList("hashgate-canary", "").error().reason,
                              catalog_->SetEnabled("hashgate-canary", false).error().reason,
                              catalog_->StartImport({.list = "hashgate-canary"}).error().reason,
                              catalog_->DeleteEntry("hashgate-canary", 1).error().reason}) {
    EXPECT_EQ(reason, Reason::kNotPermitted);
  }
  // The same again, and after a restart, changes nothing.
  const std::int64_t before = Number();
  Restart();
  ASSERT_TRUE(catalog_->EnsureSystemList(MakeConfig("hashgate-canary"), entries));
  EXPECT_EQ(Number(), before);
  // Other entries take the place of the old ones.
  const std::vector<EntryRecord> others = {MakeRecord(2), MakeRecord(3)};
  ASSERT_TRUE(catalog_->EnsureSystemList(MakeConfig("hashgate-canary"), others));
  EXPECT_THAT(FindBySha1(*catalog_->Current(), id, 1), IsEmpty());
  EXPECT_THAT(FindBySha1(*catalog_->Current(), id, 3), SizeIs(1));
}

TEST_F(CatalogTest, ActionClassesTellApartWhatPolicyMust) {
  const HashList list = Create("demo");
  std::vector<ImportRecord> records = MakeImport(0, 2);
  records[0].record->hashes[2].quality = 10;  // a poor PDQ
  ImportAll("demo", records);
  const auto generation = catalog_->Current();
  const auto class_of = [&](const HashValue& value) {
    index::PdqQuery query{PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes)), Pipeline::kFull,
                          0};
    const index::ListRadius radius{list.id, 0};
    const auto found = generation->index->SearchPdq({&query, 1}, {&radius, 1}, {});
    EXPECT_TRUE(found && found->candidates.size() == 1);
    return generation->action_classes.at(found->candidates.at(0).action_class);
  };
  EXPECT_TRUE(class_of(MakeHash(Algorithm::kPdq, 0)).low_quality);
  EXPECT_FALSE(class_of(MakeHash(Algorithm::kPdq, 1)).low_quality);
  EXPECT_EQ(class_of(MakeHash(Algorithm::kPdq, 1)).classification, "class-0");
  // The digests of an entry with a poor PDQ hash keep their strength.
  const HashValue sha1_value = MakeHash(Algorithm::kSha1, 0);
  Sha1 sha1{};
  std::ranges::copy(sha1_value.bytes, sha1.begin());
  index::DigestQuery query;
  query.sha1 = &sha1;
  const auto found = generation->index->SearchDigests(query, {&list.id, 1}, {});
  ASSERT_TRUE(found && found->candidates.size() == 1);
  EXPECT_FALSE(generation->action_classes.at(found->candidates[0].action_class).low_quality);
}

TEST_F(CatalogTest, AChangedPipelineReachesTheIndex) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 2));
  const auto hits = [&](Pipeline pipeline) {
    const HashValue value = MakeHash(Algorithm::kPdq, 1);
    index::PdqQuery query{PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes)), pipeline, 0};
    const index::ListRadius radius{list.id, 0};
    return catalog_->Current()->index->SearchPdq({&query, 1}, {&radius, 1}, {})->candidates.size();
  };
  EXPECT_EQ(hits(Pipeline::kFull), 1U);
  ListConfig config = list.config;
  config.pdq_pipeline = Pipeline::kNn512;
  ASSERT_TRUE(catalog_->UpdateList(config, ""));
  EXPECT_EQ(hits(Pipeline::kFull), 0U);
  EXPECT_EQ(hits(Pipeline::kNn512), 1U);
}

TEST_F(CatalogTest, RepairsCountersThatDisagree) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 5));
  const std::string key = ListKey(list.id);
  ListRecord record = DecodeList(list.id, store_.Copy(Family::kLists).at(key)).value();
  record.list.entry_count = 99;
  store_.Set(Family::kLists, key, EncodeList(record));
  const std::int64_t before = Number();
  Restart();
  EXPECT_EQ(catalog_->GetList("demo")->entry_count, 5U);
  EXPECT_EQ(Number(), before + 1);
  Restart();
  EXPECT_EQ(Number(), before + 1);
}

TEST_F(CatalogTest, DamageIsAnErrorNeverAMissingEntry) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 5));
  catalog_.reset();
  const auto refused = [&](Family family, const std::string& key, const std::string& value) {
    const std::string good = store_.Copy(family).at(key);
    store_.Set(family, key, value);
    const auto opened = Catalog::Open(store_, {});
    store_.Set(family, key, good);
    return !opened && opened.error().reason == Reason::kStoreCorrupt;
  };
  const auto [key, value] = *store_.Copy(Family::kEntries).begin();
  EXPECT_TRUE(refused(Family::kEntries, key, value.substr(0, value.size() - 1)));
  EXPECT_TRUE(refused(Family::kLists, ListKey(list.id), ""));
  EXPECT_TRUE(refused(Family::kMeta, std::string(kStateKey), "\x01"));
  EXPECT_TRUE(refused(Family::kMeta, std::string(kSecretKey), ""));
  EXPECT_TRUE(refused(Family::kMeta, std::string(kStateKey), EncodeState({9, 99, 99, 3})))
      << "entries beyond the counter: it was set back";
  EXPECT_TRUE(Catalog::Open(store_, {}));
}

TEST_F(CatalogTest, ReadErrorsAreErrors) {
  Create("demo");
  store_.FailReads(Reason::kStoreCorrupt);
  EXPECT_EQ(catalog_->ListEntries("demo", "", 5).error().reason, Reason::kStoreCorrupt);
  EXPECT_EQ(catalog_->ListQuarantined("demo", 5).error().reason, Reason::kStoreCorrupt);
  EXPECT_FALSE(Catalog::Open(store_, {}));
}

// Each write of each operation in turn fails: the operation says so and nothing of it shows, and afterwards
// the same operation works.
TEST_F(CatalogTest, FailedWritesLeaveNothingBehind) {
  const HashList list = Create("demo");
  ImportAll("demo", MakeImport(0, 3));
  const EntryId entry = FindBySha1(*catalog_->Current(), list.id, 1).at(0);
  ListConfig piped = list.config;
  piped.pdq_pipeline = Pipeline::kFull;
  const std::vector<std::function<std::optional<Error>()>> operations = {
      [&] {
        const auto result = catalog_->CreateList(MakeConfig("second"));
        return result ? std::nullopt : std::optional(result.error());
      },
      [&] {
        const auto result = catalog_->UpdateList(piped, "");
        return result ? std::nullopt : std::optional(result.error());
      },
      [&] {
        const auto result = catalog_->DeleteEntry("demo", entry);
        return result ? std::nullopt : std::optional(result.error());
      },
      [&] {
        const auto result = catalog_->DeleteList("demo", "");
        return result ? std::nullopt : std::optional(result.error());
      },
  };
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::int64_t before = Number();
    const auto lists_before = catalog_->Lists(true).size();
    store_.FailWrite(1, Reason::kStoreFull);
    const std::optional<Error> error = operations[i]();
    ASSERT_TRUE(error) << i;
    EXPECT_EQ(error->reason, Reason::kStoreFull);
    EXPECT_EQ(Number(), before);
    EXPECT_EQ(catalog_->Lists(true).size(), lists_before);
    if (i < 3) {
      EXPECT_THAT(FindBySha1(*catalog_->Current(), list.id, 2), SizeIs(1));
    }
    store_.Heal();
    ASSERT_FALSE(operations[i]()) << i;
    EXPECT_EQ(Number(), before + 1);
  }
}

}  // namespace
}  // namespace hashgate::lists
