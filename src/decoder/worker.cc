#include "decoder/worker.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace hashgate::decoder {
namespace {

using decode::kJobFd;

// What the handler of the processor timer sends. Written only while the timer is off.
decode::ReplyRecord g_too_costly;  // NOLINT: a signal handler has no other way to its data

// The job used up its processor time. The worker's state is lost in the middle of a codec: it answers for the
// job and ends.
void OnProcessorTime(int /*signal*/) {
  static_cast<void>(!::write(kJobFd, &g_too_costly, sizeof g_too_costly));
  ::_exit(0);
}

// Counts the whole process's time, so that it covers the job whatever a codec does. Zero turns it off.
void SetProcessorTimer(std::uint32_t seconds) {
  const itimerval timer{.it_interval = {.tv_sec = 1, .tv_usec = 0},
                        .it_value = {.tv_sec = static_cast<time_t>(seconds), .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

// Whole messages through read and write: the lock leaves no other way to the socket. A write whose other end
// is gone raises SIGPIPE, which is ignored.
bool Send(ByteSpan bytes) {
  ssize_t size = 0;
  do {
    size = ::write(kJobFd, bytes.data(), bytes.size());
  } while (size < 0 && errno == EINTR);
  return size == static_cast<ssize_t>(bytes.size());
}

// Waits for as long as the server wants nothing. False where it closed its side or sent anything but a
// request: one byte of room more than a request has shows longer messages.
bool AwaitRequest(std::uint64_t buffer_bytes, decode::RequestRecord& record) {
  std::array<std::uint8_t, sizeof record + 1> message{};
  ssize_t size = 0;
  do {
    size = ::read(kJobFd, message.data(), message.size());
  } while (size < 0 && errno == EINTR);
  if (size != static_cast<ssize_t>(sizeof record)) return false;
  std::memcpy(&record, message.data(), sizeof record);
  return record.magic == decode::kRequestMagic && record.length <= buffer_bytes;
}

[[noreturn]] void GiveUp(const decode::LockFailure& failure) {
  decode::WorkerHello hello;
  hello.failed_step = static_cast<std::uint8_t>(failure.step);
  hello.failed_errno = failure.error;
  Send(decode::AsBytes(hello));
  ::_exit(1);
}

// Leaves the job socket as the only open descriptor and returns the mapped upload.
const std::uint8_t* TakeDescriptors(UniqueFd job, UniqueFd buffer, std::uint64_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, buffer.get(), 0);
  const int error = errno;
  if (job.get() != kJobFd) ::dup2(job.get(), kJobFd);
  static_cast<void>(job.release());
  static_cast<void>(buffer.release());
  int failed = ::close_range(kJobFd + 1, ~0U, 0);
#ifdef HASHGATE_SANITIZED
  // Standard error stays for reports.
  failed |= ::close_range(0, STDOUT_FILENO, 0);
#else
  failed |= ::close_range(0, STDERR_FILENO, 0);
#endif
  if (failed != 0) GiveUp({.step = decode::LockStep::kDescriptors, .error = errno});
  if (data == MAP_FAILED) GiveUp({.step = decode::LockStep::kInput, .error = error});
  ::madvise(data, size, MADV_DONTDUMP);
  return static_cast<const std::uint8_t*>(data);
}

std::vector<std::uint8_t> TooCostly(const decode::RequestRecord& request) {
  return decode::EncodeReply(
      {.cause = Cause::kTooCostly, .format = static_cast<decode::Format>(request.format)}, request.job_id);
}

std::vector<std::uint8_t> Process(const Program& program, const decode::RequestRecord& request,
                                  ByteSpan upload) {
  const auto format = static_cast<decode::Format>(request.format);
  const decode::Wanted wanted{
      .pdq_full = true, .pdq_nn512 = request.want_nn512 != 0, .vectors = {.bits = request.want_vectors}};
  try {
    return decode::EncodeReply(program.process(upload, format, wanted, request.limits), request.job_id);
  } catch (const std::bad_alloc&) {
    // The address space is bounded: the picture needed more than its share.
    return TooCostly(request);
  }
}

}  // namespace

void RunWorker(const Program& program, const decode::SpawnRequest& request, bool in_namespaces, UniqueFd job,
               UniqueFd buffer) {
  const std::uint8_t* input = TakeDescriptors(std::move(job), std::move(buffer), request.buffer_bytes);
  struct sigaction action{};
  action.sa_handler = OnProcessorTime;
  ::sigaction(SIGPROF, &action, nullptr);
  const auto locked = program.lock({.worker_class = program.worker_class,
                                    .socket_fd = kJobFd,
                                    .memory_bytes = request.memory_bytes,
                                    .cpu_seconds = request.cpu_seconds,
                                    .in_namespaces = in_namespaces});
  if (!locked) GiveUp(locked.error());
  decode::WorkerHello hello;
  hello.lock_level = static_cast<std::uint8_t>(locked->level);
  hello.landlock_abi = static_cast<std::uint8_t>(std::min(locked->landlock_abi, 255));
  hello.in_namespaces = locked->in_namespaces ? 1 : 0;
  if (!Send(decode::AsBytes(hello))) ::_exit(1);

  for (;;) {
    decode::RequestRecord record;
    if (!AwaitRequest(request.buffer_bytes, record)) ::_exit(0);
    const std::vector<std::uint8_t> costly = TooCostly(record);
    std::memcpy(&g_too_costly, costly.data(), sizeof g_too_costly);
    SetProcessorTimer(record.limits.cpu_seconds);
    const std::vector<std::uint8_t> answer = Process(program, record, {input, record.length});
    SetProcessorTimer(0);
    if (program.reply != nullptr) {
      program.reply(kJobFd, answer);
    } else if (!Send(answer)) {
      // Nobody waits in vain for what will not come.
      ::_exit(1);
    }
  }
}

}  // namespace hashgate::decoder
