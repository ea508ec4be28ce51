#include "decode/worker_process.h"

#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/random.h"
#include "decode/lock.h"

namespace hashgate::decode {
namespace {

// Shared memory that one upload touched stays until its worker is replaced: see StartDecoderPool.
constexpr std::uint64_t kKeepTouchedBytes = 8ULL << 20;

// RLIMIT_CPU counts a process's whole life, and the filter lets nobody move it. A life is ten jobs at their
// limit; we replace the worker after eight, measured on our clock, so that honest ones never meet the limit
// while one that burns time between jobs does.
constexpr std::uint32_t kLifeJobsAtLimit = 10;
constexpr std::uint32_t kSpentJobsAtLimit = 8;

constexpr std::chrono::milliseconds kCancelPoll{50};

std::unexpected<Error> Unavailable(const std::string& what) {
  return Fail(Reason::kDecoderUnavailable, what);
}

}  // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(SpawnerProcess& spawner,
                                                            const PoolOptions& options, SteadyTime deadline) {
  HASHGATE_ASSIGN_OR_RETURN(SharedBuffer buffer, SharedBuffer::Create(options.limits.max_bytes));
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return Unavailable(std::string("cannot make a socket pair: ") + std::strerror(errno));
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  const SpawnRequest request{.cpu_seconds = options.limits.cpu_seconds * kLifeJobsAtLimit,
                             .buffer_bytes = buffer.size(),
                             .memory_bytes = options.limits.memory_bytes};
  HASHGATE_ASSIGN_OR_RETURN(SpawnedWorker process,
                            spawner.Spawn(theirs.get(), buffer.fd(), request, deadline));
  std::unique_ptr<WorkerProcess> worker(
      new WorkerProcess(options, std::move(buffer), std::move(ours), std::move(process)));
  HASHGATE_RETURN_IF_ERROR(worker->AwaitHello(options.minimum_lock, deadline));
  return worker;
}

WorkerProcess::WorkerProcess(const PoolOptions& options, SharedBuffer buffer, UniqueFd socket,
                             SpawnedWorker process)
    : limits_(options.limits),
      images_(options.images_per_worker),
      buffer_(std::move(buffer)),
      socket_(std::move(socket)),
      pidfd_(std::move(process.pidfd)),
      pid_(process.pid),
      clock_(options.clock),
      max_age_(options.max_worker_age),
      born_(options.clock->Steady()),
      reply_(kMaxReplyBytes + 1) {}

WorkerProcess::~WorkerProcess() {
  SignalProcess(pidfd_, SIGKILL);
}

Status WorkerProcess::AwaitHello(LockLevel minimum, SteadyTime deadline) {
  if (WaitReadable(socket_.get(), deadline) == Wait::kTimeout) {
    return Unavailable("a decoder worker did not get ready in time");
  }
  WorkerHello hello;
  const auto received = ReceiveMessage(socket_.get(), AsWritableBytes(hello));
  if (!received) return Unavailable("a decoder worker died while it locked itself");
  if (received->length != sizeof hello || hello.magic != kWorkerHelloMagic ||
      hello.lock_level > static_cast<std::uint8_t>(LockLevel::kNamespaces) || hello.in_namespaces > 1) {
    return Unavailable("a decoder worker began with nonsense");
  }
  lock_ = static_cast<LockLevel>(hello.lock_level);
  landlock_abi_ = hello.landlock_abi;
  in_namespaces_ = hello.in_namespaces == 1;
  if (hello.failed_step != 0) {
    return Unavailable(
        Describe({.step = static_cast<LockStep>(hello.failed_step), .error = hello.failed_errno}));
  }
  if (lock_ < minimum) {
    return Unavailable("decoder workers reach the lock level '" + std::string(LockLevelName(lock_)) +
                       "' here, and the configured minimum is '" + std::string(LockLevelName(minimum)) + "'");
  }
  return {};
}

JobOutcome WorkerProcess::Run(ByteSpan upload, Format format, const Wanted& wanted, SteadyTime deadline,
                              const std::function<bool()>& cancelled) {
  const SteadyTime start = Clock::System().Steady();
  JobOutcome outcome;
  // A worker speaks only when asked. A message that waits is an answer made up before the question.
  std::uint8_t early = 0;
  const ssize_t waiting = ::recv(socket_.get(), &early, sizeof early, MSG_DONTWAIT);
  if (waiting >= 0 || errno != EAGAIN) {
    outcome.end = JobEnd::kNotTaken;
    SignalProcess(pidfd_, SIGKILL);
    return outcome;
  }
  RequestRecord request;
  request.format = static_cast<std::uint8_t>(format);
  request.want_nn512 = wanted.pdq_nn512 ? 1 : 0;
  request.want_vectors = wanted.vectors.bits;
  request.length = upload.size();
  request.limits = limits_;
  // Not to be guessed, so that no answer can be prepared for a later job.
  FillRandom(AsWritableBytes(request.job_id));
  buffer_.Fill(upload);
  ++jobs_;
  if (SendMessage(socket_.get(), AsBytes(request)) != 0) {
    outcome.end = JobEnd::kNotTaken;
  } else {
    std::size_t length = 0;
    outcome.end = AwaitReply(deadline, cancelled, length);
    if (outcome.end == JobEnd::kAnswered) {
      auto result = DecodeReply(ByteSpan(reply_).first(length), request.job_id, limits_, wanted.vectors);
      if (result) {
        outcome.result = *std::move(result);
        whole_ = outcome.result.cause == Cause::kNone;
      } else {
        outcome.end = JobEnd::kNonsense;
      }
    }
  }
  if (outcome.end != JobEnd::kAnswered) SignalProcess(pidfd_, SIGKILL);
  buffer_.Wipe();
  const auto took = Clock::System().Steady() - start;
  busy_ += took;
  // What a worker says of its own speed is believed as far as it is possible.
  const auto most = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count(), 0, UINT32_MAX));
  outcome.result.decode_micros = std::min(outcome.result.decode_micros, most);
  outcome.result.hash_micros = std::min(outcome.result.hash_micros, most);
  return outcome;
}

JobEnd WorkerProcess::AwaitReply(SteadyTime deadline, const std::function<bool()>& cancelled,
                                 std::size_t& length) {
  for (;;) {
    if (cancelled && cancelled()) return JobEnd::kCancelled;
    const SteadyTime now = Clock::System().Steady();
    if (now >= deadline) return JobEnd::kTimeout;
    const SteadyTime until = cancelled ? std::min(deadline, now + kCancelPoll) : deadline;
    switch (WaitReadable(socket_.get(), until)) {
      case Wait::kTimeout: continue;
      case Wait::kClosed: return JobEnd::kDied;
      case Wait::kReady: break;
    }
    const auto received = ReceiveMessage(socket_.get(), reply_);
    if (!received) return JobEnd::kDied;
    if (received->length > kMaxReplyBytes || !received->descriptors.empty()) return JobEnd::kNonsense;
    length = received->length;
    return JobEnd::kAnswered;
  }
}

std::optional<Restart> WorkerProcess::Spent() const {
  if (!whole_) return Restart::kOutcome;
  if (jobs_ >= images_) return Restart::kImages;
  if (buffer_.touched() > kKeepTouchedBytes) return Restart::kMemory;
  if (busy_ >= std::chrono::seconds(limits_.cpu_seconds) * kSpentJobsAtLimit) return Restart::kProcessorTime;
  if (IsOld()) return Restart::kAge;
  return std::nullopt;
}

}  // namespace hashgate::decode
