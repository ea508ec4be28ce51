#include "integration/decode/hostile_actions.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "decode/protocol.h"

namespace hashgate::testing {
namespace {

using Upload = std::span<const unsigned char>;

constexpr int kJob = decode::kJobFd;

struct Targets {
  pid_t spawner = 0;
  pid_t server = 0;
  std::array<char, 64> server_memory{};
  std::array<char, 64> server_descriptors{};
};
Targets g_targets;  // NOLINT: attempts are plain functions

// Raw calls: no C library in between that could soften an attempt.
template <typename... Arguments>
bool Call(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) >= 0;
}

bool Open(const char* path, int flags) {
  return Call(SYS_openat, AT_FDCWD, path, flags, 0600);
}

void* PageOf(Upload upload) {
  const auto page = static_cast<std::uintptr_t>(4096);
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(upload.data()) / page * page);
}

// Reads or writes the server's memory.
bool TouchServer(long number) {
  std::array<char, 16> mine{};
  iovec local{mine.data(), mine.size()};
  iovec remote{mine.data(), mine.size()};
  return Call(number, g_targets.server, &local, 1, &remote, 1, 0);
}

bool Reach(long number) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "hostile"};
  return Call(number, kJob, &address, sizeof address);
}

bool SendDescriptor() {
  std::array<char, 1> byte{};
  iovec part{byte.data(), byte.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = kJob;
  return Call(SYS_sendmsg, kJob, &message, 0);
}

bool Map(int protection, int flags, int descriptor) {
  return ::mmap(nullptr, 4096, protection, flags, descriptor, 0) != MAP_FAILED;
}

bool Protect(int protection) {
  static std::array<char, 8192> memory;
  return ::mprotect(PageOf({reinterpret_cast<unsigned char*>(memory.data()) + 4096, 1}), 4096, protection) ==
         0;
}

#ifdef __x86_64__
// The calls of another architecture, which a filter that forgets them lets through by their numbers: 20 is
// getpid there and writev here.
bool CallAs32Bit() {
  long result = -1;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  return result > 0;
}
bool CallAsX32() {
  return ::syscall(0x40000000L + SYS_getpid) > 0;
}
#endif

constexpr std::array kActions = {
    // Files.
    HostileAction{"open", [](Upload) { return Open("/etc/passwd", O_RDONLY); }},
    HostileAction{"open-with-how",
                  [](Upload) { return Call(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 24); }},
    HostileAction{"open-list", [](Upload) { return Open(".", O_RDONLY | O_DIRECTORY); }},
    HostileAction{"open-store", [](Upload) { return Open("hashgate-data/store/CURRENT", O_RDONLY); }},
    HostileAction{"open-memory", [](Upload) { return Open("/proc/self/mem", O_RDWR); }},
    HostileAction{"open-server-memory", [](Upload) { return Open(g_targets.server_memory.data(), O_RDWR); }},
    HostileAction{"open-server-descriptor",
                  [](Upload) { return Open(g_targets.server_descriptors.data(), O_RDONLY); }},
    HostileAction{"create", [](Upload) { return Open("hostile", O_CREAT | O_RDWR); }},
    HostileAction{"create-shared", [](Upload) { return Open("/dev/shm/hostile", O_CREAT | O_RDWR); }},
    HostileAction{"mkdir", [](Upload) { return Call(SYS_mkdirat, AT_FDCWD, "hostile", 0700); }},
    HostileAction{"mknod", [](Upload) { return Call(SYS_mknodat, AT_FDCWD, "hostile", 0600, 0); }},
    HostileAction{"unlink", [](Upload) { return Call(SYS_unlinkat, AT_FDCWD, "hostile", 0); }},
    HostileAction{"rename",
                  [](Upload) { return Call(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 0); }},
    HostileAction{"link", [](Upload) { return Call(SYS_linkat, AT_FDCWD, "a", AT_FDCWD, "b", 0); }},
    HostileAction{"symlink", [](Upload) { return Call(SYS_symlinkat, "/", AT_FDCWD, "hostile"); }},
    HostileAction{"chmod", [](Upload) { return Call(SYS_fchmodat, AT_FDCWD, ".", 0777); }},
    HostileAction{"stat",
                  [](Upload) {
                    std::array<char, 512> out{};
                    return Call(SYS_statx, AT_FDCWD, "/", 0, 0, out.data());
                  }},
    HostileAction{"working-folder",
                  [](Upload) {
                    std::array<char, 512> out{};
                    return Call(SYS_getcwd, out.data(), out.size());
                  }},
    HostileAction{"chdir", [](Upload) { return Call(SYS_chdir, "/"); }},
    HostileAction{"chroot", [](Upload) { return Call(SYS_chroot, "/"); }},
    HostileAction{"pivot-root", [](Upload) { return Call(SYS_pivot_root, ".", "."); }},
    HostileAction{"mount", [](Upload) { return Call(SYS_mount, "none", "/", "tmpfs", 0, nullptr); }},
    HostileAction{"truncate", [](Upload) { return Call(SYS_truncate, "/proc/self/fd/3", 0); }},
    HostileAction{"ftruncate", [](Upload) { return Call(SYS_ftruncate, kJob, 0); }},
    HostileAction{"open-by-handle",
                  [](Upload) { return Call(SYS_open_by_handle_at, AT_FDCWD, nullptr, O_RDONLY); }},
    HostileAction{"inotify", [](Upload) { return Call(SYS_inotify_init1, 0); }},
    HostileAction{"fanotify", [](Upload) { return Call(SYS_fanotify_init, 0, 0); }},
    // Sockets and descriptors.
    HostileAction{"socket", [](Upload) { return Call(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    HostileAction{"unix-socket", [](Upload) { return Call(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
    HostileAction{"netlink", [](Upload) { return Call(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }},
    HostileAction{"socketpair",
                  [](Upload) {
                    std::array<int, 2> pair{};
                    return Call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair.data());
                  }},
    HostileAction{"connect", [](Upload) { return Reach(SYS_connect); }},
    HostileAction{"bind", [](Upload) { return Reach(SYS_bind); }},
    HostileAction{"listen", [](Upload) { return Call(SYS_listen, kJob, 1); }},
    HostileAction{"accept", [](Upload) { return Call(SYS_accept4, kJob, nullptr, nullptr, 0); }},
    HostileAction{"send-descriptor", [](Upload) { return SendDescriptor(); }},
    HostileAction{"receive-message",
                  [](Upload) {
                    msghdr message{};
                    return Call(SYS_recvmsg, kJob, &message, MSG_DONTWAIT);
                  }},
    HostileAction{"shutdown", [](Upload) { return Call(SYS_shutdown, kJob, SHUT_RDWR); }},
    HostileAction{"close", [](Upload) { return Call(SYS_close, kJob); }},
    HostileAction{"setsockopt",
                  [](Upload) {
                    const int size = 1 << 30;
                    return Call(SYS_setsockopt, kJob, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
                  }},
    HostileAction{"peer-credentials",
                  [](Upload) {
                    std::array<int, 3> out{};
                    socklen_t size = sizeof out;
                    return Call(SYS_getsockopt, kJob, SOL_SOCKET, SO_PEERCRED, out.data(), &size);
                  }},
    HostileAction{"dup", [](Upload) { return Call(SYS_dup, kJob); }},
    HostileAction{"fcntl", [](Upload) { return Call(SYS_fcntl, kJob, F_SETFL, O_NONBLOCK); }},
    HostileAction{"ioctl",
                  [](Upload) {
                    int out = 0;
                    return Call(SYS_ioctl, kJob, 0x541b, &out);
                  }},
    HostileAction{"pipe",
                  [](Upload) {
                    std::array<int, 2> pair{};
                    return Call(SYS_pipe2, pair.data(), 0);
                  }},
    HostileAction{"memfd", [](Upload) { return Call(SYS_memfd_create, "hostile", 0); }},
    HostileAction{"splice", [](Upload) { return Call(SYS_splice, kJob, nullptr, kJob, nullptr, 1, 0); }},
    HostileAction{"sendfile", [](Upload) { return Call(SYS_sendfile, kJob, kJob, nullptr, 1); }},
    HostileAction{"epoll", [](Upload) { return Call(SYS_epoll_create1, 0); }},
    HostileAction{"eventfd", [](Upload) { return Call(SYS_eventfd2, 0, 0); }},
    HostileAction{"io-uring", [](Upload) { return Call(SYS_io_uring_setup, 1, nullptr); }},
    HostileAction{"userfaultfd", [](Upload) { return Call(SYS_userfaultfd, 0); }},
    HostileAction{"write-other-descriptor", [](Upload) { return Call(SYS_write, 1, "x", 1); },
                  Fate::kRefused},
    HostileAction{"read-other-descriptor",
                  [](Upload) {
                    char byte = 0;
                    return Call(SYS_read, 0, &byte, 1);
                  }},
    // Processes.
    HostileAction{"fork", [](Upload) { return Call(SYS_fork); }},
    HostileAction{"vfork",
                  [](Upload) { return Call(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0); }},
    HostileAction{"clone3", [](Upload) { return Call(SYS_clone3, nullptr, 0); }},
    HostileAction{"thread",
                  [](Upload) {
                    static std::array<char, 65536> stack;
                    return Call(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
                                stack.data() + stack.size() - 64, 0, 0, 0);
                  }},
    HostileAction{"exec", [](Upload) { return Call(SYS_execve, "/bin/true", nullptr, nullptr); }},
    HostileAction{"exec-descriptor",
                  [](Upload) { return Call(SYS_execveat, kJob, "", nullptr, nullptr, AT_EMPTY_PATH); }},
    HostileAction{"kill-spawner", [](Upload) { return Call(SYS_kill, g_targets.spawner, SIGKILL); }},
    HostileAction{"kill-server", [](Upload) { return Call(SYS_kill, g_targets.server, SIGKILL); }},
    HostileAction{"kill-group", [](Upload) { return Call(SYS_kill, 0, 0); }},
    HostileAction{"kill-all", [](Upload) { return Call(SYS_kill, -1, 0); }},
    HostileAction{"tgkill", [](Upload) { return Call(SYS_tgkill, 1, 1, 0); }},
    HostileAction{"queue-signal", [](Upload) { return Call(SYS_rt_sigqueueinfo, 1, 0, nullptr); }},
    HostileAction{"pidfd-open", [](Upload) { return Call(SYS_pidfd_open, g_targets.server, 0); }},
    HostileAction{"pidfd-steal", [](Upload) { return Call(SYS_pidfd_getfd, kJob, 0, 0); }},
    HostileAction{"pidfd-signal", [](Upload) { return Call(SYS_pidfd_send_signal, kJob, 0, nullptr, 0); }},
    HostileAction{"ptrace-me", [](Upload) { return Call(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
    HostileAction{"ptrace-server",
                  [](Upload) { return Call(SYS_ptrace, PTRACE_SEIZE, g_targets.server, 0, 0); }},
    HostileAction{"read-server", [](Upload) { return TouchServer(SYS_process_vm_readv); }},
    HostileAction{"write-server", [](Upload) { return TouchServer(SYS_process_vm_writev); }},
    HostileAction{"compare-processes",
                  [](Upload) { return Call(SYS_kcmp, g_targets.server, g_targets.spawner, 1, 0, 0); }},
    HostileAction{"parent-pid", [](Upload) { return Call(SYS_getppid); }},
    HostileAction{"raise-limit",
                  [](Upload) {
                    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
                    return Call(SYS_prlimit64, 0, RLIMIT_CPU, &limit, nullptr);
                  }},
    HostileAction{"priority", [](Upload) { return Call(SYS_setpriority, PRIO_PROCESS, 0, 0); }},
    HostileAction{"affinity",
                  [](Upload) {
                    cpu_set_t set;
                    CPU_ZERO(&set);
                    CPU_SET(0, &set);
                    return Call(SYS_sched_setaffinity, 0, sizeof set, &set);
                  }},
    // Privileges and the kernel.
    HostileAction{"dumpable", [](Upload) { return Call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }},
    HostileAction{"outlive-parent", [](Upload) { return Call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0); }},
    HostileAction{"new-filter",
                  [](Upload) { return Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr); }},
    HostileAction{"setuid", [](Upload) { return Call(SYS_setuid, 0); }},
    HostileAction{"capabilities", [](Upload) { return Call(SYS_capset, nullptr, nullptr); }},
    HostileAction{"unshare", [](Upload) { return Call(SYS_unshare, CLONE_NEWUSER); }},
    HostileAction{"setns", [](Upload) { return Call(SYS_setns, kJob, 0); }},
    HostileAction{"bpf", [](Upload) { return Call(SYS_bpf, 0, nullptr, 0); }},
    HostileAction{"perf", [](Upload) { return Call(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    HostileAction{"keys", [](Upload) { return Call(SYS_keyctl, 0, -3, 0, 0, 0); }},
    HostileAction{"module", [](Upload) { return Call(SYS_init_module, nullptr, 0, ""); }},
    HostileAction{"personality", [](Upload) { return Call(SYS_personality, 0x0040000); }},
    HostileAction{"shared-segment", [](Upload) { return Call(SYS_shmget, 0, 4096, 01600); }},
    HostileAction{"message-queue", [](Upload) { return Call(SYS_msgget, 0, 01600); }},
    HostileAction{"real-timer",
                  [](Upload) {
                    const itimerval timer{{1, 0}, {1, 0}};
                    return Call(SYS_setitimer, ITIMER_REAL, &timer, nullptr);
                  }},
    HostileAction{"kernel-timer", [](Upload) { return Call(SYS_timer_create, 0, nullptr, nullptr); }},
    HostileAction{"handle-signal", [](Upload) { return Call(SYS_rt_sigaction, SIGSYS, nullptr, nullptr, 9); }},
    HostileAction{"futex-inherit",
                  [](Upload) {
                    static int word = 0;
                    return Call(SYS_futex, &word, FUTEX_LOCK_PI, 0, nullptr, nullptr, 0);
                  }},
#ifdef __x86_64__
    HostileAction{"call-as-32-bit", [](Upload) { return CallAs32Bit(); }},
    HostileAction{"call-as-x32", [](Upload) { return CallAsX32(); }},
#endif
    // Memory.
    HostileAction{"executable-memory",
                  [](Upload) {
                    return Map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
                  }},
    HostileAction{"shared-memory",
                  [](Upload) { return Map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1); }},
    HostileAction{"map-descriptor", [](Upload) { return Map(PROT_READ, MAP_SHARED, kJob); }},
    HostileAction{"make-executable", [](Upload) { return Protect(PROT_READ | PROT_EXEC); }},
    HostileAction{"lock-memory", [](Upload) { return Call(SYS_mlockall, MCL_CURRENT); }},
    HostileAction{"poison-memory",
                  [](Upload upload) { return ::madvise(PageOf(upload), 4096, MADV_HWPOISON) == 0; }},
    HostileAction{"punch-upload",
                  [](Upload upload) { return ::madvise(PageOf(upload), 4096, MADV_REMOVE) == 0; }},
    HostileAction{"unprotect-upload",
                  [](Upload upload) { return ::mprotect(PageOf(upload), 4096, PROT_READ | PROT_WRITE) == 0; },
                  Fate::kRefused},
    HostileAction{"write-upload",
                  [](Upload upload) {
                    auto* byte = const_cast<volatile unsigned char*>(upload.data());
                    *byte = 'X';
                    return *byte == 'X';
                  }},
};

}  // namespace

std::span<const HostileAction> HostileActions() {
  return kActions;
}

void NameTargets() {
  g_targets.spawner = ::getpid();
  g_targets.server = ::getppid();
  std::snprintf(g_targets.server_memory.data(), g_targets.server_memory.size(), "/proc/%d/mem",
                g_targets.server);
  std::snprintf(g_targets.server_descriptors.data(), g_targets.server_descriptors.size(), "/proc/%d/fd/0",
                g_targets.server);
}

}  // namespace hashgate::testing
