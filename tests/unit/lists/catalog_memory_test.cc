// No memory in the middle of a write: whatever the index was left as, the next write builds it from the
// store.
#include <gtest/gtest.h>

#include <new>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/forwarding_builder.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

using testing::FindBySha1;
using testing::MakeConfig;
using testing::MakeImport;

enum class Step : std::uint8_t { kNone, kSnapshot, kWithdraw, kWithdrawList, kAdd };

// Passes everything on to the real index, until a step finds no memory: then all that it held is lost.
class ForgetfulIndex final : public testing::ForwardingBuilder {
 public:
  ForgetfulIndex(Step* fails, const index::IndexOptions& options)
      : ForwardingBuilder(options), fails_(fails), options_(options) {}
  Status Add(std::span<const index::IndexedHash> hashes,
             std::span<const index::IndexedVector> vectors) override {
    Pass(Step::kAdd);
    return ForwardingBuilder::Add(hashes, vectors);
  }
  void Withdraw(ListId list, EntryId entry) override {
    Pass(Step::kWithdraw);
    ForwardingBuilder::Withdraw(list, entry);
  }
  void WithdrawList(ListId list) override {
    Pass(Step::kWithdrawList);
    ForwardingBuilder::WithdrawList(list);
  }
  std::shared_ptr<const index::HashIndex> Snapshot() override {
    Pass(Step::kSnapshot);
    return ForwardingBuilder::Snapshot();
  }

 private:
  void Pass(Step step) {
    if (*fails_ != step) return;
    *fails_ = Step::kNone;
    Replace(index::NewIndexBuilder(options_));
    throw std::bad_alloc();
  }

  Step* fails_;
  const index::IndexOptions options_;
};

class CatalogMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CatalogOptions options;
    options.remove_in_background = false;
    options.merge_in_background = false;
    options.make_index = [this](const index::IndexOptions& index) {
      ++indexes_;
      return std::make_unique<ForgetfulIndex>(&fails_, index);
    };
    auto opened = Catalog::Open(store_, options);
    ASSERT_TRUE(opened);
    catalog_ = *std::move(opened);
    const auto list = catalog_->CreateList(MakeConfig("demo"));
    const auto other = catalog_->CreateList(MakeConfig("other"));
    ASSERT_TRUE(list && other);
    list_ = list->id;
    other_ = other->id;
    for (const char* name : {"demo", "other"}) {
      const auto import = catalog_->StartImport({.list = name, .file = "file"});
      ASSERT_TRUE(import && (*import)->Add(MakeImport(0, 4)) && (*import)->Finish());
    }
    indexes_ = 0;
  }

  std::size_t Found(ListId list, int number) { return FindBySha1(*catalog_->Current(), list, number).size(); }
  EntryId SomeEntry(const char* list) { return catalog_->ListEntries(list, {}, 1)->entries.at(0).id; }
  // The next write, of something else, puts the index right.
  void ExpectRebuilt() {
    EXPECT_EQ(indexes_, 0);
    ASSERT_TRUE(catalog_->CreateList(MakeConfig("third")));
    EXPECT_EQ(indexes_, 1);
  }

  testing::FakeStore store_;
  Step fails_ = Step::kNone;
  int indexes_ = 0;
  ListId list_ = 0;
  ListId other_ = 0;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogMemoryTest, APublicationThatFindsNoMemory) {
  fails_ = Step::kSnapshot;
  EXPECT_THROW(static_cast<void>(catalog_->SetEnabled("demo", false)), std::bad_alloc);
  // Readers keep what they had.
  EXPECT_EQ(Found(list_, 1), 1U);
  ExpectRebuilt();
  EXPECT_EQ(Found(list_, 1), 1U);
  EXPECT_FALSE(catalog_->Current()->Find("demo")->config.enabled) << "it was durable";
}

TEST_F(CatalogMemoryTest, AWithdrawalThatFindsNoMemory) {
  fails_ = Step::kWithdraw;
  EXPECT_THROW(static_cast<void>(catalog_->DeleteEntry("demo", SomeEntry("demo"))), std::bad_alloc);
  ExpectRebuilt();
  EXPECT_EQ(Found(list_, 0), 0U);
  EXPECT_EQ(Found(list_, 1), 1U);
  EXPECT_EQ(Found(other_, 0), 1U);
}

TEST_F(CatalogMemoryTest, ADeletionThatFindsNoMemory) {
  fails_ = Step::kWithdrawList;
  EXPECT_THROW(static_cast<void>(catalog_->DeleteList("demo", {})), std::bad_alloc);
  ExpectRebuilt();
  EXPECT_EQ(Found(list_, 1), 0U);
  EXPECT_EQ(Found(other_, 1), 1U);
}

TEST_F(CatalogMemoryTest, AReloadThatFindsNoMemory) {
  ListConfig config = MakeConfig("demo");
  config.pdq_pipeline = config.pdq_pipeline == Pipeline::kFull ? Pipeline::kNn512 : Pipeline::kFull;
  fails_ = Step::kAdd;
  EXPECT_THROW(static_cast<void>(catalog_->UpdateList(config, {})), std::bad_alloc);
  ExpectRebuilt();
  EXPECT_EQ(Found(list_, 1), 1U);
  EXPECT_EQ(Found(other_, 1), 1U);
}

TEST_F(CatalogMemoryTest, AWriteThatSucceedsLeavesNothingToRebuild) {
  ASSERT_TRUE(catalog_->DeleteEntry("demo", SomeEntry("demo")));
  ASSERT_TRUE(catalog_->SetEnabled("demo", false));
  ASSERT_TRUE(catalog_->DeleteList("demo", {}));
  ASSERT_TRUE(catalog_->CreateList(MakeConfig("third")));
  EXPECT_EQ(indexes_, 0);
}

}  // namespace
}  // namespace hashgate::lists
