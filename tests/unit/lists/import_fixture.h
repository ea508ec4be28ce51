// What the tests of imports share: a catalog over a store in memory, whose index can run out of memory.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <span>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/forwarding_builder.h"
#include "testing/list_records.h"

namespace hashgate::lists {

using testing::FakeStore;
using testing::FindBySha1;
using testing::MakeConfig;
using testing::MakeHash;
using testing::MakeImport;
using testing::MakeRecord;

// Passes everything on to the real index until told to have no memory left.
class TightIndex final : public testing::ForwardingBuilder {
 public:
  TightIndex(const int* adds_left, const index::IndexOptions& options)
      : ForwardingBuilder(options), adds_left_(adds_left) {}
  Status Add(std::span<const index::IndexedHash> hashes,
             std::span<const index::IndexedVector> vectors) override {
    if (*adds_left_ == 0) return Fail(Reason::kMemoryLimit, "the index would need 2 of 1 bytes");
    return ForwardingBuilder::Add(hashes, vectors);
  }

 private:
  const int* adds_left_;
};

/// Threads: thread-safe, with one that steps.
class SteppingClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime Steady() const override { return now_; }
  [[nodiscard]] WallTime Wall() const override { return WallTime(std::chrono::hours(1)); }
  void Step(std::chrono::milliseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<SteadyTime> now_{SteadyTime(std::chrono::hours(1))};
};

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Restart();
    auto list = catalog_->CreateList(MakeConfig("demo"));
    ASSERT_TRUE(list) << list.error().message;
    list_ = list->id;
  }

  void Restart() {
    catalog_.reset();
    CatalogOptions options;
    options.remove_in_background = false;  // so that failing writes are counted in one order
    options.merge_in_background = false;
    options.commit_in_background = in_background_;
    options.runs = runs_;
    options.clock = clock_;
    options.make_index = [this](const index::IndexOptions& index) {
      return std::make_unique<TightIndex>(&adds_left_, index);
    };
    auto opened = Catalog::Open(store_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = *std::move(opened);
  }

  std::unique_ptr<Import> Start(bool replace = false) {
    auto import = catalog_->StartImport({.list = "demo", .file = "file.csv", .replace = replace});
    EXPECT_TRUE(import) << import.error().message;
    return *std::move(import);
  }

  ImportProgress Run(std::span<const ImportRecord> records, bool replace = false) {
    const auto import = Start(replace);
    const auto added = import->Add(records);
    EXPECT_TRUE(added) << added.error().message;
    const auto done = import->Finish();
    EXPECT_TRUE(done) << done.error().message;
    return *done;
  }

  [[nodiscard]] std::size_t Hits(std::uint64_t number) const {
    return FindBySha1(*catalog_->Current(), list_, number).size();
  }
  [[nodiscard]] HashList List() const { return catalog_->GetList("demo").value(); }
  [[nodiscard]] std::int64_t Number() const { return catalog_->Current()->number; }

  FakeStore store_;
  int adds_left_ = -1;
  RunOptions runs_;
  bool in_background_ = false;
  const Clock* clock_ = &Clock::System();
  std::unique_ptr<Catalog> catalog_;
  ListId list_ = 0;
};

}  // namespace hashgate::lists
