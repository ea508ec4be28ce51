// The catalogue over the real store: reopening, and what stands in its files.
#include <gtest/gtest.h>

#include <fstream>

#include "base/hex.h"
#include "integration/store/temp_folder.h"
#include "testing/list_records.h"
#include "testing/turning_sealer.h"

namespace hashgate::lists {
namespace {

using testing::FindBySha1;
using testing::MakeConfig;
using testing::MakeImport;
using testing::TempFolder;
using testing::TurningSealer;

TEST(CatalogOnDisk, ReopensAsItWas) {
  const TempFolder folder;
  const std::string path = folder / "data";
  std::int64_t number = 0;
  {
    const auto store = store::OpenRocksStore({.path = path}).value();
    const auto catalog = Catalog::Open(*store, {}).value();
    ASSERT_TRUE(catalog->CreateList(MakeConfig("demo")));
    ASSERT_TRUE(catalog->CreateList(MakeConfig("gone")));
    const auto import = catalog->StartImport({.list = "demo", .file = "f"}).value();
    ASSERT_TRUE(import->Add(MakeImport(0, 3'000)));
    const auto replacing = catalog->StartImport({.list = "gone", .file = "f", .replace = true}).value();
    ASSERT_TRUE(replacing->Add(MakeImport(0, 2'000)));
    ASSERT_TRUE(replacing->Finish());
    ASSERT_TRUE(catalog->DeleteList("gone", ""));
    number = catalog->Current()->number;
  }
  const auto store = store::OpenRocksStore({.path = path}).value();
  const auto catalog = Catalog::Open(*store, {}).value();
  EXPECT_EQ(catalog->Current()->number, number);
  EXPECT_EQ(catalog->Lists(true).size(), 1U);
  const HashList list = catalog->GetList("demo").value();
  EXPECT_EQ(list.entry_count, 3'000U);
  for (std::uint64_t record = 0; record < 3'000; record += 7) {
    ASSERT_EQ(FindBySha1(*catalog->Current(), list.id, record).size(), 1U);
  }
  const auto again = catalog->StartImport({.list = "demo", .file = "f"}).value();
  EXPECT_EQ(again->Add(MakeImport(0, 3'000))->unchanged, 3'000U);
  EXPECT_EQ(catalog->Current()->number, number);
}

// Sealing hides values; nothing hides keys and names. With every value turned, no file may hold a planted
// hash in any form.
TEST(CatalogOnDisk, NoFileNameOrKeyHoldsAHash) {
  const TempFolder folder;
  const std::string path = folder / "data";
  std::vector<ImportRecord> records = MakeImport(0, 500);
  for (std::size_t i = 0; i < records.size(); i += 2) records[i].record->source_id.clear();
  const auto scan_files = [&] {
    std::size_t files = 0;
    bool found_values = false;
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      const std::string name = file.path().filename();
      ++files;
      for (std::size_t i = 0; i < records.size(); i += 50) {
        for (const HashValue& hash : records[i].record->hashes) {
          const std::string raw(hash.bytes.begin(), hash.bytes.begin() + 8);
          const std::string hex = HexEncode(std::span(hash.bytes).first(8));
          EXPECT_EQ(name.find(hex), std::string::npos);
          EXPECT_EQ(bytes.find(raw), std::string::npos) << name;
          EXPECT_EQ(bytes.find(hex), std::string::npos) << name;
          found_values = found_values || bytes.find(TurningSealer::Turn(raw)) != std::string::npos;
        }
      }
    }
    EXPECT_GT(files, 3U);
    // The hashes are there, as sealed values: the search is able to find them.
    EXPECT_TRUE(found_values);
  };
  const auto sealer = std::make_shared<const TurningSealer>();
  {
    const auto store = store::OpenRocksStore({.path = path, .sealer = sealer}).value();
    CatalogOptions options;
    options.snapshot_path = path + "/index.snapshot";
    options.sealer = sealer;
    const auto catalog = Catalog::Open(*store, options).value();
    ASSERT_TRUE(catalog->CreateList(MakeConfig("demo")));
    const auto import = catalog->StartImport({.list = "demo", .file = "f"}).value();
    ASSERT_TRUE(import->Add(records));
    import->Finish().value();
    catalog->SaveSnapshot();
    ASSERT_TRUE(std::filesystem::exists(options.snapshot_path));
    scan_files();
  }
  // Opening again moves the records from the log into tables.
  {
    ASSERT_TRUE(store::OpenRocksStore({.path = path, .sealer = sealer}));
  }
  scan_files();
}

}  // namespace
}  // namespace hashgate::lists
