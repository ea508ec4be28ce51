// A real server with a hash plug-in: the documentation's example finds edited copies, and what goes wrong
// with a plug-in is told where it should be.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/hex.h"
#include "testing/gate_client.h"
#include "testing/server_process.h"
#include "unit/image/animations.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr unsigned kListed = 5;

std::string Text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

// Without every second row and column.
Rgba HalfOf(const Rgba& picture) {
  Rgba half{.width = picture.width / 2, .height = picture.height / 2, .samples = {}};
  half.samples.resize(static_cast<std::size_t>(half.width) * static_cast<std::size_t>(half.height) * 4);
  for (int row = 0; row < half.height; ++row) {
    for (int col = 0; col < half.width; ++col) {
      for (int c = 0; c < 4; ++c) half.At(row, col)[c] = picture.At(2 * row, 2 * col)[c];
    }
  }
  return half;
}

class PluginE2eTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/hashgate-plugin-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Plugin(const std::string& name) const {
    const fs::path copy = folder_ / (name + ".so");
    fs::copy_file(fs::read_symlink("/proc/self/exe").parent_path() / "plugins" / (name + ".so"), copy,
                  fs::copy_options::overwrite_existing);
    fs::permissions(copy, fs::perms::owner_all);
    return copy;
  }
  static ServerOptions With(const std::string& plugin, const std::string& more = {}) {
    ServerOptions options;
    options.config["decoder"]["plugins"] = "[{path: \"" + plugin + "\"" + more + "}]";
    return options;
  }
  static v1::ScanResult Scan(const GateClient& client, const std::string& bytes) {
    const ScanReply reply = client.Scan(bytes);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.result;
  }
  // The configuration that a server was given, looked at by `hashgated --check-config`.
  RunResult Check(const std::string& plugins) const {
    const fs::path config = folder_ / "hashgated.yaml";
    WriteWholeFile(config, "decoder:\n  plugins: " + plugins + "\n");
    return RunProgram({BinaryPath("hashgated"), "--config", config.string(), "--check-config"});
  }

  fs::path folder_;
};

TEST_F(PluginE2eTest, EditedCopiesAreFoundByAListOfTheExamplesHashes) {
  const std::string plugin = Plugin("grid_plugin");
  const Rgba listed = WavePicture(240, 320, kListed);
  const fs::path file = folder_ / "listed.png";
  WriteWholeFile(file, Text(EncodePng(listed, {})));
  WriteWholeFile(folder_ / "plugin.conf", "grid");
  const RunResult hashed =
      RunProgram({BinaryPath("hashgate"), "hash", "--json", "--algorithms", "photodna", "--plugin", plugin,
                  "--plugin-config", (folder_ / "plugin.conf").string(), file.string()});
  ASSERT_EQ(hashed.exit_code, 0) << hashed.err;
  const auto json = nlohmann::json::parse(hashed.out);
  ASSERT_EQ(json["hashes"].size(), 1U) << hashed.out;
  EXPECT_EQ(json["hashes"][0]["algorithm"], "photodna");
  const auto bytes = HexDecode(json["hashes"][0]["hex"].get<std::string>());
  ASSERT_TRUE(bytes);

  const fs::path data = FreshFolder();
  const auto server = StartServer(data, With(plugin, ", algorithm: photodna, config_file: \"" +
                                                         (folder_ / "plugin.conf").string() + "\""));
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(client.CreateList(SyntheticList("grid")).ok());
  ASSERT_TRUE(client
                  .Import("grid", {RecordOf(1, "listed", v1::ALGORITHM_PHOTODNA,
                                            std::string(bytes->begin(), bytes->end()))})
                  .status.ok());

  for (const std::string& copy :
       {Text(EncodeJpeg(listed, {.quality = 40})), Text(EncodeWebp(listed, false, false)),
        Text(EncodeJpeg(HalfOf(listed), {.quality = 80}))}) {
    const v1::ScanResult result = Scan(client, copy);
    EXPECT_EQ(result.outcome(), v1::OUTCOME_MATCHED);
    EXPECT_EQ(result.verdict(), v1::VERDICT_BLOCK);
    ASSERT_EQ(result.matches_size(), 1);
    EXPECT_THAT(result.matches(0).algorithms(), ElementsAre(v1::ALGORITHM_PHOTODNA));
    EXPECT_EQ(result.matches(0).view(), v1::VIEW_KIND_WHOLE);
    ASSERT_EQ(result.matches(0).distances_size(), 1);
    EXPECT_LE(result.matches(0).distances(0).distance(), 20'000);
    EXPECT_EQ(result.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
    ASSERT_EQ(result.versions().plugins_size(), 1);
    EXPECT_EQ(result.versions().plugins(0).algorithm(), v1::ALGORITHM_PHOTODNA);
    EXPECT_EQ(result.versions().plugins(0).name(), "example-grid");
    EXPECT_EQ(result.versions().plugins(0).version(), "1");
  }
  for (unsigned seed = 20; seed < 30; ++seed) {
    const v1::ScanResult other = Scan(client, Text(EncodeJpeg(WavePicture(240, 320, seed), {.quality = 90})));
    EXPECT_EQ(other.outcome(), v1::OUTCOME_NOT_MATCHED) << seed;
    EXPECT_EQ(other.verdict(), v1::VERDICT_ALLOW) << seed;
    EXPECT_EQ(other.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE) << seed;
  }
  const v1::GetStatusResponse status = client.Status();
  // PDQ, four of img_hash, and the plug-in's.
  ASSERT_EQ(status.computed_size(), 6);
  EXPECT_EQ(status.computed(0).algorithm(), v1::ALGORITHM_PDQ);
  EXPECT_EQ(status.computed(3).algorithm(), v1::ALGORITHM_MARR_HILDRETH);
  EXPECT_EQ(status.computed(3).name(), "hashgate");
  EXPECT_EQ(status.computed(5).algorithm(), v1::ALGORITHM_PHOTODNA);
  EXPECT_EQ(status.computed(5).name(), "example-grid");
  // Though no entry has a PDQ hash.
  EXPECT_EQ(status.protection(), v1::PROTECTION_PERCEPTUAL);
  EXPECT_THAT(status.protection_sentence(), HasSubstr("a plug-in makes of uploads"));
  // The library lies in the decoders alone.
  EXPECT_EQ(ReadWholeFile("/proc/" + std::to_string(server->process().pid()) + "/maps").find("grid_plugin"),
            std::string::npos);
  EXPECT_EQ(server->Stop(), 0);

  // Without it nobody makes the vectors, and the start says so.
  const auto without = StartServer(data, {});
  ASSERT_NE(without, nullptr);
  EXPECT_TRUE(without->WaitForEvent("no_identification"));
  EXPECT_EQ(without->CountEvents("no_lists"), 0);
  const v1::GetStatusResponse now = GateClient(without->NewChannel()).Status();
  EXPECT_EQ(now.protection(), v1::PROTECTION_NONE);
  EXPECT_THAT(now.protection_sentence(), HasSubstr("1 entry is found by nothing but PhotoDNA vectors"));
}

TEST_F(PluginE2eTest, WhatAPluginDoesWrongIsAnAnswerAndNotAnOutage) {
  for (const auto& [action, cause] :
       std::vector<std::pair<std::string, v1::Cause>>{{"fail", v1::CAUSE_UNSPECIFIED},
                                                      {"open", v1::CAUSE_DECODER_CRASHED},
                                                      {"spin", v1::CAUSE_TOO_COSTLY}}) {
    SCOPED_TRACE(action);
    ServerOptions options = With(Plugin("test_plugin"), ", config: " + action);
    // However busy the machine is, processor time is what ends it.
    options.config["decoder"]["cpu_seconds"] = "1";
    options.config["decoder"]["job_timeout_ms"] = "60000";
    const auto server = StartServer(FreshFolder(action), options);
    ASSERT_NE(server, nullptr);
    const GateClient client(server->NewChannel());
    ASSERT_TRUE(client.CreateList(SyntheticList("any")).ok());
    ASSERT_TRUE(client
                    .Import("any", {RecordOf(1, "a", v1::ALGORITHM_PHOTODNA,
                                             std::string(72, 'a') + std::string(72, 'b'))})
                    .status.ok());
    const v1::ScanResult bad = Scan(client, Text(EncodePng(WavePicture(90, 161, 1), {})));
    EXPECT_EQ(bad.cause(), cause);
    if (action == "fail") {
      EXPECT_EQ(bad.outcome(), v1::OUTCOME_NOT_MATCHED);
      EXPECT_EQ(bad.coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
      EXPECT_THAT(bad.coverage().missing(), ElementsAre(HasSubstr("its plug-in could not hash 1")));
    } else {
      EXPECT_EQ(bad.outcome(), v1::OUTCOME_UNSCANNABLE);
      EXPECT_EQ(bad.verdict(), v1::VERDICT_HOLD);
    }
    const v1::ScanResult good = Scan(client, Text(EncodePng(WavePicture(90, 160, 2), {})));
    EXPECT_EQ(good.cause(), v1::CAUSE_UNSPECIFIED);
    EXPECT_EQ(good.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
    EXPECT_EQ(server->Stop(), 0);
  }
}

TEST_F(PluginE2eTest, AServerDoesNotStartWithAPluginThatCannotServe) {
  const fs::path folder = FreshFolder();
  ServerProcess server(folder, With(Plugin("test_plugin"), ", config: thread-at-init"));
  EXPECT_EQ(server.process().Wait(std::chrono::seconds(20)), 1);
  EXPECT_THAT(server.Log(), HasSubstr("test_plugin.so started a thread"));
}

TEST_F(PluginE2eTest, CheckConfigLooksAtTheFiles) {
  const std::string plugin = Plugin("grid_plugin");
  EXPECT_EQ(Check("[{path: " + plugin + "}]").exit_code, 0);
  const RunResult missing = Check("[{path: " + plugin + "x}]");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("grid_plugin.sox cannot be found"));
  ASSERT_EQ(::chmod(plugin.c_str(), 0666), 0);
  const RunResult open = Check("[{path: " + plugin + "}]");
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_THAT(open.err, HasSubstr("can be written by everybody"));
  ASSERT_EQ(::chmod(plugin.c_str(), 0600), 0);
  EXPECT_THAT(Check("[{path: " + plugin + ", config_file: /nonexistent}]").err, HasSubstr("/nonexistent"));
  EXPECT_THAT(Check("[{path: grid.so}]").err, HasSubstr("hashgated.yaml:2"));
}

}  // namespace
}  // namespace hashgate::testing
