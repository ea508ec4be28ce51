// Exchanges with the built binaries: a fake NCMEC server in a process of its own, hashgated, and the command
// line. kill -9 at random points of a sync: HASHGATE_KILLS says how often, the points come from
// HASHGATE_SEED.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr const char* kPassword = "correct-horse";

int Kills() {
  const char* text = std::getenv("HASHGATE_KILLS");
  return text != nullptr && *text != '\0' ? std::atoi(text) : 20;
}

class ExchangesTest : public ::testing::Test {
 protected:
  void StartFake(int entries, int page_size) {
    const std::filesystem::path out = FreshFolder("fake") / "out";
    const std::string fake = (std::filesystem::path(BinaryPath("hashgated")).parent_path().parent_path() /
                              "tests" / "hashgate-fake-ncmec")
                                 .string();
    fake_ = std::make_unique<ChildProcess>(
        ChildOptions{.command = {fake, "--entries", std::to_string(entries), "--page-size",
                                 std::to_string(page_size), "--deleted-per-1000", "20"},
                     .environment = {{"HASHGATE_FAKE_NCMEC_CREDENTIALS", std::string("a-user:") + kPassword}},
                     .stdout_file = out});
    ASSERT_TRUE(PollUntil(
        [&] {
          const std::string text = ReadWholeFile(out);
          const std::size_t at = text.find("http://");
          if (at == std::string::npos || !text.ends_with('\n')) return false;
          base_url_ = text.substr(at, text.find('\n', at) - at);
          return true;
        },
        seconds(30)));
  }

  // Keys of the exchange beside kind and base URL, as YAML in one line.
  ServerOptions Options(const std::string& more) const {
    ServerOptions options;
    options.config["exchanges"]["npo"] = "{kind: ncmec, base_url: \"" + base_url_ + "\"" + more + "}";
    options.environment["NPO_CREDENTIALS"] = std::string("a-user:") + kPassword;
    return options;
  }
  void Start(const std::string& more = ", credentials_env: NPO_CREDENTIALS") {
    server_.reset();
    server_ = StartServer(folder_, Options(more));
    ASSERT_NE(server_, nullptr);
  }
  RunResult Cli(std::vector<std::string> arguments) const {
    std::vector<std::string> command = {BinaryPath("hashgate"), "--server", server_->Address()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command, {}, seconds(120));
  }
  void CreateList() const {
    const RunResult made = Cli({"lists", "create", "npo", "--purpose", "TEST", "--trust", "TRUSTED",
                                "--source", "generated", "--legal-basis", "none needed"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  // Source id to version.
  std::map<std::string, int> Entries() const {
    std::map<std::string, int> entries;
    GateClient client(server_->NewChannel());
    for (const v1::Entry& entry : client.AllEntries("npo")) entries[entry.source_id()] = entry.version();
    return entries;
  }

  void KillSyncs(int entries, int page_size, std::chrono::microseconds longest, int kills);

  std::filesystem::path folder_ = FreshFolder("server");
  std::string base_url_;
  std::unique_ptr<ChildProcess> fake_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(ExchangesTest, FromAnEmptyServerToAMatch) {
  StartFake(3'000, 100);
  Start();
  // Without its list it says so.
  const RunResult early = Cli({"exchanges", "sync", "npo"});
  EXPECT_EQ(early.exit_code, 1);
  EXPECT_THAT(early.out, HasSubstr("npo"));
  CreateList();
  const RunResult test = Cli({"exchanges", "test", "npo"});
  EXPECT_EQ(test.exit_code, 0) << test.err;
  EXPECT_THAT(test.out, HasSubstr("member 78"));
  const RunResult synced = Cli({"exchanges", "sync", "npo"});
  EXPECT_EQ(synced.exit_code, 0) << synced.out << synced.err;
  EXPECT_THAT(synced.out, HasSubstr("Well."));

  const RunResult status = Cli({"--json", "exchanges", "status"});
  EXPECT_EQ(status.exit_code, 0);
  const Json json = Json::parse(status.out);
  EXPECT_EQ(json.at("health"), "WELL");
  EXPECT_EQ(json.at("production"), false);
  EXPECT_EQ(json.at("syncs").back().at("outcome"), "DONE");
  EXPECT_THAT(Cli({"exchanges", "ls"}).out, HasSubstr("WELL"));
  const auto entries = Entries();
  EXPECT_GT(entries.size(), 2'800U);
  EXPECT_LT(entries.size(), 3'000U) << "some were tombstones";
  EXPECT_EQ(server_->Metric("hashgate_exchange_up{exchange=\"npo\"}"), 1);

  EXPECT_EQ(Cli({"lists", "export", "npo"}).exit_code, 3) << "the source's terms are not known to permit it";
  {
    GateClient closed(server_->NewChannel());
    EXPECT_EQ(closed.AllEntries("npo").at(17).hashes(0).value(), "") << "nor entry by entry";
  }
  Start(", credentials_env: NPO_CREDENTIALS, allow_export: true");
  GateClient client(server_->NewChannel());
  const v1::Entry some = client.AllEntries("npo").at(17);
  const ScanReply match = client.Match(some.hashes(0).algorithm(), some.hashes(0).value());
  EXPECT_EQ(match.result.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_FALSE(match.result.lists_stale());

  // Nowhere in what it prints and logs.
  const RunResult printed =
      RunProgram({BinaryPath("hashgated"), "--config", server_->config_path().string(), "--print-config"});
  for (const std::string& text :
       {printed.out, printed.err, server_->Log(), status.out, synced.out, test.out}) {
    EXPECT_THAT(text, Not(HasSubstr(kPassword)));
  }
}

TEST_F(ExchangesTest, NewCredentialsAreTakenFromTheirFileWithoutARestart) {
  StartFake(50, 100);
  const std::filesystem::path file = folder_ / "credentials";
  std::filesystem::create_directories(folder_);
  WriteWholeFile(file, "a-user:expired\n");
  Start(", credentials_file: \"" + file.string() + "\"");
  CreateList();
  const RunResult refused = Cli({"exchanges", "sync", "npo"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, HasSubstr("Failing since"));
  EXPECT_EQ(Cli({"exchanges", "test", "npo"}).exit_code, 3);
  WriteWholeFile(file, std::string("a-user:") + kPassword + "\n");
  const RunResult synced = Cli({"exchanges", "sync", "npo"});
  EXPECT_EQ(synced.exit_code, 0) << synced.out;
}

TEST_F(ExchangesTest, AHeldSyncWaitsForAPerson) {
  StartFake(400, 100);
  Start();
  CreateList();
  ASSERT_EQ(Cli({"exchanges", "sync", "npo"}).exit_code, 0);
  // A third of the source's entries is no longer wanted: more than may go without a person's word.
  Start(
      ", credentials_env: NPO_CREDENTIALS, except_members: [\"100\"], gates: {shrink_percent: 1, "
      "shrink_entries: 1}");
  const std::size_t before = Entries().size();
  const RunResult held = Cli({"exchanges", "sync", "npo", "--from-the-beginning"});
  EXPECT_EQ(held.exit_code, 1);
  EXPECT_THAT(held.out, HasSubstr("Held since"));
  EXPECT_EQ(Entries().size(), before);
  EXPECT_EQ(Cli({"exchanges", "override", "npo", "--gate", "shrink", "--author", "ada"}).exit_code, 2);
  const RunResult opened = Cli(
      {"exchanges", "override", "npo", "--gate", "shrink", "--author", "ada", "--reason", "the member left"});
  EXPECT_EQ(opened.exit_code, 0) << opened.err;
  EXPECT_THAT(Cli({"events", "ls"}).out,
              AllOf(HasSubstr("GATE_OPENED"), HasSubstr("ada opens gate 'shrink' of exchange 'npo' up to "),
                    HasSubstr("the member left")));
  const RunResult passed = Cli({"exchanges", "sync", "npo", "--from-the-beginning"});
  EXPECT_EQ(passed.exit_code, 0) << passed.out;
  EXPECT_THAT(passed.out, HasSubstr("shrink by ada: the member left"));
  EXPECT_LT(Entries().size(), before);
}

// Kills the server at random moments of `longest` after a sync has begun, `kills` times.
void ExchangesTest::KillSyncs(int entries, int page_size, std::chrono::microseconds longest, int kills) {
  StartFake(entries, page_size);
  Start();
  CreateList();
  ASSERT_EQ(Cli({"exchanges", "sync", "npo"}).exit_code, 0);
  const auto expected = Entries();
  ASSERT_GT(expected.size(), static_cast<std::size_t>(entries) * 5 / 6);
  std::mt19937_64 random(Seed());
  int in_a_sync = 0;
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    // Half of them from an empty list on, which tells best what is lost.
    if (kill % 2 == 0) {
      ASSERT_EQ(Cli({"lists", "rm", "npo", "--yes"}).exit_code, 0);
      CreateList();
    }
    ASSERT_TRUE(PollUntil([&] { return server_->CountEvents("exchange_synced") > 0; }, seconds(60)));
    const int ended = server_->CountEvents("exchange_synced");
    ASSERT_EQ(Cli({"exchanges", "sync", "npo", "--from-the-beginning", "--no-wait"}).exit_code, 0);
    const auto at = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % longest.count());
    while (std::chrono::steady_clock::now() < at) std::this_thread::yield();
    in_a_sync += server_->CountEvents("exchange_synced") == ended ? 1 : 0;
    server_->process().Signal(SIGKILL);
    ASSERT_TRUE(server_->process().Wait(seconds(10)));
    Start();
    ASSERT_EQ(Cli({"exchanges", "sync", "npo"}).exit_code, 0);
    // From where the last checkpoint says, and all of it.
    const auto now = Entries();
    ASSERT_EQ(now.size(), expected.size());
    for (const auto& [id, version] : now) ASSERT_EQ(version, 1) << id << " was applied twice";
  }
  std::cout << in_a_sync << " of " << kills << " kills hit before a sync had ended\n";
  EXPECT_GT(in_a_sync, kills / 10);
}

TEST_F(ExchangesTest, KilledAtAnyPointNothingIsLostOrAppliedTwice) {
  KillSyncs(12'000, 60, milliseconds(300), Kills());
}

// Deltas that are written as table files, which the store takes over by another way.
TEST_F(ExchangesTest, KilledWithLargeDeltasNothingIsLostOrAppliedTwice) {
  KillSyncs(30'000, 500, milliseconds(400), std::max(4, Kills() / 2));
}

}  // namespace
}  // namespace hashgate::testing
