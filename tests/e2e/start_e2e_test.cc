// Starts that must fail do so with a sentence that says what to do, and configurations are checked by name
// and line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/http_get.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

// Starts a server that must not come up, and returns its exit code and log.
RunResult FailedStart(const std::filesystem::path& folder, const ServerOptions& options) {
  ServerProcess server(folder, options);
  RunResult result;
  const auto code = server.process().Wait(seconds(20));
  EXPECT_TRUE(code) << "it came up";
  result.exit_code = code.value_or(-1);
  result.err = server.Log();
  return result;
}

RunResult Hashgated(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {BinaryPath("hashgated")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunProgram(command);
}

TEST(StartTest, ATakenPort) {
  const auto first = StartServer(FreshFolder("first"));
  ASSERT_NE(first, nullptr);
  const std::string grpc = "127.0.0.1:" + std::to_string(first->grpc_port());
  const RunResult by_grpc =
      FailedStart(FreshFolder("grpc"), {.config = {{"grpc", {{"listen", "\"" + grpc + "\""}}}}});
  EXPECT_EQ(by_grpc.exit_code, 1);
  EXPECT_THAT(by_grpc.err, HasSubstr("ADDRESS_UNAVAILABLE"));
  EXPECT_THAT(by_grpc.err, HasSubstr("cannot listen for gRPC on " + grpc));
  EXPECT_THAT(by_grpc.err, HasSubstr("change grpc.listen"));

  const std::string http = "127.0.0.1:" + std::to_string(first->http_port());
  const RunResult by_http =
      FailedStart(FreshFolder("http"), {.config = {{"http", {{"listen", "\"" + http + "\""}}}}});
  EXPECT_EQ(by_http.exit_code, 1);
  EXPECT_THAT(by_http.err, HasSubstr("cannot listen for HTTP on " + http));
}

TEST(StartTest, ADataFolderInUse) {
  const auto first = StartServer(FreshFolder("first"));
  ASSERT_NE(first, nullptr);
  const RunResult second = FailedStart(
      FreshFolder("second"), {.config = {{"", {{"data_dir", "\"" + first->data_dir().string() + "\""}}}}});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("STORE_IN_USE"));
  EXPECT_EQ(HttpGet(first->http_port(), "/readyz").status, 200) << "the first one must not notice";
}

TEST(StartTest, AListenerThatOthersReachNeedsConsent) {
  for (const char* section : {"grpc", "http"}) {
    const ServerOptions open{.config = {{section, {{"listen", "\"0.0.0.0:0\""}}}}};
    const RunResult refused = FailedStart(FreshFolder(section), open);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr("INSECURE_LISTENER"));
    EXPECT_THAT(refused.err, HasSubstr(std::string(section) + ".insecure: true"));
    ServerOptions accepted = open;
    accepted.config[section]["insecure"] = "true";
    EXPECT_NE(StartServer(FreshFolder(std::string(section) + ".insecure"), accepted), nullptr);
  }
}

TEST(StartTest, AnUnknownKernel) {
  const RunResult result =
      FailedStart(FreshFolder(), {.config = {}, .environment = {{"HASHGATE_FORCE_KERNEL", "nonsense"}}});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("HASHGATE_FORCE_KERNEL"));
}

TEST(StartTest, APinnedKernelIsTheOneInUse) {
  const auto server =
      StartServer(FreshFolder(), {.config = {}, .environment = {{"HASHGATE_FORCE_KERNEL", "portable"}}});
  ASSERT_NE(server, nullptr);
  EXPECT_THAT(server->Log(), HasSubstr("\"kernel\":\"portable\""));
}

TEST(StartTest, NoDecoder) {
  const RunResult absent =
      FailedStart(FreshFolder("absent"), {.config = {{"decoder", {{"binary", "\"/nonexistent/decoder\""}}}}});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.err, HasSubstr("DECODER_UNAVAILABLE"));
  EXPECT_THAT(absent.err, HasSubstr("/nonexistent/decoder"));
  // A program that is there but is no decoder must not hang the start.
  const RunResult other =
      FailedStart(FreshFolder("other"), {.config = {{"decoder", {{"binary", "\"/bin/true\""}}}}});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("DECODER_UNAVAILABLE"));
}

TEST(ConfigTest, ATypoIsNamedByFileLineAndKey) {
  const std::filesystem::path file = FreshFolder("config") / "typo.yaml";
  WriteWholeFile(file, "scan:\n  max_queued: 8\n  max_qeued: 9\ndecoder:\n  workers: many\n");
  for (const char* option : {"--check-config", "--print-config"}) {
    const RunResult result = Hashgated({"--config", file, option});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(file.string() + ":3"));
    EXPECT_THAT(result.err, HasSubstr("max_qeued"));
    EXPECT_THAT(result.err, HasSubstr(file.string() + ":5")) << "every problem is named at once";
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(Hashgated({"--config", file}).exit_code, 2);
}

TEST(ConfigTest, ADoubledKey) {
  const std::filesystem::path file = FreshFolder("config") / "twice.yaml";
  WriteWholeFile(file, "drain:\n  notice_ms: 1\n  notice_ms: 2\n");
  const RunResult result = Hashgated({"--config", file, "--check-config"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr(file.string() + ":3"));
}

TEST(ConfigTest, ValuesOutOfRange) {
  const std::filesystem::path file = FreshFolder("config") / "range.yaml";
  WriteWholeFile(file, "scan:\n  max_queued: 0\n");
  const RunResult result = Hashgated({"--config", file, "--check-config"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("max_queued"));
}

TEST(ConfigTest, AFileThatIsNotThere) {
  const RunResult result = Hashgated({"--config", "/nonexistent/hashgated.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/nonexistent/hashgated.yaml"));
}

TEST(ConfigTest, ABrokenPolicyIsAMistakeOfTheConfiguration) {
  const std::filesystem::path folder = FreshFolder("config");
  WriteWholeFile(folder / "policy.yaml", "version: \"1\"\nname: x\nextends: standard\nrulez: []\n");
  WriteWholeFile(folder / "hashgated.yaml",
                 "policy:\n  file: \"" + (folder / "policy.yaml").string() + "\"\n");
  const RunResult result = Hashgated({"--config", folder / "hashgated.yaml", "--check-config"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("policy.yaml:4"));
  EXPECT_THAT(result.err, HasSubstr("rulez"));
}

TEST(ConfigTest, WhatIsPrintedReadsBackTheSame) {
  const std::filesystem::path folder = FreshFolder("config");
  WriteWholeFile(folder / "in.yaml",
                 "data_dir: \"/srv/with \\\"quotes\\\"\"\nlog_level: warning\nsurfaces:\n"
                 "  profile-picture: {kind: avatar, images_only: true}\nscan:\n  threads: 3\n");
  const RunResult first = Hashgated({"--config", folder / "in.yaml", "--print-config"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("threads: 3"));
  EXPECT_THAT(first.out, HasSubstr("images_only: true"));
  WriteWholeFile(folder / "out.yaml", first.out);
  const RunResult second = Hashgated({"--config", folder / "out.yaml", "--print-config"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.out, first.out);
  EXPECT_EQ(Hashgated({"--config", folder / "out.yaml", "--check-config"}).exit_code, 0);
}

TEST(ConfigTest, UsageAndVersion) {
  EXPECT_EQ(Hashgated({"--no-such-option"}).exit_code, 2);
  EXPECT_EQ(Hashgated({"--version"}).exit_code, 0);
  EXPECT_EQ(Hashgated({"--help"}).exit_code, 0);
}

}  // namespace
}  // namespace hashgate::testing
