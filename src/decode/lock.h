// The lock of a decoder worker: what a process gives up before it sees a byte of an upload.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/decoder_pool.h"
#include "hashgate/error.h"

namespace hashgate::decode {

struct LockOptions {
  int socket_fd = 3;               ///< the only descriptor that may be read and written afterwards
  std::uint64_t memory_bytes = 0;  ///< of address space beyond what the process has now
  std::uint32_t cpu_seconds = 0;   ///< of processor time in the process's whole life
};

struct LockReport {
  LockLevel level = LockLevel::kNone;
  int landlock_abi = 0;  ///< 0 where the kernel has none or it is off
};

/// Locks the calling process for good: no new privileges, Landlock without rules where the kernel has it,
/// rlimits (address space, processor time, no new descriptors, no file growth, no core, no new processes),
/// not dumpable, and a seccomp filter that kills the process at any system call but: reading and writing
/// `socket_fd`, anonymous memory that is never executable, futex, the clock, the job's processor timer
/// (ITIMER_PROF), return from a signal, and exit. Writing to another descriptor fails with EBADF instead:
/// codecs print warnings to standard error. Call with every other descriptor closed. Refuses where the
/// process has more than one thread, because rlimits and filters set by one thread are no lock for the
/// others.
///
/// In builds with sanitizers (HASHGATE_SANITIZED) the run-time library has a thread and shadow memory of its
/// own: the thread count and the address space are then not limited, the filter covers all threads, standard
/// error stays writable, a few more harmless calls pass, and opening a file fails with EACCES instead of
/// killing, so that a report can be printed.
///
/// Errors: kDecoderUnavailable naming the step that failed. Needs /proc. Cost: about 0.3 ms, once a worker.
Result<LockReport> LockProcess(const LockOptions& options);

/// Threads of this process. Errors: kDecoderUnavailable where /proc cannot be read.
Result<int> CountThreads();

}  // namespace hashgate::decode
