// One bad entry, end to end with the built binaries: pictures are blocked, the entry is found to be wrong,
// its verdicts are listed and reversed, and the platform reads what to put back; through restarts and kill
// -9. HASHGATE_KILLS says how often; the moments come from HASHGATE_SEED.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/hex.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::microseconds;
using std::chrono::seconds;

int Kills() {
  const char* text = std::getenv("HASHGATE_KILLS");
  return text != nullptr && *text != '\0' ? std::atoi(text) : 12;
}

std::vector<Json> Lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

class UndoE2eTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = FreshFolder("server");
    picture_ = KitFileBytes(KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED"));
    Restart();
    ASSERT_NE(client_, nullptr);
    // A wrong entry: somebody listed a harmless picture. By its PDQ hash, as most of them match.
    ASSERT_TRUE(client_->CreateList(SyntheticList("bad")).ok());
    const std::filesystem::path file = folder_ / "listed";
    WriteWholeFile(file, picture_);
    const Json hashed =
        Lines(RunProgram({BinaryPath("hashgate"), "--json", "hash", file.string()}).out).at(0);
    const Json& pdq = hashed["hashes"].at(0);
    ASSERT_EQ(pdq["algorithm"], "pdq");
    std::vector<std::uint8_t> value(32);
    ASSERT_TRUE(HexDecodeInto(pdq["hex"].get<std::string>(), value));
    v1::ImportRecord record =
        RecordOf(1, "wrong", v1::ALGORITHM_PDQ, std::string(value.begin(), value.end()));
    record.mutable_entry()->mutable_hashes(0)->set_quality(100);
    // And a right one, so that the list is not empty without it.
    const v1::ImportRecord other =
        RecordOf(2, "right", v1::ALGORITHM_PDQ, SyntheticHash(v1::ALGORITHM_PDQ, 1));
    ASSERT_TRUE(client_->Import("bad", {record, other}).status.ok());
    entry_ = client_->AllEntries("bad").at(0).entry_id();
  }

  void Restart() {
    client_.reset();
    server_.reset();
    server_ = StartServer(folder_);
    if (server_ != nullptr) client_ = std::make_unique<GateClient>(server_->NewChannel());
  }

  RunResult Hashgate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BinaryPath("hashgate"), "--server", server_->Address(), "--json"});
    return RunProgram(arguments);
  }
  RunResult Undo(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"lists", "undo",    "--list",
                                          "bad",   "--entry", std::to_string(entry_)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Hashgate(arguments);
  }
  ScanReply ScanAs(const std::string& content_id, const std::string& request_id = {}) const {
    v1::ScanHeader header;
    header.set_content_id(content_id);
    header.set_request_id(request_id);
    return client_->Scan(picture_, header);
  }
  void DeleteEntry() {
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    v1::DeleteEntryRequest request;
    request.set_list("bad");
    request.set_entry_id(entry_);
    v1::DeleteEntryResponse response;
    const grpc::Status deleted = client_->lists().DeleteEntry(&context, request, &response);
    ASSERT_TRUE(deleted.ok()) << deleted.error_message();
  }

  std::filesystem::path folder_;
  std::string picture_;
  std::int64_t entry_ = 0;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

const std::vector<std::string> kWho = {"--author", "jo", "--reason", "harmless picture"};

TEST_F(UndoE2eTest, AWrongEntryIsFoundUndoneAndTold) {
  const std::filesystem::path file = folder_ / "upload";
  WriteWholeFile(file, picture_);
  // One by the command line, as another process's client, and two with the platform's ids.
  const std::vector<Json> scanned = Lines(Hashgate({"scan", file.string()}).out);
  ASSERT_EQ(scanned.size(), 1U);
  ASSERT_EQ(scanned[0]["verdict"], "BLOCK") << scanned[0];
  for (const std::string post : {"post 1", "post 2"}) {
    EXPECT_EQ(ScanAs(post, "upload of " + post).result.verdict(), v1::VERDICT_BLOCK);
  }

  // While the entry is in force there is something to do first.
  const RunResult dry = Undo({"--dry-run"});
  EXPECT_EQ(dry.exit_code, 1) << dry.err;
  std::vector<Json> told = Lines(dry.out);
  ASSERT_EQ(told.size(), 4U) << dry.out;
  EXPECT_EQ(told[0]["scanId"], scanned[0]["scanId"]);
  EXPECT_EQ(told[1]["contentId"], "post 1");
  EXPECT_EQ(told[1]["effect"], "REVERSED");
  EXPECT_EQ(told[1]["newVerdict"], "ALLOW");
  EXPECT_EQ(told[3]["entryInForce"], true);
  EXPECT_EQ(told[3]["reversedCount"], 3);
  EXPECT_NE(dry.err.find("still in force"), std::string::npos);
  EXPECT_TRUE(Hashgate({"events", "ls"}).out.empty());

  DeleteEntry();
  const RunResult undo = Undo(kWho);
  EXPECT_EQ(undo.exit_code, 0) << undo.err;
  EXPECT_EQ(undo.err, "");
  EXPECT_EQ(Lines(undo.out).back()["reversedCount"], 3);
  EXPECT_EQ(server_->Metric("hashgate_verdicts_reversed_total"), 3);
  EXPECT_EQ(server_->Metric("hashgate_events_newest_sequence"), 3);

  const RunResult first = Hashgate({"events", "watch", "--limit", "2"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  std::vector<Json> events = Lines(first.out);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1]["sequence"], 2);
  EXPECT_EQ(events[1]["kind"], "VERDICT_REVERSED");
  EXPECT_EQ(events[1]["verdictReversed"]["contentId"], "post 1");
  EXPECT_EQ(events[1]["verdictReversed"]["oldVerdict"], "BLOCK");
  EXPECT_EQ(events[1]["verdictReversed"]["newVerdict"], "ALLOW");
  EXPECT_EQ(events[1]["verdictReversed"]["author"], "jo");
  EXPECT_EQ(events[1]["verdictReversed"]["list"], "bad");

  EXPECT_EQ(server_->Stop(), 0);
  Restart();
  ASSERT_NE(client_, nullptr);
  events = Lines(Hashgate({"events", "watch", "--from", "3", "--limit", "1"}).out);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["sequence"], 3);
  EXPECT_EQ(events[0]["verdictReversed"]["contentId"], "post 2");
  EXPECT_EQ(Lines(Undo(kWho).out).back()["undoneBeforeCount"], 3);
  EXPECT_EQ(ScanAs("post 2", "upload of post 2").result.verdict(), v1::VERDICT_ALLOW)
      << "the request's old answer is not repeated";
  // Nothing of the uploads or of the entry stands in the log.
  EXPECT_EQ(server_->Log().find("post 1"), std::string::npos);
  EXPECT_EQ(server_->Stop(), 0);
}

TEST_F(UndoE2eTest, AWatcherOutlivesARestartOfTheServer) {
  EXPECT_EQ(ScanAs("post 1").result.verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(ScanAs("post 2").result.verdict(), v1::VERDICT_BLOCK);
  // The address has to stay.
  ServerOptions options;
  options.config["grpc"]["listen"] = "\"" + server_->Address() + "\"";
  const std::filesystem::path out = folder_ / "watched";
  ChildOptions watcher;
  watcher.command = {
      BinaryPath("hashgate"), "--server", server_->Address(), "--json", "events", "watch", "--limit", "2"};
  watcher.stdout_file = out;
  ChildProcess watch(watcher);
  ASSERT_EQ(Undo({"--author", "jo", "--reason", "x", "--max", "1"}).exit_code, 1);
  ASSERT_TRUE(PollUntil([&] { return ReadWholeFile(out).ends_with("\n"); }, seconds(20)));
  client_.reset();
  // The listener's drain ends the stream: the server does not wait for it.
  EXPECT_EQ(server_->Stop(), 0);
  server_ = StartServer(folder_, options);
  ASSERT_NE(server_, nullptr);
  ASSERT_EQ(Undo(kWho).exit_code, 1) << "the entry is in force";
  EXPECT_EQ(watch.Wait(seconds(20)), 0);
  const std::vector<Json> events = Lines(ReadWholeFile(out));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["verdictReversed"]["contentId"], "post 1");
  EXPECT_EQ(events[1]["verdictReversed"]["contentId"], "post 2");
}

// Scans and undos meet kill -9: each verdict that a caller got is found by its entry, and reversed once.
TEST_F(UndoE2eTest, NoVerdictThatLeftIsLostByKills) {
  std::cout << "seed " << Seed() << '\n';
  std::mt19937_64 random(Seed());
  std::set<std::string> blocked;
  const int kills = Kills();
  int cut_short = 0;
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    std::atomic<bool> stop = false;
    std::atomic<int> answered = 0;
    std::vector<std::set<std::string>> got(3);
    {
      std::vector<std::jthread> callers;
      for (std::size_t caller = 0; caller < got.size(); ++caller) {
        callers.emplace_back([&, caller] {
          for (int i = 0; !stop; ++i) {
            const std::string id =
                std::to_string(kill) + "-" + std::to_string(caller) + "-" + std::to_string(i);
            const ScanReply reply = ScanAs(id, i % 2 == 0 ? "request " + id : "");
            if (!reply.status.ok()) return;
            EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK);
            got[caller].insert(id);
            ++answered;
          }
        });
      }
      // From the second round on an undo runs beside them, and is cut short, too.
      std::jthread undo([&] {
        if (kill == 0) return;
        const RunResult run = Undo(kWho);
        cut_short += run.exit_code == 3 ? 1 : 0;
      });
      EXPECT_TRUE(PollUntil([&] { return answered > 5; }, seconds(20)));
      const auto at = std::chrono::steady_clock::now() + microseconds(random() % 30'000);
      while (std::chrono::steady_clock::now() < at) std::this_thread::yield();
      server_->process().Signal(SIGKILL);
      EXPECT_TRUE(server_->process().Wait(seconds(10)));
      stop = true;
    }
    for (const std::set<std::string>& own : got) blocked.insert(own.begin(), own.end());
    Restart();
    ASSERT_NE(client_, nullptr);
    std::multiset<std::string> listed;
    const std::vector<Json> told = Lines(Undo({"--dry-run"}).out);
    ASSERT_FALSE(told.empty());
    for (const Json& line : told) {
      if (line.contains("contentId")) listed.insert(line["contentId"].get<std::string>());
    }
    for (const std::string& id : blocked) EXPECT_EQ(listed.count(id), 1U) << id;
  }
  ASSERT_LE(Undo(kWho).exit_code, 1);
  std::multiset<std::string> reversed;
  const std::vector<Json> events = Lines(Hashgate({"events", "ls", "--limit", "0"}).out);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["sequence"], i + 1);
    reversed.insert(events[i]["verdictReversed"]["contentId"].get<std::string>());
  }
  for (const std::string& id : blocked) EXPECT_EQ(reversed.count(id), 1U) << id;
  std::cout << kills << " kills, " << blocked.size() << " verdicts answered, " << reversed.size()
            << " reversed, " << cut_short << " undos cut short\n";
}

}  // namespace
}  // namespace hashgate::testing
