#include "testing/failing_calls.h"

#include <poll.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>

namespace hashgate::testing {
namespace {

struct Call {
  int number;
  int error;           // what it fails with; 0: never, but by an interruption
  bool interruptible;  // EINTR is possible
};
constexpr std::array kCalls = {
    Call{SYS_read, EIO, true},           Call{SYS_write, EIO, true},
    Call{SYS_openat, EMFILE, true},      Call{SYS_mmap, ENOMEM, false},
    Call{SYS_mprotect, ENOMEM, false},   Call{SYS_mremap, ENOMEM, false},
    Call{SYS_socketpair, EMFILE, false}, Call{SYS_sendmsg, ENOBUFS, true},
    Call{SYS_sendto, ENOBUFS, true},     Call{SYS_recvmsg, ENOMEM, true},
    Call{SYS_recvfrom, ENOMEM, true},    Call{SYS_poll, ENOMEM, true},
    Call{SYS_ppoll, ENOMEM, true},       Call{SYS_memfd_create, EMFILE, false},
    Call{SYS_ftruncate, EIO, true},      Call{SYS_fcntl, EMFILE, false},
    Call{SYS_fork, EAGAIN, false},       Call{SYS_vfork, EAGAIN, false},
    Call{SYS_clone, EAGAIN, false},      Call{SYS_pidfd_open, EMFILE, false},
    Call{SYS_setrlimit, EPERM, false},   Call{SYS_prlimit64, EPERM, false},
    Call{SYS_setitimer, EINVAL, false},  Call{SYS_getrandom, 0, true},
    Call{SYS_newfstatat, EIO, false},    Call{SYS_getdents64, EIO, false},
};

const Call* Find(int number) {
  for (const Call& call : kCalls) {
    if (call.number == number) return &call;
  }
  return nullptr;
}

bool IsOurs(std::uint32_t thread) {
  std::error_code error;
  return std::filesystem::exists("/proc/self/task/" + std::to_string(thread), error);
}

// The calling thread, and what it starts, asks for each call of the table. The descriptor to answer at, or
// -1.
int AskFirst() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return -1;
  int failed = 0;
  for (const Call& call : kCalls) failed |= seccomp_rule_add(filter, SCMP_ACT_NOTIFY, call.number, 0);
  if (failed == 0) failed = seccomp_load(filter);
  const int listener = failed == 0 ? seccomp_notify_fd(filter) : -1;
  seccomp_release(filter);
  return listener;
}

}  // namespace

bool FailingCalls::Run(const std::function<void()>& body) {
  std::atomic<int> listener = 0;
  std::thread subject([&] {
    const int descriptor = AskFirst();
    listener = descriptor < 0 ? -1 : descriptor + 1;
    listener.notify_one();
    if (descriptor >= 0) body();
  });
  listener.wait(0);
  const bool supervised = listener > 0;
  std::thread supervisor;
  if (supervised) supervisor = std::thread([this, &listener] { Supervise(listener - 1); });
  subject.join();
  stop_ = true;
  if (supervisor.joinable()) supervisor.join();
  // What is still alive below gets ENOSYS from here on; only processes that the test has given up are.
  // libseccomp keeps one listener in a process and would give it to the next filter too: this closes and
  // forgets it.
  if (supervised) seccomp_reset(nullptr, 0);
  return supervised;
}

void FailingCalls::Arm(Who who, How how, std::uint64_t nth) {
  who_ = who;
  how_ = how;
  left_ = nth;
  fired_ = false;
  armed_ = true;
}

bool FailingCalls::Disarm() {
  armed_ = false;
  return fired_;
}

// The error that the call gets; 0 lets it through.
int FailingCalls::Judge(std::uint32_t thread, int number) {
  const Call* call = Find(number);
  if (!armed_ || fired_ || call == nullptr) return 0;
  const bool interrupt = how_ == How::kInterrupted;
  if (interrupt ? !call->interruptible : call->error == 0) return 0;
  if (IsOurs(thread) != (who_ == Who::kThisProcess)) return 0;
  if (--left_ != 0) return 0;
  fired_ = true;
  last_ = number;
  return interrupt ? EINTR : call->error;
}

void FailingCalls::Supervise(int listener) {
  seccomp_notif* request = nullptr;
  seccomp_notif_resp* response = nullptr;
  if (seccomp_notify_alloc(&request, &response) != 0) return;
  while (!stop_) {
    pollfd poll_fd{.fd = listener, .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, 50) <= 0) continue;
    *request = {};
    // Whoever asked may be dead by now.
    if (seccomp_notify_receive(listener, request) != 0) continue;
    *response = {};
    response->id = request->id;
    const int error = Judge(request->pid, request->data.nr);
    if (error == 0) {
      response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
      response->error = -error;
    }
    seccomp_notify_respond(listener, response);
  }
  seccomp_notify_free(request, response);
}

}  // namespace hashgate::testing
