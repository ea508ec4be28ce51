#include "decode/decoder_pool.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "decode/back_off.h"
#include "decode/sniff.h"
#include "decode/spawner.h"
#include "decode/worker_process.h"

namespace hashgate::decode {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartTimeout{5'000};
constexpr milliseconds kSpawnerTimeout{10'000};
constexpr milliseconds kFirstBackOff{10};
constexpr milliseconds kMaxBackOff{1'000};
constexpr milliseconds kCancelPoll{50};
// How often idle workers are looked at, so that a death nobody caused is repaired before a request meets it.
constexpr milliseconds kHealthPeriod{500};

SteadyTime Now() {
  return Clock::System().Steady();
}

// What is answered without a worker, if anything.
std::optional<DecodeResult> AnswerWithoutWorker(ByteSpan upload, Format format, WorkerClass worker_class,
                                                const Limits& limits) {
  DecodeResult result;
  result.format = format;
  if (upload.empty()) {
    result.cause = Cause::kEmpty;
  } else if (!IsDecodable(format)) {
    result.cause =
        IsImage(format) || format == Format::kUnknown ? Cause::kUnsupportedFormat : Cause::kNotAnImage;
  } else if (ClassOf(format) != worker_class) {
    result.cause = Cause::kUnsupportedFormat;
  } else if (upload.size() > limits.max_bytes) {
    result.cause = Cause::kTooLarge;
  } else {
    return std::nullopt;
  }
  return result;
}

class DecoderPool final : public Decoder {
 public:
  DecoderPool(std::unique_ptr<SpawnerProcess> spawner, PoolOptions options)
      : options_(options),
        worker_class_(spawner->worker_class()),
        vector_makers_(spawner->vector_makers().begin(), spawner->vector_makers().end()),
        spawner_(std::move(spawner)),
        slots_(static_cast<std::size_t>(options.workers)) {
    own_.worker_class = worker_class_;
    own_.workers = options.workers;
  }

  ~DecoderPool() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      keeper_wake_.NotifyAll();
    }
    if (keeper_.joinable()) keeper_.join();
  }
  DecoderPool(const DecoderPool&) = delete;
  DecoderPool& operator=(const DecoderPool&) = delete;

  // Starts all workers in the caller's thread, so that a lock that is too weak is told at once.
  Status Start() {
    for (Slot& slot : slots_) {
      auto worker = WorkerProcess::Start(*spawner_, options_, Now() + kStartTimeout);
      if (!worker) return std::unexpected(std::move(worker).error());
      const MutexLock lock(mutex_);
      Settle(slot, *std::move(worker));
      slot.state = State::kIdle;
    }
    keeper_ = std::thread([this] { Keep(); });
    return {};
  }

  Result<DecodeResult> Decode(ByteSpan upload, Format format, const Wanted& wanted, SteadyTime deadline,
                              const std::function<bool()>& cancelled) override;
  [[nodiscard]] PoolStats Stats() const override;
  [[nodiscard]] std::span<const VectorMaker> vector_makers() const override { return vector_makers_; }

 private:
  enum class State : std::uint8_t { kEmpty, kStarting, kIdle, kBusy };
  // A place for one worker. While kBusy or kStarting its worker belongs to one thread and is touched without
  // the mutex.
  struct Slot {
    State state = State::kEmpty;
    bool reserved = false;  // a caller waits for the fresh worker of this very slot
    LockLevel lock = LockLevel::kNone;
    std::unique_ptr<WorkerProcess> worker;
  };

  Result<Slot*> TakeIdle(SteadyTime deadline, const std::function<bool()>& cancelled);
  Status AwaitFresh(Slot& slot, SteadyTime deadline, const std::function<bool()>& cancelled);
  void GiveBack(Slot& slot);
  void Drop(Slot& slot);
  void Settle(Slot& slot, std::unique_ptr<WorkerProcess> worker) HASHGATE_REQUIRES(mutex_);
  void CountEnd(JobEnd end, int pid);
  void CountRestart(Restart reason);
  Status WaitOnce(CondVar& wake, SteadyTime deadline, const std::function<bool()>& cancelled)
      HASHGATE_REQUIRES(mutex_);
  void Count(std::uint64_t PoolStats::* counter);

  void Keep();
  Slot* FindEmpty() HASHGATE_REQUIRES(mutex_);
  void DropDead();
  void DropOld();
  Result<std::unique_ptr<WorkerProcess>> StartWorker();
  void NoteFailure(const Error& error) HASHGATE_REQUIRES(mutex_);

  const PoolOptions options_;
  const WorkerClass worker_class_;
  const std::vector<VectorMaker> vector_makers_;
  std::unique_ptr<SpawnerProcess> spawner_;  // the keeper's, once it runs
  mutable Mutex mutex_;
  CondVar idle_wake_;    // a worker became idle
  CondVar fresh_wake_;   // a reserved slot got its worker
  CondVar keeper_wake_;  // a slot became empty, or the pool stops
  std::vector<Slot> slots_;
  PoolStats stats_ HASHGATE_GUARDED_BY(mutex_);
  ClassStats own_ HASHGATE_GUARDED_BY(mutex_);
  bool stopping_ HASHGATE_GUARDED_BY(mutex_) = false;
  BackOff back_off_ HASHGATE_GUARDED_BY(mutex_){kFirstBackOff, kMaxBackOff};
  std::thread keeper_;
};

// Waits for a change, a while or to the deadline, and says whether to give up. Lets go of the mutex in
// between.
Status DecoderPool::WaitOnce(CondVar& wake, SteadyTime deadline, const std::function<bool()>& cancelled) {
  if (cancelled) {
    mutex_.unlock();
    const bool gone = cancelled();
    mutex_.lock();
    if (gone) return Fail(Reason::kCancelled, "the caller went away");
  }
  if (Now() >= deadline) {
    const bool any = std::any_of(slots_.begin(), slots_.end(), [](const Slot& s) {
      return s.state == State::kBusy || s.state == State::kIdle;
    });
    if (any) return Fail(Reason::kDeadlineExceeded, "no decoder worker was free before the deadline");
    return Fail(Reason::kDecoderUnavailable, "no decoder worker could be started before the deadline");
  }
  wake.WaitUntil(mutex_, cancelled ? std::min(deadline, Now() + kCancelPoll) : deadline);
  return {};
}

Result<DecoderPool::Slot*> DecoderPool::TakeIdle(SteadyTime deadline,
                                                 const std::function<bool()>& cancelled) {
  const MutexLock lock(mutex_);
  for (;;) {
    // The first idle one, so that under light load one worker's caches stay warm.
    for (Slot& slot : slots_) {
      if (slot.state != State::kIdle) continue;
      slot.state = State::kBusy;
      return &slot;
    }
    if (Status status = WaitOnce(idle_wake_, deadline, cancelled); !status) {
      // This caller may have been the one that was woken for a worker: wake another.
      idle_wake_.NotifyOne();
      return std::unexpected(std::move(status).error());
    }
  }
}

// Gives the slot's dead worker up and waits for its successor.
Status DecoderPool::AwaitFresh(Slot& slot, SteadyTime deadline, const std::function<bool()>& cancelled) {
  const std::unique_ptr<WorkerProcess> dead = std::move(slot.worker);
  const MutexLock lock(mutex_);
  slot.state = State::kEmpty;
  slot.reserved = true;
  keeper_wake_.NotifyOne();
  while (slot.state != State::kBusy) {
    Status status = WaitOnce(fresh_wake_, deadline, cancelled);
    if (!status && slot.state != State::kBusy) {
      // The keeper fills the slot for whoever comes next.
      slot.reserved = false;
      return status;
    }
  }
  return {};
}

void DecoderPool::GiveBack(Slot& slot) {
  if (const auto reason = slot.worker->Spent()) {
    Count(&PoolStats::recycled);
    CountRestart(*reason);
    Drop(slot);
    return;
  }
  const MutexLock lock(mutex_);
  back_off_.Succeed();
  slot.state = State::kIdle;
  idle_wake_.NotifyOne();
}

void DecoderPool::Drop(Slot& slot) {
  const std::unique_ptr<WorkerProcess> gone = std::move(slot.worker);
  const MutexLock lock(mutex_);
  slot.state = State::kEmpty;
  keeper_wake_.NotifyOne();
}

void DecoderPool::Count(std::uint64_t PoolStats::* counter) {
  const MutexLock lock(mutex_);
  ++(stats_.*counter);
}

void DecoderPool::CountRestart(Restart reason) {
  const MutexLock lock(mutex_);
  ++own_.restarts[static_cast<std::size_t>(reason)];
}

// Puts a fresh worker in its place.
void DecoderPool::Settle(Slot& slot, std::unique_ptr<WorkerProcess> worker) {
  ++stats_.started;
  slot.lock = worker->lock();
  stats_.lock = worker->lock();
  own_.landlock_abi = worker->landlock_abi();
  own_.in_namespaces = worker->in_namespaces();
  slot.worker = std::move(worker);
}

void DecoderPool::CountEnd(JobEnd end, int pid) {
  switch (end) {
    case JobEnd::kAnswered: return;
    case JobEnd::kNotTaken: {
      log::Warning("decoder_worker_lost", "A decoder worker died while it had nothing to do.",
                   {{"pid", pid}});
      CountRestart(Restart::kLost);
      const MutexLock lock(mutex_);
      NoteFailure(Error{.reason = Reason::kDecoderUnavailable,
                        .message = "a decoder worker died between jobs",
                        .field = {},
                        .retry_after = {}});
      return;
    }
    case JobEnd::kDied:
      log::Warning("decoder_worker_crashed", "A decoder worker died with an upload.", {{"pid", pid}});
      CountRestart(Restart::kCrash);
      return Count(&PoolStats::crashes);
    case JobEnd::kNonsense:
      log::Error("decoder_worker_nonsense",
                 "A decoder worker's answer did not pass its checks: an upload may have taken it over.",
                 {{"pid", pid}});
      CountRestart(Restart::kProtocol);
      return Count(&PoolStats::protocol_errors);
    case JobEnd::kTimeout:
      log::Warning("decoder_worker_killed", "A decoder worker was killed at a deadline.", {{"pid", pid}});
      CountRestart(Restart::kTimeout);
      return Count(&PoolStats::timeouts);
    case JobEnd::kCancelled: CountRestart(Restart::kCancelled); return Count(&PoolStats::cancelled);
  }
}

Result<DecodeResult> DecoderPool::Decode(ByteSpan upload, Format format, const Wanted& wanted,
                                         SteadyTime deadline, const std::function<bool()>& cancelled) {
  if (auto answer = AnswerWithoutWorker(upload, format, worker_class_, options_.limits))
    return *std::move(answer);
  HASHGATE_ASSIGN_OR_RETURN(Slot * slot, TakeIdle(deadline, cancelled));
  Count(&PoolStats::jobs);
  for (int deaths = 0;;) {
    const SteadyTime until = std::min(deadline, Now() + options_.job_timeout);
    const int pid = slot->worker->pid();
    JobOutcome job = slot->worker->Run(upload, format, wanted, until, cancelled);
    CountEnd(job.end, pid);
    switch (job.end) {
      case JobEnd::kAnswered: GiveBack(*slot); return std::move(job.result);
      case JobEnd::kTimeout:
        Drop(*slot);
        return Fail(Reason::kDeadlineExceeded, "decoding did not end before its deadline");
      case JobEnd::kCancelled: Drop(*slot); return Fail(Reason::kCancelled, "the caller went away");
      case JobEnd::kNotTaken: break;
      case JobEnd::kDied:
      case JobEnd::kNonsense:
        if (++deaths == 2) {
          Drop(*slot);
          return DecodeResult{.cause = Cause::kDecoderCrashed, .format = format};
        }
        Count(&PoolStats::retries);
        break;
    }
    HASHGATE_RETURN_IF_ERROR(AwaitFresh(*slot, deadline, cancelled));
  }
}

PoolStats DecoderPool::Stats() const {
  const MutexLock lock(mutex_);
  PoolStats stats = stats_;
  ClassStats own = own_;
  bool first = true;
  for (const Slot& slot : slots_) {
    if (slot.state != State::kIdle && slot.state != State::kBusy) continue;
    ++stats.workers_alive;
    if (slot.state == State::kBusy) ++stats.workers_busy;
    stats.lock = first ? slot.lock : std::min(stats.lock, slot.lock);
    first = false;
  }
  own.workers_alive = stats.workers_alive;
  own.workers_busy = stats.workers_busy;
  own.lock = stats.lock;
  stats.classes = {own};
  return stats;
}

DecoderPool::Slot* DecoderPool::FindEmpty() {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return s.state == State::kEmpty; });
  return found == slots_.end() ? nullptr : &*found;
}

void DecoderPool::NoteFailure(const Error& error) {
  if (!back_off_.Fail(Now())) return;
  log::Warning("decoder_worker_failed", error.message,
               {{"class", WorkerClassName(worker_class_)}, {"retry_ms", back_off_.wait().count()}});
}

// Empties the slots of workers that died while idle.
void DecoderPool::DropDead() {
  std::vector<std::unique_ptr<WorkerProcess>> dead;
  const MutexLock lock(mutex_);
  for (Slot& slot : slots_) {
    if (slot.state != State::kIdle || !slot.worker->HasDied()) continue;
    dead.push_back(std::move(slot.worker));
    slot.state = State::kEmpty;
    ++own_.restarts[static_cast<std::size_t>(Restart::kLost)];
  }
  if (!dead.empty()) {
    NoteFailure(Error{.reason = Reason::kDecoderUnavailable,
                      .message = "decoder workers died between jobs",
                      .field = {},
                      .retry_after = {}});
  }
}

// Replaces idle workers that have lived their time, so that what a library keeps does not stay.
void DecoderPool::DropOld() {
  std::vector<std::unique_ptr<WorkerProcess>> old;
  const MutexLock lock(mutex_);
  for (Slot& slot : slots_) {
    if (slot.state != State::kIdle || !slot.worker->IsOld()) continue;
    old.push_back(std::move(slot.worker));
    slot.state = State::kEmpty;
    ++stats_.recycled;
    ++own_.restarts[static_cast<std::size_t>(Restart::kAge)];
  }
}

Result<std::unique_ptr<WorkerProcess>> DecoderPool::StartWorker() {
  if (!spawner_->Usable()) {
    log::Error("decoder_spawner_lost", "The decoder's spawner is gone and is started again.",
               {{"pid", spawner_->pid()}});
    HASHGATE_ASSIGN_OR_RETURN(
        auto fresh, SpawnerProcess::Launch(spawner_->binary(), spawner_->plugins(), Now() + kSpawnerTimeout));
    if (fresh->worker_class() != worker_class_) {
      return Fail(Reason::kDecoderUnavailable, "the decoder's binary has been replaced by another class's");
    }
    // Answers name the versions of the start.
    if (!std::ranges::equal(fresh->vector_makers(), vector_makers_)) {
      return Fail(Reason::kDecoderUnavailable,
                  "a hash plug-in has been replaced by another version: the server has to be started again");
    }
    spawner_ = std::move(fresh);
    Count(&PoolStats::spawner_starts);
  }
  return WorkerProcess::Start(*spawner_, options_, Now() + kStartTimeout);
}

// The keeper's thread: fills empty slots and looks after idle workers.
void DecoderPool::Keep() {
  for (;;) {
    DropDead();
    DropOld();
    Slot* slot = nullptr;
    {
      const MutexLock lock(mutex_);
      slot = FindEmpty();
      if (stopping_) return;
      if (slot == nullptr || Now() < back_off_.next()) {
        keeper_wake_.WaitUntil(mutex_, slot == nullptr ? Now() + kHealthPeriod : back_off_.next());
        continue;
      }
      slot->state = State::kStarting;
    }
    auto worker = StartWorker();
    const MutexLock lock(mutex_);
    if (!worker) {
      slot->state = State::kEmpty;
      ++own_.start_failures;
      NoteFailure(worker.error());
      continue;
    }
    Settle(*slot, *std::move(worker));
    if (slot->reserved) {
      slot->reserved = false;
      slot->state = State::kBusy;
      fresh_wake_.NotifyAll();
    } else {
      slot->state = State::kIdle;
      idle_wake_.NotifyOne();
    }
  }
}

}  // namespace

std::string_view RestartName(Restart reason) {
  switch (reason) {
    case Restart::kImages: return "images";
    case Restart::kOutcome: return "outcome";
    case Restart::kMemory: return "memory";
    case Restart::kAge: return "age";
    case Restart::kProcessorTime: return "processor_time";
    case Restart::kCrash: return "crash";
    case Restart::kProtocol: return "protocol";
    case Restart::kTimeout: return "timeout";
    case Restart::kCancelled: return "cancelled";
    case Restart::kLost: return "lost";
  }
  return "lost";
}

Result<std::unique_ptr<Decoder>> StartDecoderPool(std::unique_ptr<Spawner> spawner, PoolOptions options) {
  if (options.workers < 1 || options.workers > 64) {
    return Fail(Reason::kConfigInvalid, "a decoder pool has 1 to 64 workers", "workers");
  }
  if (options.images_per_worker < 1) {
    return Fail(Reason::kConfigInvalid, "a decoder worker must serve at least one image",
                "images_per_worker");
  }
  if (options.max_worker_age.count() < 1) {
    return Fail(Reason::kConfigInvalid, "a decoder worker must be given some time to live", "max_worker_age");
  }
  if (options.job_timeout.count() < 1 || options.limits.cpu_seconds < 1) {
    return Fail(Reason::kConfigInvalid, "a decoder worker must be given some time", "job_timeout");
  }
  if (dynamic_cast<SpawnerProcess*>(spawner.get()) == nullptr) {
    return Fail(Reason::kInvariantBroken, "a decoder pool needs the spawner of Spawner::Start");
  }
  std::unique_ptr<SpawnerProcess> process(static_cast<SpawnerProcess*>(spawner.release()));
  auto pool = std::make_unique<DecoderPool>(std::move(process), options);
  HASHGATE_RETURN_IF_ERROR(pool->Start());
  return pool;
}

}  // namespace hashgate::decode
