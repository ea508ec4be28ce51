// What a process that holds uploads or hash lists does to itself and its threads.
#pragma once

namespace hashgate {

/// Keeps this process's memory out of core files and from debuggers of the same user: neither uploads nor
/// hashes may end up on a disk that nobody watches. Children inherit the limit, but an exec makes them
/// dumpable again. Threads: call it before the first one starts. Never fails: it only gives rights up.
void ForbidCoreDumps();

/// Starts this process anew, with the same arguments, so that all functions of its libraries are bound before
/// the first one runs; returns where it was started so, and where that cannot be done. Bound at its first
/// call instead, a function has the dynamic linker save the vector registers on the stack, with bytes of an
/// upload that was copied just before, and there they stay as long as the thread waits for work. Threads:
/// call it first in main. Cost: some hundredths of a second, once.
void BindLibrariesAtStart(char** argv);

/// Has Linux let this process's threads run as soon as they have something to do, though one of lower
/// priority is in the middle of its slice of the processor: what waits is mostly an upload, which is handed
/// on several times before it is answered. Linux 6.12 and later do so; earlier ones take no slices, and those
/// before 6.6 let such a thread in anyway. Threads and children inherit it: call it before the first one
/// starts. Where it is refused nothing changes. Source: sched_setattr(2).
void ShortenSlices();

/// Puts the calling thread below those that answer scans, for work that nobody waits for. Linux gives each
/// thread a nice value of its own. Where that is refused nothing changes.
void LowerThreadPriority();

}  // namespace hashgate
