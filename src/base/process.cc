#include "base/process.h"

#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace hashgate {
namespace {
constexpr int kNice = 10;
// The shortest that Linux takes, and about what threads have by themselves.
constexpr std::uint64_t kShortSliceNanos = 100'000;
constexpr std::uint64_t kUsualSliceNanos = 3'000'000;

// sched_setattr(2): its first version. The C library has none, and the kernel's header excludes <sched.h>.
struct SchedulingAttributes {
  std::uint32_t size = 48;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of SCHED_OTHER: the slice in ns, since Linux 6.12
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

// Of the calling thread.
void SetSlice(std::uint64_t nanos) {
  // Whoever started it under another policy had a reason.
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  SchedulingAttributes attributes;
  attributes.policy = SCHED_OTHER;
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  attributes.runtime = nanos;
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0U));
}
}  // namespace

void ForbidCoreDumps() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

void BindLibrariesAtStart(char** argv) {
  constexpr const char* kVariable = "LD_BIND_NOW";
  if (const char* set = std::getenv(kVariable); set != nullptr && *set != '\0') return;
  // By its path: the process keeps its name.
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0 || ::setenv(kVariable, "1", 1) != 0) return;
  ::execv(path.data(), argv);
}

void ShortenSlices() {
  SetSlice(kShortSliceNanos);
}

void LowerThreadPriority() {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::getpriority(PRIO_PROCESS, thread) < kNice) {
    static_cast<void>(::setpriority(PRIO_PROCESS, thread, kNice));
  }
  // Others' are shorter, which is what lets them in between.
  SetSlice(kUsualSliceNanos);
}

}  // namespace hashgate
