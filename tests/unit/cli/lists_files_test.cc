// Imports and exports of files that need more than a list's name: mappings, dry runs, signed snapshots.
#include <sys/stat.h>

#include "base/signature.h"
#include "exchange/signed/feed.h"
#include "testing/signing_keys.h"
#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class ListsFiles : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    v1::HashList& list = lists_.lists["demo"];
    list.set_name("demo");
    list.set_source("somebody");
    list.set_purpose(v1::HARM_CLASS_TEST);
    status_.answer.set_generation(17);
  }
  static std::string Md5(char digit) { return std::string(32, digit); }
  std::string Key(mode_t mode = 0600) {
    const std::string path = Write("key.pem", testing::PrivateKeyPem());
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string Snapshot(const std::vector<std::string>& more = {}) {
    lists_.records.clear();
    EXPECT_EQ(Cli({"lists", "import", "demo", Write("in.txt", Md5('1') + "\n" + Md5('2') + "\n")}).code,
              kDone);
    const std::string path = (folder_ / "out.hgl").string();
    std::vector<std::string> line = {"lists", "export", "demo", "--format", "snapshot",
                                     "--key", Key(),    "-o",   path};
    line.insert(line.end(), more.begin(), more.end());
    const Run run = Cli(line);
    EXPECT_EQ(run.code, kDone) << run.err;
    EXPECT_NE(run.out.find("2 entries written to"), std::string::npos) << run.out;
    lists_.records.clear();
    return path;
  }
};

TEST_F(ListsFiles, AMappingReadsForeignFiles) {
  const std::string mapping = Write("m.yaml",
                                    "format: csv\nsourceId: Ref\nhashes: [{algorithm: md5, at: "
                                    "Digest}]\nremoved: [{at: State, is: gone}]\n");
  const std::string file =
      Write("f.csv", "Ref,Digest,State,More\n1," + Md5('1') + ",,\n2," + Md5('2') + ",gone,\n");
  Run run = Cli({"lists", "import", "demo", file, "--mapping", mapping});
  EXPECT_EQ(run.code, kFindings) << run.err;
  EXPECT_NE(run.out.find("f.csv:3: a deletion"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("Not used: More"), std::string::npos);
  ASSERT_EQ(lists_.records.size(), 2U);
  EXPECT_EQ(lists_.records[0].entry().source_id(), "1");
  lists_.records.clear();
  run = Cli({"lists", "import", "demo", file, "--mapping", mapping, "--replace"});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_EQ(lists_.records.size(), 1U);
  EXPECT_NE(run.out.find("1 item is withdrawn and left out"), std::string::npos) << run.out;
}

TEST_F(ListsFiles, MappingMistakesAreUsage) {
  const std::string file = Write("f.csv", "md5\n" + Md5('1') + "\n");
  const std::string mapping = Write("m.yaml", "format: csv\nhashes: [{algorithm: md5, at: md5}]\n");
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--mapping", Write("bad.yaml", "format: x\n")}).code,
            kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--mapping", mapping, "--format", "csv"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--mapping", mapping, "--map", "md5=x"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", "-", "--mapping", "-"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--mapping", "/no/such"}).code, kFailed);
  EXPECT_TRUE(lists_.records.empty());
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--mapping", mapping}).code, kDone);
}

// The example in docs/ is what people start from, so it has to work.
TEST_F(ListsFiles, TheExampleMappingIsReadAndFitsItsExample) {
  const std::string docs = std::string(std::getenv("HASHGATE_SOURCE_DIR")) + "/docs/examples/";
  const std::vector<std::string> line = {
      "lists",    "import", "demo", docs + "foreign-list.csv", "--mapping", docs + "foreign-list.yaml",
      "--replace"};
  Cli(line);
  std::vector<std::string> dry = line;
  dry.push_back("--dry-run");
  const Run run = CliWithoutServer(dry);
  EXPECT_EQ(run.code, kDone) << run.err << run.out;
  EXPECT_NE(run.out.find("Hashes: md5 2, sha1 1, photodna 1."), std::string::npos) << run.out;
  ASSERT_EQ(lists_.records.size(), 2U) << run.out;
  EXPECT_EQ(lists_.records[0].entry().classification(), "iwf:A");
  EXPECT_EQ(lists_.records[0].entry().hashes_size(), 3);
  EXPECT_EQ(lists_.records[0].entry().labels(0), "age:7-10");
  EXPECT_NE(run.out.find("1 item is withdrawn"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("1 item is known to be harmless"), std::string::npos) << run.out;
}

TEST_F(ListsFiles, ADryRunSaysWhatIsInAFileAndSendsNothing) {
  const std::string file = Write("f.csv", "md5,sha1,labels\n" + Md5('1') + "," + std::string(40, '2') +
                                              ",x\nzz,,\n" + Md5('3') + ",," + std::string(129, 'l') + "\n");
  Run run = CliWithoutServer({"lists", "import", "demo", file, "--dry-run"});
  EXPECT_EQ(run.code, kFindings) << run.err;
  EXPECT_EQ(run.out,
            "3 records of " + file +
                " (csv): 1 would be taken, 2 quarantined. Nothing was sent.\nHashes: md5 1, sha1 1.\n" +
                file + ":3: md5: a md5 hash is exactly 32 hex digits\n" + file +
                ":4: a label is longer than 128 bytes\n");
  run = CliWithoutServer({"lists", "import", "demo", file, "--dry-run", "--json"});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(
      run.out.find(
          R"("format":"csv","dryRun":true,"receivedCount":3,"quarantinedCount":2,"hashCounts":{"md5":1,"sha1":1,"sha256":0,"pdq":0,"photodna":0,"phash":0,"block_mean":0,"marr_hildreth":0,"average":0},"skippedHarmlessCount":0)"),
      std::string::npos)
      << run.out;
  EXPECT_EQ(CliWithoutServer({"lists", "import", "demo", file, "--dry-run", "--replace"}).code, kFailed)
      << "too many could not be taken";
  const std::string good = Write("g.csv", "md5\n" + Md5('1') + "\n");
  EXPECT_EQ(CliWithoutServer({"lists", "import", "demo", good, "--dry-run", "--replace"}).code, kDone);
  EXPECT_EQ(CliWithoutServer({"lists", "import", "demo", "/no/such", "--dry-run"}).code, kFailed);
  EXPECT_EQ(CliWithoutServer({"lists", "import", "demo", Write("h.txt", "what is this\n"), "--dry-run"}).code,
            kFailed);
  EXPECT_EQ(Cli({"lists", "import", "demo", file, "--dry-run"}).code, kFindings);
  EXPECT_TRUE(lists_.records.empty());
}

TEST_F(ListsFiles, AFileThatBreaksOffReplacesNothing) {
  const std::string file = Write("cut.json", "[{\"md5\":\"" + Md5('1') + "\"},{\"md5\":");
  EXPECT_EQ(Cli({"lists", "import", "demo", file}).code, kFindings);
  for (const bool dry : {false, true}) {
    std::vector<std::string> line = {"lists", "import", "demo", file, "--replace"};
    if (dry) line.emplace_back("--dry-run");
    const Run run = Cli(line);
    EXPECT_EQ(run.code, kFailed) << run.out;
    EXPECT_NE(run.err.find("breaks off or goes wrong at item 2"), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

TEST_F(ListsFiles, ASnapshotIsSignedAndChecked) {
  const std::string path = Snapshot();
  const std::string key = Write("public.pem", testing::PublicKeyPem());
  Run run = Cli({"lists", "import", "demo", path, "--public-key", key});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_NE(run.out.find("(snapshot): 2 added"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("Signed snapshot 17 of demo (source: somebody), written "), std::string::npos)
      << run.out;
  ASSERT_EQ(lists_.records.size(), 2U);
  EXPECT_EQ(lists_.records[1].entry().hashes(0).value(), std::string(16, '\x22'));
  run = CliWithoutServer({"lists", "import", "demo", path, "--public-key", key, "--dry-run", "--json"});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_NE(run.out.find(R"("snapshot":{"list":"demo","source":"somebody","purpose":"TEST","sequence":17,)"),
            std::string::npos)
      << run.out;
}

TEST_F(ListsFiles, NothingOfASnapshotThatIsNotRightIsSent) {
  const std::string path = Snapshot({"--sequence", "5", "--expires-days", "1"});
  const std::string key = Write("public.pem", testing::PublicKeyPem());
  const std::string other = Write("other.pem", testing::OtherPublicKeyPem());
  std::string bytes = Read(path);
  bytes[bytes.size() / 2] ^= 1;
  const std::string changed = Write("changed.hgl", bytes);
  const std::vector<std::vector<std::string>> lines = {
      {"lists", "import", "demo", path},
      {"lists", "import", "demo", path, "--public-key", other},
      {"lists", "import", "demo", changed, "--public-key", key},
      {"lists", "import", "demo", path, "--public-key", "/no/such"},
      {"lists", "import", "demo", path, "--public-key", Write("no.pem", "text")},
      {"lists", "import", "demo", Write("a.txt", Md5('1') + "\n"), "--public-key", key},
  };
  for (const auto& line : lines) {
    const Run run = Cli(line);
    EXPECT_EQ(run.code, kFailed) << run.err;
    EXPECT_TRUE(lists_.records.empty());
  }
  EXPECT_EQ(Cli({"lists", "import", "demo", path, "--public-key", key}).code, kDone);
}

TEST_F(ListsFiles, ASnapshotGoesIntoAListOfItsPurposeOnly) {
  const std::string path = Snapshot();
  const std::string key = Write("public.pem", testing::PublicKeyPem());
  lists_.lists["demo"].set_purpose(v1::HARM_CLASS_CSAM);
  const Run run = Cli({"lists", "import", "demo", path, "--public-key", key});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("purpose is TEST, that of list 'demo' is CSAM"), std::string::npos) << run.err;
  EXPECT_TRUE(lists_.records.empty());
}

TEST_F(ListsFiles, ASnapshotGoesIntoTheListOfItsNameUnlessItIsSaid) {
  const std::string path = Snapshot();
  const std::string key = Write("public.pem", testing::PublicKeyPem());
  v1::HashList& other = lists_.lists["other"];
  other.set_name("other");
  other.set_purpose(v1::HARM_CLASS_TEST);
  for (const bool dry : {false, true}) {
    std::vector<std::string> line = {"lists", "import", "other", path, "--public-key", key};
    if (dry) line.emplace_back("--dry-run");
    Run run = Cli(line);
    EXPECT_EQ(run.code, kFailed) << run.out;
    EXPECT_NE(run.err.find("is of list 'demo'"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("--from-list demo"), std::string::npos) << run.err;
    line.insert(line.end(), {"--from-list", "third"});
    EXPECT_EQ(Cli(line).code, kFailed);
    EXPECT_TRUE(lists_.records.empty());
    line.back() = "demo";
    run = Cli(line);
    EXPECT_EQ(run.code, kDone) << run.err;
    EXPECT_EQ(lists_.records.size(), dry ? 0U : 2U);
    lists_.records.clear();
  }
  EXPECT_EQ(Cli({"lists", "import", "demo", path, "--public-key", key, "--from-list", "other"}).code, kFailed)
      << "what is said counts, not the list's own name";
  EXPECT_EQ(Cli({"lists", "import", "demo", Write("a.txt", Md5('1') + "\n"), "--from-list", "demo"}).code,
            kFailed)
      << "only a snapshot says what it is of";
  EXPECT_TRUE(lists_.records.empty());
}

TEST_F(ListsFiles, AKeyThatOthersMayReadIsRefused) {
  const auto line = [&](const std::string& key) {
    return std::vector<std::string>{
        "lists", "export", "demo", "--format", "snapshot", "--key", key, "-o", (folder_ / "x.hgl").string()};
  };
  for (const mode_t mode : {mode_t{0640}, mode_t{0604}, mode_t{0620}}) {
    const Run run = Cli(line(Key(mode)));
    EXPECT_EQ(run.code, kFailed);
    EXPECT_NE(run.err.find("chmod 600"), std::string::npos) << run.err;
  }
  EXPECT_EQ(Cli(line(Key(0400))).code, kDone);
  ::chmod(Key().c_str(), 0600);
  EXPECT_EQ(Cli(line("/no/such")).code, kFailed);
  EXPECT_EQ(Cli(line(folder_.string())).code, kFailed);
  const std::string no_key = Write("no.pem", "text");
  ::chmod(no_key.c_str(), 0600);
  EXPECT_EQ(Cli(line(no_key)).code, kFailed);
}

TEST_F(ListsFiles, ExportOptionsOfSnapshotsAreForThem) {
  EXPECT_EQ(Cli({"lists", "export", "demo", "--format", "snapshot"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--key", Key()}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--sequence", "1"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--expires-days", "1"}).code, kUsage);
  const std::string missing = (folder_ / "missing.hgl").string();
  EXPECT_EQ(Cli({"lists", "export", "nolist", "--format", "snapshot", "--key", Key(), "-o", missing}).code,
            kFailed);
  EXPECT_FALSE(std::filesystem::exists(missing));
}

TEST_F(ListsFiles, AFeedIsGoodForAMonthWhereNothingElseIsSaid) {
  const std::string folder = (folder_ / "feed").string();
  const auto key = VerifyingKey::FromPem(testing::PublicKeyPem());
  ASSERT_TRUE(key);
  const auto days = [&](const std::vector<std::string>& more) {
    std::vector<std::string> line = {"lists", "export", "demo", "--feed", folder, "--key", Key()};
    line.insert(line.end(), more.begin(), more.end());
    EXPECT_EQ(Cli(line).code, kDone);
    const auto manifest = exchange::ParseFeedManifest(Read(folder + "/manifest.hgf"), *key);
    EXPECT_TRUE(manifest);
    const exchange::SnapshotHeader& header = manifest->header;
    if (header.expires == WallTime()) return std::int64_t{0};
    return std::chrono::duration_cast<std::chrono::days>(header.expires - header.created).count();
  };
  EXPECT_EQ(days({}), 30);
  EXPECT_EQ(days({"--expires-days", "2"}), 2);
  EXPECT_EQ(days({"--expires-days", "0"}), 0);
}

TEST_F(ListsFiles, WhatAKilledPublisherLeftHalfWrittenIsRemoved) {
  const std::filesystem::path folder = folder_ / "feed";
  std::filesystem::create_directories(folder);
  const char* const gone[] = {"manifest.hgf.part-AbC123", "snapshot-17-1.hgp.part-aaaaaa",
                              "changes-17-2.hgp.part-ZZZZZZ", "changes-3-1.hgp"};
  const char* const kept[] = {"index.html", "mine.part-AbC123", "snapshot-17-1.hgp.part-", "notes.hgp"};
  for (const char* name : gone) Write(std::string("feed/") + name, "x");
  for (const char* name : kept) Write(std::string("feed/") + name, "x");
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", folder.string(), "--key", Key()}).code, kDone);
  for (const char* name : gone) EXPECT_FALSE(std::filesystem::exists(folder / name)) << name;
  for (const char* name : kept) EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
}

TEST_F(ListsFiles, AManifestThatCannotBeLookedAtIsNotTakenForNone) {
  const std::filesystem::path folder = folder_ / "feed";
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink("manifest.hgf", folder / "manifest.hgf");
  const Run run = Cli({"lists", "export", "demo", "--feed", folder.string(), "--key", Key()});
  EXPECT_EQ(run.code, kFailed) << run.out;
  EXPECT_NE(run.err.find("manifest.hgf' cannot be read"), std::string::npos) << run.err;
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "manifest.hgf"));
}

TEST_F(ListsFiles, AFeedIsPublishedInAFolderOfItsOwn) {
  EXPECT_EQ(Cli({"lists", "import", "demo", Write("in.txt", Md5('1') + "\n" + Md5('2') + "\n")}).code, kDone);
  const std::string folder = (folder_ / "www" / "demo").string();
  Run run = Cli({"lists", "export", "demo", "--feed", folder, "--key", Key()});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_NE(run.out.find("2 entries published in "), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("as number 17."), std::string::npos) << run.out;
  EXPECT_TRUE(std::filesystem::exists(folder + "/manifest.hgf"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/snapshot-17-1.hgp"));
  run = Cli({"--json", "lists", "export", "demo", "--feed", folder, "--key", Key()});
  EXPECT_NE(run.out.find(R"("entries":2,"sequence":17,"leadsOn":true,"changes":0)"), std::string::npos)
      << run.out;
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", folder}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", folder, "--key", Key(), "--format", "jsonl"}).code,
            kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", folder, "--key", Key(), "-o", "x"}).code, kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", folder, "--key", Key(), "--sequence", "1"}).code,
            kUsage);
  EXPECT_EQ(Cli({"lists", "export", "demo", "--feed", Write("a-file", "x"), "--key", Key()}).code, kFailed);
  // Another list's feed is not written over.
  v1::HashList& other = lists_.lists["other"];
  other.set_name("other");
  other.set_purpose(v1::HARM_CLASS_TEST);
  run = Cli({"lists", "export", "other", "--feed", folder, "--key", Key()});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("a folder of its own"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace hashgate::cli
