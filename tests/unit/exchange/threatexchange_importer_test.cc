#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

std::string Descriptor(const std::string& status, const std::string& more = "") {
  return R"({"id":"11","owner":{"id":"1001"},"status":")" + status + "\"" + more + "}";
}

std::string Update(const std::string& id, const std::string& type, const std::string& indicator,
                   const std::string& more) {
  return R"({"id":")" + id + R"(","type":")" + type + R"(","indicator":")" + indicator +
         R"(","last_updated":1700000000,"should_delete":false)" + (more.empty() ? "" : "," + more) + "}";
}

std::string Pdq(const std::string& id, const std::string& descriptors) {
  return Update(id, "HASH_PDQ", Hex(64, 'a'), R"("descriptors":{"data":[)" + descriptors + "]}");
}

std::string Page(const std::string& updates) {
  return R"({"data":[)" + updates + R"(],"paging":{"next":"https://127.0.0.1/next"}})";
}

TEST(ThreatExchangeImporter, ReadsAPage) {
  const Read read = ReadAll(Page(
      Pdq("1", Descriptor("MALICIOUS", R"(,"tags":{"data":[{"id":"5","text":"b"},{"id":"6","text":"a"}]})")) +
      "," + Update("2", "HASH_MD5", Hex(32, 'B'), R"("status":"SUSPICIOUS","tags":["x"])") + "," +
      Update("3", "HASH_SHA1", Hex(40, 'c'), R"("descriptors":[{"status":"UNKNOWN","tags":["y"]}])") + "," +
      Update("4", "HASH_SHA256", Hex(64, 'd'), R"("status":" unknown\t","tags":null)")));
  EXPECT_EQ(read.format, FileFormat::kThreatExchange);
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  ASSERT_EQ(read.Problems(), "");
  ASSERT_EQ(read.records.size(), 4U);
  const auto& first = *read.records[0].record;
  EXPECT_EQ(first.source_id, "1");
  EXPECT_EQ(first.classification, "threatexchange:MALICIOUS");
  EXPECT_EQ(first.labels, (std::vector<std::string>{"a", "b"})) << "sorted: order says nothing";
  EXPECT_EQ(first.hashes.at(0).algorithm, Algorithm::kPdq);
  EXPECT_EQ(first.hashes[0].bytes, std::vector<std::uint8_t>(32, 0xaa));
  const auto& second = *read.records[1].record;
  EXPECT_EQ(second.classification, "threatexchange:SUSPICIOUS");
  EXPECT_EQ(second.labels, (std::vector<std::string>{"x"}));
  EXPECT_EQ(second.hashes.at(0).algorithm, Algorithm::kMd5);
  EXPECT_EQ(read.records[2].record->classification, "threatexchange:UNKNOWN");
  EXPECT_EQ(read.records[2].record->hashes.at(0).algorithm, Algorithm::kSha1);
  EXPECT_EQ(read.records[2].record->labels, (std::vector<std::string>{"y"}));
  EXPECT_EQ(read.records[3].record->classification, "threatexchange:UNKNOWN");
  EXPECT_EQ(read.records[3].record->hashes.at(0).algorithm, Algorithm::kSha256);
  EXPECT_TRUE(read.records[3].record->labels.empty());
}

TEST(ThreatExchangeImporter, PagesBehindEachOtherLinesAndSingleUpdates) {
  const std::string one = Pdq("1", Descriptor("MALICIOUS"));
  const std::string two = Update("2", "HASH_MD5", Hex(32, '2'), R"("status":"MALICIOUS")");
  const ImporterOptions options{.format = FileFormat::kThreatExchange};
  for (const std::string& text :
       {Page(one) + Page(two), Page(one) + "\n" + Page("") + "\n" + Page(two) + "\n", one + "\n" + two + "\n",
        "[" + one + "," + two + "]", Page(one) + two}) {
    const Read read = ReadAll(text, options);
    ASSERT_FALSE(read.error.has_value()) << read.error->message;
    EXPECT_EQ(read.Problems(), "") << text;
    ASSERT_EQ(read.records.size(), 2U) << text;
    EXPECT_EQ(read.records[0].record->source_id, "1");
    EXPECT_EQ(read.records[1].record->source_id, "2");
    EXPECT_EQ(read.records[1].line, 2U);
  }
}

TEST(ThreatExchangeImporter, HarmlessOnesNeverBecomeEntries) {
  const Read read = ReadAll(Page(Pdq("1", Descriptor("NON_MALICIOUS")) + "," +
                                 Pdq("2", Descriptor("NON_MALICIOUS") + "," + Descriptor("NON_MALICIOUS")) +
                                 "," + Update("3", "HASH_MD5", Hex(32, '2'), R"("status":"non_malicious")")));
  EXPECT_EQ(read.records.size(), 0U);
  EXPECT_EQ(read.notes.skipped_harmless, 3U);
}

TEST(ThreatExchangeImporter, OpinionsThatDifferAreDisputed) {
  const std::string disagrees = R"(,"reactions":[{"key":"DISAGREE_WITH_TAGS","value":"7,8"}])";
  const Read read =
      ReadAll(Page(Pdq("1", Descriptor("NON_MALICIOUS") + "," + Descriptor("MALICIOUS")) + "," +
                   Pdq("2", Descriptor("MALICIOUS", disagrees)) + "," +
                   Pdq("3", Descriptor("MALICIOUS", R"(,"reactions":[{"DISAGREE_WITH_TAGS":["7"]}])")) + "," +
                   Pdq("4", Descriptor("MALICIOUS", R"(,"reactions":[{"key":"HELPFUL","value":"7"}])")) +
                   "," + Pdq("5", Descriptor("UNKNOWN") + "," + Descriptor("SUSPICIOUS")) + "," +
                   Pdq("6", Descriptor("SUSPICIOUS") + "," + Descriptor("MALICIOUS"))));
  ASSERT_EQ(read.records.size(), 6U);
  ASSERT_EQ(read.Problems(), "");
  const char* const expected[] = {"DISPUTED", "DISPUTED", "DISPUTED", "MALICIOUS", "SUSPICIOUS", "MALICIOUS"};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(read.records[i].record->classification, std::string("threatexchange:") + expected[i]);
  }
}

TEST(ThreatExchangeImporter, WithoutAStatusNobodyCanTell) {
  const Read read = ReadAll(Page(Pdq("1", R"({"id":"11"})")));
  EXPECT_EQ(read.Problems(), "1: the item has no status\n");
}

TEST(ThreatExchangeImporter, DeletionsAreProblemsBecauseImportsNeverRemove) {
  const std::string deletion = R"({"id":"2","indicator":")" + Hex(64, 'a') +
                               R"(","type":"HASH_PDQ","should_delete":true,"status":"MALICIOUS"})";
  ImporterOptions options;
  for (const bool replaces : {false, true}) {
    options.replaces = replaces;
    const Read read =
        ReadAll(Page(deletion + "," + Pdq("3", "") + "," + Update("4", "HASH_PDQ", Hex(64, 'a'), "") + "," +
                     R"({"id":"5","type":"HASH_PDQ","should_delete":"maybe"})"),
                options);
    EXPECT_EQ(read.Problems(),
              "1: a deletion: importing a file never removes entries\n"
              "2: a deletion: importing a file never removes entries\n"
              "3: a deletion: importing a file never removes entries\n"
              "4: should_delete is neither true nor false\n");
  }
}

TEST(ThreatExchangeImporter, VideosAndOtherKindsAreLeftOutAndCounted) {
  const Read read = ReadAll(Page(
      Update("1", "HASH_VIDEO_MD5", Hex(32, '1'), R"("status":"MALICIOUS")") + "," +
      Update("2", "HASH_MD5", Hex(32, '1'), R"("status":"MALICIOUS","tags":["media_type_video"])") + "," +
      Update("3", "HASH_SHA256", Hex(64, '1'),
             R"("descriptors":[{"status":"MALICIOUS","tags":{"data":[{"text":"media_type_video"}]}}])") +
      "," + Update("4", "URI", "https://127.0.0.1", R"("status":"MALICIOUS")")));
  EXPECT_EQ(read.records.size(), 0U);
  EXPECT_EQ(read.notes.values_left_out, 4U);
}

TEST(ThreatExchangeImporter, AnIdIsNeverTheHashItself) {
  const Read read = ReadAll(Page(Update(Hex(32, 'A'), "HASH_MD5", Hex(32, 'a'), R"("status":"MALICIOUS")")));
  ASSERT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.records[0].record->source_id, "");
}

TEST(ThreatExchangeImporter, MoreTagsThanAnEntryHoldsAreCounted) {
  std::string tags = "\"" + std::string(129, 'l') + "\"";
  for (int i = 100; i < 140; ++i) tags += ",\"tag" + std::to_string(i) + "\"";
  const Read read =
      ReadAll(Page(Update("1", "HASH_MD5", Hex(32, 'a'), R"("status":"MALICIOUS","tags":[)" + tags + "]")));
  ASSERT_EQ(read.Problems(), "");
  EXPECT_EQ(read.records.at(0).record->labels.size(), 32U);
  EXPECT_EQ(read.notes.values_left_out, 9U);
}

TEST(ThreatExchangeImporter, BadItemsCostThemselves) {
  const std::string good = Pdq("1", Descriptor("MALICIOUS"));
  const Read read =
      ReadAll(Page("7,{\"id\" 1}," + Update("2", "HASH_PDQ", "zz", R"("status":"MALICIOUS")") + "," +
                   Update("3", "HASH_PDQ", "", R"("status":"MALICIOUS")") + ",{}," + good));
  ASSERT_EQ(read.records.size(), 6U);
  EXPECT_TRUE(read.records[5].record.has_value());
  EXPECT_EQ(read.Problems(),
            "1: the item is not a JSON object\n2: the item is not valid JSON\n"
            "3: pdq: a pdq hash is exactly 64 hex digits\n4: the item has no indicator\n"
            "5: the item has no type\n");
}

TEST(ThreatExchangeImporter, PagesThatAreNoneAreSeen) {
  const std::string page = Page(Pdq("1", Descriptor("MALICIOUS")));
  EXPECT_EQ(ReadAll(page + R"({"error":{"message":"expired","code":190}})").Problems(),
            "2: the item has no type\n");
  EXPECT_EQ(ReadOnce(page + "nonsense", {}, 1000, 10).Problems(),
            "2: what follows is not an object with the array /data\n");
  EXPECT_EQ(ReadOnce(page.substr(0, page.size() - 1), {}, 1000, 10).Problems(),
            "2: something else than the end of the document follows the items\n");
  EXPECT_EQ(ReadOnce(page.substr(0, page.size() - 1) + R"(,"data":[]})", {}, 1000, 10).Problems(),
            "2: something else than the end of the document follows the items\n")
      << "a second array would be lost";
  EXPECT_TRUE(ReadAll(R"({"data":7})").error.has_value());
}

const std::string kHeader =
    "td_description,td_status,td_severity,td_raw_indicator,td_indicator,td_owner_id,td_subjective_tags,"
    "td_privacy_groups\n";

TEST(ThreatExchangeImporter, ReadsDownloadsAsCsv) {
  ImporterOptions options;
  options.algorithm = Algorithm::kPdq;
  const Read read =
      ReadAll(kHeader + "\"a, b\",MALICIOUS,INFO," + Hex(32, 'e') + ",[object Object],1,testing;pwny,\n" +
                  "x,NON_MALICIOUS,INFO," + Hex(40, 'e') + ",[object Object],1,,\n" + "x,UNKNOWN,INFO," +
                  Hex(64, 'f') + ",,1,,\n" + "x,MALICIOUS,INFO," + Hex(32, '2') + ",,1,media_type_video,\n" +
                  "x,,INFO," + Hex(32, '3') + ",,1,,\n" + "x,MALICIOUS,INFO,example,,1,,\n",
              options);
  EXPECT_EQ(read.format, FileFormat::kThreatExchange);
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  ASSERT_EQ(read.records.size(), 3U);
  const auto& first = *read.records[0].record;
  EXPECT_EQ(first.source_id, "");
  EXPECT_EQ(first.classification, "threatexchange:MALICIOUS");
  EXPECT_EQ(first.labels, (std::vector<std::string>{"pwny", "testing"}));
  EXPECT_EQ(first.hashes.at(0).algorithm, Algorithm::kMd5);
  EXPECT_EQ(read.records[1].record->hashes.at(0).algorithm, Algorithm::kPdq);
  EXPECT_EQ(read.Problems(), "6: the item has no status\n");
  EXPECT_EQ(read.notes.skipped_harmless, 1U);
  EXPECT_EQ(read.notes.values_left_out, 2U);
}

TEST(ThreatExchangeImporter, CsvWithATypeSaysWhatItIs) {
  const Read read = ReadAll("id,type,indicator,status,tags\n9,HASH_SHA256," + Hex(64, 'a') + ",MALICIOUS,\n" +
                                "8,HASH_VIDEO_MD5," + Hex(32, 'a') + ",MALICIOUS,\n",
                            {.format = FileFormat::kThreatExchange});
  ASSERT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.records[0].record->source_id, "9");
  EXPECT_EQ(read.records[0].record->hashes.at(0).algorithm, Algorithm::kSha256);
}

TEST(ThreatExchangeImporter, CsvThatCannotBeJudgedIsNotTaken) {
  EXPECT_NE(ReadAll("td_raw_indicator\n" + Hex(32, 'a') + "\n").error->message.find("harmless"),
            std::string::npos);
  EXPECT_EQ(ReadAll("td_raw_indicator,td_status\n" + Hex(64, 'a') + ",MALICIOUS\n").Problems(),
            "2: 64 hex digits can be PDQ or SHA-256, and there is no type: say which with --algorithm\n");
  EXPECT_EQ(ReadAll("td_raw_indicator,td_status\n" + Hex(32, 'a') + "\n").Problems(),
            "2: the line has 1 fields, the header 2\n");
}

TEST(ThreatExchangeImporter, AStatusIsTrimmedAndOfAKnownWord) {
  const Read read = ReadAll(Page(Pdq("1", Descriptor(" NON_MALICIOUS ")) + "," +
                                 Update("2", "HASH_MD5", Hex(32, '2'), R"("status":"NON_MALICIOUS\t")") +
                                 "," + Update("3", "HASH_MD5", Hex(32, '3'), R"("status":"BENIGN")") + "," +
                                 Pdq("4", Descriptor("MALICIOUS") + "," + Descriptor("BENIGN")) + "," +
                                 Pdq("5", Descriptor(" malicious"))));
  EXPECT_EQ(read.notes.skipped_harmless, 2U);
  const std::string strange = ": a status is none of MALICIOUS, SUSPICIOUS, UNKNOWN and NON_MALICIOUS\n";
  EXPECT_EQ(read.Problems(), "3" + strange + "4" + strange);
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_EQ(read.records[2].record->classification, "threatexchange:MALICIOUS");
}

TEST(ThreatExchangeImporter, WhatTakesBackItsOwnEntriesReplacesNothing) {
  const std::string given = Pdq("1", Descriptor("MALICIOUS"));
  const std::string harmless = Pdq("1", Descriptor("NON_MALICIOUS"));
  const std::string deleted =
      R"({"id":"1","indicator":")" + Hex(64, 'a') + R"(","type":"HASH_PDQ","should_delete":true})";
  for (const std::string& back : {harmless, deleted}) {
    EXPECT_NE(RefusalOfReplacing(Page(given + "," + back)).find("item 2 says"), std::string::npos);
    EXPECT_EQ(RefusalOfReplacing(Page(back + "," + given)), "") << "what comes last holds";
    EXPECT_FALSE(ReadAll(Page(given + "," + back)).error.has_value());
  }
  EXPECT_EQ(RefusalOfReplacing(Page(given + "," + Pdq("2", Descriptor("NON_MALICIOUS")))), "");
  const std::string csv = "td_raw_indicator,td_status\n" + Hex(32, 'a') + ",MALICIOUS\n" + Hex(32, 'A');
  EXPECT_NE(RefusalOfReplacing(csv + ",NON_MALICIOUS\n").find("line 3 says"), std::string::npos)
      << "without an id the hash says what it is";
  EXPECT_EQ(RefusalOfReplacing(csv + ",SUSPICIOUS\n"), "");
}

}  // namespace
}  // namespace hashgate::exchange
