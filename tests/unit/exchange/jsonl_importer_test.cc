#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

TEST(JsonlImporter, KeysAndKinds) {
  const Read read =
      ReadAll(R"({"sourceId":12,"md5":")" + Hex(32, '1') + R"(","PDQ":")" + Hex(64, '2') +
              R"(","pdqQuality":0,"labels":["a;b","c"],"classification":"x","sha1":null,"other":[1]})" +
              "\n\n" + R"({"sha256":")" + Hex(64, '3') + R"(","labels":"p;q"})");
  EXPECT_EQ(read.format, FileFormat::kJsonl);
  ASSERT_EQ(read.records.size(), 2U);
  ASSERT_EQ(read.Problems(), "");
  EXPECT_EQ(read.records[0].record->source_id, "12");
  EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"a;b", "c"}));
  EXPECT_EQ(read.records[0].record->hashes.size(), 2U);
  EXPECT_EQ(read.records[1].line, 3U);
  EXPECT_EQ(read.records[1].record->labels, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(read.notes.ignored_names, (std::set<std::string>{"other"}));
}

TEST(JsonlImporter, ProblemsByLine) {
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

}  // namespace
}  // namespace hashgate::exchange
