// Two servers, the second fed by what the first publishes as files, with the built binaries and any web
// server between them.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "testing/fakes/fake_http_server.h"
#include "testing/kit.h"
#include "testing/server_process.h"
#include "testing/signing_keys.h"

namespace hashgate::testing {
namespace {

namespace fs = std::filesystem;

using std::chrono::seconds;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class FeedE2eTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteWholeFile(keys_ / "key.pem", PrivateKeyPem());
    ASSERT_EQ(::chmod((keys_ / "key.pem").c_str(), 0600), 0);
    WriteWholeFile(keys_ / "public.pem", PublicKeyPem());
    publisher_ = StartServer(FreshFolder("publisher"), {});
    ASSERT_NE(publisher_, nullptr);
    ASSERT_EQ(Create(*publisher_).exit_code, 0);
    StartReader();
    ASSERT_EQ(Create(*reader_).exit_code, 0);
  }

  void StartReader() {
    ServerOptions options;
    options.config["exchanges"]["shared"] = "{kind: feed, base_url: \"" + web_.base_url() +
                                            "/lists\", public_key_file: \"" +
                                            (keys_ / "public.pem").string() + "\", interval_s: 86400}";
    reader_.reset();
    reader_ = StartServer(reader_folder_, options);
    ASSERT_NE(reader_, nullptr);
  }

  static RunResult Cli(const ServerProcess& server, std::vector<std::string> arguments) {
    std::vector<std::string> command = {BinaryPath("hashgate"), "--server", server.Address()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command, {}, seconds(120));
  }
  static RunResult Create(const ServerProcess& server) {
    return Cli(server, {"lists", "create", "shared", "--purpose", "TEST", "--trust", "TRUSTED", "--source",
                        "generated", "--legal-basis", "none needed"});
  }
  /// A line of CSV whose MD5 is made up from its number.
  static std::string Line(int number, const std::string& classification) {
    std::string digits = std::to_string(number);
    digits.insert(0, 32 - digits.size(), 'a');
    return "item-" + std::to_string(number) + "," + digits + "," + classification + "\n";
  }
  void Import(const std::string& lines, const std::vector<std::string>& more = {}) {
    WriteWholeFile(keys_ / "list.csv", "sourceId,md5,classification\n" + lines);
    std::vector<std::string> line = {"lists", "import", "shared", (keys_ / "list.csv").string()};
    line.insert(line.end(), more.begin(), more.end());
    const RunResult run = Cli(*publisher_, line);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  Json Publish() {
    const RunResult run = Cli(*publisher_, {"--json", "lists", "export", "shared", "--feed", folder_.string(),
                                            "--key", (keys_ / "key.pem").string(), "--expires-days", "2"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return Json::parse(run.out, nullptr, false);
  }
  /// Source id to classification.
  static std::map<std::string, std::string> Entries(const ServerProcess& server) {
    std::map<std::string, std::string> entries;
    GateClient client(server.NewChannel());
    for (const v1::Entry& entry : client.AllEntries("shared")) {
      entries[entry.source_id()] = entry.classification();
    }
    return entries;
  }

  const fs::path keys_ = FreshFolder("keys");
  const fs::path folder_ = FreshFolder("web") / "lists";
  const fs::path reader_folder_ = FreshFolder("reader");
  FakeHttpServer web_{[this](const FakeRequest& request) {
    const fs::path file = folder_.parent_path() / fs::path(request.path).relative_path();
    if (request.path.contains("..") || !fs::is_regular_file(file)) return FakeReply{.status = 404};
    return FakeReply{.body = ReadWholeFile(file)};
  }};
  std::unique_ptr<ServerProcess> publisher_;
  std::unique_ptr<ServerProcess> reader_;
};

TEST_F(FeedE2eTest, WhatOnePublishesTheOtherMatches) {
  std::string lines;
  for (int number = 0; number < 2'000; ++number) lines += Line(number, "first");
  Import(lines);
  const Json first = Publish();
  EXPECT_EQ(first.at("entries"), 2'000);
  EXPECT_EQ(first.at("leadsOn"), false);
  EXPECT_EQ(Cli(*reader_, {"lists", "update", "shared", "--purpose", "CSAM"}).exit_code, 0) << "still empty";
  RunResult synced = Cli(*reader_, {"exchanges", "sync", "shared"});
  EXPECT_EQ(synced.exit_code, 1);
  EXPECT_THAT(synced.out, HasSubstr("of purpose TEST"));
  EXPECT_EQ(Cli(*reader_, {"lists", "update", "shared", "--purpose", "TEST"}).exit_code, 0);
  const RunResult test = Cli(*reader_, {"exchanges", "test", "shared"});
  EXPECT_EQ(test.exit_code, 0) << test.err;
  EXPECT_THAT(test.out, HasSubstr("2000 entries"));
  synced = Cli(*reader_, {"exchanges", "sync", "shared"});
  EXPECT_EQ(synced.exit_code, 0) << synced.out << synced.err;
  EXPECT_EQ(Entries(*reader_), Entries(*publisher_));

  // Five more, one that changes and one that goes: only that is fetched.
  lines.clear();
  for (int number = 1; number < 2'005; ++number) lines += Line(number, number == 7 ? "second" : "first");
  Import(lines, {"--replace"});
  const Json second = Publish();
  EXPECT_EQ(second.at("leadsOn"), true);
  EXPECT_EQ(second.at("changes"), 7);
  EXPECT_GT(second.at("sequence"), first.at("sequence"));
  StartReader();
  const std::size_t calls = web_.call_count();
  synced = Cli(*reader_, {"exchanges", "sync", "shared"});
  EXPECT_EQ(synced.exit_code, 0) << synced.out << synced.err;
  for (const FakeCall& call : web_.calls()) {
    if (call.request.call <= calls) continue;
    EXPECT_THAT(call.request.path, ::testing::Not(HasSubstr("snapshot")));
  }
  EXPECT_EQ(Entries(*reader_), Entries(*publisher_));
  EXPECT_EQ(Entries(*reader_).at("item-7"), "second");
  EXPECT_EQ(Publish().at("changes"), 0) << "nothing new";

  // What came as one thing does not become another.
  const RunResult purpose = Cli(*reader_, {"lists", "update", "shared", "--purpose", "CSAM"});
  EXPECT_EQ(purpose.exit_code, 3);
  EXPECT_THAT(purpose.err, HasSubstr("its purpose stays"));
  EXPECT_EQ(Cli(*reader_, {"lists", "update", "shared", "--description", "from the web"}).exit_code, 0);

  GateClient client(reader_->NewChannel());
  const std::string md5 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa2004";
  std::string bytes;
  for (std::size_t i = 0; i < md5.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(md5.substr(i, 2), nullptr, 16));
  }
  EXPECT_EQ(client.Match(v1::ALGORITHM_MD5, bytes).result.outcome(), v1::OUTCOME_MATCHED);
}

TEST_F(FeedE2eTest, ADamagedFolderChangesNothing) {
  std::string lines;
  for (int number = 0; number < 50; ++number) lines += Line(number, "first");
  Import(lines);
  Publish();
  ASSERT_EQ(Cli(*reader_, {"exchanges", "sync", "shared"}).exit_code, 0);
  const auto before = Entries(*reader_);
  Import(Line(60, "first"));
  Publish();
  for (const auto& file : fs::directory_iterator(folder_)) {
    std::string bytes = ReadWholeFile(file.path());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    if (file.path().extension() == ".hgp") WriteWholeFile(file.path(), bytes);
  }
  const RunResult synced = Cli(*reader_, {"exchanges", "sync", "shared"});
  EXPECT_EQ(synced.exit_code, 1);
  EXPECT_THAT(synced.out, HasSubstr("not what the manifest says"));
  EXPECT_EQ(Entries(*reader_), before);
  // The publisher finds its files damaged, and publishes so that nobody goes on from them.
  Import(Line(61, "first"));
  EXPECT_EQ(Publish().at("leadsOn"), false);
  EXPECT_EQ(Cli(*reader_, {"exchanges", "sync", "shared"}).exit_code, 0);
  EXPECT_EQ(Entries(*reader_), Entries(*publisher_));
}

}  // namespace
}  // namespace hashgate::testing
