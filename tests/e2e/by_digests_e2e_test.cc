// Answers by digests with a real decoder behind them: pictures that contradict their entry, and files that no
// decoder can read.
#include <gtest/gtest.h>

#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;

const std::string kConflicts = "hashgate_digest_conflicts_total{found=\"";

std::string Checks(const std::string& result) {
  return "hashgate_checks_behind_total{result=\"" + result + "\"}";
}

// A server whose list has the file by its SHA-256, with the PDQ hash of some other picture.
std::unique_ptr<ServerProcess> ServerThatLists(const std::string& file,
                                               const std::string& by_digests = "always") {
  ServerOptions options;
  options.config["scan"]["answer_by_digests"] = by_digests;
  std::unique_ptr<ServerProcess> server = StartServer(FreshFolder("server"), options);
  if (server == nullptr) return nullptr;
  const GateClient client(server->NewChannel());
  v1::HashList list = SyntheticList("csam");
  list.set_pdq_pipeline(v1::PIPELINE_FULL);
  EXPECT_TRUE(client.CreateList(list).ok());
  v1::ImportRecord record = RecordOf(1, "a", v1::ALGORITHM_SHA256, Sha256Of(KitFileBytes(file)));
  v1::HashValue& pdq = *record.mutable_entry()->add_hashes();
  pdq.set_algorithm(v1::ALGORITHM_PDQ);
  pdq.set_value(SyntheticHash(v1::ALGORITHM_PDQ, 1));
  pdq.set_quality(100);
  EXPECT_TRUE(client.Import("csam", {record}).status.ok());
  return server;
}

TEST(ByDigestsE2eTest, AContradictionIsFoundAfterTheAnswer) {
  const std::string file = KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED");
  const auto server = ServerThatLists(file);
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  const ScanReply reply = client.Upload(KitFileBytes(file), Fixed(10'000));
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_EXACT_ONLY);
  EXPECT_EQ(reply.result.timings().decode_micros(), 0);
  EXPECT_TRUE(PollUntil([&] { return server->Metric(Checks("done")) == 1; }, seconds(20)));
  EXPECT_EQ(server->Metric(kConflicts + "behind\"}"), 1);
  EXPECT_EQ(server->CountEvents("digest_conflict"), 1);
  EXPECT_TRUE(PollUntil([&] { return server->Metric("hashgate_buffered_bytes") == 0; }, seconds(20)));
  EXPECT_EQ(server->Stop(), 0);
}

TEST(ByDigestsE2eTest, SwitchedOffAContradictionIsForAPerson) {
  const std::string file = KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED");
  const auto server = ServerThatLists(file, "never");
  ASSERT_NE(server, nullptr);
  const ScanReply reply = GateClient(server->NewChannel()).Upload(KitFileBytes(file), Fixed(10'000));
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_REVIEW);
  EXPECT_EQ(reply.result.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
  EXPECT_EQ(server->Metric(kConflicts + "upload\"}"), 1);
  EXPECT_EQ(server->Stop(), 0);
}

TEST(ByDigestsE2eTest, AListedFileThatIsDamagedIsReportedAllTheSame) {
  const std::string file = KitFileWith("HOLD", "UNSCANNABLE", "CORRUPT");
  const auto server = ServerThatLists(file);
  ASSERT_NE(server, nullptr);
  const ScanReply reply = GateClient(server->NewChannel()).Scan(KitFileBytes(file));
  EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_EQ(reply.result.cause(), v1::CAUSE_UNSPECIFIED) << "nobody has looked yet";
  EXPECT_TRUE(PollUntil([&] { return server->Metric(Checks("failed")) == 1; }, seconds(20)));
  EXPECT_EQ(server->CountEvents("digest_conflict"), 0);
  EXPECT_EQ(server->Stop(), 0);
}

}  // namespace
}  // namespace hashgate::testing
