// Opinions, brakes and the flood brake with the built binaries: the command line and a client in another
// process than the server.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "hashgate/v1/opinion_service.grpc.pb.h"
#include "testing/gate_client.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class OpinionsE2eTest : public ::testing::Test {
 protected:
  void Start(const std::string& opinions = "{}") {
    server_.reset();
    ServerOptions options;
    options.config[""]["opinions"] = opinions;
    server_ = StartServer(folder_, options);
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
  }
  RunResult Cli(std::vector<std::string> arguments) const {
    std::vector<std::string> command = {BinaryPath("hashgate"), "--server", server_->Address()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command, {}, seconds(60));
  }
  // A trusted CSAM list with one entry of that PDQ hash; its number.
  std::int64_t AddEntry(const std::string& pdq) const {
    EXPECT_TRUE(client_->CreateList(SyntheticList("csam")).ok());
    EXPECT_TRUE(client_->Import("csam", {RecordOf(1, "a", v1::ALGORITHM_PDQ, pdq)}).status.ok());
    return client_->AllEntries("csam").at(0).entry_id();
  }
  v1::Verdict Match(const std::string& pdq, const std::string& account = {}) const {
    v1::MatchHashesRequest request;
    request.mutable_header()->mutable_context()->set_account_id(account);
    v1::HashValue& hash = *request.add_files()->add_hashes();
    hash.set_algorithm(v1::ALGORITHM_PDQ);
    hash.set_value(pdq);
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    v1::MatchHashesResponse response;
    const grpc::Status status = client_->scan().MatchHashes(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.results_size() == 1 ? response.results(0).verdict() : v1::VERDICT_UNSPECIFIED;
  }
  // `pdq` with so many random bits changed.
  std::string Near(std::string pdq, int bits) {
    std::vector<int> places(256);
    std::iota(places.begin(), places.end(), 0);
    std::ranges::shuffle(places, random_);
    for (int i = 0; i < bits; ++i) {
      char& byte = pdq[static_cast<std::size_t>(places[static_cast<std::size_t>(i)] / 8)];
      byte = static_cast<char>(byte ^ (1 << (places[static_cast<std::size_t>(i)] % 8)));
    }
    return pdq;
  }

  std::mt19937_64 random_{Seed()};
  const std::string pdq_ = SyntheticHash(v1::ALGORITHM_PDQ, 5);
  std::filesystem::path folder_ = FreshFolder("server");
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

TEST_F(OpinionsE2eTest, AreInForceAtOnceAndAfterAKill) {
  Start("{suppress_needs_two: true}");
  const std::string entry = std::to_string(AddEntry(pdq_));
  EXPECT_EQ(Match(pdq_), v1::VERDICT_BLOCK);
  const RunResult set = Cli({"--json", "opinions", "set", "suppress", "--list", "csam", "--entry", entry,
                             "--author", "ann", "--reason", "a well-known meme", "--for", "7d"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_EQ(Json::parse(set.out).at("state"), "PENDING");
  EXPECT_EQ(Match(pdq_), v1::VERDICT_REVIEW);
  EXPECT_EQ(
      Cli({"opinions", "agree", "suppress", "--list", "csam", "--entry", entry, "--author", "ANN"}).exit_code,
      3);
  EXPECT_EQ(
      Cli({"opinions", "agree", "suppress", "--list", "csam", "--entry", entry, "--author", "bob"}).exit_code,
      0);
  EXPECT_EQ(Match(pdq_), v1::VERDICT_ALLOW);
  server_->process().Signal(SIGKILL);
  ASSERT_TRUE(server_->process().Wait(seconds(20)));
  Start("{suppress_needs_two: true}");
  EXPECT_EQ(Match(pdq_), v1::VERDICT_ALLOW);
  const Json listed = Json::parse(Cli({"--json", "opinions", "ls", "--list", "csam"}).out);
  EXPECT_EQ(listed.at("state"), "IN_FORCE");
  EXPECT_EQ(listed.at("secondAuthor"), "bob");
  EXPECT_EQ(server_->Metric("hashgate_opinions{kind=\"suppress\"}"), 1);
  EXPECT_EQ(server_->Metric("hashgate_suppressed_matches_total"), 1);
  ASSERT_EQ(Cli({"opinions", "set", "confirm", "--list", "csam", "--entry", entry, "--author", "a",
                 "--reason", "r"})
                .exit_code,
            0);
  const auto opinions = v1::OpinionService::NewStub(server_->NewChannel());
  v1::ListOpinionsRequest request;
  request.set_page_size(1);
  std::vector<v1::OpinionKind> kinds;
  do {
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    v1::ListOpinionsResponse response;
    ASSERT_TRUE(opinions->ListOpinions(&context, request, &response).ok());
    ASSERT_EQ(response.opinions_size(), 1);
    kinds.push_back(response.opinions(0).kind());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(kinds, (std::vector{v1::OPINION_KIND_CONFIRM, v1::OPINION_KIND_SUPPRESS}));
  request.set_page_token("nonsense");
  grpc::ClientContext context;
  v1::ListOpinionsResponse response;
  EXPECT_EQ(opinions->ListOpinions(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Cli({"opinions", "rm", "suppress", "--list", "csam", "--entry", entry}).exit_code, 0);
  EXPECT_EQ(Match(pdq_), v1::VERDICT_BLOCK);

  EXPECT_EQ(
      Cli({"opinions", "set", "flood", "--list", "csam", "--entry", entry, "--author", "a", "--reason", "r"})
          .exit_code,
      3)
      << "the service's own";
  EXPECT_EQ(Cli({"opinions", "set", "dispute", "--list", "csam", "--entry", "999", "--author", "a",
                 "--reason", "r"})
                .exit_code,
            3);
  EXPECT_EQ(Cli({"opinions", "set", "dispute", "--list", "csam", "--entry", entry, "--author", "a",
                 "--reason", "r", "--for", "soon"})
                .exit_code,
            2);
}

TEST_F(OpinionsE2eTest, ABrakeIsInForceOnReturnAndEndsByItself) {
  Start();
  AddEntry(pdq_);
  EXPECT_EQ(Match(pdq_), v1::VERDICT_BLOCK);
  const auto begun = std::chrono::steady_clock::now();
  const RunResult brake = Cli({"brake", "--list", "csam", "--max-verdict", "review", "--for", "1h"});
  ASSERT_EQ(brake.exit_code, 0) << brake.err;
  EXPECT_THAT(brake.out, HasSubstr("REVIEW at most until"));
  EXPECT_EQ(Match(pdq_), v1::VERDICT_REVIEW);
  RecordProperty("brake_ms", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                  std::chrono::steady_clock::now() - begun)
                                                  .count()));
  EXPECT_THAT(Cli({"lists", "ls"}).out, HasSubstr("enabled, BRAKE"));
  EXPECT_EQ(server_->Metric("hashgate_list_brake{list=\"csam\"}"), 1);
  server_->process().Signal(SIGKILL);
  ASSERT_TRUE(server_->process().Wait(seconds(20)));
  Start();
  EXPECT_EQ(Match(pdq_), v1::VERDICT_REVIEW);
  EXPECT_EQ(Cli({"brake", "--list", "csam", "--release"}).exit_code, 0);
  EXPECT_EQ(Match(pdq_), v1::VERDICT_BLOCK);
  EXPECT_EQ(server_->Metric("hashgate_list_brake{list=\"csam\"}"), -1);
  ASSERT_EQ(Cli({"brake", "--list", "csam", "--for", "1s"}).exit_code, 0);
  EXPECT_TRUE(PollUntil([&] { return Match(pdq_) == v1::VERDICT_BLOCK; }, seconds(60)));
  EXPECT_EQ(Cli({"brake", "--list", "none"}).exit_code, 3);
}

TEST_F(OpinionsE2eTest, AFloodIsBrakedWithinFiftyHits) {
  Start();
  AddEntry(pdq_);
  int blocked = 0;
  // Each waits for its answer, as an upload does.
  for (int i = 0; i < 50; ++i) {
    if (Match(Near(pdq_, 30), "account-" + std::to_string(i)) == v1::VERDICT_BLOCK) ++blocked;
    if (i == 25) {
      ASSERT_TRUE(server_->WaitForEvent("flood_brake"));
    }
  }
  EXPECT_GE(blocked, 20);
  EXPECT_LE(blocked, 26);
  EXPECT_EQ(Match(Near(pdq_, 30), "another"), v1::VERDICT_REVIEW);
  EXPECT_EQ(Match(Near(pdq_, 4), "another"), v1::VERDICT_BLOCK) << "a copy keeps its verdict";
  EXPECT_THAT(Cli({"opinions", "ls"}).out, HasSubstr("FLOOD"));
  EXPECT_EQ(server_->Metric("hashgate_flood_brakes_total"), 1);
  const Json event = Json::parse(Cli({"--json", "events", "ls"}).out);
  EXPECT_EQ(event.at("kind"), "LIST_ALARM");
  EXPECT_EQ(event.at("listAlarm").at("alarm"), "FLOOD_BRAKE");
}

TEST_F(OpinionsE2eTest, AListSaysWhatItProtects) {
  Start();
  AddEntry(pdq_);
  const RunResult shown = Cli({"lists", "show", "csam"});
  EXPECT_THAT(shown.out, HasSubstr("1 entry: exact copies of none are found; edited copies of 100 %"));
}

}  // namespace
}  // namespace hashgate::testing
