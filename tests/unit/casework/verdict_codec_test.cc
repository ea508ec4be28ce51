// Bytes of verdicts' records, as src/casework/FORMAT.md gives them. A change here is a change of every store
// on disk.
#include "casework/verdicts/verdict_codec.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <set>

#include "base/hex.h"
#include "base/random.h"
#include "testing/seed.h"
#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

std::string Hex(std::string_view bytes) {
  return HexEncode(AsBytes(bytes));
}

VerdictRecord Sample() {
  return {.id = {"acme", testing::ScanId(5)},
          .time = FromUnixMillis(1'000),
          .caller = "local",
          .request_id = "r",
          .file = 2,
          .content_id = "c",
          .surface = "default",
          .given = Verdict::kBlock,
          .standing = Verdict::kReview,
          .without_matches = Verdict::kAllow,
          .unseen = true,
          .outcome = Outcome::kMatched,
          .rule_id = "rule",
          .policy_digest = "sha256:00",
          .generation = 258,
          .matches = {{.entry = {3, 4},
                       .list = "demo",
                       .algorithms = {Algorithm::kMd5, Algorithm::kPdq},
                       .verdict = Verdict::kBlock,
                       .undone = true},
                      {.entry = {5, 6}, .list = "b", .verdict = Verdict::kReview}}};
}

TEST(VerdictCodecGolden, Keys) {
  const VerdictId id{"acme", testing::ScanId(5)};
  const std::string scan = Hex(testing::ScanId(5));
  EXPECT_EQ(Hex(VerdictKey(id)), "760461636d65" + scan);
  EXPECT_EQ(Hex(VerdictEntryKey({3, 0x0102}, id)),
            "00000003"
            "0000000000000102"
            "0461636d65" +
                scan);
  EXPECT_EQ(Hex(ListNameKey("demo", 7)), "6e0464656d6f00000007");
  EXPECT_EQ(Hex(EncodeVerdictId(id)), "010461636d65" + scan);
  const RequestKeys keys(std::vector<std::uint8_t>(32, 7));
  EXPECT_EQ(keys.Of(Sample()).size(), 33U);
  EXPECT_EQ(keys.Of(Sample()).front(), 'r');
}

TEST(VerdictCodecGolden, Record) {
  EXPECT_EQ(Hex(EncodeVerdict(Sample())),
            "01"
            "e803000000000000"
            "05006c6f63616c"
            "010072"
            "02000000"
            "010063"
            "070064656661756c74"
            "040301"
            "01"
            "01"
            "040072756c65"
            "09007368613235363a3030"
            "0201000000000000"
            "0200"
            "030000000400000000000000"
            "0464656d6f"
            "04"
            "01"
            "02"
            "0104"
            "050000000600000000000000"
            "0162"
            "03"
            "00"
            "00");
}

TEST(VerdictCodec, ReadsBackWhatItWrote) {
  const VerdictRecord record = Sample();
  EXPECT_EQ(DecodeVerdict(record.id, EncodeVerdict(record)).value(), record);
  EXPECT_EQ(ParseVerdictKey(VerdictKey(record.id)).value(), record.id);
  EXPECT_EQ(ParseVerdictEntryKey(VerdictEntryKey({1, 2}, record.id)).value(), record.id);
  EXPECT_EQ(DecodeVerdictId(EncodeVerdictId(record.id)).value(), record.id);
  const auto named = ParseListNameKey(ListNameKey("demo", 7)).value();
  EXPECT_EQ(named.first, "demo");
  EXPECT_EQ(named.second, 7U);
}

TEST(VerdictCodec, DamagedBytesAreRefusedOrReadAsSomethingElseThatFits) {
  const VerdictRecord record = Sample();
  const std::string bytes = EncodeVerdict(record);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(DecodeVerdict(record.id, bytes.substr(0, cut)).error().reason, Reason::kStoreCorrupt) << cut;
  }
  EXPECT_FALSE(DecodeVerdict(record.id, bytes + "x"));
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(DecodeVerdict(record.id, newer).error().reason, Reason::kSchemaTooNew);
  std::cout << "seed " << testing::Seed() << '\n';
  std::mt19937_64 random(testing::Seed());
  constexpr std::size_t kAfterTime = 9;
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto read = DecodeVerdict(record.id, damaged);
    refused += read ? 0 : 1;
    if (!read) continue;
    // What is read is within bounds: it can be written again. Times beyond a clock's range are cut.
    const std::string again = EncodeVerdict(*read);
    EXPECT_EQ(again.size(), damaged.size());
    EXPECT_EQ(again.substr(kAfterTime), damaged.substr(kAfterTime));
  }
  EXPECT_GT(refused, 2'000);
}

TEST(VerdictCodec, DamagedKeysAreRefused) {
  const VerdictId id{"acme", testing::ScanId(5)};
  for (const std::string& key : {VerdictKey(id), VerdictEntryKey({1, 2}, id)}) {
    for (std::size_t cut = 0; cut < key.size(); ++cut) {
      EXPECT_FALSE(ParseVerdictKey(key.substr(0, cut))) << cut;
      EXPECT_FALSE(ParseVerdictEntryKey(key.substr(0, cut))) << cut;
    }
  }
  EXPECT_FALSE(ParseListNameKey("n"));
  EXPECT_FALSE(DecodeVerdictId("\x01"));
}

TEST(VerdictCodec, DifferentRequestsHaveDifferentKeys) {
  const RequestKeys keys(std::vector<std::uint8_t>(32, 7));
  std::set<std::string> seen = {keys.Of(Sample())};
  const auto changed = [&](auto change) {
    VerdictRecord record = Sample();
    change(record);
    return seen.insert(keys.Of(record)).second;
  };
  EXPECT_TRUE(changed([](VerdictRecord& record) { record.request_id = "q"; }));
  EXPECT_TRUE(changed([](VerdictRecord& record) { record.caller = "other"; }));
  EXPECT_TRUE(changed([](VerdictRecord& record) { record.id.tenant = "other"; }));
  EXPECT_TRUE(changed([](VerdictRecord& record) { record.file = -1; }));
  EXPECT_TRUE(changed([](VerdictRecord& record) {
    record.caller = "locar";
    record.request_id = "";
  }));
  EXPECT_FALSE(changed([](VerdictRecord& record) { record.content_id = "other"; }));
  VerdictRecord other_scan = Sample();
  other_scan.id.scan_id = testing::ScanId(6);
  EXPECT_FALSE(seen.insert(keys.Of(other_scan)).second) << "the request is the same";
}

TEST(VerdictCodec, ScanIdsSortBehindTheFirstOfTheirTime) {
  const WallTime time = FromUnixMillis(1'795'000'000'000);
  EXPECT_LE(FirstScanIdAt(time), NewUlid(1'795'000'000'000));
  EXPECT_GT(FirstScanIdAt(time), NewUlid(1'794'999'999'999));
  EXPECT_EQ(FirstScanIdAt(time).size(), kScanIdBytes);
  EXPECT_EQ(FirstScanIdAt(WallTime::min()), std::string(26, '0'));
}

}  // namespace
}  // namespace hashgate::casework
