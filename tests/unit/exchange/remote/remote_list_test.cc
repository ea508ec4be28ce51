// A remote list over a client that answers as a test says: waiting, batches, bounds, the breaker,
// credentials.
#include "exchange/remote/remote_list.h"

#include <gmock/gmock.h>

#include <atomic>
#include <new>

#include "base/mutex.h"
#include "testing/poll.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

PdqHash HashOf(std::uint64_t number) {
  PdqHash hash;
  hash.words = {number, ~number, number * 7, number ^ 0x5555};
  return hash;
}

// What all clients of a list have in common.
struct Script {
  std::atomic<bool> blocked = false;  // requests wait
  std::atomic<int> requests = 0;
  std::atomic<int> running = 0;
  std::atomic<int> most_running = 0;
  std::atomic<std::size_t> most_hashes = 0;
  std::atomic<int> clients = 0;
  std::atomic<bool> fails = false;
  std::atomic<Reason> reason = Reason::kExchangeUnreachable;
  std::atomic<int> pause_ms = 0;
  std::atomic<bool> leaves_out_odd = false;
  std::function<void()> at_end;  // of a request; set while none runs

  void Note(std::uint64_t number) {
    const MutexLock lock(mutex);
    order.push_back(number);
  }
  std::vector<std::uint64_t> Order() {
    const MutexLock lock(mutex);
    return order;
  }
  Mutex mutex;
  std::vector<std::uint64_t> order HASHGATE_GUARDED_BY(mutex);  // the first hash of each request
};

class ScriptedClient final : public RemoteClient {
 public:
  explicit ScriptedClient(Script& script) : script_(script) { ++script_.clients; }

  Result<RemoteReply> LookUp(std::span<const PdqHash> hashes, const std::stop_token& stop) override {
    ++script_.requests;
    script_.most_running = std::max(script_.most_running.load(), ++script_.running);
    script_.most_hashes = std::max(script_.most_hashes.load(), hashes.size());
    testing::PollUntil([&] { return !script_.blocked || stop.stop_requested(); }, seconds(30));
    --script_.running;
    script_.Note(hashes[0].words[0]);
    if (script_.at_end) script_.at_end();
    if (script_.fails) {
      return std::unexpected(Error{script_.reason, "it is said to fail", {}, milliseconds(script_.pause_ms)});
    }
    RemoteReply reply{.answers = {}, .pause = milliseconds(script_.pause_ms)};
    for (const PdqHash& hash : hashes) {
      // Even numbers are listed.
      const bool even = hash.words[0] % 2 == 0;
      if (!even && script_.leaves_out_odd) {
        reply.answers.emplace_back();
      } else {
        reply.answers.push_back(RemoteAnswer{.listed = even, .classification = even ? "csam" : ""});
      }
    }
    return reply;
  }

 private:
  Script& script_;
};

class RemoteListTest : public ::testing::Test {
 protected:
  void TearDown() override {
    script_.blocked = false;
    list_.reset();
  }
  void Start() {
    options_.facts.name = "elsewhere";
    options_.make_client = [this]() -> Result<std::unique_ptr<RemoteClient>> {
      return std::make_unique<ScriptedClient>(script_);
    };
    options_.key = key_;
    options_.metrics = metrics_.get();
    list_ = RemoteList::Start(options_);
  }
  RemoteAnswers Ask(const std::vector<std::uint64_t>& numbers, milliseconds within = seconds(20),
                    const std::function<bool()>& cancelled = {}) {
    std::vector<PdqHash> hashes;
    for (const std::uint64_t number : numbers) hashes.push_back(HashOf(number));
    return list_->Ask(hashes, std::chrono::steady_clock::now() + within, false)->Wait(cancelled);
  }
  [[nodiscard]] std::string Sample(const std::string& result) const {
    return R"(hashgate_remote_hashes_total{list="elsewhere",result=")" + result + "\"}";
  }

  const std::vector<std::uint8_t> key_ = std::vector<std::uint8_t>(32, 7);
  Script script_;
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  RemoteListOptions options_{.timeout = seconds(20), .max_in_flight = 2};
  std::unique_ptr<RemoteList> list_;
};

TEST_F(RemoteListTest, AnswersInOrderAndRemembersThem) {
  Start();
  EXPECT_EQ(script_.clients, 0) << "nobody is asked before there is a question";
  const RemoteAnswers first = Ask({1, 2, 3});
  EXPECT_EQ(first.miss, RemoteMiss::kNone);
  ASSERT_EQ(first.answers.size(), 3U);
  EXPECT_FALSE(first.answers[0]->listed);
  EXPECT_TRUE(first.answers[1]->listed);
  EXPECT_FALSE(first.answers[2]->listed);
  EXPECT_EQ(script_.requests, 1) << "all in one request";
  const RemoteAnswers second = Ask({3, 4, 2});
  EXPECT_FALSE(second.answers[0]->listed);
  EXPECT_TRUE(second.answers[1]->listed);
  EXPECT_TRUE(second.answers[2]->listed);
  EXPECT_EQ(Ask({1, 2, 3, 4}).miss, RemoteMiss::kNone);
  EXPECT_EQ(script_.requests, 2);
  const std::string metrics = metrics_->Exposition();
  EXPECT_THAT(metrics, HasSubstr(Sample("hit") + " 2\n"));
  EXPECT_THAT(metrics, HasSubstr(Sample("miss") + " 2\n"));
  EXPECT_THAT(metrics, HasSubstr(Sample("cached") + " 6\n"));
  EXPECT_THAT(metrics, HasSubstr(R"(hashgate_remote_seconds_count{list="elsewhere"} 2)"));
  const RemoteHealth health = list_->Health();
  EXPECT_EQ(health.state, CircuitBreaker::State::kClosed);
  EXPECT_TRUE(health.last_answer.has_value());
  EXPECT_EQ(health.last_error, "");
  EXPECT_EQ(health.cached, 4U);
}

TEST_F(RemoteListTest, ManyHashesAreSeveralRequestsOfBoundedSize) {
  options_.batch_hashes = 10;
  Start();
  std::vector<std::uint64_t> numbers(45);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  const RemoteAnswers all = Ask(numbers);
  EXPECT_EQ(all.miss, RemoteMiss::kNone);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(all.answers[i]->listed, i % 2 == 0) << i;
  EXPECT_EQ(script_.requests, 5);
  EXPECT_EQ(script_.most_hashes, 10U);
}

TEST_F(RemoteListTest, WaitsNoLongerThanTheDeadlineNorThanItsOwnTime) {
  script_.blocked = true;
  Start();
  SteadyTime begun = std::chrono::steady_clock::now();
  const RemoteAnswers late = Ask({1, 2}, milliseconds(50));
  EXPECT_EQ(late.miss, RemoteMiss::kTimeout);
  EXPECT_FALSE(late.answers[0].has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
  EXPECT_THAT(metrics_->Exposition(), HasSubstr(Sample("timeout") + " 2\n"));
  // What comes later is there for the next who asks.
  script_.blocked = false;
  ASSERT_TRUE(testing::PollUntil([&] { return list_->Health().cached == 2; }, seconds(20)));
  EXPECT_TRUE(Ask({2}, milliseconds(0)).answers[0]->listed);
  script_.blocked = true;
  options_.timeout = milliseconds(50);
  Start();
  begun = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask({5}, seconds(20)).miss, RemoteMiss::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
}

TEST_F(RemoteListTest, ACallerThatGoesAwayDoesNotWait) {
  script_.blocked = true;
  Start();
  const SteadyTime begun = std::chrono::steady_clock::now();
  std::atomic<int> looks = 0;
  EXPECT_EQ(Ask({1}, seconds(20), [&] { return ++looks > 2; }).miss, RemoteMiss::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(10));
}

TEST_F(RemoteListTest, RequestsInFlightAndWaitingAreBounded) {
  script_.blocked = true;
  Start();
  std::vector<std::unique_ptr<RemoteQuestion>> questions;
  const auto begin = [&](std::uint64_t number) {
    const PdqHash hash = HashOf(number);
    questions.push_back(list_->Ask({&hash, 1}, std::chrono::steady_clock::now() + seconds(20), false));
  };
  begin(0);
  begin(1);
  ASSERT_TRUE(testing::PollUntil([&] { return script_.running == 2; }, seconds(20)));
  for (std::uint64_t i = 2; i < 10; ++i) begin(i);
  begin(10);
  EXPECT_EQ(questions.back()->Wait({}).miss, RemoteMiss::kOverloaded);
  script_.blocked = false;
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(questions[i]->Wait({}).miss, RemoteMiss::kNone) << i;
  EXPECT_EQ(script_.most_running, 2);
}

// Questions that are asked beside each other, of a service that does not answer for now.
class RemoteTurnsTest : public RemoteListTest {
 protected:
  RemoteQuestion& Begin(std::uint64_t first, std::size_t hashes, bool background = false) {
    std::vector<PdqHash> asked;
    for (std::size_t i = 0; i < hashes; ++i) asked.push_back(HashOf(first + i));
    questions_.push_back(list_->Ask(asked, std::chrono::steady_clock::now() + seconds(20), background));
    return *questions_.back();
  }
  [[nodiscard]] bool AreRunning(int requests) {
    return testing::PollUntil([&] { return script_.running == requests; }, seconds(20));
  }

  std::vector<std::unique_ptr<RemoteQuestion>> questions_;
};

TEST_F(RemoteTurnsTest, LargeQuestionsKeepNobodyOut) {
  options_.batch_hashes = 2;
  script_.blocked = true;
  Start();
  for (std::uint64_t i = 0; i < 8; ++i) Begin(1'000 * i, 12);
  ASSERT_TRUE(AreRunning(2));
  RemoteQuestion& small = Begin(9'001, 1);
  RemoteQuestion& yields = *questions_[0];
  Begin(9'003, 1);  // the ninth and tenth beside the eight places: what was begun gives way
  Begin(9'005, 1);
  script_.blocked = false;
  EXPECT_EQ(small.Wait({}).miss, RemoteMiss::kNone);
  EXPECT_EQ(questions_[9]->Wait({}).miss, RemoteMiss::kNone);
  EXPECT_EQ(questions_[7]->Wait({}).miss, RemoteMiss::kNone) << "it has its place";
  const RemoteAnswers rest = yields.Wait({});
  EXPECT_EQ(rest.miss, RemoteMiss::kOverloaded);
  EXPECT_TRUE(rest.answers[0].has_value()) << "what was sent counts";
}

TEST_F(RemoteTurnsTest, FirstRequestsComeBeforeFurtherOnes) {
  options_.batch_hashes = 1;
  options_.max_in_flight = 1;
  script_.blocked = true;
  Start();
  Begin(100, 5);
  ASSERT_TRUE(AreRunning(1));
  Begin(200, 3);
  Begin(301, 1);
  script_.blocked = false;
  for (const auto& question : questions_) EXPECT_EQ(question->Wait({}).miss, RemoteMiss::kNone);
  EXPECT_EQ(script_.Order(), (std::vector<std::uint64_t>{100, 200, 301, 101, 201, 102, 202, 103, 104}));
}

TEST_F(RemoteTurnsTest, BackgroundWorkComesLastAndLeavesOneFree) {
  options_.batch_hashes = 1;
  script_.blocked = true;
  Start();
  Begin(100, 3, true);
  ASSERT_TRUE(AreRunning(1));
  for (std::uint64_t i = 2; i < 9; ++i) Begin(100 * i, 1, true);
  RemoteQuestion& refused = Begin(900, 1, true);
  EXPECT_EQ(refused.Wait({}).miss, RemoteMiss::kOverloaded);
  EXPECT_EQ(script_.running, 1) << "one request is left to uploads";
  Begin(1'000, 1);  // takes the place of the youngest
  ASSERT_TRUE(AreRunning(2));
  Begin(1'001, 1);
  script_.blocked = false;
  EXPECT_EQ(questions_[9]->Wait({}).miss, RemoteMiss::kNone);
  EXPECT_EQ(questions_[10]->Wait({}).miss, RemoteMiss::kNone);
  EXPECT_EQ(questions_[7]->Wait({}).miss, RemoteMiss::kOverloaded);
  EXPECT_EQ(questions_[0]->Wait({}).miss, RemoteMiss::kNone);
}

// The machine's clock, but for one reading for which there is no memory.
class FailingClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime Steady() const override {
    if (fails.exchange(false)) throw std::bad_alloc();
    return System().Steady();
  }
  [[nodiscard]] WallTime Wall() const override { return System().Wall(); }
  mutable std::atomic<bool> fails = false;
};

TEST_F(RemoteListTest, WantOfMemoryEndsATry) {
  FailingClock clock;
  options_.clock = &clock;
  options_.breaker = {.failures = 1, .pause = milliseconds(50)};
  script_.fails = true;
  Start();
  EXPECT_EQ(Ask({1}).miss, RemoteMiss::kError);
  script_.fails = false;
  script_.at_end = [&] { clock.fails = script_.requests == 2; };
  ASSERT_TRUE(testing::PollUntil(
      [&] {
        Ask({3});
        return script_.requests == 2;
      },
      seconds(20)));
  EXPECT_TRUE(testing::PollUntil([&] { return Ask({5}).miss == RemoteMiss::kNone; }, seconds(20)));
  list_.reset();
}

TEST_F(RemoteListTest, TheBreakerOpensAndTriesAgain) {
  options_.breaker = {.failures = 3, .pause = milliseconds(200)};
  script_.fails = true;
  Start();
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(Ask({i}).miss, RemoteMiss::kError);
  EXPECT_EQ(list_->Health().state, CircuitBreaker::State::kOpen);
  EXPECT_EQ(list_->Health().last_error, "it is said to fail");
  EXPECT_EQ(Ask({7}).miss, RemoteMiss::kBreakerOpen);
  EXPECT_EQ(script_.requests, 3);
  script_.fails = false;
  ASSERT_TRUE(testing::PollUntil([&] { return Ask({8}).miss == RemoteMiss::kNone; }, seconds(20)));
  EXPECT_EQ(list_->Health().state, CircuitBreaker::State::kClosed);
  EXPECT_EQ(list_->Health().last_error, "");
  EXPECT_EQ(script_.requests, 4) << "one try";
}

TEST_F(RemoteListTest, WhatIsRememberedIsAnsweredBehindAnOpenBreaker) {
  options_.breaker = {.failures = 1, .pause = seconds(600)};
  Start();
  Ask({1, 2});
  script_.fails = true;
  const RemoteAnswers some = Ask({2, 3});
  EXPECT_EQ(some.miss, RemoteMiss::kError);
  EXPECT_TRUE(some.answers[0]->listed) << "no match is lost because another hash has no answer";
  EXPECT_FALSE(some.answers[1].has_value());
  EXPECT_EQ(Ask({1, 2}).miss, RemoteMiss::kNone);
  EXPECT_EQ(Ask({2, 9}).miss, RemoteMiss::kBreakerOpen);
}

TEST_F(RemoteListTest, APauseThatIsAskedForIsKept) {
  options_.breaker = {.failures = 5, .pause = milliseconds(1)};
  script_.pause_ms = 600'000;
  Start();
  EXPECT_EQ(Ask({1}).miss, RemoteMiss::kNone) << "this one was answered";
  EXPECT_EQ(Ask({2}).miss, RemoteMiss::kBreakerOpen);
  EXPECT_GT(list_->Health().open_for, seconds(500));
  script_.fails = true;
  Start();
  EXPECT_EQ(Ask({1}).miss, RemoteMiss::kError);
  EXPECT_EQ(Ask({2}).miss, RemoteMiss::kBreakerOpen);
  EXPECT_GT(list_->Health().open_for, seconds(500));
}

TEST_F(RemoteListTest, RefusedCredentialsAreReadAgainByEveryThread) {
  options_.breaker = {.failures = 5, .pause = milliseconds(50)};
  script_.blocked = true;
  Start();
  // Both threads have a client.
  const PdqHash one = HashOf(1);
  const PdqHash two = HashOf(3);
  const SteadyTime far = std::chrono::steady_clock::now() + seconds(20);
  const auto a = list_->Ask({&one, 1}, far, false);
  const auto b = list_->Ask({&two, 1}, far, false);
  ASSERT_TRUE(testing::PollUntil([&] { return script_.running == 2; }, seconds(20)));
  script_.blocked = false;
  a->Wait({});
  b->Wait({});
  EXPECT_EQ(script_.clients, 2);
  script_.fails = true;
  script_.reason = Reason::kExchangeRefused;
  EXPECT_EQ(Ask({5}).miss, RemoteMiss::kError);
  EXPECT_EQ(Ask({7}).miss, RemoteMiss::kBreakerOpen) << "one refusal is enough";
  script_.fails = false;
  ASSERT_TRUE(testing::PollUntil([&] { return Ask({9}).miss == RemoteMiss::kNone; }, seconds(20)));
  EXPECT_EQ(script_.clients, 3) << "whichever thread asked, it had a new one";
}

TEST_F(RemoteListTest, AHashThatIsLeftOutIsNotClean) {
  script_.leaves_out_odd = true;
  Start();
  const RemoteAnswers some = Ask({1, 2});
  EXPECT_EQ(some.miss, RemoteMiss::kError);
  EXPECT_FALSE(some.answers[0].has_value());
  EXPECT_TRUE(some.answers[1]->listed);
  EXPECT_EQ(list_->Health().cached, 1U) << "and is not remembered as such";
}

TEST_F(RemoteListTest, ItsEndDoesNotWaitForTheService) {
  script_.blocked = true;
  Start();
  std::vector<std::unique_ptr<RemoteQuestion>> questions;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const PdqHash hash = HashOf(i);
    questions.push_back(list_->Ask({&hash, 1}, std::chrono::steady_clock::now() + seconds(20), false));
  }
  ASSERT_TRUE(testing::PollUntil([&] { return script_.running == 2; }, seconds(20)));
  const SteadyTime begun = std::chrono::steady_clock::now();
  list_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(10));
  EXPECT_EQ(questions.back()->Wait({}).miss, RemoteMiss::kError);
}

}  // namespace
}  // namespace hashgate::exchange
