// A folder scanned through ScanBatch by the built command line: the same answers as one by one, kills and
// Ctrl-C on the way, and files that change between runs.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCopies = 12;

class ScanFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    work_ = FreshFolder();
    std::filesystem::create_directories(work_ / "server");
    server_ = StartServer(work_ / "server");
    ASSERT_NE(server_, nullptr);
    ASSERT_TRUE(ImportKit(GateClient(server_->NewChannel())));
    folder_ = work_ / "files";
    for (int copy = 0; copy < kCopies; ++copy) {
      const std::filesystem::path below = folder_ / std::to_string(copy);
      for (const KitAnswer& answer : KitAnswers()) {
        const std::filesystem::path file = below / answer.file;
        std::filesystem::create_directories(file.parent_path());
        WriteWholeFile(file, KitFileBytes(answer.file));
        expected_[file.string()] = answer.verdict;
      }
    }
  }

  std::vector<std::string> Command() const {
    return {BinaryPath("hashgate"),     "--server",      server_->Address(), "scan", "--json", "--state",
            (work_ / "state").string(), folder_.string()};
  }
  // Verdict by file; the last line of a killed run may be half of one.
  static std::map<std::string, std::string> Verdicts(const std::string& out, int* remembered = nullptr) {
    std::map<std::string, std::string> verdicts;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, false);
      if (json.is_discarded()) continue;
      verdicts[json.at("file").get<std::string>()] = json.at("verdict").get<std::string>();
      if (remembered != nullptr && json.value("remembered", false)) ++*remembered;
    }
    return verdicts;
  }
  // Starts a scan, and ends it by `signal` once it has printed so many lines.
  std::optional<int> Interrupt(int signal, std::size_t lines) {
    const std::filesystem::path out = work_ / "interrupted.out";
    WriteWholeFile(out, "");
    ChildProcess scan({.command = Command(), .stdout_file = out});
    EXPECT_TRUE(PollUntil([&] { return Verdicts(ReadWholeFile(out)).size() >= lines; }, seconds(30)));
    scan.Signal(signal);
    return scan.Wait(seconds(20));
  }

  std::filesystem::path work_;
  std::filesystem::path folder_;
  std::map<std::string, std::string> expected_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(ScanFolderTest, KilledAgainAndAgainEveryFileHasItsAnswerInTheEnd) {
  for (std::size_t lines = 20; lines <= 100; lines += 40) Interrupt(SIGKILL, lines);
  int remembered = 0;
  const RunResult run = RunProgram(Command(), {}, seconds(60));
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_EQ(Verdicts(run.out, &remembered), expected_);
  EXPECT_GE(remembered, 60) << "most of what was printed before is not scanned again";
  EXPECT_TRUE(PollUntil([&] { return server_->Metric("hashgate_scan_streams") == 0; }, seconds(10)));
  EXPECT_GT(server_->Metric("hashgate_scan_seconds_count{method=\"background\"}"), 0);
}

TEST_F(ScanFolderTest, CtrlCSaysHowToGoOnAndTheRestIsScannedNextTime) {
  EXPECT_EQ(Interrupt(SIGINT, 20), 3);
  EXPECT_EQ(Verdicts(RunProgram(Command(), {}, seconds(60)).out), expected_);
}

TEST_F(ScanFolderTest, FilesThatChangedAreScannedAgain) {
  EXPECT_EQ(Verdicts(RunProgram(Command(), {}, seconds(60)).out), expected_);
  const std::string blocked = KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED");
  const std::string clean = KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED");
  const std::string file = (folder_ / "3" / clean).string();
  WriteWholeFile(file, KitFileBytes(blocked));
  expected_[file] = "BLOCK";
  int remembered = 0;
  EXPECT_EQ(Verdicts(RunProgram(Command(), {}, seconds(60)).out, &remembered), expected_);
  EXPECT_LT(remembered, static_cast<int>(expected_.size()));
  EXPECT_GT(remembered, 0);
}

TEST_F(ScanFolderTest, AServerThatRestartsInTheMiddleCostsNothing) {
  const std::filesystem::path out = work_ / "restart.out";
  std::vector<std::string> command = Command();
  WriteWholeFile(out, "");
  const std::string port = std::to_string(server_->grpc_port());
  ChildProcess scan({.command = command, .stdout_file = out});
  ASSERT_TRUE(PollUntil([&] { return Verdicts(ReadWholeFile(out)).size() >= 20; }, seconds(30)));
  server_->Stop();
  server_ = StartServer(work_ / "server", {.config = {{"grpc", {{"listen", "127.0.0.1:" + port}}}}});
  ASSERT_NE(server_, nullptr);
  EXPECT_EQ(scan.Wait(seconds(60)), 1);
  EXPECT_EQ(Verdicts(ReadWholeFile(out)), expected_);
}

}  // namespace
}  // namespace hashgate::testing
