// The last step of a scan: from what was learnt to the answer. Private to this module.
#pragma once

#include "base/clock.h"
#include "scan/look.h"
#include "scan/types.h"

namespace hashgate::scan {

/// The answer to a look by its policy, but for what earlier answers to the request change, and for the times
/// that it and the whole scan take. `retry_after` goes into NOT_EVALUATED answers, `now` into the scan's id.
/// Threads: thread-safe.
ScanAnswer Decide(const ScanRequest& request, Look look, std::chrono::milliseconds retry_after, WallTime now);

}  // namespace hashgate::scan
