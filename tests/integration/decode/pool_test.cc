// The pool and its processes in ordinary and broken times, over real workers.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <vector>

#include "integration/decode/pool_fixture.h"

namespace hashgate::testing {
namespace {

using decode::DecodeResult;
using decode::Format;
using decode::LockLevel;
using decode::PoolOptions;
using decode::Restart;

int ThreadsOfThisProcess() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

TEST_F(PoolTest, StartingASpawnerMakesNoThread) {
  const int before = ThreadsOfThisProcess();
  const auto spawner = decode::Spawner::Start(HostileBinary());
  ASSERT_TRUE(spawner) << spawner.error().message;
  EXPECT_EQ(ThreadsOfThisProcess(), before);
}

TEST_F(PoolTest, AnswersWithWhatTheWorkerSaw) {
  StartPool(OneWorker());
  ExpectServes("ok");
  ExpectServes(std::string(3'000'000, 'b'));
  const auto stats = pool_->Stats();
  EXPECT_EQ(stats.jobs, 2U);
  EXPECT_EQ(stats.started, 1U);
  EXPECT_EQ(stats.workers_alive, 1);
  EXPECT_EQ(stats.workers_busy, 0);
  EXPECT_GE(stats.lock, LockLevel::kBasic);
}

TEST_F(PoolTest, NeedsNoWorkerForWhatIsNoPictureToDecode) {
  PoolOptions options = OneWorker();
  options.limits.max_bytes = 1'000;
  StartPool(options);
  const auto cause = [&](std::string_view upload, Format format) {
    const auto result = pool_->Decode(BytesOf(upload), format, {}, In(seconds(60)), {});
    return result ? std::optional(result->cause) : std::nullopt;
  };
  EXPECT_EQ(cause("", Format::kJpeg), Cause::kEmpty);
  EXPECT_EQ(cause("x", Format::kTiff), Cause::kUnsupportedFormat);
  EXPECT_EQ(cause("x", Format::kUnknown), Cause::kUnsupportedFormat);
  EXPECT_EQ(cause("x", Format::kVideo), Cause::kNotAnImage);
  EXPECT_EQ(cause("x", Format::kText), Cause::kNotAnImage);
  EXPECT_EQ(cause(std::string(1'000, 'x'), Format::kJpeg), Cause::kNone);
  EXPECT_EQ(cause(std::string(1'001, 'x'), Format::kJpeg), Cause::kTooLarge);
  EXPECT_EQ(pool_->Stats().jobs, 1U);
}

TEST_F(PoolTest, ReplacesAWorkerAfterItsShareOfImages) {
  PoolOptions options = OneWorker();
  options.images_per_worker = 3;
  StartPool(options);
  std::vector<std::uint32_t> jobs;
  for (int i = 0; i < 7; ++i) jobs.push_back(JobsOf(Decode("ok")));
  EXPECT_THAT(jobs, ::testing::ElementsAre(1, 2, 3, 1, 2, 3, 1));
  EXPECT_EQ(pool_->Stats().recycled, 2U);
}

TEST_F(PoolTest, APictureOfItsOwnProcess) {
  PoolOptions options = OneWorker();
  options.images_per_worker = 1;
  StartPool(options);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  EXPECT_TRUE(Eventually([&] { return pool_->Stats().started == 6; }));
}

TEST_F(PoolTest, ReplacesAWorkerAfterAnythingButAWholePicture) {
  StartPool(OneWorker());
  EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  const auto result = Decode("corrupt");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->cause, Cause::kCorrupt);
  EXPECT_EQ(result->decode_micros, 2U) << "the same worker";
  EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  EXPECT_EQ(Restarts(Restart::kOutcome), 1U);
}

TEST_F(PoolTest, ReplacesAnIdleWorkerOfOldAge) {
  class MovedClock final : public Clock {
   public:
    [[nodiscard]] SteadyTime Steady() const override { return System().Steady() + ahead.load(); }
    [[nodiscard]] WallTime Wall() const override { return System().Wall(); }
    std::atomic<seconds> ahead{seconds(0)};
  };
  MovedClock clock;
  PoolOptions options = OneWorker();
  options.clock = &clock;
  options.max_worker_age = seconds(600);
  StartPool(options);
  EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  EXPECT_EQ(JobsOf(Decode("ok")), 2U);
  clock.ahead = seconds(601);
  EXPECT_TRUE(Eventually([&] { return Restarts(Restart::kAge) == 1 && pool_->Stats().workers_alive == 1; }));
  EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  pool_.reset();
}

TEST_F(PoolTest, CountsRestartsByReason) {
  PoolOptions options = OneWorker();
  options.images_per_worker = 2;
  StartPool(options);
  Decode("ok");
  Decode("ok");
  Decode("crash");
  Decode("reply-magic");
  Decode("hang", milliseconds(50));
  Decode("hang", seconds(60), [] { return true; });
  EXPECT_EQ(Restarts(Restart::kImages), 1U);
  EXPECT_EQ(Restarts(Restart::kCrash), 2U);
  EXPECT_EQ(Restarts(Restart::kProtocol), 2U);
  EXPECT_EQ(Restarts(Restart::kTimeout), 1U);
  EXPECT_LE(Restarts(Restart::kCancelled), 1U) << "the caller may have left before there was a worker";
  EXPECT_EQ(Restarts(Restart::kLost), 0U);
  EXPECT_EQ(pool_->Stats().classes.at(0).workers, 1);
}

TEST_F(PoolTest, ReplacesAWorkerWhoseBufferGrewLarge) {
  StartPool(OneWorker());
  ExpectServes(std::string(9 << 20, 'x'));
  EXPECT_EQ(JobsOf(Decode("ok")), 1U);
  EXPECT_EQ(pool_->Stats().recycled, 1U);
}

TEST_F(PoolTest, LeavesNothingOfAnUploadForTheNext) {
  StartPool(OneWorker());
  ExpectServes(std::string(100'000, '\xaa'));
  const auto result = Decode("leftovers x");
  ASSERT_TRUE(result);
  EXPECT_EQ(JobsOf(result), 2U) << "the same worker and buffer";
  EXPECT_EQ(result->decode_micros, 0U) << "bytes of the earlier upload are still there";
}

TEST_F(PoolTest, KillsAtTheDeadlineAndReplaces) {
  StartPool(OneWorker());
  const SteadyTime start = Clock::System().Steady();
  const auto result = Decode("hang", milliseconds(150));
  const auto took = Clock::System().Steady() - start;
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kDeadlineExceeded);
  EXPECT_GE(took, milliseconds(150));
  EXPECT_LT(took, seconds(5));
  ExpectServes("ok");
  EXPECT_EQ(pool_->Stats().timeouts, 1U);
  EXPECT_EQ(pool_->Stats().retries, 0U);
}

TEST_F(PoolTest, OneJobNeverLastsLongerThanItsTimeout) {
  PoolOptions options = OneWorker();
  options.job_timeout = milliseconds(100);
  StartPool(options);
  const auto result = Decode("hang", seconds(60));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kDeadlineExceeded);
}

TEST_F(PoolTest, WaitsForAFreeWorkerOnlyUntilTheDeadline) {
  StartPool(OneWorker());
  std::atomic<bool> stop = false;
  std::thread occupant([&] { Decode("hang", seconds(60), [&] { return stop.load(); }); });
  EXPECT_TRUE(Eventually([&] { return pool_->Stats().workers_busy == 1; }));
  const auto result = Decode("ok", milliseconds(50));
  stop = true;
  occupant.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kDeadlineExceeded);
  ExpectServes("ok");
}

TEST_F(PoolTest, EndsAJobThatNobodyWaitsFor) {
  StartPool(OneWorker());
  int asked = 0;
  const auto result = Decode("hang", seconds(60), [&] { return ++asked > 2; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kCancelled);
  EXPECT_EQ(pool_->Stats().cancelled, 1U);
  ExpectServes("ok");
}

TEST_F(PoolTest, StopsWaitingForAWorkerWhenCancelled) {
  StartPool(OneWorker());
  std::atomic<bool> stop = false;
  std::thread occupant([&] { Decode("hang", seconds(60), [&] { return stop.load(); }); });
  EXPECT_TRUE(Eventually([&] { return pool_->Stats().workers_busy == 1; }));
  const auto result = Decode("ok", seconds(60), [] { return true; });
  stop = true;
  occupant.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kCancelled);
}

TEST_F(PoolTest, ManyCallersShareTwoWorkers) {
  PoolOptions options = OneWorker();
  options.workers = 2;
  options.images_per_worker = 20;
  StartPool(options);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 30; ++i) {
        const std::string upload = "ok " + std::to_string(caller) + "." + std::to_string(i) +
                                   std::string(static_cast<std::size_t>(caller) * 5'000, 'x');
        const bool crashes = i % 10 == 9;
        const auto result = Decode(crashes ? "crash" : upload);
        const bool right =
            result && (crashes ? result->cause == Cause::kDecoderCrashed
                               : result->views.size() == 1 &&
                                     result->views[0].pdq[0].forms[0].words[0] == Checksum(BytesOf(upload)));
        if (!right) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  const auto stats = pool_->Stats();
  EXPECT_EQ(stats.jobs, 240U);
  EXPECT_EQ(stats.crashes, 48U) << "24 uploads, each tried twice";
  EXPECT_EQ(stats.retries, 24U);
}

TEST_F(PoolTest, KeepsNoDescriptors) {
  StartPool(OneWorker());
  ExpectServes("ok");
  const int before = OpenDescriptors();
  for (int i = 0; i < 20; ++i) {
    Decode("crash");
    Decode("reply-descriptor");
    Decode("hang", milliseconds(5));
  }
  ExpectServes("ok");
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() == before; }))
      << before << " descriptors before, now " << OpenDescriptors();
}

TEST_F(PoolTest, RepairsItselfWhenTheSpawnerDies) {
  PoolOptions options = OneWorker();
  options.workers = 2;
  StartPool(options);
  ExpectServes("ok");
  ASSERT_EQ(::kill(spawner_pid_, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().spawner_starts == 1; }));
  ExpectServes("ok");
  EXPECT_TRUE(Eventually([&] { return pool_->Stats().workers_alive == 2; }));
}

TEST_F(PoolTest, AJobInHandSurvivesTheSpawner) {
  StartPool(OneWorker());
  std::atomic<bool> stop = false;
  std::optional<Result<DecodeResult>> result;
  std::thread caller([&] { result = Decode("hang", seconds(60), [&] { return stop.load(); }); });
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().workers_busy == 1; }));
  ::kill(spawner_pid_, SIGKILL);
  // The job is tried again in a worker of the next spawner.
  EXPECT_TRUE(Eventually([&] {
    const auto stats = pool_->Stats();
    return stats.spawner_starts == 1 && stats.workers_busy == 1;
  }));
  stop = true;
  caller.join();
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().reason, Reason::kCancelled);
}

TEST_F(PoolTest, SaysSoWhenNoWorkerCanBeHadAndRecovers) {
  const std::filesystem::path copy = std::filesystem::current_path() / "decoder-copy";
  std::filesystem::remove(copy);
  std::filesystem::copy_file(HostileBinary(), copy);
  StartPool(OneWorker(), copy);
  std::filesystem::remove(copy);
  ASSERT_EQ(::kill(spawner_pid_, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return pool_->Stats().workers_alive == 0; }));
  const auto result = Decode("ok", milliseconds(300));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kDecoderUnavailable);

  const std::filesystem::path fresh = copy.string() + ".new";
  std::filesystem::copy_file(HostileBinary(), fresh, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::rename(fresh, copy);
  ExpectServes("ok");
}

TEST_F(PoolTest, WorkersAndSpawnerEndWithTheirServer) {
  auto spawner = decode::SpawnerProcess::Launch(HostileBinary(), {}, In(seconds(20)));
  ASSERT_TRUE(spawner) << spawner.error().message;
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  auto buffer = decode::SharedBuffer::Create(4096);
  ASSERT_TRUE(buffer);
  auto worker = (*spawner)->Spawn(
      theirs.get(), buffer->fd(),
      {.cpu_seconds = 10, .buffer_bytes = buffer->size(), .memory_bytes = 1ULL << 30}, In(seconds(20)));
  ASSERT_TRUE(worker) << worker.error().message;
  ASSERT_FALSE(decode::HasEnded(worker->pidfd));
  spawner->reset();
  EXPECT_TRUE(Eventually([&] { return decode::HasEnded(worker->pidfd); }));
}

TEST_F(PoolTest, EndingSignalsOfTheTerminalDoNotReachWorkers) {
  StartPool(OneWorker());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ASSERT_EQ(::kill(spawner_pid_, signal), 0);
  ExpectServes("ok");
  EXPECT_NE(::getpgid(spawner_pid_), ::getpgid(0));
  EXPECT_EQ(pool_->Stats().spawner_starts, 0U);
}

TEST(Spawner, NamesTheBinaryThatCannotBeStarted) {
  const auto missing = decode::Spawner::Start("/nonexistent/hashgate-decoder");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::kDecoderUnavailable);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("/nonexistent/hashgate-decoder"));
  const auto other = decode::Spawner::Start("/bin/true");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::kDecoderUnavailable);
}

TEST(Spawner, TheEnvironmentOverridesTheBinary) {
  ::unsetenv("HASHGATE_DECODER");
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  EXPECT_EQ(decode::Spawner::DefaultBinary(), self.parent_path() / "hashgate-decoder");
  ::setenv("HASHGATE_DECODER", "/somewhere/else", 1);
  EXPECT_EQ(decode::Spawner::DefaultBinary(), "/somewhere/else");
  ::unsetenv("HASHGATE_DECODER");
}

TEST(DecoderPool, RefusesALockThatIsTooWeak) {
  auto spawner = decode::Spawner::Start(HostileBinary());
  ASSERT_TRUE(spawner);
  PoolOptions options;
  options.minimum_lock = static_cast<LockLevel>(4);
  const auto pool = decode::StartDecoderPool(*std::move(spawner), options);
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().reason, Reason::kDecoderUnavailable);
  EXPECT_THAT(pool.error().message, ::testing::HasSubstr("lock level"));
}

TEST(Classes, AnUploadGoesToItsFormatsClassOrIsUnsupported) {
  auto spawner = decode::Spawner::Start(HostileBinary());
  ASSERT_TRUE(spawner);
  std::vector<decode::ClassPool> pools;
  pools.push_back({.spawner = *std::move(spawner), .options = {.workers = 1}});
  const auto decoder = decode::StartDecoder(std::move(pools));
  ASSERT_TRUE(decoder) << decoder.error().message;
  const auto cause = [&](Format format) {
    const auto result = (*decoder)->Decode(BytesOf("ok"), format, {}, In(seconds(60)), {});
    return result ? std::optional(result->cause) : std::nullopt;
  };
  EXPECT_EQ(cause(Format::kJpeg), Cause::kNone);
  EXPECT_EQ(cause(Format::kText), Cause::kNotAnImage);
  for (const Format absent : {Format::kHeif, Format::kAvif, Format::kTiff}) {
    EXPECT_EQ(cause(absent), Cause::kUnsupportedFormat);
  }
  const auto stats = (*decoder)->Stats();
  ASSERT_EQ(stats.classes.size(), 1U);
  EXPECT_EQ(stats.classes[0].worker_class, decode::WorkerClass::kCore);
  EXPECT_EQ(stats.jobs, 1U);
}

TEST(Classes, TwoPoolsOfOneClassOrNoneOfTheCoreAreRefused) {
  std::vector<decode::ClassPool> pools;
  for (int i = 0; i < 2; ++i) {
    auto spawner = decode::Spawner::Start(HostileBinary());
    ASSERT_TRUE(spawner);
    pools.push_back({.spawner = *std::move(spawner), .options = {.workers = 1}});
  }
  EXPECT_FALSE(decode::StartDecoder(std::move(pools)));
  EXPECT_FALSE(decode::StartDecoder({}));
}

TEST(Classes, ABinaryThatIsNotThereIsAClassThatWasNotBuilt) {
  const auto spawners = decode::Spawner::StartClasses(HostileBinary(), decode::kOtherClasses);
  ASSERT_TRUE(spawners) << spawners.error().message;
  ASSERT_EQ(spawners->size(), 1U);
  EXPECT_EQ((*spawners)[0]->worker_class(), decode::WorkerClass::kCore);
}

TEST(DecoderPool, RefusesOptionsThatMakeNoSense) {
  for (const auto& change : std::vector<std::function<void(PoolOptions&)>>{
           [](PoolOptions& o) { o.workers = 0; }, [](PoolOptions& o) { o.workers = 65; },
           [](PoolOptions& o) { o.images_per_worker = 0; },
           [](PoolOptions& o) { o.max_worker_age = milliseconds(0); },
           [](PoolOptions& o) { o.job_timeout = milliseconds(0); }}) {
    PoolOptions options;
    change(options);
    auto spawner = decode::Spawner::Start(HostileBinary());
    ASSERT_TRUE(spawner);
    const auto pool = decode::StartDecoderPool(*std::move(spawner), options);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().reason, Reason::kConfigInvalid);
  }
}

}  // namespace
}  // namespace hashgate::testing
