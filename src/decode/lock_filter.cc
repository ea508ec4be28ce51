// The seccomp filter of a decoder worker.
#include <linux/futex.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>

#include "decode/lock.h"
#include "decode/sanitized.h"

namespace hashgate::decode {
namespace {

std::unexpected<LockFailure> Failed(int error) {
  return std::unexpected(LockFailure{.step = LockStep::kFilter, .error = error});
}

struct FilterRelease {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterRelease>;

// Collects the first error, so that the list of rules reads as a list.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}
  void Add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int result = seccomp_rule_add_array(filter_, action, call, static_cast<unsigned>(conditions.size()),
                                              conditions.begin());
    if (result != 0 && error_ == 0) error_ = -result;
  }
  void Allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    Add(SCMP_ACT_ALLOW, call, conditions);
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  scmp_filter_ctx filter_;
  int error_ = 0;
};

scmp_arg_cmp Is(unsigned index, std::uint64_t value) {
  return {.arg = index, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}
// Bits of `may` are free, those of `must` are set, all others are clear.
scmp_arg_cmp HasBits(unsigned index, std::uint64_t must, std::uint64_t may) {
  return {.arg = index, .op = SCMP_CMP_MASKED_EQ, .datum_a = ~may, .datum_b = must};
}

void AllowSocket(Rules& rules, int socket_fd) {
  const auto socket = static_cast<std::uint64_t>(socket_fd);
  // Not the calls for messages: those could send and receive descriptors.
  rules.Allow(SCMP_SYS(read), {Is(0, socket)});
  rules.Allow(SCMP_SYS(write), {Is(0, socket)});
  if (kSanitized) {
    rules.Allow(SCMP_SYS(write), {Is(0, STDERR_FILENO)});
  } else {
    rules.Add(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write),
              {{.arg = 0, .op = SCMP_CMP_NE, .datum_a = socket, .datum_b = 0}});
  }
}

void AllowMemory(Rules& rules) {
  constexpr std::uint64_t kReadWrite = PROT_READ | PROT_WRITE;
  // The run-time libraries of sanitizers map at places of their choice.
  constexpr std::uint64_t kPlace = kSanitized ? std::uint64_t{MAP_FIXED} : 0;
  rules.Allow(SCMP_SYS(mmap), {HasBits(2, 0, kReadWrite),
                               HasBits(3, std::uint64_t{MAP_PRIVATE} | MAP_ANONYMOUS,
                                       std::uint64_t{MAP_NORESERVE} | MAP_STACK | MAP_POPULATE | kPlace)});
  rules.Allow(SCMP_SYS(mprotect), {HasBits(2, 0, kReadWrite)});
  rules.Allow(SCMP_SYS(mremap), {HasBits(3, 0, MREMAP_MAYMOVE)});
  rules.Allow(SCMP_SYS(munmap));
  rules.Allow(SCMP_SYS(brk));
  for (const int advice : {MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE}) {
    rules.Allow(SCMP_SYS(madvise), {Is(2, static_cast<std::uint64_t>(advice))});
  }
}

void AllowTimeAndEnd(Rules& rules) {
  // One-time initialisation wakes others even where there are none. What requeues or inherits priorities has
  // no use in one thread and a history in the kernel.
  for (const std::uint64_t operation : {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET}) {
    rules.Allow(SCMP_SYS(futex),
                {HasBits(1, operation, std::uint64_t{FUTEX_PRIVATE_FLAG} | FUTEX_CLOCK_REALTIME)});
  }
  // Where the clock is not read without a call.
  for (const std::uint64_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
    rules.Allow(SCMP_SYS(clock_gettime), {Is(0, clock)});
  }
  rules.Allow(SCMP_SYS(setitimer), {Is(0, ITIMER_PROF)});
  rules.Allow(SCMP_SYS(rt_sigreturn));
  rules.Allow(SCMP_SYS(exit_group));
}

void AllowClass(Rules& rules, WorkerClass worker_class) {
  // The C library's qsort asks how much memory there is. Seen with libtiff's directory reader.
  if (worker_class == WorkerClass::kTiff) rules.Allow(SCMP_SYS(sysinfo));
}

void AllowSanitizers(Rules& rules) {
  for (const int call :
       {SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
        SCMP_SYS(getrusage), SCMP_SYS(mincore), SCMP_SYS(sched_getaffinity), SCMP_SYS(close), SCMP_SYS(fstat),
        SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(exit), SCMP_SYS(getrandom)}) {
    rules.Allow(call);
  }
  for (const int advice : {MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP}) {
    rules.Allow(SCMP_SYS(madvise), {Is(2, static_cast<std::uint64_t>(advice))});
  }
  for (const int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(prctl)}) {
    rules.Add(SCMP_ACT_ERRNO(EACCES), call);
  }
}

}  // namespace

LockResult<void> FilterCalls(WorkerClass worker_class, int socket_fd) {
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return Failed(ENOMEM);
  // no_new_privs is set already; TSYNC makes the filter cover whatever threads a sanitizer has.
  int error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0);
  if (error == 0 && kSanitized) error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error != 0) return Failed(error);
  Rules rules(filter.get());
  AllowSocket(rules, socket_fd);
  AllowMemory(rules);
  AllowTimeAndEnd(rules);
  AllowClass(rules, worker_class);
  if (kSanitized) AllowSanitizers(rules);
  if (rules.error() != 0) return Failed(rules.error());
  error = -seccomp_load(filter.get());
  if (error != 0) return Failed(error);
  return {};
}

}  // namespace hashgate::decode
