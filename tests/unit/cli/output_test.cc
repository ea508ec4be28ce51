#include "app/cli/output.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "app/cli/output_file.h"

namespace hashgate::cli {
namespace {

TEST(Output, PrintableKeepsTextAndDropsControl) {
  EXPECT_EQ(Printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(Printable("a\x1b[2J\r\n\x7f\xff"), "a?[2J????");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "a one-byte CSI in its two-byte form";
}

TEST(Output, TableAlignsCharactersNotBytes) {
  Table table;
  table.AddRow({"\xc3\xa4", "x", ""});
  table.AddRow({"bb", "y"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "\xc3\xa4   x\nbb  y\n");
}

TEST(Output, JsonObject) {
  EXPECT_EQ(
      JsonObject().Text("a", "\"").Members("{}").Members("{\"b\":1}").Number("c", -2).Bool("d", false).Line(),
      "{\"a\":\"\\\"\",\"b\":1,\"c\":-2,\"d\":false}");
  EXPECT_EQ(JsonTexts({"x", "y"}), "[\"x\",\"y\"]");
}

TEST(Output, CountsAreWords) {
  EXPECT_EQ(Count(1, "file", "files"), "1 file");
  EXPECT_EQ(Count(0, "file", "files"), "0 files");
}

// Exports hold hashes, whatever the umask of whoever makes them.
TEST(Output, FilesAreTheirOwnersAlone) {
  const mode_t before = ::umask(0);
  auto file = OutputFile::Create("private.txt");
  ::umask(before);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->Commit().has_value());
  struct stat info{};
  ASSERT_EQ(::stat("private.txt", &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(Output, FileNamesStayTellable) {
  EXPECT_EQ(JsonObject().File("gr\xc3\xbc").Line(), "{\"file\":\"gr\xc3\xbc\"}");
  EXPECT_EQ(JsonObject().File("\xc3").Line(), "{\"file\":\"\\ufffd\",\"fileBytes\":\"c3\"}");
  EXPECT_EQ(JsonObject().File("\xff").Line(), "{\"file\":\"\\ufffd\",\"fileBytes\":\"ff\"}");
}

TEST(Output, DroppedOutputFileLeavesNothing) {
  ASSERT_FALSE(OutputFile::Create("no/such/folder/file").has_value());
  {
    auto file = OutputFile::Create("dropped.txt");
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->Write("half").has_value());
  }
  EXPECT_NE(::access("dropped.txt", F_OK), 0);
}

}  // namespace
}  // namespace hashgate::cli
