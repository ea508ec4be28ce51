// What a process that holds uploads or hash lists does to itself and its threads.
#pragma once

namespace hashgate {

/// Keeps this process's memory out of core files and from debuggers of the same user: neither uploads nor
/// hashes may end up on a disk that nobody watches. Children inherit the limit, but an exec makes them
/// dumpable again. Threads: call it before the first one starts. Never fails: it only gives rights up.
void ForbidCoreDumps();

/// Puts the calling thread below those that answer scans, for work that nobody waits for. Linux gives each
/// thread a nice value of its own. Where that is refused nothing changes.
void LowerThreadPriority();

}  // namespace hashgate
