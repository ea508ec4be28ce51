#include "integration/decode/hostile_actions.h"

#include <fcntl.h>
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
#include <unistd.h>

#include <array>
#include <cstdint>

#include "decode/protocol.h"

namespace hashgate::testing {
namespace {

using Upload = std::span<const unsigned char>;

// Raw calls: no C library in between that could soften an attempt.
template <typename... Arguments>
bool Call(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) >= 0;
}

void* PageOf(Upload upload) {
  const auto page = static_cast<std::uintptr_t>(4096);
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(upload.data()) / page * page);
}

constexpr int kJob = decode::kJobFd;

constexpr std::array kActions = {
    HostileAction{"open", [](Upload) { return Call(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }},
    HostileAction{"open-list", [](Upload) { return Call(SYS_openat, AT_FDCWD, ".", O_RDONLY); }},
    HostileAction{"open-memory", [](Upload) { return Call(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR); }},
    HostileAction{"create",
                  [](Upload) { return Call(SYS_openat, AT_FDCWD, "hostile", O_CREAT | O_RDWR, 0600); }},
    HostileAction{"mkdir", [](Upload) { return Call(SYS_mkdirat, AT_FDCWD, "hostile", 0700); }},
    HostileAction{"unlink", [](Upload) { return Call(SYS_unlinkat, AT_FDCWD, "hostile", 0); }},
    HostileAction{"stat",
                  [](Upload) {
                    std::array<char, 512> out{};
                    return Call(SYS_statx, AT_FDCWD, "/", 0, 0, out.data());
                  }},
    HostileAction{"socket", [](Upload) { return Call(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    HostileAction{"unix-socket", [](Upload) { return Call(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
    HostileAction{"socketpair",
                  [](Upload) {
                    std::array<int, 2> pair{};
                    return Call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair.data());
                  }},
    HostileAction{"shutdown", [](Upload) { return Call(SYS_shutdown, kJob, SHUT_RDWR); }},
    HostileAction{"setsockopt",
                  [](Upload) {
                    const int size = 1 << 30;
                    return Call(SYS_setsockopt, kJob, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
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
    HostileAction{"fork", [](Upload) { return Call(SYS_fork); }},
    HostileAction{"vfork",
                  [](Upload) { return Call(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0); }},
    HostileAction{"thread",
                  [](Upload) {
                    static std::array<char, 65536> stack;
                    return Call(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
                                stack.data() + stack.size() - 64, 0, 0, 0);
                  }},
    HostileAction{"exec", [](Upload) { return Call(SYS_execve, "/bin/true", nullptr, nullptr); }},
    HostileAction{"kill-parent", [](Upload) { return Call(SYS_kill, ::syscall(SYS_getppid), SIGKILL); }},
    HostileAction{"kill-group", [](Upload) { return Call(SYS_kill, 0, 0); }},
    HostileAction{"kill-all", [](Upload) { return Call(SYS_kill, -1, 0); }},
    HostileAction{"tgkill", [](Upload) { return Call(SYS_tgkill, 1, 1, 0); }},
    HostileAction{"queue-signal", [](Upload) { return Call(SYS_rt_sigqueueinfo, 1, 0, nullptr); }},
    HostileAction{"pidfd-open", [](Upload) { return Call(SYS_pidfd_open, 1, 0); }},
    HostileAction{"pidfd-signal", [](Upload) { return Call(SYS_pidfd_send_signal, kJob, 0, nullptr, 0); }},
    HostileAction{"ptrace", [](Upload) { return Call(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
    HostileAction{"read-process",
                  [](Upload) {
                    std::array<char, 16> mine{};
                    iovec local{mine.data(), mine.size()};
                    iovec remote{mine.data(), mine.size()};
                    return Call(SYS_process_vm_readv, 1, &local, 1, &remote, 1, 0);
                  }},
    HostileAction{"raise-limit",
                  [](Upload) {
                    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
                    return Call(SYS_prlimit64, 0, RLIMIT_CPU, &limit, nullptr);
                  }},
    HostileAction{"dumpable", [](Upload) { return Call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }},
    HostileAction{"outlive-parent", [](Upload) { return Call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0); }},
    HostileAction{"new-filter",
                  [](Upload) { return Call(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr); }},
    HostileAction{"setuid", [](Upload) { return Call(SYS_setuid, 0); }},
    HostileAction{"unshare", [](Upload) { return Call(SYS_unshare, CLONE_NEWUSER); }},
    HostileAction{"setns", [](Upload) { return Call(SYS_setns, kJob, 0); }},
    HostileAction{"chroot", [](Upload) { return Call(SYS_chroot, "/"); }},
    HostileAction{"mount", [](Upload) { return Call(SYS_mount, "none", "/", "tmpfs", 0, nullptr); }},
    HostileAction{"bpf", [](Upload) { return Call(SYS_bpf, 0, nullptr, 0); }},
    HostileAction{"perf", [](Upload) { return Call(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    HostileAction{"io-uring", [](Upload) { return Call(SYS_io_uring_setup, 1, nullptr); }},
    HostileAction{"userfaultfd", [](Upload) { return Call(SYS_userfaultfd, 0); }},
    HostileAction{"keys", [](Upload) { return Call(SYS_keyctl, 0, -3, 0, 0, 0); }},
    HostileAction{"inotify", [](Upload) { return Call(SYS_inotify_init1, 0); }},
    HostileAction{"epoll", [](Upload) { return Call(SYS_epoll_create1, 0); }},
    HostileAction{"real-timer",
                  [](Upload) {
                    const itimerval timer{{1, 0}, {1, 0}};
                    return Call(SYS_setitimer, ITIMER_REAL, &timer, nullptr);
                  }},
    HostileAction{"affinity",
                  [](Upload) {
                    cpu_set_t set;
                    CPU_ZERO(&set);
                    CPU_SET(0, &set);
                    return Call(SYS_sched_setaffinity, 0, sizeof set, &set);
                  }},
    HostileAction{"truncate", [](Upload) { return Call(SYS_truncate, "/proc/self/fd/3", 0); }},
    HostileAction{"ftruncate", [](Upload) { return Call(SYS_ftruncate, kJob, 0); }},
    HostileAction{"write-other-descriptor", [](Upload) { return Call(SYS_write, 1, "x", 1); }},
    HostileAction{"read-other-descriptor",
                  [](Upload) {
                    char byte = 0;
                    return Call(SYS_read, 0, &byte, 1);
                  }},
    HostileAction{"executable-memory",
                  [](Upload) {
                    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
                  }},
    HostileAction{"make-executable",
                  [](Upload) {
                    static std::array<char, 8192> memory;
                    return ::mprotect(PageOf({reinterpret_cast<unsigned char*>(memory.data()) + 4096, 1}),
                                      4096, PROT_READ | PROT_EXEC) == 0;
                  }},
    HostileAction{"map-descriptor",
                  [](Upload) { return ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, kJob, 0) != MAP_FAILED; }},
    HostileAction{
        "unprotect-upload",
        [](Upload upload) { return ::mprotect(PageOf(upload), 4096, PROT_READ | PROT_WRITE) == 0; }},
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

}  // namespace hashgate::testing
