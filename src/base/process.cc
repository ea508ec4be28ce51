#include "base/process.h"

#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace hashgate {
namespace {
constexpr int kNice = 10;
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

void LowerThreadPriority() {
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice));
}

}  // namespace hashgate
