// Every line of the test kit's expected answers holds through each way of sending a file.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "testing/kit.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using Json = nlohmann::json;

class ScanE2eTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::filesystem::path folder = FreshFolder("server");
    server_ = StartServer(folder);
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
  }
  static void TearDownTestSuite() {
    client_.reset();
    if (server_ != nullptr) {
      EXPECT_EQ(server_->Stop(), 0);
    }
    server_.reset();
  }
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    ASSERT_NE(client_, nullptr);
    ASSERT_GE(KitAnswers().size(), 20U);
  }

  static void ExpectKitAnswer(const KitAnswer& expected, const ScanReply& reply, const std::string& how) {
    ASSERT_TRUE(reply.status.ok()) << how << " " << expected.file << ": " << reply.status.error_message();
    EXPECT_EQ(Describe(ToKitAnswer(expected.file, reply.result)), Describe(expected)) << how;
  }

  inline static std::unique_ptr<ServerProcess> server_;
  inline static std::unique_ptr<GateClient> client_;
};

TEST_F(ScanE2eTest, ScanImage) {
  for (const KitAnswer& expected : KitAnswers()) {
    ExpectKitAnswer(expected, client_->Scan(KitFileBytes(expected.file)), "ScanImage");
  }
}

TEST_F(ScanE2eTest, ScanUploadInAnyPieces) {
  std::mt19937_64 random(Seed());
  const ChunkSize any = [&random](std::size_t) { return random() % 7'000; };
  for (const KitAnswer& expected : KitAnswers()) {
    const std::string bytes = KitFileBytes(expected.file);
    ExpectKitAnswer(expected, client_->Upload(bytes, Fixed(1 << 20)), "one chunk");
    ExpectKitAnswer(expected, client_->Upload(bytes, any, {}, static_cast<std::int64_t>(bytes.size())),
                    "random chunks, size declared");
    // The first bytes one by one: the format is told by what has arrived, however it came.
    const ChunkSize trickle = [](std::size_t sent) { return sent < 300 ? 1 : 1 << 16; };
    ExpectKitAnswer(expected, client_->Upload(bytes, trickle), "trickling start");
  }
}

TEST_F(ScanE2eTest, AnswersAreExplained) {
  const std::string file = KitFileWith("BLOCK_AND_REPORT", "MATCHED", "UNSPECIFIED");
  v1::ScanHeader header;
  header.mutable_options()->set_include_hashes(true);
  const ScanReply reply = client_->Scan(KitFileBytes(file), header);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  const v1::ScanResult& result = reply.result;
  EXPECT_EQ(result.scan_id().size(), 26U);
  EXPECT_EQ(result.report().owner(), v1::Report::OWNER_CALLER);
  EXPECT_FALSE(result.rule_id().empty());
  EXPECT_FALSE(result.versions().engine().empty());
  EXPECT_EQ(result.versions().policy().find("standard/"), 0U);
  EXPECT_GT(result.versions().generation(), 0);
  EXPECT_EQ(result.image().size_bytes(), static_cast<std::int64_t>(KitFileBytes(file).size()));
  EXPECT_GT(result.timings().total_micros(), 0);
  ASSERT_GT(result.matches_size(), 0);
  EXPECT_EQ(result.matches(0).identity(), v1::IDENTITY_STRONG);
  bool own_sha256 = false;
  for (const v1::HashValue& hash : result.hashes()) {
    own_sha256 |= hash.algorithm() == v1::ALGORITHM_SHA256 && hash.value() == Sha256Of(KitFileBytes(file));
  }
  EXPECT_TRUE(own_sha256);
  EXPECT_EQ(client_->Scan(KitFileBytes(file)).result.hashes_size(), 0) << "hashes come only when asked for";
}

TEST_F(ScanE2eTest, ABlockedUploadSaysHowLongItsBytesAreKept) {
  const ScanReply reply = client_->Scan(KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED")));
  ASSERT_TRUE(reply.status.ok());
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::int64_t days = (reply.result.retain_until().seconds() - now.count()) / 86'400;
  EXPECT_GE(days, 89);
  EXPECT_LE(days, 90);
}

TEST_F(ScanE2eTest, DepthExactLooksAtDigestsOnly) {
  v1::ScanHeader header;
  header.mutable_options()->set_depth(v1::DEPTH_EXACT);
  const ScanReply reply =
      client_->Scan(KitFileBytes(KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED")), header);
  ASSERT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_EXACT_ONLY);
  EXPECT_EQ(reply.result.timings().decode_micros(), 0);
}

TEST_F(ScanE2eTest, CommandLine) {
  const std::filesystem::path folder = FreshFolder("kit");
  const RunResult kit = RunProgram({BinaryPath("hashgate"), "testkit", folder.string()});
  ASSERT_EQ(kit.exit_code, 0) << kit.err;
  const RunResult run = RunProgram({BinaryPath("hashgate"), "scan", "--json", (folder / "files").string()},
                                   {{"HASHGATE_SERVER", server_->Address()}}, std::chrono::seconds(60));
  EXPECT_EQ(run.exit_code, 1) << "something is not ALLOW\n" << run.err;

  std::map<std::string, Json> lines;
  std::istringstream text(run.out);
  for (std::string line; std::getline(text, line);) {
    const Json json = Json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    const std::filesystem::path file = json.at("file").get<std::string>();
    EXPECT_TRUE(lines.emplace("files/" + file.filename().string(), json).second) << file;
  }
  const std::vector<KitAnswer> answers = KitAnswers();
  EXPECT_EQ(lines.size(), answers.size());
  for (const KitAnswer& expected : answers) {
    ASSERT_TRUE(lines.contains(expected.file)) << expected.file;
    const Json& line = lines[expected.file];
    KitAnswer actual{.file = expected.file,
                     .verdict = line.at("verdict"),
                     .outcome = line.at("outcome"),
                     .cause = line.at("cause"),
                     .harm_class = line.at("harmClass"),
                     .coverage = line.at("coverage").at("level"),
                     .matched_lists = {}};
    for (const Json& match : line.at("matches")) actual.matched_lists.insert(match.at("list"));
    EXPECT_EQ(Describe(actual), Describe(expected));
  }
}

}  // namespace
}  // namespace hashgate::testing
