#include "decode/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace hashgate::decode {
namespace {

#ifdef HASHGATE_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::unexpected<Error> Failed(const char* step, int error) {
  return Fail(Reason::kDecoderUnavailable,
              std::string("locking a decoder worker failed at ") + step + ": " + std::strerror(error));
}

// The kernel's structure as of Landlock ABI 6; Debian 12's header has only the first member. Source:
// docs.kernel.org/userspace-api/landlock.html.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

// Denies every access right that the kernel's version knows. Returns that version, 0 where there is none.
Result<int> ApplyLandlock() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return 0;
  // Rights are numbered from bit 0; each version adds to them.
  constexpr std::array<int, 6> kFileRights = {0, 13, 14, 15, 15, 16};
  RulesetAttributes attributes;
  attributes.handled_access_fs = (1ULL << kFileRights[static_cast<std::size_t>(abi < 5 ? abi : 5)]) - 1;
  std::size_t size = sizeof attributes.handled_access_fs;
  if (abi >= 4) {
    attributes.handled_access_net = 3;  // bind and connect of TCP
    size = 2 * sizeof(std::uint64_t);
  }
  if (abi >= 6) {
    attributes.scoped = 3;  // abstract sockets and signals outside
    size = sizeof attributes;
  }
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return Failed("Landlock's rules", errno);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return Failed("Landlock", errno);
  return static_cast<int>(abi);
}

// Bytes of address space now. The first number of /proc/self/statm is its size in pages.
Result<std::uint64_t> AddressSpace() {
  const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  const ssize_t size = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return Failed("reading /proc/self/statm", errno);
  std::uint64_t pages = 0;
  if (std::from_chars(text.data(), text.data() + size, pages).ec != std::errc()) {
    return Failed("reading /proc/self/statm", EINVAL);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Status LimitTo(int resource, rlim_t soft, rlim_t hard, const char* step) {
  const rlimit limit{.rlim_cur = soft, .rlim_max = hard};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return Failed(step, errno);
  return {};
}

Status ApplyLimits(const LockOptions& options, std::uint64_t address_space) {
  if (!kSanitized) {
    const rlim_t memory = address_space + options.memory_bytes;
    HASHGATE_RETURN_IF_ERROR(LimitTo(RLIMIT_AS, memory, memory, "RLIMIT_AS"));
    HASHGATE_RETURN_IF_ERROR(LimitTo(RLIMIT_NOFILE, 0, 0, "RLIMIT_NOFILE"));
  }
  HASHGATE_RETURN_IF_ERROR(
      LimitTo(RLIMIT_CPU, options.cpu_seconds, rlim_t{options.cpu_seconds} + 1, "RLIMIT_CPU"));
  HASHGATE_RETURN_IF_ERROR(LimitTo(RLIMIT_FSIZE, 0, 0, "RLIMIT_FSIZE"));
  HASHGATE_RETURN_IF_ERROR(LimitTo(RLIMIT_CORE, 0, 0, "RLIMIT_CORE"));
  return LimitTo(RLIMIT_NPROC, 0, 0, "RLIMIT_NPROC");
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
  [[nodiscard]] int error() const { return error_; }

 private:
  scmp_filter_ctx filter_;
  int error_ = 0;
};

scmp_arg_cmp Argument(unsigned index, scmp_compare op, std::uint64_t a, std::uint64_t b = 0) {
  return {.arg = index, .op = op, .datum_a = a, .datum_b = b};
}

void AllowSanitizers(Rules& rules) {
  for (const int call :
       {SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
        SCMP_SYS(getrusage), SCMP_SYS(mincore), SCMP_SYS(sched_getaffinity), SCMP_SYS(close), SCMP_SYS(fstat),
        SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(exit), SCMP_SYS(getrandom)}) {
    rules.Add(SCMP_ACT_ALLOW, call);
  }
  for (const int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(prctl)}) {
    rules.Add(SCMP_ACT_ERRNO(EACCES), call);
  }
}

Status ApplyFilter(int socket_fd) {
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return Failed("seccomp", ENOMEM);
  // no_new_privs is set already; TSYNC makes the filter cover whatever threads a sanitizer has.
  int error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0);
  if (error == 0 && kSanitized) error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error != 0) return Failed("seccomp's attributes", error);

  Rules rules(filter.get());
  const auto socket = static_cast<std::uint64_t>(socket_fd);
  for (const int call :
       {SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(read)}) {
    rules.Add(SCMP_ACT_ALLOW, call, {Argument(0, SCMP_CMP_EQ, socket)});
  }
  rules.Add(SCMP_ACT_ALLOW, SCMP_SYS(write), {Argument(0, SCMP_CMP_EQ, socket)});
  if (kSanitized) {
    rules.Add(SCMP_ACT_ALLOW, SCMP_SYS(write), {Argument(0, SCMP_CMP_EQ, STDERR_FILENO)});
  } else {
    rules.Add(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), {Argument(0, SCMP_CMP_NE, socket)});
  }
  rules.Add(SCMP_ACT_ALLOW, SCMP_SYS(mmap),
            {Argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
             Argument(3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)});
  rules.Add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), {Argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  rules.Add(SCMP_ACT_ALLOW, SCMP_SYS(setitimer), {Argument(0, SCMP_CMP_EQ, ITIMER_PROF)});
  for (const int call :
       {SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex),
        SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group)}) {
    rules.Add(SCMP_ACT_ALLOW, call);
  }
  if (kSanitized) AllowSanitizers(rules);
  if (rules.error() != 0) return Failed("seccomp's rules", rules.error());
  error = -seccomp_load(filter.get());
  if (error != 0) return Failed("loading the seccomp filter", error);
  return {};
}

}  // namespace

Result<int> CountThreads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"),
                                                  [](DIR* d) { return ::closedir(d); });
  if (!tasks) return Failed("reading /proc/self/task", errno);
  int threads = 0;
  while (const dirent* entry = ::readdir(tasks.get())) threads += entry->d_name[0] != '.' ? 1 : 0;
  return threads;
}

Result<LockReport> LockProcess(const LockOptions& options) {
  if (!kSanitized) {
    HASHGATE_ASSIGN_OR_RETURN(const int threads, CountThreads());
    if (threads != 1) {
      return Fail(Reason::kDecoderUnavailable,
                  "a decoder worker has " + std::to_string(threads) + " threads and cannot be locked");
    }
  }
  // Read while files can still be opened.
  HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t address_space, AddressSpace());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Failed("PR_SET_DUMPABLE", errno);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("PR_SET_NO_NEW_PRIVS", errno);
  HASHGATE_ASSIGN_OR_RETURN(const int abi, ApplyLandlock());
  HASHGATE_RETURN_IF_ERROR(ApplyLimits(options, address_space));
  HASHGATE_RETURN_IF_ERROR(ApplyFilter(options.socket_fd));
  return LockReport{.level = abi > 0 ? LockLevel::kLandlock : LockLevel::kBasic, .landlock_abi = abi};
}

std::string_view LockLevelName(LockLevel level) {
  switch (level) {
    case LockLevel::kNone: return "none";
    case LockLevel::kBasic: return "basic";
    case LockLevel::kLandlock: return "landlock";
  }
  return "none";
}

}  // namespace hashgate::decode
