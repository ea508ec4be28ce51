#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

TEST(DetectFormat, UnknownOnesAreRefusedInWords) {
  EXPECT_NE(ReadAll("hello world\n").error->message.find("--format"), std::string::npos);
  EXPECT_NE(ReadAll(std::string("\xff\xfe") + "m").error->message.find("UTF-16"), std::string::npos);
}

TEST(DetectFormat, TellsFormatsByTheirFront) {
  EXPECT_EQ(ReadAll("[{}]").format, FileFormat::kJson);
  EXPECT_EQ(ReadAll("\n {\"data\": []}").format, FileFormat::kThreatExchange);
  EXPECT_EQ(ReadAll("td_status,td_raw_indicator\n").format, FileFormat::kThreatExchange);
  EXPECT_EQ(ReadAll("{\"database\":1}").format, FileFormat::kJsonl);
}

TEST(DetectFormat, ChosenFormatIsNotSecondGuessed) {
  const Read read = ReadAll("hello world\n", {.format = FileFormat::kLines});
  EXPECT_EQ(read.format, FileFormat::kLines);
  EXPECT_EQ(read.records.size(), 1U);
}

TEST(DetectFormat, MapIsForCsvOnly) {
  ImporterOptions options;
  options.columns = {{"md5", "x"}};
  EXPECT_EQ(ReadAll(Hex(32, '1'), options).error->field, "map");
}

TEST(DetectFormat, NamesRoundTrip) {
  for (int i = 0; i < kFileFormatCount; ++i) {
    const auto format = static_cast<FileFormat>(i);
    EXPECT_EQ(ParseFileFormat(FileFormatName(format)), format);
  }
  EXPECT_FALSE(ParseFileFormat("xml").has_value());
}

TEST(DetectFormat, MissingFilesAndFoldersAreUnreadable) {
  EXPECT_EQ(OpenFileSource("no/such/file").error().reason, Reason::kFileUnreadable);
  EXPECT_EQ(OpenFileSource(".").error().reason, Reason::kFileUnreadable);
}

}  // namespace
}  // namespace hashgate::exchange
