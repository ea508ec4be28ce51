// kill -9 at random points of an import: what was acknowledged is there after the restart, the import of the
// same file goes on, and scans answer as before. HASHGATE_KILLS says how often; the points come from
// HASHGATE_SEED.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr int kRecords = 4'000;
constexpr int kBatch = 200;

int Kills() {
  const char* text = std::getenv("HASHGATE_KILLS");
  return text != nullptr && *text != '\0' ? std::atoi(text) : 20;
}

class ImportKillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = FreshFolder("server");
    Restart();
    ASSERT_NE(client_, nullptr);
    ASSERT_TRUE(ImportKit(*client_));
    for (const KitAnswer& answer : KitAnswers()) {
      if (answer.outcome == "MATCHED") before_.push_back(answer);
    }
  }

  void Restart() {
    client_.reset();
    server_.reset();
    server_ = StartServer(folder_);
    if (server_ != nullptr) client_ = std::make_unique<GateClient>(server_->NewChannel());
  }

  static std::vector<v1::ImportRecord> Records(int file) {
    std::vector<v1::ImportRecord> records;
    for (int i = 0; i < kRecords; ++i) {
      const auto number = static_cast<std::uint64_t>(file) * 1'000'000 + static_cast<std::uint64_t>(i);
      records.push_back(RecordOf(i + 1, std::to_string(number), v1::ALGORITHM_SHA256,
                                 SyntheticHash(v1::ALGORITHM_SHA256, number)));
    }
    return records;
  }

  // Imports until the server is killed at a random moment. Returns the last acknowledgement.
  v1::ImportEntriesResponse ImportUntilKilled(const std::string& list,
                                              const std::vector<v1::ImportRecord>& records, bool replace) {
    const int target = static_cast<int>(random_() % (kRecords + kBatch));
    const microseconds after(random_() % 6'000);
    std::atomic<std::int64_t> received = 0;
    std::atomic<bool> ended = false;
    ImportReply reply;
    {
      std::jthread importer([&] {
        reply = client_->Import(
            list, records, kBatch,
            [&](const v1::ImportEntriesResponse& progress) {
              received = progress.received_count();
              return true;
            },
            replace);
        ended = true;
      });
      while (received < target && !ended) std::this_thread::yield();
      const auto at = std::chrono::steady_clock::now() + after;
      while (std::chrono::steady_clock::now() < at) std::this_thread::yield();
      server_->process().Signal(SIGKILL);
      EXPECT_TRUE(server_->process().Wait(seconds(10)));
    }
    mid_import_ += reply.last.done() ? 0 : 1;
    return reply.last;
  }

  void ExpectScansAnswerAsBefore() {
    for (const KitAnswer& expected : before_) {
      const ScanReply reply = client_->Scan(KitFileBytes(expected.file));
      ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
      EXPECT_EQ(Describe(ToKitAnswer(expected.file, reply.result)), Describe(expected));
    }
  }

  std::set<std::string> SourceIds(const std::string& list) {
    std::set<std::string> ids;
    for (const v1::Entry& entry : client_->AllEntries(list)) ids.insert(entry.source_id());
    return ids;
  }

  std::filesystem::path folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
  std::vector<KitAnswer> before_;
  std::mt19937_64 random_{Seed()};
  int mid_import_ = 0;
};

TEST_F(ImportKillTest, EveryAcknowledgedEntrySurvives) {
  std::int64_t generation = 0;
  const int kills = Kills();
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    const std::string list = "file-" + std::to_string(kill);
    ASSERT_TRUE(client_->CreateList(SyntheticList(list)).ok());
    const std::vector<v1::ImportRecord> records = Records(kill);
    const v1::ImportEntriesResponse last = ImportUntilKilled(list, records, false);
    generation = std::max<std::int64_t>(generation, last.generation());

    Restart();
    ASSERT_NE(client_, nullptr);
    EXPECT_GE(client_->Status().generation(), generation);
    const std::set<std::string> ids = SourceIds(list);
    for (std::int64_t i = 0; i < last.committed_count(); ++i) {
      const v1::Entry& entry = records[static_cast<std::size_t>(i)].entry();
      ASSERT_TRUE(ids.contains(entry.source_id())) << "record " << i << " of " << last.committed_count();
    }
    for (int sample = 0; sample < 10 && last.committed_count() > 0; ++sample) {
      const auto at = random_() % static_cast<std::uint64_t>(last.committed_count());
      const ScanReply match = client_->Match(v1::ALGORITHM_SHA256, records[at].entry().hashes(0).value());
      EXPECT_EQ(match.result.outcome(), v1::OUTCOME_MATCHED) << "record " << at;
      EXPECT_GE(match.result.versions().generation(), generation);
    }
    ExpectScansAnswerAsBefore();

    const ImportReply again = client_->Import(list, records, kBatch);
    ASSERT_TRUE(again.status.ok()) << again.status.error_message();
    EXPECT_GE(again.last.unchanged_count(), last.committed_count());
    EXPECT_EQ(again.last.unchanged_count(), static_cast<std::int64_t>(ids.size()));
    EXPECT_EQ(again.last.unchanged_count() + again.last.added_count(), kRecords);
    EXPECT_GE(again.last.generation(), generation);
    generation = again.last.generation();
  }
  EXPECT_GT(mid_import_, kills / 2) << "most kills must hit the import, not its end";
  std::cout << kills << " kills, " << mid_import_ << " of them before the import's end\n";
  for (int kill = 0; kill < kills; ++kill) {
    EXPECT_EQ(SourceIds("file-" + std::to_string(kill)).size(), static_cast<std::size_t>(kRecords));
  }
}

TEST_F(ImportKillTest, AReplacedListIsTheOldOneOrTheNewOne) {
  ASSERT_TRUE(client_->CreateList(SyntheticList("swapped")).ok());
  ASSERT_TRUE(client_->Import("swapped", Records(0)).status.ok());
  std::set<std::string> in_force = SourceIds("swapped");
  const int kills = std::max(5, Kills() / 4);
  int old = 0;
  for (int kill = 1; kill <= kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    const std::vector<v1::ImportRecord> records = Records(kill);
    std::set<std::string> replacement;
    for (const v1::ImportRecord& record : records) replacement.insert(record.entry().source_id());
    const v1::ImportEntriesResponse last = ImportUntilKilled("swapped", records, true);
    Restart();
    ASSERT_NE(client_, nullptr);
    const std::set<std::string> ids = SourceIds("swapped");
    if (last.done()) {
      EXPECT_EQ(ids, replacement);
    } else {
      EXPECT_TRUE(ids == in_force || ids == replacement) << ids.size() << " entries are a mixture";
    }
    old += ids == in_force ? 1 : 0;
    in_force = ids;
  }
  EXPECT_GT(old, 0) << "no kill came before a swap";
}

}  // namespace
}  // namespace hashgate::testing
