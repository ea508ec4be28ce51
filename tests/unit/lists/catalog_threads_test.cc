// Readers during writes: each pinned generation is whole, and numbers never go back. Meant for TSan.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"
#include "testing/poll.h"

namespace hashgate::lists {
namespace {

using testing::FakeStore;
using testing::FindBySha1;
using testing::MakeConfig;
using testing::MakeImport;

TEST(CatalogThreads, ReadersSeeWholeGenerationsThatNeverGoBack) {
  FakeStore store;
  const auto catalog = Catalog::Open(store, {}).value();
  const ListId list = catalog->CreateList(MakeConfig("demo"))->id;
  constexpr std::uint64_t kBatches = 40;
  constexpr std::uint64_t kPerBatch = 25;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  const auto read = [&] {
    std::int64_t last = 0;
    while (!done.load()) {
      const auto generation = catalog->Current();
      if (generation->number < last) ++wrong;
      last = generation->number;
      const HashList* found = generation->Find("demo");
      // Imports only add here, so the count says which records must be found in this generation.
      const std::uint64_t count = found->entry_count;
      if (count % kPerBatch != 0) ++wrong;
      if (count > 0 && FindBySha1(*generation, list, count - 1).size() != 1) ++wrong;
      if (!FindBySha1(*generation, list, count).empty()) ++wrong;
      const auto page = catalog->ListEntries("demo", "", 10);
      if (!page || (count >= 10 && page->entries.size() != 10)) ++wrong;
    }
  };
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  std::jthread toggler([&] {
    for (bool enabled = false; !done.load(); enabled = !enabled) {
      if (!catalog->SetEnabled("demo", enabled)) ++wrong;
    }
  });
  {
    const auto import = catalog->StartImport({.list = "demo", .file = "f"}).value();
    for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
      const auto added = import->Add(MakeImport(batch * kPerBatch, (batch + 1) * kPerBatch));
      ASSERT_TRUE(added);
      // Read-your-writes: every scan admitted after the answer uses its generation or a newer one.
      EXPECT_GE(catalog->Current()->number, added->generation);
    }
  }
  done = true;
  readers.clear();
  toggler.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(catalog->GetList("demo")->entry_count, kBatches * kPerBatch);
}

TEST(CatalogThreads, ReplacingNeverShowsAMixture) {
  FakeStore store;
  const auto catalog = Catalog::Open(store, {}).value();
  const ListId list = catalog->CreateList(MakeConfig("demo"))->id;
  const auto replace = [&](std::uint64_t from, std::uint64_t to) {
    const auto import = catalog->StartImport({.list = "demo", .file = "f", .replace = true}).value();
    return import->Add(MakeImport(from, to)) && import->Finish();
  };
  ASSERT_TRUE(replace(0, 20));
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done.load()) {
        const auto generation = catalog->Current();
        const std::size_t old_hits = FindBySha1(*generation, list, 3).size();
        const std::size_t new_hits = FindBySha1(*generation, list, 103).size();
        if (old_hits + new_hits != 1) ++wrong;
        const std::uint64_t number = old_hits == 1 ? 3 : 103;
        const EntryId id = FindBySha1(*generation, list, number).at(0);
        const auto entry = catalog->GetEntry(list, id);
        if (!entry && entry.error().reason != Reason::kEntryNotFound) ++wrong;
        // A listing is one content or a refusal, never a part of one.
        const auto page = catalog->ListEntries("demo", "", 100);
        if (page && page->entries.size() != 20) ++wrong;
      }
    });
  }
  for (int round = 0; round < 15; ++round) {
    EXPECT_TRUE(round % 2 == 0 ? replace(100, 120) : replace(0, 20));
  }
  done = true;
  readers.clear();
  EXPECT_EQ(wrong.load(), 0);
}

// What the index merges on its own thread is published without a write, under the number in force, and holds
// what the segments held: less what was withdrawn meanwhile.
TEST(CatalogThreads, WhatTheIndexMergesIsPublishedUnderTheNumberInForce) {
  FakeStore store;
  const auto catalog = Catalog::Open(store, {}).value();
  const ListId list = catalog->CreateList(MakeConfig("demo"))->id;
  constexpr std::uint64_t kEntries = 24'000;
  constexpr std::uint64_t kPerBatch = 4'000;
  const auto import = catalog->StartImport({.list = "demo", .file = "f"}).value();
  for (std::uint64_t first = 0; first < kEntries; first += kPerBatch) {
    ASSERT_TRUE(import->Add(MakeImport(first, first + kPerBatch)));
  }
  ASSERT_TRUE(import->Finish());
  const EntryId gone = FindBySha1(*catalog->Current(), list, 100).at(0);
  ASSERT_TRUE(catalog->DeleteEntry("demo", gone));
  const auto written = catalog->Current();
  // With bands for all of them each PDQ hash takes more than twice what its row takes.
  ASSERT_TRUE(testing::PollUntil(
      [&] { return catalog->Current()->index->MemoryBytes() > kEntries * (30 + 34 + 2 * 40); },
      std::chrono::seconds(30)));
  const auto merged = catalog->Current();
  EXPECT_EQ(merged->number, written->number);
  EXPECT_NE(merged->index, written->index);
  EXPECT_EQ(merged->index->CountIn(list, Algorithm::kPdq), kEntries - 1);
  for (std::uint64_t number = 0; number < kEntries; number += 997) {
    EXPECT_EQ(FindBySha1(*merged, list, number).size(), 1U) << number;
    const auto hash = testing::MakeHash(Algorithm::kPdq, number);
    const index::PdqQuery query{PdqHash::FromBytes(std::span<const std::uint8_t, 32>(hash.bytes)),
                                Pipeline::kFull, 0};
    const index::ListRadius radius{.list = list, .max_distance_bits = 31};
    const auto found = merged->index->SearchPdq(std::span(&query, 1), std::span(&radius, 1), {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->candidates.size(), 1U) << number;
  }
  EXPECT_TRUE(FindBySha1(*merged, list, 100).empty());
}

}  // namespace
}  // namespace hashgate::lists
