#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

const std::string kHead13 =
    R"({"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media","value":[)";
const std::string kHead20 =
    R"({ "@odata.context" : "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media",
 "extra": {"a":[1,2]}, "Value" : [ )";

TEST(VicsImporter, ReadsBothModels) {
  const std::string item = R"({"MediaID":1,"Category":1,"MD5":")" + Hex(32, 'A') + R"(","SHA1":")" +
                           Hex(40, 'b') + R"(","PhotoDNA":")" + Hex(192, 'A') +
                           R"(","Tags":["t1",true],"VictimIdentified":false})";
  for (const std::string& head : {kHead13, kHead20}) {
    const Read read = ReadAll(head + item + "]}\n");
    EXPECT_EQ(read.format, FileFormat::kVics);
    ASSERT_FALSE(read.error.has_value()) << read.error->message;
    ASSERT_EQ(read.records.size(), 1U);
    ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
    EXPECT_EQ(read.records[0].line, 1U);
    EXPECT_EQ(read.records[0].record->classification, "vics:1");
    EXPECT_EQ(read.records[0].record->hashes.size(), 3U);
    EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"t1"}));
  }
}

TEST(VicsImporter, CategoryZeroNeverBecomesAnEntry) {
  const std::string md5 = R"("MD5":")" + Hex(32, '1') + "\"";
  const Read read = ReadAll(kHead13 + "{\"Category\":0," + md5 + "},{\"category\":0," + md5 + "},{" + md5 +
                            "},{\"Category\":\"0\"," + md5 + "},{\"Category\":2," + md5 + "}]}");
  EXPECT_EQ(read.notes.skipped_harmless, 2U);
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_FALSE(read.records[0].record.has_value());
  EXPECT_EQ(read.records[0].line, 3U);
  EXPECT_FALSE(read.records[1].record.has_value());
  ASSERT_TRUE(read.records[2].record.has_value());
  EXPECT_EQ(read.records[2].record->classification, "vics:2");
  EXPECT_EQ(read.records[2].line, 5U);
}

TEST(VicsImporter, KnownHarmlessSetsAndOtherModelsAreRefused) {
  EXPECT_NE(
      ReadAll(
          R"({"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media","value":[]})")
          .error->message.find("harmless"),
      std::string::npos);
  EXPECT_TRUE(ReadAll(R"({"odata.metadata":"http://x/9.9","value":[]})").error.has_value());
  EXPECT_TRUE(ReadAll(R"({"value":[]})", {.format = FileFormat::kVics}).error.has_value());
  EXPECT_TRUE(ReadAll(R"({"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"})")
                  .error.has_value());
  EXPECT_TRUE(ReadAll("[]", {.format = FileFormat::kVics}).error.has_value());
}

TEST(VicsImporter, PhotoDnaOfOtherLengthsIsLeftOutAndCounted) {
  const Read read = ReadAll(kHead13 + R"({"Category":1,"MD5":")" + Hex(32, '1') + R"(","PhotoDNA":"AAAA"},)" +
                            R"({"Category":1,"PhotoDNA":"AAAA"},)" +
                            R"({"Category":1,"AlternativeHashes":[{"HashName":"photodna","HashValue":")" +
                            Hex(192, 'B') + R"("}]}]})");
  EXPECT_EQ(read.notes.values_left_out, 2U);
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_TRUE(read.records[0].record.has_value());
  EXPECT_EQ(read.records[1].problem, "no hash");
  ASSERT_TRUE(read.records[2].record.has_value());
  EXPECT_EQ(read.records[2].record->hashes[0].algorithm, Algorithm::kPhotoDna);
}

TEST(VicsImporter, BrokenItemsCostThemselvesAndABrokenFileItsRest) {
  ImporterOptions options;
  options.max_record_bytes = 200;
  const std::string good = R"({"Category":1,"MD5":")" + Hex(32, '1') + "\"}";
  const Read read = ReadAll(kHead13 + good + ",{\"Category\":1 \"MD5\"},7,{\"Category\":1,\"x\":\"" +
                                std::string(300, 'y') + "\"}," + std::string(40, '[') + std::string(40, ']') +
                                "," + good + ",{\"Category\":1,",
                            options);
  ASSERT_EQ(read.records.size(), 7U);
  EXPECT_TRUE(read.records[0].record.has_value());
  EXPECT_TRUE(read.records[5].record.has_value());
  EXPECT_EQ(read.Problems(),
            "2: the item is not valid JSON\n3: the item is not a JSON object\n"
            "4: the item is too long or too deeply nested\n5: the item is too long or too deeply nested\n"
            "7: the file breaks off or is not JSON from this item on\n");
}

TEST(VicsImporter, NothingAfterTheItemsIsLostSilently) {
  const std::string good = R"({"Category":1,"MD5":")" + Hex(32, '1') + "\"}]";
  EXPECT_EQ(ReadAll(kHead13 + good + ",\"other\":{\"a\":1}}\n").Problems(), "");
  const std::string problem = "2: something else than the end of the file follows the items\n";
  EXPECT_EQ(ReadOnce(kHead13 + good + ",\"Value\":[]}", {}, 1000, 10).Problems(), problem);
  EXPECT_EQ(ReadOnce(kHead13 + good, {}, 1000, 10).Problems(), problem);
  EXPECT_EQ(ReadOnce(kHead13 + good + "}{}", {}, 1000, 10).Problems(), problem);
}

TEST(VicsImporter, BracketsInsideTextsDoNotCount) {
  const Read read = ReadAll(kHead13 + R"({"Category":1,"Series":"a]}\"{[","MD5":")" + Hex(32, '1') + "\"}]}");
  EXPECT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.Problems(), "");
}

TEST(VicsImporter, WhatBreaksOffReplacesNothing) {
  const std::string good = R"({"Category":1,"MD5":")" + Hex(32, '1') + "\"}";
  for (const char* const rest : {"", ",", ",{\"Category\":1,", "]", "],\"other\":", "]}{}"}) {
    EXPECT_NE(RefusalOfReplacing(kHead13 + good + rest).find("item 2: what is missing"), std::string::npos)
        << rest;
  }
  EXPECT_EQ(RefusalOfReplacing(kHead13 + good + "]}\n"), "");
}

}  // namespace
}  // namespace hashgate::exchange
