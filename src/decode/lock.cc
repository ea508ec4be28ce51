#include "decode/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "decode/sanitized.h"

namespace hashgate::decode {
namespace {

std::unexpected<LockFailure> Failed(LockStep step) {
  return std::unexpected(LockFailure{.step = step, .error = errno});
}

// The kernel's structure as of Landlock ABI 6; Debian 12's header has only the first member. Source:
// docs.kernel.org/userspace-api/landlock.html.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

// Bytes of address space now. The first number of /proc/self/statm is its size in pages.
LockResult<std::uint64_t> AddressSpace() {
  const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  const ssize_t size = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return Failed(LockStep::kAddressSpace);
  std::uint64_t pages = 0;
  if (std::from_chars(text.data(), text.data() + size, pages).ec != std::errc()) {
    return std::unexpected(LockFailure{.step = LockStep::kAddressSpace, .error = EINVAL});
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool LimitTo(int resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{.rlim_cur = soft, .rlim_max = hard};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
}

LockResult<void> ApplyLimits(const LockOptions& options, std::uint64_t address_space) {
  bool done = LimitTo(RLIMIT_CPU, options.cpu_seconds, rlim_t{options.cpu_seconds} + 1);
  if (!kSanitized) {
    const rlim_t memory = address_space + options.memory_bytes;
    done = done && LimitTo(RLIMIT_AS, memory, memory) && LimitTo(RLIMIT_NOFILE, 0, 0);
  }
  for (const int resource : {RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE}) {
    done = done && LimitTo(resource, 0, 0);
  }
  if (!done) return Failed(LockStep::kLimits);
  return {};
}

// A worker that root or a user namespace gave capabilities needs none.
LockResult<void> DropCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return Failed(LockStep::kCapabilities);
  return {};
}

}  // namespace

bool EnterNamespaces() {
  constexpr int kApart = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  return ::unshare(CLONE_NEWUSER | kApart) == 0 || ::unshare(kApart) == 0;
}

LockResult<int> DenyFiles() {
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
  if (!ruleset.valid()) return Failed(LockStep::kLandlock);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return Failed(LockStep::kLandlock);
  return static_cast<int>(abi);
}

LockResult<int> CountThreads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"),
                                                  [](DIR* d) { return ::closedir(d); });
  if (!tasks) return Failed(LockStep::kThreads);
  int threads = 0;
  while (const dirent* entry = ::readdir(tasks.get())) threads += entry->d_name[0] != '.' ? 1 : 0;
  return threads;
}

LockResult<LockReport> LockProcess(const LockOptions& options) {
  if (!kSanitized) {
    HASHGATE_ASSIGN_OR_RETURN(const int threads, CountThreads());
    if (threads != 1) return std::unexpected(LockFailure{.step = LockStep::kThreads, .error = EAGAIN});
  }
  // Read while files can still be opened.
  HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t address_space, AddressSpace());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Failed(LockStep::kDumpable);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed(LockStep::kNoNewPrivileges);
  HASHGATE_RETURN_IF_ERROR(DropCapabilities());
  HASHGATE_ASSIGN_OR_RETURN(const int abi, DenyFiles());
  HASHGATE_RETURN_IF_ERROR(ApplyLimits(options, address_space));
  HASHGATE_RETURN_IF_ERROR(FilterCalls(options.worker_class, options.socket_fd));
  LockReport report{.level = LockLevel::kBasic, .landlock_abi = abi, .in_namespaces = options.in_namespaces};
  if (abi > 0) report.level = options.in_namespaces ? LockLevel::kNamespaces : LockLevel::kLandlock;
  return report;
}

std::string Describe(const LockFailure& failure) {
  const auto step = [&]() -> const char* {
    switch (failure.step) {
      case LockStep::kNone: break;
      case LockStep::kDescriptors: return "closing its descriptors";
      case LockStep::kInput: return "mapping its input";
      case LockStep::kThreads: return "counting its threads: it must have one";
      case LockStep::kAddressSpace: return "reading /proc/self/statm";
      case LockStep::kDumpable: return "PR_SET_DUMPABLE";
      case LockStep::kNoNewPrivileges: return "PR_SET_NO_NEW_PRIVS";
      case LockStep::kCapabilities: return "dropping capabilities";
      case LockStep::kLandlock: return "Landlock";
      case LockStep::kLimits: return "setting its rlimits";
      case LockStep::kFilter: return "loading its seccomp filter";
      case LockStep::kPlugins: return "hashing a drawn picture by its plug-ins";
    }
    return "an unknown step";
  };
  return std::string("locking a decoder worker failed at ") + step() + ": " + std::strerror(failure.error);
}

std::string_view LockLevelName(LockLevel level) {
  switch (level) {
    case LockLevel::kNone: return "none";
    case LockLevel::kBasic: return "basic";
    case LockLevel::kLandlock: return "landlock";
    case LockLevel::kNamespaces: return "namespaces";
  }
  return "none";
}

}  // namespace hashgate::decode
