// The lock of a decoder worker: what a process gives up before it sees a byte of an upload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "decode/decoder_pool.h"
#include "decode/worker_class.h"
#include "hashgate/error.h"

namespace hashgate::decode {

/// What a lock is made of, in order, and what comes before and after it in a worker. Values go through the
/// worker's first message, so that the server's log says where a lock failed in the server's own words.
enum class LockStep : std::uint8_t {
  kNone = 0,
  kDescriptors = 1,   ///< closing inherited descriptors
  kInput = 2,         ///< mapping the shared buffer
  kThreads = 3,       ///< more than one thread, or /proc/self/task cannot be read
  kAddressSpace = 4,  ///< reading /proc/self/statm
  kDumpable = 5,
  kNoNewPrivileges = 6,
  kCapabilities = 7,
  kLandlock = 8,
  kLimits = 9,
  kFilter = 10,
  kPlugins = 11,  ///< a plug-in hashes a drawn picture otherwise than before the lock
};

/// Why a lock failed: the step, and errno.
struct LockFailure {
  LockStep step = LockStep::kNone;
  int error = 0;
};
/// A sentence for logs. Unknown values give one too.
std::string Describe(const LockFailure& failure);

template <typename T>
using LockResult = std::expected<T, LockFailure>;

struct LockOptions {
  WorkerClass worker_class = WorkerClass::kCore;  ///< names the system calls that pass the filter
  int socket_fd = 3;               ///< the only descriptor that may be read and written afterwards
  std::uint64_t memory_bytes = 0;  ///< of address space beyond what the process has now
  std::uint32_t cpu_seconds = 0;   ///< of processor time in the process's whole life
  bool in_namespaces = false;      ///< EnterNamespaces succeeded in this process or in the one that forked it
};

struct LockReport {
  LockLevel level = LockLevel::kNone;
  int landlock_abi = 0;  ///< 0 where the kernel has none or it is off
  bool in_namespaces = false;
};

/// Puts the calling process, and those it forks from then on, into network, IPC and host-name namespaces of
/// their own: with a user namespace where the kernel gives one to anybody, without where the process may do
/// it directly. Returns false, and changes nothing, where neither is allowed (plain chroots, many
/// containers). Not a process-id namespace: it would end with the first worker. Threads: the process must
/// have one.
bool EnterNamespaces();

/// Takes every right that this kernel's Landlock knows from the calling thread and those it makes: opening,
/// making, removing and listing files, TCP, abstract sockets and signals to the outside. Returns Landlock's
/// version, 0 where the kernel has none. Needs no_new_privs. Source: docs.kernel.org,
/// userspace-api/landlock. Fails with kLandlock.
LockResult<int> DenyFiles();

/// The seccomp filter by itself: see LockProcess. Needs no_new_privs. Fails with kFilter.
LockResult<void> FilterCalls(WorkerClass worker_class, int socket_fd);

/// Locks the calling process for good: not dumpable, no new privileges, no capabilities, Landlock without
/// rules where the kernel has it, rlimits (address space, processor time, no new descriptors, no file growth,
/// no core, no new processes, no locked memory, no message queues), and a seccomp filter that kills the
/// process at any system call but these: read and write of `socket_fd`; mmap of private anonymous memory,
/// mprotect, both without execution; munmap, mremap in its plain form, brk, madvise that frees or enlarges
/// pages; waits and wakes of futex; the monotonic and the wall clock; the job's processor timer
/// (ITIMER_PROF); return from a signal; exit. Class tiff has sysinfo as well (the C library's qsort). Writing
/// to another descriptor fails with EBADF instead: codecs print warnings to standard error. Descriptors can
/// be neither made, received nor sent. Call with every descriptor but `socket_fd` closed. Refuses where the
/// process has more than one thread, because rlimits and filters set by one thread are no lock for the
/// others.
///
/// In builds with sanitizers (HASHGATE_SANITIZED) the run-time library has a thread and shadow memory of its
/// own: the thread count and the address space are then not limited, the filter covers all threads, standard
/// error stays writable, a few more harmless calls pass, and opening a file fails with EACCES instead of
/// killing, so that a report can be printed.
///
/// Fails with the step that failed; the process must then end. Needs /proc. Cost: about 0.3 ms, once a
/// worker.
LockResult<LockReport> LockProcess(const LockOptions& options);

/// Threads of this process. Fails with kThreads where /proc cannot be read.
LockResult<int> CountThreads();

}  // namespace hashgate::decode
