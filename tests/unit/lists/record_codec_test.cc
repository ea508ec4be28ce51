// Bytes of the records, as src/lists/FORMAT.md gives them. A change here is a change of every store on disk.
#include "lists/record_codec.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/hex.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

std::string Hex(std::string_view bytes) {
  return HexEncode(AsBytes(bytes));
}

ListRecord SampleList() {
  ListRecord record;
  record.list.id = 7;
  record.list.config = testing::MakeConfig("demo");
  record.list.config.tenant = "acme";
  record.list.config.enabled = false;
  record.list.config.pdq_pipeline = Pipeline::kNn512;
  record.list.config.action_ceiling = Verdict::kReview;
  record.list.config.max_distances[Algorithm::kPHash] = 300;
  record.list.config.max_distances[Algorithm::kPhotoDna] = 9'363'600;
  record.list.config.description = "d";
  record.list.created = FromUnixMillis(1'000);
  record.list.updated = FromUnixMillis(2'000);
  record.list.entry_count = 3;
  record.list.quarantined_count = 12'000;
  record.quarantine_kept = 10'000;
  record.quarantine_files = 2;
  record.tally = {258, 3};
  record.list.kinds = {.digest = 2, .pdq = 1, .img_hash = 1};
  record.list.config.scheme = "iwf";
  record.list.whole_read = FromUnixMillis(3'000);
  record.list.brake = Brake{.max_verdict = Verdict::kReview,
                            .until = FromUnixMillis(4'000),
                            .made = FromUnixMillis(3'500),
                            .author = "a",
                            .reason = "b"};
  record.list.system = true;
  record.content = 9;
  record.revision = 5;
  return record;
}

std::string SampleEntry() {
  EntryRecord record;
  record.source_id = "ab";
  record.classification = "A1";
  record.labels = {"x"};
  record.hashes = {
      {Algorithm::kMd5, Pipeline::kUnspecified, kQualityUnknown, std::vector<std::uint8_t>(16, 0x11)},
      {Algorithm::kPdq, Pipeline::kFull, 77, std::vector<std::uint8_t>(32, 0x22)}};
  return EncodeEntry({3, 1'000, 2'000, 258}, EncodeEntryBody(record));
}

TEST(RecordCodecGolden, Keys) {
  EXPECT_EQ(Hex(ListKey(0x01020304)), "01020304");
  EXPECT_EQ(Hex(EntryKey(2, 0x0102030405060708)), "000000020102030405060708");
  KeyedDigest identity{};
  identity.fill(0xab);
  EXPECT_EQ(Hex(IdentityKey(1, identity)), "00000001abababababababababababababababab");
  EXPECT_EQ(Hex(QuarantineKey(1, 2, 3)), "0000000100000000000000020000000000000003");
  EXPECT_EQ(Hex(QuarantineMarkKey(1, 2)), "000000010000000000000002");
  EXPECT_EQ(RemovalKey(0x41424344), "lists.remove/ABCD");
  EXPECT_EQ(ChangedKey({0x4142434445464748, 0x41424344, 0x4142434445464748}),
            "lists.changed/ABCDEFGHABCDABCDEFGH");
}

TEST(RecordCodecGolden, State) {
  EXPECT_EQ(Hex(EncodeState({258, 2, 3, 4})),
            "010201000000000000"
            "02000000"
            "03000000"
            "0400000000000000");
}

TEST(RecordCodecGolden, Secret) {
  Secret secret{};
  secret.fill(0x5a);
  std::string expected = "01";
  for (int i = 0; i < 32; ++i) expected += "5a";
  EXPECT_EQ(Hex(EncodeSecret(secret)), expected);
}

TEST(RecordCodecGolden, List) {
  EXPECT_EQ(Hex(EncodeList(SampleList())),
            "05"                // version
            "09000000"          // content
            "0100000000000000"  // in force since
            "02"                // flags: disabled, system
            "05030203"          // purpose, trust, pipeline, ceiling
            "0500000000000000"  // revision
            "e803000000000000"  // created
            "d007000000000000"  // updated
            "0300000000000000"  // entries
            "e02e000000000000"  // quarantined
            "10270000"          // kept
            "02000000"          // files counted further
            "0201000000000000"  // hashes in the index
            "0300000000000000"  // and their sum
            "03041f000000"      // distances: pdq 31,
            "0590e08e00"        // photodna 9,363,600,
            "062c010000"        // phash 300
            "040064656d6f"      // name
            "040061636d65"      // tenant
            "090067656e657261746564"
            "16006e6f6e65206e65656465643a2073796e746865746963"
            "010064"
            "0200000000000000"  // entries with a digest
            "0100000000000000"  // with a PDQ hash
            "0000000000000000"  // with a PhotoDNA vector
            "0100000000000000"  // with a hash of img_hash
            "03697766"          // scheme
            "b80b000000000000"  // read as a whole
            "03"                // brake: REVIEW at most
            "a00f000000000000"  // until
            "ac0d000000000000"  // made
            "010061"
            "010062");
}

TEST(RecordCodecGolden, Entry) {
  EXPECT_EQ(Hex(SampleEntry()),
            "01"
            "03000000"
            "e803000000000000"
            "d007000000000000"
            "0201000000000000"
            "02006162"
            "02004131"
            "010178"
            "02"
            "0100ffff1000" +
                std::string(32, '1') + "04014d002000" + std::string(64, '2'));
}

TEST(RecordCodecGolden, IdentityQuarantineRemoval) {
  IdentityRecord identity;
  identity.entry = 5;
  identity.content.fill(0xcd);
  EXPECT_EQ(Hex(EncodeIdentity(identity)), "010500000000000000cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
  EXPECT_EQ(Hex(EncodeQuarantined({"f", 9, "no"})), "01090000000000000001006602006e6f");
  EXPECT_EQ(Hex(EncodeQuarantineMark(258)), "010201000000000000");
  EXPECT_EQ(Hex(EncodeRemoval(Removal::kObsolete)), "0102");
  SnapshotNames names(2);
  names[1].fill(0xab);
  EXPECT_EQ(
      Hex(EncodeSnapshots(names)), "01" + std::string(32, '0') + [] {
        std::string text;
        for (int i = 0; i < 16; ++i) text += "ab";
        return text;
      }());
  EXPECT_EQ(DecodeSnapshots(EncodeSnapshots(names)).value(), names);
  EXPECT_FALSE(DecodeSnapshots(EncodeSnapshots(names).substr(0, 20)));
}

// Where the tally begins in a list's bytes, and how long it is.
constexpr std::size_t kTallyAt = 1 + 4 + 8 + 1 + 4 + 8 + 8 + 8 + 8 + 8 + 4 + 4;
constexpr std::size_t kTallyBytes = 16;
// What versions 4 and 5 added, where there is neither scheme nor brake.
constexpr std::size_t kTailBytes = 4 * 8 + 1 + 8 + 1;

// A list's bytes as version 2 wrote them: two bytes a distance.
std::string ListOfVersion2(const ListRecord& record) {
  ListRecord before = record;
  before.list.kinds = {};
  before.list.config.scheme.clear();
  before.list.whole_read = WallTime();
  before.list.brake.reset();
  std::string bytes = EncodeList(before);
  bytes.resize(bytes.size() - kTailBytes);
  bytes[0] = 2;
  std::size_t at = kTallyAt + kTallyBytes + 1;
  for (std::size_t i = 0; i < record.list.config.max_distances.size(); ++i, at += 3) bytes.erase(at + 3, 2);
  return bytes;
}

TEST(RecordCodec, ReadsListsOfVersion2) {
  ListRecord record = SampleList();
  record.list.config.max_distances[Algorithm::kPhotoDna] = 65'535;
  const auto read = DecodeList(7, ListOfVersion2(record));
  ASSERT_TRUE(read) << read.error().message;
  // PhotoDNA was not matched then, and its distance was not squared: the default is in force.
  record.list.config.max_distances.erase(Algorithm::kPhotoDna);
  record.list.config.max_distances.erase(Algorithm::kPHash);
  EXPECT_EQ(read->list.config.max_distances, record.list.config.max_distances);
  EXPECT_FALSE(record.list.config.max_distances.empty());
  EXPECT_EQ(read->tally, record.tally);
  EXPECT_EQ(read->list.config.description, "d");
  EXPECT_FALSE(read->counts_kinds);
  EXPECT_FALSE(read->list.brake);
  // Rewritten as it is now.
  record.list.kinds = {};
  record.list.config.scheme.clear();
  record.list.whole_read = WallTime();
  record.list.brake.reset();
  EXPECT_EQ(EncodeList(*read), EncodeList(record));
}

// Before, no hash of img_hash was stored, and a threshold for one could be anything.
TEST(RecordCodec, ReadsListsOfVersion4) {
  ListRecord record = SampleList();
  record.list.kinds.img_hash = 0;
  std::string bytes = EncodeList(record);
  bytes[0] = 4;
  // Behind the count: scheme, time, brake.
  constexpr std::size_t kBehind = 4 + 8 + 1 + 8 + 8 + 3 + 3;
  bytes.erase(bytes.size() - kBehind - 8, 8);
  const auto read = DecodeList(7, bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->list.kinds, record.list.kinds);
  EXPECT_TRUE(read->counts_kinds);
  EXPECT_EQ(read->list.config.scheme, "iwf");
  EXPECT_TRUE(read->list.brake);
  record.list.config.max_distances.erase(Algorithm::kPHash);
  EXPECT_EQ(read->list.config.max_distances, record.list.config.max_distances);
  EXPECT_EQ(read->list.config.MaxDistance(Algorithm::kPHash), DefaultMaxDistance(Algorithm::kPHash));
}

// Stores of before lists had tallies: the tally is found out at the next start.
TEST(RecordCodec, ReadsListsOfVersion1) {
  std::string bytes = ListOfVersion2(SampleList());
  bytes[0] = 1;
  bytes.erase(kTallyAt, kTallyBytes);
  const auto read = DecodeList(7, bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tally, index::Tally{});
  EXPECT_EQ(read->quarantine_files, 2U);
  EXPECT_EQ(read->list.config.description, "d");
}

TEST(RecordCodec, ReadsBackWhatItWrote) {
  EXPECT_EQ(ParseChangedKey(ChangedKey({5, 6, 7})).value(), (ChangedEntry{5, 6, 7}));
  EXPECT_FALSE(ParseChangedKey("lists.changed/short"));

  const StateRecord state{258, 2, 3, 4};
  EXPECT_EQ(DecodeState(EncodeState(state)).value(), state);

  const ListRecord list = SampleList();
  const ListRecord read = DecodeList(7, EncodeList(list)).value();
  EXPECT_EQ(EncodeList(read), EncodeList(list));
  EXPECT_EQ(read.list.id, 7U);
  EXPECT_EQ(read.list.etag, MakeEtag(7, 5));
  EXPECT_EQ(read.list.config.max_distances, list.list.config.max_distances);
  EXPECT_FALSE(read.list.config.enabled);
  EXPECT_TRUE(read.list.system);

  const std::string bytes = SampleEntry();
  const EntryView view = DecodeEntry(bytes).value();
  EXPECT_EQ(view.head.version, 3U);
  EXPECT_EQ(view.head.first_seen_millis, 1'000);
  EXPECT_EQ(view.head.last_changed_millis, 2'000);
  EXPECT_EQ(view.head.changed_generation, 258);
  EXPECT_EQ(EncodeEntry(view.head, EncodeEntryBody(view.ToRecord())), bytes);

  const Quarantined quarantined = DecodeQuarantined(EncodeQuarantined({"file", 7, "why"})).value();
  EXPECT_EQ(quarantined.file, "file");
  EXPECT_EQ(quarantined.line, 7U);
  EXPECT_EQ(quarantined.reason, "why");
  EXPECT_EQ(DecodeRemoval(EncodeRemoval(Removal::kStaged)).value(), Removal::kStaged);
  EXPECT_EQ(ParseEntryKey(EntryKey(3, 99)).value(), 99U);
  EXPECT_EQ(ParseListKey(ListKey(98)).value(), 98U);
  EXPECT_EQ(ParseRemovalKey(RemovalKey(97)).value(), 97U);
}

// Every record cut anywhere, or with a byte too many, is refused as corrupt, never read as something shorter.
TEST(RecordCodec, RefusesEveryCutAndAnyRest) {
  const auto check = [](const std::string& whole, const auto& decode) {
    ASSERT_TRUE(decode(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto result = decode(whole.substr(0, size));
      ASSERT_FALSE(result) << "cut at " << size;
      EXPECT_EQ(result.error().reason, Reason::kStoreCorrupt);
    }
    EXPECT_FALSE(decode(whole + '\0'));
  };
  check(EncodeState({}), DecodeState);
  check(EncodeSecret({}), DecodeSecret);
  check(EncodeList(SampleList()), [](std::string_view bytes) { return DecodeList(7, bytes); });
  check(SampleEntry(), DecodeEntry);
  check(EncodeIdentity({}), DecodeIdentity);
  check(EncodeQuarantined({"f", 1, "r"}), DecodeQuarantined);
  check(EncodeQuarantineMark(5), DecodeQuarantineMark);
  check(EncodeRemoval(Removal::kStaged), DecodeRemoval);
  check(EntryKey(1, 2), ParseEntryKey);
  check(ListKey(1), ParseListKey);
  check(RemovalKey(1), ParseRemovalKey);
}

TEST(RecordCodec, RefusesNewerRecordsByName) {
  std::string entry = SampleEntry();
  entry[0] = 2;
  const auto result = DecodeEntry(entry);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kSchemaTooNew);
  EXPECT_NE(result.error().message.find("version 2"), std::string::npos);
}

TEST(RecordCodec, RefusesNumbersOutOfRange) {
  std::string entry = SampleEntry();
  const std::size_t algorithm = entry.find("\x01\x01x\x02") + 4;
  for (const char wrong : {'\0', '\x0c', '\x02'}) {
    std::string damaged = entry;
    damaged[algorithm] = wrong;  // unspecified; unknown; SHA-1, whose length is another
    EXPECT_FALSE(DecodeEntry(damaged)) << static_cast<int>(wrong);
  }
  std::string list = EncodeList(SampleList());
  list[13] = 4;  // an unknown flag
  EXPECT_FALSE(DecodeList(7, list));
  EXPECT_FALSE(DecodeState(EncodeState({0, 1, 1, 1})));
}

}  // namespace
}  // namespace hashgate::lists
