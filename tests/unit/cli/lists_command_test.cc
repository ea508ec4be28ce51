#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class ListsCommand : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    v1::HashList& list = lists_.lists["demo"];
    list.set_name("demo");
    list.set_etag("7-1");
    list.set_entry_count(3);
    list.set_source("somebody");
  }
  static std::string Md5(char digit) { return std::string(32, digit); }
};

TEST_F(ListsCommand, CreateSendsWhatWasGiven) {
  const Run run = Cli(
      {"lists",    "create",     "new",           "--purpose",  "ncii-adult",     "--trust", "local",
       "--source", "me",         "--legal-basis", "law",        "--max-distance", "12",      "--ceiling",
       "review",   "--pipeline", "nn512",         "--disabled", "--tenant",       "t",       "--description",
       "d"});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_EQ(run.out, "List new created (generation 7).\n");
  const v1::HashList& list = lists_.lists.at("new");
  EXPECT_EQ(list.purpose(), v1::HARM_CLASS_NCII_ADULT);
  EXPECT_EQ(list.trust(), v1::TRUST_LOCAL);
  EXPECT_EQ(list.max_distances(0).max_distance_bits(), 12);
  EXPECT_EQ(list.action_ceiling(), v1::VERDICT_REVIEW);
  EXPECT_EQ(list.pdq_pipeline(), v1::PIPELINE_NN512);
  EXPECT_TRUE(list.has_enabled() && !list.enabled());
  EXPECT_EQ(list.tenant(), "t");
  EXPECT_EQ(Cli({"lists", "create", "new", "--purpose", "CSAM", "--trust", "LOCAL", "--source", "a",
                 "--legal-basis", "b"})
                .code,
            kFailed)
      << "it exists";
  EXPECT_EQ(Cli({"lists", "create", "x", "--purpose", "NO", "--trust", "LOCAL", "--source", "a",
                 "--legal-basis", "b"})
                .code,
            kUsage);
}

TEST_F(ListsCommand, ThresholdsAreChangedOneByOne) {
  EXPECT_EQ(Cli({"lists", "update", "demo", "--max-photodna-distance", "0"}).code, kDone);
  EXPECT_EQ(Cli({"lists", "update", "demo", "--max-distance", "12"}).code, kDone);
  EXPECT_EQ(Cli({"lists", "update", "demo", "--max-photodna-distance", "40000"}).code, kDone);
  const v1::HashList& list = lists_.lists.at("demo");
  ASSERT_EQ(list.max_distances_size(), 2);
  EXPECT_EQ(list.max_distances(0).algorithm(), v1::ALGORITHM_PHOTODNA);
  EXPECT_EQ(list.max_distances(0).max_distance(), 40'000);
  EXPECT_EQ(list.max_distances(1).algorithm(), v1::ALGORITHM_PDQ);
  EXPECT_EQ(list.max_distances(1).max_distance_bits(), 12);
  EXPECT_FALSE(list.max_distances(1).has_max_distance());
  const Run shown = Cli({"lists", "show", "demo"});
  EXPECT_NE(shown.out.find("photodna 40000 squared"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("pdq 12 bits"), std::string::npos);
}

TEST_F(ListsCommand, ThresholdsOfImgHash) {
  EXPECT_EQ(Cli({"lists", "update", "demo", "--max-img-hash-distance", "marr_hildreth=40",
                 "--max-img-hash-distance", "phash=0"})
                .code,
            kDone);
  const v1::HashList& list = lists_.lists.at("demo");
  ASSERT_EQ(list.max_distances_size(), 2);
  EXPECT_EQ(list.max_distances(0).algorithm(), v1::ALGORITHM_MARR_HILDRETH);
  EXPECT_EQ(list.max_distances(0).max_distance_bits(), 40);
  EXPECT_FALSE(list.max_distances(0).has_max_distance());
  EXPECT_EQ(list.max_distances(1).algorithm(), v1::ALGORITHM_PHASH);
  EXPECT_NE(Cli({"lists", "show", "demo"}).out.find("marr_hildreth 40 bits"), std::string::npos);
  for (const char* wrong : {"marr_hildreth", "marr_hildreth=", "marr_hildreth=x", "marr_hildreth=4x",
                            "phash=-1", "pdq=3", "color_moment=3", "=3", ""}) {
    const Run run = Cli({"lists", "update", "demo", "--max-img-hash-distance", wrong});
    EXPECT_EQ(run.code, kUsage) << wrong;
    EXPECT_FALSE(run.err.empty()) << wrong;
  }
}

TEST_F(ListsCommand, UpdateKeepsOtherFieldsAndTheEtag) {
  EXPECT_EQ(Cli({"lists", "update", "demo", "--description", "new"}).code, kDone);
  EXPECT_EQ(lists_.lists.at("demo").description(), "new");
  EXPECT_EQ(lists_.lists.at("demo").source(), "somebody");
  EXPECT_EQ(lists_.lists.at("demo").etag(), "7-1");
}

TEST_F(ListsCommand, RemovalAsksAndTheAnswerIsTheName) {
  EXPECT_EQ(Cli({"lists", "rm", "demo"}, "").code, kFailed);
  EXPECT_EQ(Cli({"lists", "rm", "demo"}, "yes\n").code, kFailed);
  EXPECT_EQ(lists_.lists.count("demo"), 1U);
  const Run run = Cli({"lists", "rm", "demo"}, "demo\n");
  EXPECT_EQ(run.code, kDone);
  EXPECT_NE(run.err.find("3 entries"), std::string::npos);
  EXPECT_EQ(lists_.deleted_etag, "7-1");
  EXPECT_EQ(lists_.lists.count("demo"), 0U);
}

TEST_F(ListsCommand, YesDoesNotAsk) {
  EXPECT_EQ(Cli({"lists", "rm", "demo", "--yes"}).code, kDone);
}

TEST_F(ListsCommand, ImportSendsEveryRecordInOrder) {
  std::string text;
  for (int i = 0; i < 9000; ++i) {
    const std::string digits = std::to_string(i);
    text += std::string(32 - digits.size(), '0') + digits + "\n";
  }
  const Run run = Cli({"lists", "import", "demo", Write("many.txt", text)});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_NE(run.out.find("9000 records"), std::string::npos);
  ASSERT_EQ(lists_.records.size(), 9000U);
  EXPECT_EQ(lists_.import_messages, 18);
  EXPECT_EQ(lists_.header.file(), "many.txt");
  for (int i = 0; i < 9000; ++i) ASSERT_EQ(lists_.records[static_cast<std::size_t>(i)].line(), i + 1);
}

TEST_F(ListsCommand, ImportNamesTheFirstLinesOfBothSides) {
  const std::string file =
      Write("b.csv", "md5,labels\n" + Md5('1') + ",\nzz,\n" + Md5('2') + ",label\n" + Md5('3') + ",\n");
  Run run = Cli({"lists", "import", "demo", file});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(run.out.find(file + ":3: md5"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find(file + ":4: no labels here"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("2 added, 0 updated, 0 unchanged, 2 quarantined"), std::string::npos);
  lists_.records.clear();
  run = Cli({"lists", "import", "demo", file, "--json", "--progress"});
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 2) << "an acknowledgement and the end";
}

TEST_F(ListsCommand, InterruptedImportSaysWhatIsThere) {
  lists_.drain_after = 1;
  Run run = Cli({"lists", "import", "demo", Write("a.txt", Md5('1') + "\n")});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("1 record is in the list: run the same command again"), std::string::npos)
      << run.err;
  run = Cli({"lists", "import", "demo", "--replace", Write("a.txt", Md5('1') + "\n")});
  EXPECT_NE(run.err.find("the list is as it was before"), std::string::npos) << run.err;
  EXPECT_TRUE(lists_.header.replace());
}

TEST_F(ListsCommand, EmptyingAListHasToBeSaid) {
  const std::string file = Write("empty.txt", "# nothing\n");
  Run run = Cli({"lists", "import", "demo", "--replace", "--format", "lines", file});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_FALSE(lists_.header.allow_empty());
  run = Cli({"lists", "import", "demo", "--replace", "--allow-empty", "--format", "lines", file});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_TRUE(lists_.header.allow_empty());
}

TEST_F(ListsCommand, StopDuringAnImport) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += Md5('1') + "\n";
  lists_.acknowledged = [this] { stop_->Request(); };
  const Run run = Cli({"lists", "import", "demo", Write("a.txt", text)});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("stopped"), std::string::npos) << run.err;
  EXPECT_LT(lists_.records.size(), 50'000U);
}

TEST_F(ListsCommand, ImportMistakes) {
  const std::string file = Write("a.txt", Md5('1') + "\n");
  EXPECT_EQ(Cli({"lists", "import", "nolist", file}).code, kFailed);
  EXPECT_EQ(Cli({"lists", "import", "demo", "/no/such"}).code, kFailed);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--map", "x"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--format", "xls"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--separator", "ab"}).code, kUsage);
  EXPECT_EQ(CliWithoutServer({"lists", "import", "demo", file}).code, kFailed);
  EXPECT_TRUE(lists_.records.empty());
}

TEST_F(ListsCommand, MapAndSeparatorReachTheImporter) {
  const std::string file = Write("m.csv", "Hash|No\n" + Md5('1') + "|42\n");
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--format", "csv", "--separator", "|", "--map", "md5=Hash",
                 "--map", "sourceId=No"})
                .code,
            kDone);
  EXPECT_EQ(lists_.records.at(0).entry().source_id(), "42");
}

TEST_F(ListsCommand, ExportIsThereWholeOrNotAtAll) {
  Cli({"lists", "import", "demo", Write("a.txt", Md5('1') + "\n" + Md5('2') + "\n")});
  const std::string target = (folder_ / "out.csv").string();
  Run run = Cli({"lists", "export", "demo", "--output", target});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_EQ(Read(target), "sourceId,md5,sha1,sha256,pdq,pdqQuality,photodna,classification,labels\n," +
                              Md5('1') + ",,,,,,,\n," + Md5('2') + ",,,,,,,\n");
  run = Cli({"lists", "export", "nolist", "--output", target});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_FALSE(Read(target).empty()) << "the earlier export is untouched";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2)
      << "nothing half written is left";
  run = Cli({"lists", "export", "nolist"});
  EXPECT_EQ(run.out, "") << "no header of a list that is not there";
}

TEST_F(ListsCommand, EntriesArePagedToTheLimit) {
  Cli({"lists", "import", "demo",
       Write("a.txt",
             Md5('1') + "\n" + Md5('2') + "\n" + Md5('3') + "\n" + Md5('4') + "\n" + Md5('5') + "\n")});
  EXPECT_EQ(std::ranges::count(Cli({"lists", "entries", "demo", "--limit", "3", "--json"}).out, '\n'), 3);
  EXPECT_EQ(std::ranges::count(Cli({"lists", "entries", "demo", "--limit", "0", "--json"}).out, '\n'), 5);
  EXPECT_NE(Cli({"lists", "entries", "demo", "--limit", "3"}).out.find("There are more"), std::string::npos);
}

TEST_F(ListsCommand, ErrorsAreJsonToo) {
  const Run run = Cli({"lists", "show", "nolist", "--json"});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_EQ(run.out,
            "{\"error\":\"there is no list 'nolist'\",\"reason\":\"LIST_NOT_FOUND\",\"field\":\"\"}\n");
}

}  // namespace
}  // namespace hashgate::cli
