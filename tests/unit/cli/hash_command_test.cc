#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class HashCommand : public CliTest {};

// The first bytes of a JPEG are enough for the fake decoder.
const std::string kJpeg = "\xff\xd8\xff\xe0\x00\x10JFIF";

TEST_F(HashCommand, EveryFileGetsALineAndOneBadOneIsAFinding) {
  const Run run = Cli(
      {"hash", "--json", Write("a.jpg", kJpeg), "/no/such/file", Write("t", "plain text"), Write("e", "")});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 4);
  EXPECT_NE(run.out.find(R"("cause":"FILE_UNREADABLE","hashes":[],"error":"cannot be read)"),
            std::string::npos);
  EXPECT_NE(
      run.out.find(
          R"("format":"text","width":0,"height":0,"frames":0,"outcome":"HASHED","cause":"NOT_AN_IMAGE")"),
      std::string::npos);
  EXPECT_NE(run.out.find(R"("outcome":"UNSCANNABLE","cause":"EMPTY")"), std::string::npos);
}

TEST_F(HashCommand, DigestsAreThoseOfTheFile) {
  const Run run = Cli({"hash", "--json", "--algorithms", "md5,sha1,sha256", Write("abc", "abc")});
  EXPECT_EQ(run.code, kDone);
  EXPECT_NE(run.out.find("900150983cd24fb0d6963f7d28e17f72"), std::string::npos);
  EXPECT_NE(run.out.find("a9993e364706816aba3e25717850c26c9cd0d89d"), std::string::npos);
  EXPECT_NE(run.out.find("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            std::string::npos);
  EXPECT_EQ(run.out.find("pdq"), std::string::npos);
}

TEST_F(HashCommand, ViewsAndTurnsOnlyWhereAskedFor) {
  const std::string file = Write("a.jpg", kJpeg);
  const auto count = [](const Run& run) {
    std::size_t found = 0;
    for (std::size_t at = run.out.find("\"pdq\""); at != std::string::npos;
         at = run.out.find("\"pdq\"", at + 1))
      ++found;
    return found;
  };
  // Of each pipeline:
  EXPECT_EQ(count(Cli({"hash", "--json", file})), 2 * 1U);
  EXPECT_EQ(count(Cli({"hash", "--json", "--views", file})), 2 * 2U);
  EXPECT_EQ(count(Cli({"hash", "--json", "--dihedral", file})), 2 * 8U);
  EXPECT_EQ(count(Cli({"hash", "--json", "--views", "--dihedral", file})), 2 * 16U);
}

TEST_F(HashCommand, BothPipelinesAreShown) {
  const std::string file = Write("a.jpg", kJpeg);
  const std::string json = Cli({"hash", "--json", file}).out;
  EXPECT_NE(json.find(R"("quality":88,"pipeline":"full")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("quality":77,"pipeline":"nn512")"), std::string::npos) << json;
  const std::string text = Cli({"hash", file}).out;
  EXPECT_NE(text.find("  pdq full "), std::string::npos) << text;
  EXPECT_NE(text.find("  pdq nn512 "), std::string::npos) << text;
}

TEST_F(HashCommand, AlgorithmsThatAreNotThereAreRefusedInWords) {
  const std::string file = Write("a.jpg", kJpeg);
  for (const char* name : {"color_moment", "nn512", "photodna", "md6"}) {
    const Run run = Cli({"hash", "--algorithms", name, file});
    EXPECT_EQ(run.code, kUsage) << name;
    EXPECT_EQ(run.out, "");
    EXPECT_FALSE(run.err.empty());
  }
}

TEST_F(HashCommand, NamesCannotSteerATerminal) {
  const Run run = Cli({"hash", "--algorithms", "md5", Write("a\x1b[31m\n", "x")});
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos);
  EXPECT_NE(run.out.find("a?[31m?"), std::string::npos);
}

TEST_F(HashCommand, StopEndsIt) {
  stop_->Request();
  const Run run = Cli({"hash", Write("a.jpg", kJpeg)});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace hashgate::cli
