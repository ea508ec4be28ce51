// System calls that fail, one after the other: of the server while it starts workers and while it scans, and
// of the spawner and the workers. Each time a scan ends with an outcome or a typed error, no descriptor is
// left over, and the next scan is right.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "decode/decoder_pool.h"
#include "testing/failing_calls.h"
#include "testing/poll.h"
#include "testkit/encode.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using How = FailingCalls::How;
using Who = FailingCalls::Who;

constexpr std::uint64_t kEnough = 5'000;

int OpenDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

Result<std::unique_ptr<decode::Decoder>> StartPool() {
  const char* folder = std::getenv("HASHGATE_BIN_DIR");
  auto spawner = decode::Spawner::Start(std::string(folder == nullptr ? "." : folder) + "/hashgate-decoder");
  if (!spawner) return std::unexpected(spawner.error());
  decode::PoolOptions options;
  options.workers = 1;
  options.job_timeout = seconds(3);
  return decode::StartDecoderPool(*std::move(spawner), options);
}

// A scanner whose decoder is a real pool.
class NthCallTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    const auto jpeg = testkit::EncodeJpeg(testkit::DrawPhoto(5, 160, 120));
    ASSERT_TRUE(jpeg);
    picture_ = *jpeg;
    AddList("listed");
    AddEntry("listed", {.source_id = "a", .hashes = {MakeHash(Algorithm::kPdq, 5, 100)}});
  }

  void UsePool() {
    auto pool = StartPool();
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = *std::move(pool);
    auto policy = policy::LoadProfile("standard");
    ASSERT_TRUE(policy);
    scanner_ =
        std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(), .decoder = pool_.get()},
                                        scan::ScannerOptions{}, *policy);
  }

  Result<scan::ScanAnswer> Scan() {
    scan::ScanRequest request;
    request.accepted = steady_clock::now();
    request.deadline = request.accepted + seconds(10);
    return ScanBytes(picture_, request);
  }
  static bool IsWhole(const Result<scan::ScanAnswer>& answer) {
    return answer && answer->outcome == Outcome::kNotMatched && answer->cause == Cause::kNone;
  }

  // Fails the calls that a scan makes, one after the other, until one goes through untouched.
  void FailEach(FailingCalls& calls, Who who, How how) {
    const int before = OpenDescriptors();
    std::uint64_t nth = 1;
    std::map<std::string, int> outcomes;
    for (;; ++nth) {
      ASSERT_LT(nth, kEnough);
      calls.Arm(who, how, nth);
      const auto answer = Scan();
      const bool fired = calls.Disarm();
      const std::string what =
          "call " + std::to_string(nth) + " (number " + std::to_string(calls.last()) + ")";
      ASSERT_TRUE(answer) << what << ": " << answer.error().message;
      ++outcomes[std::string(Name(answer->outcome)) + " " + std::string(Name(answer->cause))];
      if (!IsWhole(answer)) {
        EXPECT_NE(answer->outcome, Outcome::kNotMatched) << what << " is taken for clean";
        EXPECT_NE(answer->cause, Cause::kNone) << what << " has no cause";
        EXPECT_EQ(how, How::kHard) << what << ": an interrupted call is to be made again";
      }
      if (!fired) {
        EXPECT_TRUE(IsWhole(answer));
        break;
      }
      ASSERT_TRUE(PollUntil([this] { return IsWhole(Scan()); }, seconds(20)))
          << "no scan succeeds after " << what;
      EXPECT_TRUE(PollUntil([&] { return OpenDescriptors() == before; }, seconds(20)))
          << what << " leaves descriptors: " << before << " before, now " << OpenDescriptors();
    }
    std::cout << nth - 1 << " calls failed\n";
    for (const auto& [outcome, count] : outcomes) std::cout << "  " << count << ' ' << outcome << '\n';
    EXPECT_GT(nth, 2U) << "nothing was made to fail";
  }

  void FailEachOf(Who who, How how) {
    FailingCalls calls;
    const bool ran = calls.Run([&] {
      UsePool();
      if (HasFatalFailure()) return;
      ASSERT_TRUE(IsWhole(Scan()));
      FailEach(calls, who, how);
      scanner_.reset();
      pool_.reset();
    });
    if (!ran) GTEST_SKIP() << "this kernel does not let a process be supervised";
  }

  testkit::Bytes picture_;
  std::unique_ptr<decode::Decoder> pool_;
};

TEST_F(NthCallTest, OfTheServerInAScan) {
  FailEachOf(Who::kThisProcess, How::kHard);
}
TEST_F(NthCallTest, OfTheServerInAScanInterrupted) {
  FailEachOf(Who::kThisProcess, How::kInterrupted);
}
TEST_F(NthCallTest, OfTheWorkerInAScan) {
  FailEachOf(Who::kOthers, How::kHard);
}
TEST_F(NthCallTest, OfTheWorkerInAScanInterrupted) {
  FailEachOf(Who::kOthers, How::kInterrupted);
}

TEST_F(NthCallTest, OfTheServerWhileItStartsWorkers) {
  FailingCalls calls;
  const bool ran = calls.Run([&] {
    ASSERT_TRUE(StartPool());
    const int before = OpenDescriptors();
    std::uint64_t nth = 1;
    int refused = 0;
    for (;; ++nth) {
      ASSERT_LT(nth, kEnough);
      calls.Arm(Who::kThisProcess, How::kHard, nth);
      auto pool = StartPool();
      const bool fired = calls.Disarm();
      const std::string what =
          "call " + std::to_string(nth) + " (number " + std::to_string(calls.last()) + ")";
      if (!pool) {
        ++refused;
        EXPECT_EQ(pool.error().reason, Reason::kDecoderUnavailable) << what << ": " << pool.error().message;
        EXPECT_FALSE(pool.error().message.empty()) << what;
      }
      if (pool) pool->reset();
      EXPECT_TRUE(PollUntil([&] { return OpenDescriptors() == before; }, seconds(20)))
          << what << " leaves descriptors: " << before << " before, now " << OpenDescriptors();
      if (!fired) {
        EXPECT_TRUE(pool) << "nothing failed";
        break;
      }
    }
    std::cout << nth - 1 << " calls failed, " << refused << " starts refused\n";
    EXPECT_GT(refused, 0);
  });
  if (!ran) GTEST_SKIP() << "this kernel does not let a process be supervised";
}

}  // namespace
}  // namespace hashgate::testing
