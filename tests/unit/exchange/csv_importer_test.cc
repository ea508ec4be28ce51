#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

TEST(CsvImporter, AllColumnsInAnyOrderAndCase) {
  const Read read = ReadAll(
      "\xef\xbb\xbfLABELS,pdqquality,PDQ,sha256,SHA1,Md5,classification,SourceId,photodna,"
      "Marr_Hildreth,phash,BLOCK_MEAN,average\r\n"
      "one; two \\; 2 ;;three,77," +
      Hex(64, 'a') + "," + Hex(64, 'b') + "," + Hex(40, 'c') + "," + Hex(32, 'd') +
      ",\"A1, \"\"x\"\"\",id-1," + Hex(288, '1') + "," + Hex(144, '2') + "," + Hex(16, '3') + "," +
      Hex(64, '4') + "," + Hex(16, '5') + "\r\n");
  EXPECT_EQ(read.format, FileFormat::kCsv);
  ASSERT_EQ(read.records.size(), 1U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  const lists::EntryRecord& record = *read.records[0].record;
  EXPECT_EQ(read.records[0].line, 2U);
  EXPECT_EQ(record.source_id, "id-1");
  EXPECT_EQ(record.classification, "A1, \"x\"");
  EXPECT_EQ(record.labels, (std::vector<std::string>{"one", "two ; 2", "three"}));
  ASSERT_EQ(record.hashes.size(), 9U);
  EXPECT_EQ(record.hashes[7].algorithm, Algorithm::kMarrHildreth);
  EXPECT_EQ(record.hashes[7].bytes, std::vector<std::uint8_t>(72, 0x22));
  for (const HashValue& hash : record.hashes) {
    EXPECT_EQ(hash.quality, hash.algorithm == Algorithm::kPdq ? 77 : kQualityUnknown);
  }
  EXPECT_TRUE(read.notes.ignored_names.empty());
}

TEST(CsvImporter, MappedColumnsWinAndOthersAreNoted) {
  ImporterOptions options;
  options.columns = {{"sourceId", "Item No"}, {"MD5", "hash"}};
  const Read read = ReadAll("item no;hash;md5;extra\n7;" + Hex(32, '1') + ";ignored;x\n", options);
  ASSERT_EQ(read.records.size(), 1U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  EXPECT_EQ(read.records[0].record->source_id, "7");
  EXPECT_EQ(read.records[0].record->hashes[0].bytes, std::vector<std::uint8_t>(16, 0x11));
  EXPECT_EQ(read.notes.ignored_names, (std::set<std::string>{"extra"}));
}

TEST(CsvImporter, HeadersThatCannotBeUsedAreRefused) {
  EXPECT_NE(ReadAll("a,b\n1,2\n").error->message.find("no column of the header is a hash"),
            std::string::npos);
  EXPECT_NE(ReadAll("md5,MD5\n").error->message.find("twice"), std::string::npos);
  ImporterOptions options;
  options.columns = {{"md5", "nowhere"}};
  EXPECT_EQ(ReadAll("md5,x\n", options).error->field, "map");
  options.columns = {{"md6", "md5"}};
  EXPECT_EQ(ReadAll("md5,x\n", options).error->field, "map");
}

TEST(CsvImporter, QuotedFieldsSpanLines) {
  const Read read = ReadAll("md5,classification,labels\n" + Hex(32, '1') + ",\"two\nlines\",x\n" +
                            Hex(32, '2') + ",next,\n");
  ASSERT_EQ(read.records.size(), 2U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  EXPECT_EQ(read.records[0].record->classification, "two\nlines");
  EXPECT_EQ(read.records[1].line, 4U);
}

TEST(CsvImporter, QuoteThatIsNeverClosedCostsOneLine) {
  std::string text = "md5,classification\n" + Hex(32, '1') + ",\"open\n";
  for (int i = 0; i < 3000; ++i) text += Hex(32, '2') + ",fine\n";
  const Read read = ReadAll(text);
  EXPECT_EQ(read.records.size(), 3001U);
  EXPECT_EQ(read.Problems(), "2: a quote is opened and not closed\n");
}

TEST(CsvImporter, ProblemsByLine) {
  const Read read = ReadAll("md5,pdqQuality,pdq\n" + Hex(32, '1') + ",101," + Hex(64, '1') + "\n" +
                            Hex(32, '1') + "\n\n,,\n" + "\"" + Hex(32, '1') + "\"x,,\n" + Hex(31, '1') +
                            ",,\n" + Hex(32, '1') + ",\xff," + Hex(64, '1') + "\n");
  EXPECT_EQ(read.records.size(), 6U);
  const std::string problems = read.Problems();
  EXPECT_NE(problems.find("2: PDQ quality is not"), std::string::npos);
  EXPECT_NE(problems.find("3: the line has 1 fields, the header 3"), std::string::npos);
  EXPECT_NE(problems.find("5: no hash"), std::string::npos);
  EXPECT_NE(problems.find("6: text follows a closing quote"), std::string::npos);
  EXPECT_NE(problems.find("7: md5"), std::string::npos);
  EXPECT_NE(problems.find("8: PDQ quality is not"), std::string::npos);
}

TEST(CsvImporter, TextThatIsNotUtf8IsAProblem) {
  const Read read = ReadAll("md5,classification\n" + Hex(32, '1') + ",\xfc\n");
  EXPECT_EQ(read.Problems(), "2: classification is not UTF-8 text\n");
}

TEST(CsvImporter, IcseFilesNeedNoMapping) {
  const Read read = ReadAll(
      "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of "
      "submissions;File Available;Media Type;Baseline\n" +
      Hex(32, '1') + ";" + Hex(40, '2') + ";;4711;True;False;False;;3;True;Image;True\n");
  ASSERT_EQ(read.records.size(), 1U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  EXPECT_EQ(read.records[0].record->source_id, "4711");
  EXPECT_EQ(read.records[0].record->classification, "icse:baseline=True");
  EXPECT_EQ(read.records[0].record->hashes.size(), 2U);
}

TEST(CsvImporter, OneColumnIsEnough) {
  const Read read = ReadAll("md5\n" + Hex(32, '1') + "\n");
  EXPECT_EQ(read.format, FileFormat::kCsv);
  EXPECT_EQ(read.records.size(), 1U);
}

TEST(CsvImporter, WhatBreaksOffReplacesNothing) {
  const std::string front = "sourceId,md5\na," + Hex(32, '1') + "\n";
  for (const char* const rest : {"b", "\"b", "\"b\nc"}) {
    EXPECT_NE(RefusalOfReplacing(front + rest).find(": what is missing"), std::string::npos) << rest;
    EXPECT_EQ(RefusalOfReplacing(front + rest + "\n"), "") << rest;
  }
  EXPECT_EQ(RefusalOfReplacing(front + "b," + Hex(32, '2')), "");
}

}  // namespace
}  // namespace hashgate::exchange
