// Entries read on several threads: each once, whatever the parts, and errors reach the caller.
#include "lists/entry_reader.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

constexpr ContentId kContent = 3;

class EntryReaderTest : public ::testing::Test {
 protected:
  struct Loaded {
    std::uint64_t entries = 0;
    index::Tally tally;
  };

  // Entries at every third number from 1,000 on, and others' beside them.
  void SetUp() override {
    record_.list.id = 1;
    for (std::uint64_t i = 0; i < kEntries; ++i) Put(kContent, 1'000 + 3 * i, i);
    Put(kContent - 1, 1'001, 0);
    Put(kContent + 1, 1'002, 0);
  }

  void Put(ContentId content, EntryId entry, std::uint64_t number) {
    const EntryRecord record = testing::MakeRecord(number, static_cast<int>(number % 5));
    std::string value;
    EncodeEntry({}, EncodeEntryBody(record), value);
    store_.Set(store::Family::kEntries, EntryKey(content, entry), value);
  }

  Result<Loaded> ReadAll(EntryId first, EntryId end, std::set<EntryId>& seen) {
    EntryReader reader(store_, tallier_, record_, kContent, first, end);
    Loaded loaded;
    while (true) {
      HASHGATE_ASSIGN_OR_RETURN(const std::optional<EntryBatch> batch, reader.Next());
      if (!batch) return loaded;
      loaded.entries += batch->entries;
      loaded.tally += batch->tally;
      EXPECT_EQ(tallier_.Of(batch->rows), batch->tally);
      for (const index::IndexedHash& hash : batch->rows.hashes) {
        seen.insert(hash.entry);
        const std::string& said = batch->classes.infos().at(hash.action_class).classification;
        EXPECT_EQ(said, "class-" + std::to_string((hash.entry - 1'000) / 3 % 5));
      }
    }
  }

  static constexpr std::uint64_t kEntries = 2'000;
  static constexpr EntryId kEnd = 1'000 + 3 * kEntries;
  testing::FakeStore store_;
  index::Tallier tallier_{index::IndexSeed{}};
  ListRecord record_;
};

TEST_F(EntryReaderTest, EveryEntryComesOnce) {
  std::optional<index::Tally> tally;
  // One thread, and as many as there are for a list that says it is large.
  for (const std::uint64_t said : {kEntries, std::uint64_t{5'000'000}}) {
    record_.list.entry_count = said;
    std::set<EntryId> seen;
    const auto loaded = ReadAll(0, kEnd, seen);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->entries, kEntries);
    EXPECT_EQ(seen.size(), kEntries);
    EXPECT_EQ(loaded->tally.hashes, 3 * kEntries);
    if (tally) {
      EXPECT_EQ(loaded->tally, *tally);
    }
    tally = loaded->tally;
  }
}

TEST_F(EntryReaderTest, BeginsWhereItIsTold) {
  record_.list.entry_count = 5'000'000;
  for (const EntryId first : {EntryId{1'000}, EntryId{1'001}, kEnd - 3, kEnd - 2, kEnd, kEnd + 9}) {
    std::set<EntryId> seen;
    const auto loaded = ReadAll(first, std::max(first, kEnd), seen);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->entries, first >= kEnd ? 0 : (kEnd - first) / 3) << first;
  }
}

TEST_F(EntryReaderTest, ErrorsReachTheCaller) {
  for (const std::uint64_t said : {kEntries, std::uint64_t{5'000'000}}) {
    record_.list.entry_count = said;
    std::set<EntryId> seen;
    const auto beyond = ReadAll(0, kEnd - 3, seen);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().reason, Reason::kStoreCorrupt);
    store_.FailReads(Reason::kStoreFailed);
    const auto failed = ReadAll(0, kEnd, seen);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().reason, Reason::kStoreFailed);
    store_.Heal();
  }
  store_.Set(store::Family::kEntries, EntryKey(kContent, 1'003), "damaged");
  std::set<EntryId> seen;
  EXPECT_FALSE(ReadAll(0, kEnd, seen));
}

TEST_F(EntryReaderTest, MayBeLeftAtAnyTime) {
  record_.list.entry_count = 5'000'000;
  for (int i = 0; i < 50; ++i) {
    EntryReader reader(store_, tallier_, record_, kContent, 0, kEnd);
    for (int k = 0; k < i % 4; ++k) ASSERT_TRUE(reader.Next());
  }
}

}  // namespace
}  // namespace hashgate::lists
