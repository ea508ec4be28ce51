#include "base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace hashgate {

void ForbidCoreDumps() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace hashgate
