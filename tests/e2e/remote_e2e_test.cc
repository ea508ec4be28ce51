// A server whose only list is a remote one: the built binaries, and a fake Shield in the test's process.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hashgate/hash.h"
#include "testing/fakes/shield_server.h"
#include "testing/gate_client.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

constexpr const char* kPassword = "correct-horse";

class RemoteE2eTest : public ::testing::Test {
 protected:
  void SetUp() override { StartShield(0); }
  void StartShield(int port) {
    shield_ = std::make_unique<ShieldServer>(port);
    shield_port_ = shield_->http().port();
  }
  void Start(const std::string& more = {}, const std::string& password = kPassword) {
    ServerOptions options;
    options.config["remote_lists"]["arachnid"] = "{kind: arachnid_shield, base_url: \"" +
                                                 shield_->base_url() +
                                                 "\", credentials_env: SHIELD_CREDENTIALS" + more + "}";
    options.environment["SHIELD_CREDENTIALS"] = "a-user:" + password;
    server_.reset();
    server_ = StartServer(folder_, options);
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
  }
  v1::ScanResult Scan(const std::string& bytes) const {
    v1::ScanHeader header;
    const ScanReply reply = client_->Scan(bytes, header);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.result;
  }
  // A picture that no list of the kit knows, and its PDQ hash.
  static std::string Picture() { return KitFileBytes(KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED")); }
  std::string PdqOfPicture() const {
    const RunResult run = RunProgram({BinaryPath("hashgate"), "--json", "hash", PictureFile().string()});
    const Json file = Json::parse(run.out);
    for (const auto& hash : file.at("hashes")) {
      if (hash.at("algorithm") == "pdq" && hash.at("pipeline") == "full" && !hash.contains("view")) {
        const auto parsed = PdqHash::FromHex(hash.at("hex").get<std::string>());
        EXPECT_TRUE(parsed);
        const auto bytes = parsed.value_or(PdqHash()).bytes();
        return {bytes.begin(), bytes.end()};
      }
    }
    ADD_FAILURE() << run.out << run.err;
    return std::string(32, '\0');
  }
  std::filesystem::path PictureFile() const {
    std::filesystem::create_directories(folder_);
    std::filesystem::path file = folder_ / "picture";
    WriteWholeFile(file, Picture());
    return file;
  }
  [[nodiscard]] double Hashes(const std::string& result) const {
    return server_->Metric(R"(hashgate_remote_hashes_total{list="arachnid",result=")" + result + "\"}");
  }
  [[nodiscard]] RunResult Status() const {
    return RunProgram({BinaryPath("hashgate"), "--server", server_->Address(), "status"}, {}, seconds(60));
  }

  std::filesystem::path folder_ = FreshFolder("server");
  std::unique_ptr<ShieldServer> shield_;
  int shield_port_ = 0;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

TEST_F(RemoteE2eTest, ARemoteListAloneProtects) {
  Start();
  EXPECT_EQ(server_->CountEvents("no_lists"), 0);
  EXPECT_EQ(shield_->http().call_count(), 0U) << "the canary does not ask";
  const std::string picture = Picture();
  const v1::ScanResult clean = Scan(picture);
  EXPECT_EQ(clean.verdict(), v1::VERDICT_ALLOW);
  EXPECT_EQ(clean.outcome(), v1::OUTCOME_NOT_MATCHED);
  EXPECT_EQ(clean.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE) << clean.coverage().DebugString();
  EXPECT_THAT(clean.coverage().lists(), UnorderedElementsAre("arachnid"));
  const std::string pdq = PdqOfPicture();
  EXPECT_THAT(shield_->asked(), ::testing::Contains(pdq));
  EXPECT_EQ(shield_->other_calls(), 0);

  shield_->Put({.pdq = pdq});
  EXPECT_EQ(Scan(picture).verdict(), v1::VERDICT_ALLOW) << "what was answered is remembered for a while";
  EXPECT_GT(Hashes("cached"), 0);
  Start(", cache_entries: 0");
  const v1::ScanResult hit = Scan(picture);
  EXPECT_EQ(hit.verdict(), v1::VERDICT_REVIEW);
  EXPECT_EQ(hit.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(hit.harm_class(), v1::HARM_CLASS_CSAM);
  ASSERT_EQ(hit.matches_size(), 1);
  EXPECT_EQ(hit.matches(0).list(), "arachnid");
  EXPECT_EQ(hit.matches(0).classification(), "csam");
  EXPECT_THAT(hit.matches(0).source_id(), HasSubstr("shield-"));
  EXPECT_EQ(client_->Match(v1::ALGORITHM_PDQ, pdq).result.verdict(), v1::VERDICT_REVIEW);
  EXPECT_GT(Hashes("hit"), 0);

  const RunResult status = Status();
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_THAT(status.out, HasSubstr("Edited copies only, by remote lists: arachnid"));
  EXPECT_THAT(status.out, HasSubstr("answers; answered last"));
  // Vectors that nobody makes add nothing to it.
  ASSERT_TRUE(client_->CreateList(SyntheticList("vectors")).ok());
  ASSERT_TRUE(client_->Import("vectors", {RecordOf(1, "v", v1::ALGORITHM_PHOTODNA, std::string(144, 'v'))})
                  .status.ok());
  EXPECT_THAT(Status().out,
              HasSubstr("PERCEPTUAL. Edited copies only, by remote lists: arachnid. No list here "
                        "identifies an upload by itself. 1 entry in 1 enabled list"));
  const RunResult printed =
      RunProgram({BinaryPath("hashgated"), "--config", server_->config_path().string(), "--print-config"});
  for (const std::string& text : {printed.out, server_->Log(), status.out}) {
    EXPECT_THAT(text, Not(HasSubstr(kPassword)));
  }
}

TEST_F(RemoteE2eTest, AServiceThatIsGoneHoldsNobodyUpAndComesBack) {
  Start(", breaker_failures: 3, breaker_pause_s: 1, cache_entries: 0");
  const std::string picture = Picture();
  EXPECT_EQ(Scan(picture).coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
  EXPECT_EQ(server_->Metric("hashgate_remote_up{list=\"arachnid\"}"), 1);
  shield_.reset();
  for (int i = 0; i < 4; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    const v1::ScanResult alone = Scan(picture);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
    EXPECT_EQ(alone.verdict(), v1::VERDICT_ALLOW);
    EXPECT_EQ(alone.coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
    ASSERT_EQ(alone.coverage().missing_size(), 1);
    EXPECT_THAT(alone.coverage().missing(0), HasSubstr("the remote list 'arachnid' did not answer"));
  }
  EXPECT_TRUE(server_->WaitForEvent("remote_list_open"));
  EXPECT_THAT(Status().out, HasSubstr("NOT ASKED"));
  EXPECT_EQ(server_->Metric("hashgate_remote_up{list=\"arachnid\"}"), 0);
  EXPECT_TRUE(server_->WaitReady()) << "readiness does not depend on it";
  StartShield(shield_port_);
  EXPECT_TRUE(PollUntil([&] { return Scan(picture).coverage().level() == v1::COVERAGE_LEVEL_COMPLETE; },
                        seconds(30)));
  EXPECT_TRUE(server_->WaitForEvent("remote_list_answers"));
  EXPECT_EQ(server_->Metric("hashgate_remote_up{list=\"arachnid\"}"), 1);
}

TEST_F(RemoteE2eTest, ASlowServiceIsWaitedForOnlySoLong) {
  Start(", timeout_ms: 100");
  shield_->http().SetPlan([](const FakeRequest&) { return Fault{.delay = seconds(3)}; });
  const auto begun = std::chrono::steady_clock::now();
  const v1::ScanResult late = Scan(Picture());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(2'500));
  EXPECT_EQ(late.verdict(), v1::VERDICT_ALLOW);
  EXPECT_EQ(late.coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
  EXPECT_THAT(late.coverage().missing(0), HasSubstr("did not answer in time"));
  EXPECT_GT(Hashes("timeout"), 0);
}

TEST_F(RemoteE2eTest, RefusedCredentialsAreToldWithoutThem) {
  Start("", "a-wrong-password");
  EXPECT_EQ(Scan(Picture()).coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
  EXPECT_TRUE(server_->WaitForEvent("remote_list_open"));
  EXPECT_THAT(Status().out, HasSubstr("credentials are not accepted"));
  EXPECT_THAT(server_->Log(), Not(HasSubstr("a-wrong-password")));
  EXPECT_THAT(Status().out, Not(HasSubstr("a-wrong-password")));
}

}  // namespace
}  // namespace hashgate::testing
