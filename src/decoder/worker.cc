#include "decoder/worker.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "decode/lock.h"

namespace hashgate::decoder {
namespace {

using decode::kJobFd;

// What the handler of the processor timer sends. Written only while the timer is off.
decode::ReplyRecord g_too_costly;  // NOLINT: a signal handler has no other way to its data

// The job used up its processor time. The worker's state is lost in the middle of a codec: it answers for the
// job and ends.
void OnProcessorTime(int /*signal*/) {
  ::send(kJobFd, &g_too_costly, sizeof g_too_costly, MSG_NOSIGNAL);
  ::_exit(0);
}

// Counts the whole process's time, so that it covers the job whatever a codec does. Zero turns it off.
void SetProcessorTimer(std::uint32_t seconds) {
  const itimerval timer{.it_interval = {.tv_sec = 1, .tv_usec = 0},
                        .it_value = {.tv_sec = static_cast<time_t>(seconds), .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

[[noreturn]] void GiveUp(const std::string& why) {
  decode::WorkerHello hello;
  std::memcpy(hello.failure, why.data(), std::min(why.size(), sizeof hello.failure - 1));
  decode::SendMessage(kJobFd, decode::AsBytes(hello));
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
  if (failed != 0) GiveUp("a decoder worker cannot close its descriptors");
  if (data == MAP_FAILED) {
    GiveUp(std::string("a decoder worker cannot map its input: ") + std::strerror(error));
  }
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
  const decode::Wanted wanted{.pdq_full = true, .pdq_nn512 = request.want_nn512 != 0};
  try {
    return decode::EncodeReply(program.process(upload, format, wanted, request.limits), request.job_id);
  } catch (const std::bad_alloc&) {
    // The address space is bounded: the picture needed more than its share.
    return TooCostly(request);
  }
}

}  // namespace

void RunWorker(const Program& program, const decode::SpawnRequest& request, UniqueFd job, UniqueFd buffer) {
  const std::uint8_t* input = TakeDescriptors(std::move(job), std::move(buffer), request.buffer_bytes);
  struct sigaction action{};
  action.sa_handler = OnProcessorTime;
  ::sigaction(SIGPROF, &action, nullptr);
  const auto locked = decode::LockProcess(
      {.socket_fd = kJobFd, .memory_bytes = request.memory_bytes, .cpu_seconds = request.cpu_seconds});
  if (!locked) GiveUp(locked.error().message);
  decode::WorkerHello hello;
  hello.lock_level = static_cast<std::uint8_t>(locked->level);
  hello.landlock_abi = static_cast<std::uint8_t>(std::min(locked->landlock_abi, 255));
  if (decode::SendMessage(kJobFd, decode::AsBytes(hello)) != 0) ::_exit(1);

  for (;;) {
    decode::RequestRecord record;
    // Waits for as long as the server wants nothing; ends when it closes its side.
    const ssize_t length = ::recv(kJobFd, &record, sizeof record, MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length != static_cast<ssize_t>(sizeof record) || record.magic != decode::kRequestMagic ||
        record.length > request.buffer_bytes) {
      ::_exit(0);
    }
    const std::vector<std::uint8_t> costly = TooCostly(record);
    std::memcpy(&g_too_costly, costly.data(), sizeof g_too_costly);
    SetProcessorTimer(record.limits.cpu_seconds);
    const std::vector<std::uint8_t> answer = Process(program, record, {input, record.length});
    SetProcessorTimer(0);
    if (program.reply != nullptr) {
      program.reply(kJobFd, answer);
    } else {
      ::send(kJobFd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
}

}  // namespace hashgate::decoder
