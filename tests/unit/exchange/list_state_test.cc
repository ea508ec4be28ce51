#include "exchange/signed/list_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "base/hex.h"
#include "testing/list_records.h"
#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

using testing::MakeRecord;

std::string BytesOf(const lists::EntryRecord& record) {
  std::string out;
  AppendEntryBytes(record, out);
  return out;
}

TEST(EntryBytes, AreTheSameInWhateverOrderHashesCome) {
  lists::EntryRecord record = MakeRecord(1);
  record.labels = {"b", "a"};
  const std::string bytes = BytesOf(record);
  std::ranges::reverse(record.hashes);
  EXPECT_EQ(BytesOf(record), bytes);
  const auto parsed = ParseEntryBytes(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  std::ranges::reverse(record.hashes);
  EXPECT_EQ(parsed->source_id, record.source_id);
  EXPECT_EQ(parsed->classification, record.classification);
  EXPECT_EQ(parsed->labels, record.labels);
  EXPECT_EQ(parsed->hashes, record.hashes);
}

TEST(EntryBytes, EveryFieldCounts) {
  const lists::EntryRecord record = MakeRecord(1);
  std::vector<std::string> all = {BytesOf(record)};
  const auto add = [&](const std::function<void(lists::EntryRecord&)>& change) {
    lists::EntryRecord changed = record;
    change(changed);
    all.push_back(BytesOf(changed));
  };
  add([](auto& r) { r.source_id += "x"; });
  add([](auto& r) { r.classification += "x"; });
  add([](auto& r) { r.labels = {"x"}; });
  add([](auto& r) { r.labels = {"", "x"}; });
  add([](auto& r) { r.hashes.pop_back(); });
  add([](auto& r) { r.hashes[2].quality = 91; });
  add([](auto& r) { r.hashes[2].pipeline = Pipeline::kFull; });
  add([](auto& r) { r.hashes[0].bytes[15] ^= 1; });
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(EntryBytes, OtherBytesAreRefused) {
  const std::string bytes = BytesOf(MakeRecord(1));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(ParseEntryBytes(bytes.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(ParseEntryBytes(bytes + '\0').has_value());
  // Hashes the other way round: one entry must not have two forms.
  lists::EntryRecord one = MakeRecord(1);
  one.hashes.resize(1);
  lists::EntryRecord two = MakeRecord(1);
  two.hashes = {two.hashes[1]};
  const std::string first = BytesOf(one);
  const std::string second = BytesOf(two);
  const std::size_t head = first.size() - 22;
  const auto joined = [&](const std::string& a, const std::string& b) {
    std::string out = first.substr(0, head);
    out.back() = 2;
    return out + a.substr(head) + b.substr(head);
  };
  EXPECT_TRUE(ParseEntryBytes(joined(first, second)).has_value());
  EXPECT_FALSE(ParseEntryBytes(joined(second, first)).has_value());
  EXPECT_FALSE(ParseEntryBytes(joined(first, first)).has_value());
}

TEST(ListState, GoldenAndOrderless) {
  ListState state;
  EXPECT_EQ(HexEncode(state.digest()), std::string(64, '0'));
  state.Add("a");
  // Made by Python: hashlib.sha256(b"hashgate entry 1\na").
  EXPECT_EQ(HexEncode(state.digest()), "a30478972f6b6e58ed2543c7e27bd7a13199f7abb752f3d4e41b1db06f71cbe1");
  state.Add("b");
  EXPECT_EQ(HexEncode(state.digest()), "04892d6cffa7431c2d067055a3486d5c9256cd8840869860e52983e758d3d6c6");
  ListState other;
  other.Add("b");
  other.Add("a");
  EXPECT_EQ(state, other);
  EXPECT_EQ(state.count(), 2U);
}

TEST(ListState, ChangesInAnyOrderComeToTheSame) {
  std::mt19937_64 random(testing::Seed());
  ListState kept;
  ListState walked;
  std::vector<std::string> extra;
  std::vector<std::string> steps;
  for (std::uint64_t i = 0; i < 500; ++i) {
    const std::string entry = BytesOf(MakeRecord(random()));
    if (random() % 3 == 0) {
      extra.push_back(entry);
    } else {
      kept.Add(entry);
    }
    steps.push_back(entry);
  }
  std::ranges::shuffle(steps, random);
  for (const std::string& entry : steps) walked.Add(entry);
  EXPECT_NE(walked.digest(), kept.digest());
  std::ranges::shuffle(extra, random);
  for (const std::string& entry : extra) walked.Remove(entry);
  EXPECT_EQ(walked, kept);
}

TEST(ListState, TellsWhatGoesAstray) {
  const std::string entry = BytesOf(MakeRecord(1));
  ListState state;
  state.Add(entry);
  ListState doubled = state;
  doubled.Add(entry);
  EXPECT_NE(doubled.digest(), state.digest()) << "an entry twice is not once, nor none";
  EXPECT_NE(doubled.digest(), ListDigest{});
  ListState changed;
  changed.Add(BytesOf(MakeRecord(1, 2)));
  EXPECT_NE(changed.digest(), state.digest());
}

}  // namespace
}  // namespace hashgate::exchange
