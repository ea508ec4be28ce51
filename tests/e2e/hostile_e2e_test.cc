// A corpus of malformed files goes through the real server, three times over, several at once: the process
// stays, its memory stays, every file has an answer, the same each time, and none is allowed that was not
// looked at. 600 files; HASHGATE_FULL=1 takes 20,000, HASHGATE_HOSTILE_FILES as many as it says.
// HASHGATE_SEED makes another corpus. `tools/hostile` runs it by itself; what it prints names each file so
// that `hashgate-corpus-gen DIR --kind hostile --seed SEED --more tests/fuzz/corpus --file NAME` writes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "e2e/hostile_tally.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"
#include "testkit/hostile/corpus.h"

namespace hashgate::testing {
namespace {

using std::chrono::steady_clock;
using testkit::hostile::HostileCorpus;
using testkit::hostile::HostileFile;
using Millis = HostileTally::Millis;

constexpr int kRounds = 3;
constexpr int kInFlight = 4;
constexpr Millis kLongest{3'500};
constexpr std::int64_t kMostGrowthKib = 64 << 10;

int FileCount() {
  if (const char* text = std::getenv("HASHGATE_HOSTILE_FILES"); text != nullptr && *text != '\0') {
    return std::max(1, std::atoi(text));
  }
  const char* full = std::getenv("HASHGATE_FULL");
  return full != nullptr && *full != '\0' ? 20'000 : 200;
}

// Resident memory of a process; -1 where it is gone.
std::int64_t ResidentKib(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::atoll(line.c_str() + 6);
  }
  return -1;
}

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* source = std::getenv("HASHGATE_SOURCE_DIR");
    ASSERT_NE(source, nullptr);
    auto more = testkit::hostile::PictureSeeds(std::string(source) + "/tests/fuzz/corpus");
    ASSERT_TRUE(more) << more.error().message;
    auto corpus = HostileCorpus::Make(Seed(), *std::move(more));
    ASSERT_TRUE(corpus) << corpus.error().message;
    corpus_ = std::make_unique<HostileCorpus>(*std::move(corpus));
    server_ = StartServer(FreshFolder("server"));
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
  }

  // A call that the server takes, and how long it took. Refusals for load are no answers: asked again until
  // one is.
  ScanReply Ask(const std::string& bytes, bool stream, Millis& took) {
    ScanReply reply;
    PollUntil(
        [&] {
          const auto begun = steady_clock::now();
          reply = stream ? client_->Upload(bytes, Fixed(50'000)) : client_->Scan(bytes);
          took = steady_clock::now() - begun;
          const bool refused = reply.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
          refusals_ += refused ? 1 : 0;
          return !refused;
        },
        std::chrono::seconds(120));
    return reply;
  }

  void Send(int round, int index) {
    const HostileFile file = corpus_->File(index, count_);
    Millis took{0};
    // Each file always goes the same way, so that rounds can be compared.
    const ScanReply reply = Ask({file.bytes.begin(), file.bytes.end()}, index % 8 == 3, took);
    tally_->Add(round, index, file.name, JudgeAnswer(file, reply), took);
  }

  void RunRound(int round) {
    std::atomic<int> next = 0;
    std::vector<std::jthread> callers;
    for (int i = 0; i < kInFlight; ++i) {
      callers.emplace_back([&] {
        for (int at = next++; at < count_; at = next++) Send(round, at);
      });
    }
  }

  // A machine that was busy with something else is no finding: what was slow is asked again, alone.
  void ExpectNoneTooSlow() {
    for (const int index : tally_->SlowerThan(kLongest)) {
      const HostileFile file = corpus_->File(index, count_);
      Millis alone{0};
      Ask({file.bytes.begin(), file.bytes.end()}, false, alone);
      EXPECT_LE(alone.count(), kLongest.count()) << file.name << " alone";
    }
  }

  const int count_ = FileCount();
  std::unique_ptr<HostileCorpus> corpus_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
  std::atomic<int> refusals_ = 0;
  std::unique_ptr<HostileTally> tally_ = std::make_unique<HostileTally>(count_);
};

TEST_F(HostileTest, TheWholeCorpusThreeTimes) {
  const pid_t pid = server_->process().pid();
  std::vector<std::int64_t> resident;
  for (int round = 1; round <= kRounds; ++round) {
    const auto begun = steady_clock::now();
    RunRound(round);
    resident.push_back(ResidentKib(pid));
    std::cout << "round " << round << ": " << count_ << " files in "
              << std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begun).count()
              << " s, resident memory " << resident.back() / 1024 << " MiB\n"
              << std::flush;
    // Nothing more can be learned from a server that is gone.
    ASSERT_EQ(server_->process().Wait(std::chrono::milliseconds(0)), std::nullopt) << server_->Log();
  }
  std::cout << tally_->Table() << refusals_ << " calls refused for load and made again\n";
  for (const char* kind : {"crash", "timeout", "protocol"}) {
    std::cout << "workers lost to " << kind << ": "
              << server_->Metric("hashgate_decoder_failures{kind=\"" + std::string(kind) + "\"}") << '\n';
  }
  EXPECT_EQ(tally_->answers(), kRounds * count_);
  for (const std::string& finding : tally_->Findings()) ADD_FAILURE() << finding;
  EXPECT_LE(resident.back() - resident.front(), kMostGrowthKib) << "KiB more than after the first round";
  ExpectNoneTooSlow();
  EXPECT_EQ(server_->Metric("hashgate_decoder_failures{kind=\"protocol\"}"), 0)
      << "a worker's answer did not pass the server's checks";
  // It still finds what it must.
  const ScanReply listed = client_->Scan(KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED")));
  EXPECT_EQ(listed.result.verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(server_->Stop(), 0);
}

// What the test above relies on: each kind of wrong answer is seen.
TEST(HostileTallyTest, WrongAnswersAreFound) {
  const HostileFile whole{.name = "m00001-png", .bytes = {}};
  const HostileFile cut{.name = "m00002-png", .bytes = {}, .lacks_pixels = true};
  ScanReply allowed;
  allowed.result.set_verdict(v1::VERDICT_ALLOW);
  allowed.result.set_outcome(v1::OUTCOME_NOT_MATCHED);
  allowed.result.mutable_image()->set_width(9);
  allowed.result.mutable_image()->set_height(9);
  allowed.result.mutable_coverage()->set_frames_seen(1);
  allowed.result.mutable_coverage()->set_level(v1::COVERAGE_LEVEL_COMPLETE);
  EXPECT_EQ(JudgeAnswer(whole, allowed).wrong, "");
  EXPECT_NE(JudgeAnswer(cut, allowed).wrong, "");
  ScanReply changed = allowed;
  changed.result.set_cause(v1::CAUSE_TRUNCATED);
  EXPECT_NE(JudgeAnswer(whole, changed).wrong, "");
  changed = allowed;
  changed.result.mutable_coverage()->set_frames_total(2);
  EXPECT_NE(JudgeAnswer(whole, changed).wrong, "");
  changed = allowed;
  changed.result.mutable_image()->set_width(0);
  EXPECT_NE(JudgeAnswer(whole, changed).wrong, "");
  changed = allowed;
  changed.result.set_outcome(v1::OUTCOME_UNSCANNABLE);
  EXPECT_NE(JudgeAnswer(whole, changed).wrong, "");
  changed.result.set_verdict(v1::VERDICT_HOLD);
  EXPECT_EQ(JudgeAnswer(whole, changed).wrong, "");
  changed.result.set_verdict(v1::VERDICT_UNSPECIFIED);
  EXPECT_NE(JudgeAnswer(whole, changed).wrong, "");
  ScanReply refused;
  refused.status = grpc::Status(grpc::StatusCode::INTERNAL, "");
  EXPECT_NE(JudgeAnswer(whole, refused).wrong, "");

  HostileTally tally(1);
  const HostileAnswer first = JudgeAnswer(whole, allowed);
  const HostileAnswer late{.text = "NOT_EVALUATED DEADLINE"};
  tally.Add(1, 0, whole.name, first, Millis(1));
  tally.Add(2, 0, whole.name, late, Millis(4'000));
  tally.Add(3, 0, whole.name, first, Millis(2));
  ScanReply costly;
  costly.result.set_verdict(v1::VERDICT_HOLD);
  costly.result.set_outcome(v1::OUTCOME_UNSCANNABLE);
  costly.result.set_cause(v1::CAUSE_TOO_COSTLY);
  costly.result.mutable_coverage()->add_missing("decoding took more processor time than is allowed");
  tally.Add(2, 0, whole.name, JudgeAnswer(whole, costly), Millis(2));
  EXPECT_TRUE(tally.Findings().empty());
  EXPECT_EQ(tally.SlowerThan(Millis(3'999)), std::vector<int>{0});
  tally.Add(3, 0, whole.name, {.text = "UNSCANNABLE CORRUPT", .evaluated = true}, Millis(2));
  EXPECT_EQ(tally.Findings().size(), 1U);
  // Any other limit counts work.
  costly.result.mutable_coverage()->set_missing(0, "decoding takes more memory than is allowed");
  tally.Add(3, 0, whole.name, JudgeAnswer(whole, costly), Millis(2));
  EXPECT_EQ(tally.Findings().size(), 2U);
}

}  // namespace
}  // namespace hashgate::testing
