#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

TEST(LinesImporter, TellsAlgorithmsByLength) {
  const Read read =
      ReadAll("# comment\n" + Hex(32, 'a') + "\r\n\n  " + Hex(40, 'B') + "\t\n" + Hex(288, '0'));
  EXPECT_EQ(read.format, FileFormat::kLines);
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_EQ(read.Problems(), "");
  EXPECT_EQ(read.records[0].line, 2U);
  EXPECT_EQ(read.records[0].record->hashes[0].algorithm, Algorithm::kMd5);
  EXPECT_EQ(read.records[0].record->hashes[0].bytes, std::vector<std::uint8_t>(16, 0xaa));
  EXPECT_EQ(read.records[1].line, 4U);
  EXPECT_EQ(read.records[1].record->hashes[0].algorithm, Algorithm::kSha1);
  EXPECT_EQ(read.records[2].record->hashes[0].algorithm, Algorithm::kPhotoDna);
}

TEST(LinesImporter, SixtyFourDigitsNeedTheAlgorithm) {
  const std::string text = "# header\n" + Hex(64, '1') + "\n";
  const Read refused = ReadAll(text);
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->field, "algorithm");
  for (const Algorithm algorithm : {Algorithm::kPdq, Algorithm::kSha256}) {
    ImporterOptions options;
    options.algorithm = algorithm;
    const Read read = ReadAll(text, options);
    ASSERT_EQ(read.records.size(), 1U);
    EXPECT_EQ(read.records[0].record->hashes[0].algorithm, algorithm);
  }
}

TEST(LinesImporter, HashesOfImgHash) {
  const Read marr = ReadAll(Hex(144, '1') + "\n");
  ASSERT_EQ(marr.records.size(), 1U);
  EXPECT_EQ(marr.records[0].record->hashes[0].algorithm, Algorithm::kMarrHildreth);
  const Read refused = ReadAll(Hex(16, '1') + "\n");
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->field, "algorithm");
  for (const auto& [algorithm, digits] :
       {std::pair{Algorithm::kPHash, 16}, {Algorithm::kAverage, 16}, {Algorithm::kBlockMean, 64}}) {
    ImporterOptions options;
    options.algorithm = algorithm;
    const Read read = ReadAll(Hex(digits, '1') + "\n" + Hex(80 - digits, '2') + "\n", options);
    ASSERT_EQ(read.records.size(), 2U);
    ASSERT_TRUE(read.records[0].record) << read.Problems();
    EXPECT_EQ(read.records[0].record->hashes[0].algorithm, algorithm);
    EXPECT_NE(read.Problems().find("2: " + std::to_string(80 - digits) + " hex digits can be"),
              std::string::npos)
        << read.Problems();
  }
}

TEST(LinesImporter, BadLinesAreProblemsAndTheRestLoads) {
  std::string bad_digit = Hex(32, 'a');
  bad_digit[31] = 'g';
  const Read read = ReadAll(Hex(32, '1') + "\n" + bad_digit + "\nabc\n" + Hex(64, '2') + "\n" +
                            std::string(1 << 20, 'x') + "yy\n" + Hex(40, '3') + "\n");
  ASSERT_EQ(read.records.size(), 6U);
  EXPECT_TRUE(read.records[0].record.has_value());
  EXPECT_TRUE(read.records[5].record.has_value());
  EXPECT_EQ(read.records[5].line, 6U);
  const std::string problems = read.Problems();
  EXPECT_NE(problems.find("2: md5"), std::string::npos);
  EXPECT_NE(problems.find("3: no known hash has 3 characters"), std::string::npos);
  EXPECT_NE(problems.find("4: 64 hex digits can be"), std::string::npos);
  EXPECT_NE(problems.find("5: the line is longer than 1048576 bytes"), std::string::npos);
  EXPECT_EQ(problems.find("aaaa"), std::string::npos) << "a problem must not hold the value";
}

TEST(LinesImporter, LineAtTheLimitIsNotOverlong) {
  ImporterOptions options;
  options.max_record_bytes = 32;
  const Read read = ReadAll(Hex(32, '1') + "\r\n" + Hex(33, '1') + "\n", options);
  EXPECT_EQ(read.Problems(), "2: the line is longer than 32 bytes\n");
}

TEST(LinesImporter, EmptyFileHasNoRecords) {
  EXPECT_TRUE(ReadAll("").records.empty());
  EXPECT_TRUE(ReadAll("\xef\xbb\xbf\r\n# x").records.empty());
}

TEST(LinesImporter, WhatBreaksOffReplacesNothing) {
  const ImporterOptions options{.format = FileFormat::kLines};
  EXPECT_NE(RefusalOfReplacing(Hex(32, '1') + "\n" + Hex(31, '2'), options).find("line 2: what is missing"),
            std::string::npos);
  EXPECT_EQ(RefusalOfReplacing(Hex(31, '1') + "\n" + Hex(32, '2'), options), "");
}

}  // namespace
}  // namespace hashgate::exchange
