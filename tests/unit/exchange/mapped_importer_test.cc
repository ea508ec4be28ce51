#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

using Layout = Mapping::Layout;

Mapping CsvMapping() {
  Mapping mapping;
  mapping.source_id = "Ref";
  mapping.hashes.push_back({.algorithm = Algorithm::kMd5, .at = "MD5"});
  mapping.hashes.push_back({.algorithm = Algorithm::kSha1, .encoding = HashEncoding::kBase64, .at = "SHA"});
  mapping.hashes.push_back(
      {.algorithm = Algorithm::kPdq, .pipeline = Pipeline::kFull, .at = "PDQ", .quality = "Q"});
  mapping.classification = Mapping::Text{.at = "Category", .prefix = "iwf:", .separator = ""};
  mapping.labels.push_back({.at = "Age", .prefix = "age:", .separator = ""});
  mapping.labels.push_back({.at = "Tags", .prefix = "", .separator = "|"});
  mapping.removed.push_back({"Status", {"removed", "withdrawn"}});
  mapping.skip.push_back({"Category", {"", "0"}});
  return mapping;
}

const std::string kHeader = "Ref;MD5;SHA;PDQ;Q;Category;Age;Tags;Status;Else\n";

ImporterOptions With(Mapping mapping, bool replaces = false) {
  ImporterOptions options;
  options.mapping = std::move(mapping);
  options.replaces = replaces;
  return options;
}

TEST(MappedImporter, CsvByColumns) {
  const Read read = ReadAll(kHeader + "r1;" + Hex(32, 'a') + ";" + std::string(27, 'A') + "=;" +
                                Hex(64, 'b') + ";77; A ;7-10;x| y ||z;live;1\n",
                            With(CsvMapping()));
  EXPECT_EQ(read.format, FileFormat::kCsv);
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  ASSERT_EQ(read.Problems(), "");
  const auto& record = *read.records.at(0).record;
  EXPECT_EQ(read.records[0].line, 2U);
  EXPECT_EQ(record.source_id, "r1");
  EXPECT_EQ(record.classification, "iwf:A");
  EXPECT_EQ(record.labels, (std::vector<std::string>{"age:7-10", "x", "y", "z"}));
  ASSERT_EQ(record.hashes.size(), 3U);
  EXPECT_EQ(record.hashes[1].bytes, std::vector<std::uint8_t>(20, 0));
  EXPECT_EQ(record.hashes[2].pipeline, Pipeline::kFull);
  EXPECT_EQ(record.hashes[2].quality, 77);
  EXPECT_EQ(read.notes.ignored_names, (std::set<std::string>{"Else"}));
}

TEST(MappedImporter, WithdrawnRowsAreDeletionsUnlessTheFileReplaces) {
  const std::string text = kHeader + "r1;" + Hex(32, 'a') + ";;;;A;;;Removed;\nr2;" + Hex(32, 'b') +
                           ";;;;B;;;live;\nr3;;;;;C;;;WITHDRAWN;\n";
  const Read plain = ReadAll(text, With(CsvMapping()));
  EXPECT_EQ(plain.Problems(),
            "2: a deletion: importing a file never removes entries\n"
            "4: a deletion: importing a file never removes entries\n");
  EXPECT_EQ(plain.notes.removals_left_out, 0U);
  const Read replacing = ReadAll(text, With(CsvMapping(), true));
  EXPECT_EQ(replacing.Problems(), "");
  ASSERT_EQ(replacing.records.size(), 1U);
  EXPECT_EQ(replacing.records[0].record->source_id, "r2");
  EXPECT_EQ(replacing.notes.removals_left_out, 2U);
}

TEST(MappedImporter, HarmlessRowsAreSkippedAndCounted) {
  const Read read = ReadAll(kHeader + "r1;" + Hex(32, 'a') + ";;;;0;;;live;\nr2;" + Hex(32, 'b') +
                                ";;;; ;;;live;\nr3;" + Hex(32, 'c') + ";;;;A;;;live;\n",
                            With(CsvMapping()));
  ASSERT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.records[0].record->source_id, "r3");
  EXPECT_EQ(read.notes.skipped_harmless, 2U);
}

TEST(MappedImporter, ProblemsByLineWithoutTheValue) {
  const Read read =
      ReadAll(kHeader + "r1;abc;;;;A;;;;\nr2;;!;;;A;;;;\nr3;;;;;A;;;;\nr4;" + Hex(32, 'a') + ";;" +
                  Hex(64, '1') + ";high;A;;;;\nshort;line\nr6;" + Hex(32, 'a') + ";;;;\xff;;;;\n",
              With(CsvMapping()));
  EXPECT_EQ(read.Problems(),
            "2: md5: the value is not 16 bytes as hex digits\n3: sha1: the value is not 20 bytes as base64\n"
            "4: no hash\n5: PDQ quality is not a whole number from 0 to 100\n"
            "6: the line has 2 fields, the header 10\n7: classification is not UTF-8 text\n");
}

TEST(MappedImporter, HeadersThatDoNotFitAreRefused) {
  EXPECT_NE(ReadAll("Ref;MD5\n", With(CsvMapping())).error->message.find("no column 'SHA'"),
            std::string::npos);
  Mapping mapping;
  mapping.hashes.push_back({.algorithm = Algorithm::kMd5, .at = "md5"});
  EXPECT_NE(ReadAll("md5,MD5\n", With(mapping)).error->message.find("twice"), std::string::npos);
  mapping.hashes.clear();
  EXPECT_EQ(ReadAll("md5\n", With(mapping)).error->field, "mapping");
}

TEST(MappedImporter, FilesWithoutAHeaderLine) {
  Mapping mapping;
  mapping.header = {"indicator", "id", "added", "tags"};
  mapping.source_id = "id";
  mapping.hashes.push_back({.algorithm = Algorithm::kPdq, .at = "indicator"});
  mapping.labels.push_back({.at = "tags", .prefix = "", .separator = " "});
  const Read read = ReadAll(Hex(64, 'a') + ",77,2020-07-31,one two\n", With(mapping));
  ASSERT_EQ(read.Problems(), "");
  EXPECT_EQ(read.records.at(0).record->source_id, "77");
  EXPECT_EQ(read.records[0].line, 1U);
  EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"one", "two"}));
}

Mapping JsonMapping(Layout layout) {
  Mapping mapping;
  mapping.layout = layout;
  if (layout == Layout::kJson) mapping.items = "/answer/results";
  mapping.source_id = "/id";
  const auto when = [](const char* name) { return Mapping::Condition{"/algorithm", {name}}; };
  mapping.hashes.push_back({.algorithm = Algorithm::kMd5, .at = "/digest", .when = when("MD5")});
  mapping.hashes.push_back({.algorithm = Algorithm::kSha256, .at = "/digest", .when = when("sha256")});
  mapping.hashes.push_back({.algorithm = Algorithm::kPhotoDna,
                            .pipeline = Pipeline::kUnspecified,
                            .encoding = HashEncoding::kDecimal,
                            .at = "/vectors/0"});
  mapping.classification = Mapping::Text{.at = "/class/a~1b", .prefix = "", .separator = ""};
  mapping.labels.push_back({.at = "/tags", .prefix = "t:", .separator = ""});
  mapping.removed.push_back({"/deleted", {"true"}});
  mapping.skip.push_back({"/tags", {"harmless"}});
  return mapping;
}

std::string Vector() {
  std::string numbers = "[";
  for (int i = 0; i < 144; ++i) numbers += (i > 0 ? "," : "") + std::to_string(i);
  return numbers + "]";
}

TEST(MappedImporter, JsonByPointers) {
  const std::string items = R"({"id":5,"algorithm":"md5","digest":")" + Hex(32, 'a') +
                            R"(","class":{"a/b":"B"},"tags":["x","y"],"deleted":false},)" +
                            R"({"id":"six","algorithm":"SHA256","digest":")" + Hex(64, 'b') +
                            R"(","class":null,"vectors":[)" + Vector() + "]}," +
                            R"({"id":"seven","deleted":true},{"tags":["x","HARMLESS"]})";
  const std::string page = R"({"count":4,"answer":{"next":null,"results":[)" + items + R"(],"x":1},"y":2})";
  const Read array = ReadAll(page + "\n" + page, With(JsonMapping(Layout::kJson)));
  ASSERT_FALSE(array.error.has_value()) << array.error->message;
  EXPECT_EQ(array.format, FileFormat::kJson);
  EXPECT_EQ(array.records.size(), 6U);
  std::string lines = items;
  for (std::size_t at = lines.find("},{"); at != std::string::npos; at = lines.find("},{", at))
    lines[at + 1] = '\n';
  const Read jsonl = ReadAll(lines, With(JsonMapping(Layout::kJsonl)));
  EXPECT_EQ(jsonl.format, FileFormat::kJsonl);
  for (const Read* read : {&array, &jsonl}) {
    ASSERT_GE(read->records.size(), 3U) << read->Problems();
    ASSERT_TRUE(read->records[0].record.has_value()) << read->Problems();
    EXPECT_EQ(read->records[0].record->source_id, "5");
    EXPECT_EQ(read->records[0].record->classification, "B");
    EXPECT_EQ(read->records[0].record->labels, (std::vector<std::string>{"t:x", "t:y"}));
    ASSERT_TRUE(read->records[1].record.has_value()) << read->Problems();
    const auto& hashes = read->records[1].record->hashes;
    ASSERT_EQ(hashes.size(), 2U);
    EXPECT_EQ(hashes[0].algorithm, Algorithm::kSha256);
    EXPECT_EQ(hashes[1].bytes[143], 143);
    EXPECT_EQ(read->records[2].problem, "a deletion: importing a file never removes entries");
  }
  EXPECT_EQ(array.notes.skipped_harmless, 2U);
  EXPECT_EQ(jsonl.notes.skipped_harmless, 1U);
}

TEST(MappedImporter, JsonOfOtherShapes) {
  const ImporterOptions options = With(JsonMapping(Layout::kJson));
  EXPECT_NE(ReadAll(R"({"answer":{"items":[]}})", options).error->message.find("/answer/results"),
            std::string::npos);
  EXPECT_TRUE(ReadAll("[]", options).error.has_value());
  const Read read = ReadAll(R"({"answer":{"results":[{"id":{}},3,{"tags":[[]]},)"
                            R"({"id":["a","b"],"algorithm":"md5","digest":")" +
                                Hex(32, 'a') + R"("},{"vectors":{"0":"x"}}]}})",
                            options);
  EXPECT_EQ(read.Problems(),
            "1: /id has a value of the wrong kind\n2: the item is not a JSON object\n"
            "3: /tags has a value of the wrong kind\n4: /id has several values where one is wanted\n"
            "5: photodna: the value is not 144 bytes as decimal numbers with commas\n");
}

TEST(MappedImporter, Pointers) {
  EXPECT_EQ(*ParseJsonPointer(""), (std::vector<std::string>{}));
  EXPECT_EQ(*ParseJsonPointer("/"), (std::vector<std::string>{""}));
  EXPECT_EQ(*ParseJsonPointer("/a~1b/m~0n/0"), (std::vector<std::string>{"a/b", "m~n", "0"}));
  EXPECT_EQ(*ParseJsonPointer("/~01"), (std::vector<std::string>{"~1"}));
  for (const char* pointer : {"a", "/~", "/~2"})
    EXPECT_FALSE(ParseJsonPointer(pointer).has_value()) << pointer;
}

TEST(MappedImporter, OneOfTwoLayoutsIsNeverGuessed) {
  ImporterOptions options = With(JsonMapping(Layout::kJsonl));
  options.max_record_bytes = 300;
  const Read read = ReadAll("[1]\n{\n" + std::string(400, ' ') + "x\n", options);
  EXPECT_EQ(read.Problems(),
            "1: the item is not a JSON object\n2: the item is not valid JSON\n3: the line is longer than 300 "
            "bytes\n");
}

TEST(MappedImporter, WhatTakesBackItsOwnEntriesReplacesNothing) {
  const std::string given = "r1;" + Hex(32, 'a') + ";;;;A;;;live;\n";
  for (const std::string& back :
       {"r1 ;" + Hex(32, 'b') + ";;;;A;;;removed;\n", std::string("r1;;;;;0;;;live;\n")}) {
    EXPECT_NE(RefusalOfReplacing(kHeader + given + back, With(CsvMapping())).find("line 3 says"),
              std::string::npos);
    EXPECT_EQ(RefusalOfReplacing(kHeader + back + given, With(CsvMapping())), "");
    EXPECT_FALSE(ReadAll(kHeader + given + back, With(CsvMapping())).error.has_value());
  }
  EXPECT_EQ(RefusalOfReplacing(kHeader + given + "r2;;;;;0;;;live;\n", With(CsvMapping())), "");
}

TEST(MappedImporter, AnIdIsNoNumberThatHasLostDigits) {
  Mapping mapping;
  mapping.layout = Layout::kJsonl;
  mapping.source_id = "/id";
  mapping.hashes.push_back({.algorithm = Algorithm::kMd5, .at = "/md5"});
  mapping.labels.push_back({.at = "/score", .prefix = "", .separator = ""});
  mapping.skip.push_back({"/skip", {"true"}});
  const std::string rest = R"(,"score":1.5,"md5":")" + Hex(32, 'a') + "\"}\n";
  const Read read =
      ReadAll(R"({"id":18446744073709551615)" + rest + R"({"id":-9223372036854775808)" + rest +
                  R"({"id":18446744073709551616)" + rest + R"({"id":1.5)" + rest + R"({"id":[1e3])" + rest,
              With(mapping));
  EXPECT_EQ(read.Problems(),
            "3: /id has a value of the wrong kind\n4: /id has a value of the wrong kind\n"
            "5: /id has a value of the wrong kind\n");
  ASSERT_EQ(read.records.size(), 5U);
  EXPECT_EQ(read.records[0].record->source_id, "18446744073709551615");
  EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"1.5"}));
  EXPECT_EQ(read.records[1].record->source_id, "-9223372036854775808");
  EXPECT_EQ(ReadAll(R"({"skip":true,"id":1.5)" + rest, With(mapping, true)).Problems(),
            "1: /id has a value of the wrong kind\n")
      << "whether it was given before cannot be told";
}

}  // namespace
}  // namespace hashgate::exchange
