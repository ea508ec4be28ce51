#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

const std::string kFirst =
    R"({"sourceId":12,"md5":")" + Hex(32, '1') + R"(","PDQ":")" + Hex(64, '2') +
    R"(","pdqQuality":0,"labels":["a;b","c"],"classification":"x","sha1":null,"other":[1]})";
const std::string kSecond = R"({"sha256":")" + Hex(64, '3') + R"(","labels":"p;q"})";

void ExpectBoth(const Read& read) {
  ASSERT_EQ(read.records.size(), 2U);
  ASSERT_EQ(read.Problems(), "");
  EXPECT_EQ(read.records[0].record->source_id, "12");
  EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"a;b", "c"}));
  EXPECT_EQ(read.records[0].record->hashes.size(), 2U);
  EXPECT_EQ(read.records[1].record->labels, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(read.notes.ignored_names, (std::set<std::string>{"other"}));
}

TEST(JsonImporter, LinesOfKeysAndKinds) {
  const Read read = ReadAll(kFirst + "\n\n" + kSecond);
  EXPECT_EQ(read.format, FileFormat::kJsonl);
  ExpectBoth(read);
  EXPECT_EQ(read.records[1].line, 3U);
}

TEST(JsonImporter, AnArrayOfTheSame) {
  for (const std::string& text :
       {"[" + kFirst + "," + kSecond + "]", " [\n" + kFirst + ",\n" + kSecond + "\n]\n",
        "[" + kFirst + "][][" + kSecond + "]"}) {
    const Read read = ReadAll(text);
    EXPECT_EQ(read.format, FileFormat::kJson);
    ExpectBoth(read);
    EXPECT_EQ(read.records[1].line, 2U) << "items are counted, not lines";
  }
}

TEST(JsonImporter, ProblemsByLine) {
  const std::string deep(100000, '[');
  const Read read =
      ReadAll("{\"md5\":\n[1]\n{}\n{\"md5\":5}\n{\"md5\":\"zz\"}\n{\"labels\":[3]}\n" + deep + "\n",
              {.format = FileFormat::kJsonl});
  EXPECT_EQ(read.records.size(), 7U);
  const std::string problems = read.Problems();
  EXPECT_NE(problems.find("1: the line is not valid JSON"), std::string::npos);
  EXPECT_NE(problems.find("2: the line is not a JSON object"), std::string::npos);
  EXPECT_NE(problems.find("3: no hash"), std::string::npos);
  EXPECT_NE(problems.find("4: md5 has a value of the wrong kind"), std::string::npos);
  EXPECT_NE(problems.find("5: md5: "), std::string::npos);
  EXPECT_NE(problems.find("6: labels holds something"), std::string::npos);
  EXPECT_NE(problems.find("7: the line is not valid JSON"), std::string::npos);
}

TEST(JsonImporter, BrokenItemsCostThemselvesAndABrokenFileItsRest) {
  ImporterOptions options;
  options.max_record_bytes = 200;
  const Read read = ReadAll("[" + kSecond + ",{\"md5\" 1},7,{\"x\":\"" + std::string(300, 'y') + "\"}," +
                                std::string(40, '[') + std::string(40, ']') + "," + kSecond + ",{\"md5\":",
                            options);
  ASSERT_EQ(read.records.size(), 7U);
  EXPECT_TRUE(read.records[0].record.has_value());
  EXPECT_TRUE(read.records[5].record.has_value());
  EXPECT_EQ(read.Problems(),
            "2: the item is not valid JSON\n3: the item is not a JSON object\n"
            "4: the item is too long or too deeply nested\n5: the item is too long or too deeply nested\n"
            "7: the file breaks off or is not JSON from this item on\n");
}

TEST(JsonImporter, WhatFollowsTheArrayIsNotLostSilently) {
  EXPECT_EQ(ReadOnce("[" + kSecond + "]{}", {}, 1000, 10).Problems(), "2: what follows is not an array\n");
  EXPECT_EQ(ReadOnce("[" + kSecond + "]x", {}, 1000, 10).Problems(), "2: what follows is not an array\n");
  EXPECT_EQ(ReadOnce("[" + kSecond + " " + kSecond + "]", {}, 1000, 10).Problems(),
            "2: the file breaks off or is not JSON from this item on\n");
}

// One after the other and not inside each other: as many as there are must cost no stack.
TEST(JsonImporter, AnyNumberOfEmptyArrays) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "[]";
  const Read read = ReadOnce(text + "[" + kSecond + "]", {}, 1 << 16, 10);
  EXPECT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.Problems(), "");
}

TEST(JsonImporter, AFileThatIsNoArrayIsRefused) {
  EXPECT_EQ(ReadAll(kSecond, {.format = FileFormat::kJson}).error->reason, Reason::kRequestInvalid);
  EXPECT_EQ(ReadAll("", {.format = FileFormat::kJson}).records.size(), 0U);
}

TEST(JsonImporter, WhatBreaksOffReplacesNothing) {
  for (const std::string& text :
       {"[" + kSecond + "," + kSecond.substr(0, 9), "[" + kSecond, "[" + kSecond + ",", "[" + kSecond + "]{",
        kSecond + "\n" + kSecond.substr(0, 9)}) {
    EXPECT_NE(RefusalOfReplacing(text).find(" 2: what is missing"), std::string::npos) << text;
  }
  EXPECT_EQ(RefusalOfReplacing("[" + kSecond + "," + kSecond + "]"), "");
  EXPECT_EQ(RefusalOfReplacing(kSecond + "\n" + kSecond), "");
  EXPECT_EQ(RefusalOfReplacing(kSecond + "\n{\"md5\":\n" + kSecond), "")
      << "a bad line in the middle costs itself";
}

TEST(JsonImporter, ARecordCannotGrowBeyondAnEntry) {
  const auto item = [](const std::string& more) {
    return R"({"md5":")" + Hex(32, '1') + "\"," + more + "}\n";
  };
  std::string labels = "\"l\"";
  for (int i = 1; i < 32; ++i) labels += ",\"l\"";
  const Read read = ReadAll(item("\"labels\":[" + labels + "]") + item("\"labels\":[" + labels + ",\"l\"]") +
                            item("\"labels\":\"" + std::string(129, 'l') + "\"") +
                            item("\"sourceId\":\"" + std::string(513, 's') + "\"") +
                            item("\"sourceId\":\" " + std::string(512, 's') + " \"") +
                            item("\"classification\":\"" + std::string(257, 'c') + "\""));
  EXPECT_EQ(read.Problems(),
            "2: more than 32 labels\n3: a label is longer than 128 bytes\n"
            "4: sourceId is longer than 512 bytes\n6: classification is longer than 256 bytes\n");
}

}  // namespace
}  // namespace hashgate::exchange
