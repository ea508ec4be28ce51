// Files into a list, and the same files again: the second time nothing changes, whatever the format.
#include <gtest/gtest.h>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/list_files.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

ImportProgress ImportFile(Catalog& catalog, const testing::ListFile& file, bool replace) {
  auto source = exchange::OpenFileSource(testing::ListFilePath(file.name));
  EXPECT_TRUE(source.has_value()) << file.name;
  const auto importer = exchange::OpenImporter(*std::move(source), file.options);
  EXPECT_TRUE(importer.has_value()) << file.name << ": " << importer.error().message;
  auto import = catalog.StartImport({.list = "demo", .file = file.name, .replace = replace});
  EXPECT_TRUE(import.has_value());
  std::vector<ImportRecord> records;
  bool more = true;
  while (more) {
    records.clear();
    const auto next = (*importer)->Next(2, records);
    EXPECT_TRUE(next.has_value()) << file.name;
    more = next.value_or(false);
    EXPECT_TRUE((*import)->Add(records).has_value());
  }
  const auto progress = (*import)->Finish();
  EXPECT_TRUE(progress.has_value()) << file.name << ": " << progress.error().message;
  return progress.value_or(ImportProgress{});
}

TEST(ImportFiles, TheSameFileTwiceChangesNothing) {
  for (const testing::ListFile& file : testing::ListFiles()) {
    testing::FakeStore store;
    const auto catalog = Catalog::Open(store, {}).value();
    ASSERT_TRUE(catalog->CreateList(testing::MakeConfig("demo")));
    const ImportProgress first = ImportFile(*catalog, file, false);
    EXPECT_GT(first.added, 0U) << file.name;
    EXPECT_EQ(first.added + first.quarantined, first.received) << file.name;
    const HashList before = *catalog->GetList("demo");
    const std::int64_t generation = catalog->Current()->number;
    const ImportProgress second = ImportFile(*catalog, file, false);
    EXPECT_EQ(second.added, 0U) << file.name;
    EXPECT_EQ(second.updated, 0U) << file.name;
    EXPECT_EQ(second.unchanged, first.added) << file.name;
    EXPECT_EQ(second.quarantined, first.quarantined) << file.name;
    const HashList after = *catalog->GetList("demo");
    EXPECT_EQ(after.entry_count, before.entry_count) << file.name;
    EXPECT_EQ(after.quarantined_count, before.quarantined_count) << file.name;
    EXPECT_EQ(after.etag, before.etag) << file.name;
    EXPECT_EQ(catalog->Current()->number, generation) << file.name;
  }
}

TEST(ImportFiles, NorDoesReplacingAListWithWhatItHolds) {
  for (testing::ListFile& file : testing::ListFiles()) {
    testing::FakeStore store;
    const auto catalog = Catalog::Open(store, {}).value();
    ASSERT_TRUE(catalog->CreateList(testing::MakeConfig("demo")));
    file.options.replaces = true;
    const ImportProgress first = ImportFile(*catalog, file, true);
    const std::int64_t generation = catalog->Current()->number;
    const ImportProgress second = ImportFile(*catalog, file, true);
    EXPECT_EQ(second.unchanged, first.added) << file.name;
    EXPECT_EQ(second.added + second.updated, 0U) << file.name;
    EXPECT_EQ(catalog->Current()->number, generation) << file.name;
  }
}

// One format after another into one list: what they say of the same item by the same id is one entry.
TEST(ImportFiles, FormatsWithOneIdMeetInOneEntry) {
  testing::FakeStore store;
  const auto catalog = Catalog::Open(store, {}).value();
  ASSERT_TRUE(catalog->CreateList(testing::MakeConfig("demo")));
  const auto files = testing::ListFiles();
  ASSERT_EQ(files[2].name, "list.jsonl");
  ASSERT_EQ(files[3].name, "list.json");
  const ImportProgress lines = ImportFile(*catalog, files[2], false);
  const ImportProgress array = ImportFile(*catalog, files[3], false);
  EXPECT_EQ(array.unchanged, lines.added);
  EXPECT_EQ(array.added + array.updated, 0U);
}

}  // namespace
}  // namespace hashgate::lists
